//! The events of `responses.stream()`: a delta with the text so far.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use super::model::{Model, Parts};
use super::plan::Node;
use crate::slots::{append, has_keys};

/// Makes events of one class out of events of another, with one more member.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkStamp {
    model: Model,
    given: u64,
    added: Py<PyString>,
    /// The other members, where they are all those of an event that this is made of, and the new one comes last.
    names: Option<Vec<Py<PyString>>>,
}

#[pymethods]
impl SdkStamp {
    /// `fields`: as for a model's node; `given`: the names of those that are set; `added`: the one among them that is new.
    #[new]
    fn new(
        class: &Bound<'_, PyAny>,
        fields: &Bound<'_, PyAny>,
        given: &Bound<'_, PyAny>,
        added: &Bound<'_, PyString>,
    ) -> PyResult<Self> {
        let py = class.py();
        let spec = PyTuple::new(py, [intern!(py, "model").as_any(), class, fields])?;
        let model = Model::new(&spec)?;
        let mut bits = 0;
        for (place, field) in model.fields.iter().enumerate() {
            bits |= u64::from(given.contains(&field.name)?) << place;
        }
        let added = PyString::intern(py, added.to_str()?).unbind();
        let all = bits == u64::MAX >> (64 - model.fields.len().max(1));
        let names = match &model.fields[..] {
            [others @ .., last] if all && last.name.is(&added) => {
                Some(others.iter().map(|field| field.name.clone_ref(py)).collect())
            }
            _ => None,
        };
        Ok(Self { model, given: bits, added, names })
    }

    /// The event with the new member; lists are copied, and null members have their defaults.
    fn stamp<'py>(
        &self,
        event: &Bound<'py, PyAny>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = event.py();
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        self.make(&from, added)
    }
}

impl SdkStamp {
    fn make<'py>(
        &self,
        from: &Bound<'py, PyDict>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = from.py();
        let dict = self.model.dict(py)?;
        for (place, field) in self.model.fields.iter().enumerate() {
            if self.given & (1 << place) == 0 {
                continue;
            }
            let Some(value) = from.get_item(&field.name)?.filter(|value| !value.is_none()) else {
                continue;
            };
            match value.cast_exact::<PyList>() {
                Ok(list) => dict.set_item(&field.name, list.get_slice(0, list.len()))?,
                Err(_) => dict.set_item(&field.name, value)?,
            }
        }
        self.with(dict, added)
    }

    /// The same of a draft, whose dict nobody else has.
    fn take<'py>(
        &self,
        draft: Draft,
        py: Python<'py>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = draft.dict.into_bound(py);
        match &self.names {
            Some(names) if has_keys(&from, names) => self.with(from, added),
            _ => self.make(&from, added),
        }
    }

    fn with<'py>(
        &self,
        dict: Bound<'py, PyDict>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        dict.set_item(&self.added, added)?;
        let extra = PyDict::new(dict.py());
        self.model.object(Parts { dict, extra, given: self.given, counted: false })
    }
}

/// An event that a run of deltas makes into its own, or that is made as it is if no run takes it.
#[pyclass(module = "respstream._native")]
pub struct SdkDraft(Option<Draft>);

struct Draft {
    model: Arc<Node>,
    dict: Py<PyDict>,
    extra: Py<PyDict>,
    given: u64,
    counted: bool,
}

impl SdkDraft {
    pub fn new<'py>(
        py: Python<'py>,
        model: &Arc<Node>,
        parts: Parts<'py>,
    ) -> PyResult<Bound<'py, Self>> {
        let Parts { dict, extra, given, counted } = parts;
        let (dict, extra) = (dict.unbind(), extra.unbind());
        let model = Arc::clone(model);
        Bound::new(py, Self(Some(Draft { model, dict, extra, given, counted })))
    }
}

#[pymethods]
impl SdkDraft {
    /// The event. Raises `ValueError` if it was made already.
    fn event<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(Draft { model, dict, extra, given, counted }) = self.0.take() else {
            return Err(PyValueError::new_err("the event was made already"));
        };
        let Node::Model(model) = &*model else {
            return Err(PyValueError::new_err("no model"));
        };
        let (dict, extra) = (dict.into_bound(py), extra.into_bound(py));
        model.object(Parts { dict, extra, given, counted })
    }
}

/// The deltas of one text, from the second on.
///
/// Two texts grow in turn: a reader mostly holds on to its latest event, so that the one before it can be extended in
/// place.
#[pyclass(module = "respstream._native")]
pub struct SdkRun {
    stamp: Py<SdkStamp>,
    class: Py<PyType>,
    indexes: [(Py<PyString>, Option<Py<PyAny>>); 2],
    older: Option<Py<PyString>>,
    newer: Py<PyString>,
    pending: Py<PyString>,
}

#[pymethods]
impl SdkRun {
    /// `event`: the first delta; `text`: what its text is with it.
    #[new]
    fn new(
        stamp: Py<SdkStamp>,
        event: &Bound<'_, PyAny>,
        text: &Bound<'_, PyString>,
    ) -> PyResult<Self> {
        let py = event.py();
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        let index = |name: &Bound<'_, PyString>| -> PyResult<_> {
            Ok((name.clone().unbind(), from.get_item(name)?.map(Bound::unbind)))
        };
        let indexes = [index(intern!(py, "output_index"))?, index(intern!(py, "content_index"))?];
        let (class, newer) = (event.get_type().unbind(), text.clone().unbind());
        Ok(Self { stamp, class, indexes, older: None, pending: newer.clone_ref(py), newer })
    }

    /// The text so far.
    #[getter]
    fn text(&self, py: Python<'_>) -> Py<PyString> {
        self.newer.clone_ref(py)
    }

    /// The events for one more delta, an event or a draft of one: a list of one; None if it is not of this run.
    fn __call__<'py>(&mut self, event: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyList>>> {
        let py = event.py();
        if let Ok(draft) = event.cast_exact::<SdkDraft>() {
            let mut draft = draft.borrow_mut();
            let Some(Draft { model, dict, .. }) = &draft.0 else { return Ok(None) };
            let Node::Model(model) = &**model else { return Ok(None) };
            if !model.is_of_class(self.class.bind(py)) {
                return Ok(None);
            }
            let Some(text) = self.text_with(dict.bind(py))? else { return Ok(None) };
            let Some(draft) = draft.0.take() else { return Ok(None) };
            let made = self.stamp.get().take(draft, py, text.into_any())?;
            return Ok(Some(PyList::new(py, [made])?));
        }
        if event.get_type().as_ptr() != self.class.as_ptr() {
            return Ok(None);
        }
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        let Some(text) = self.text_with(&from)? else { return Ok(None) };
        let made = self.stamp.get().make(&from, text.into_any())?;
        Ok(Some(PyList::new(py, [made])?))
    }
}

impl SdkRun {
    /// The text so far with the delta of one more event; None if that is not of this run.
    fn text_with<'py>(
        &mut self,
        from: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let py = from.py();
        for (name, index) in &self.indexes {
            let same = match (from.get_item(name)?, index) {
                (Some(found), Some(index)) => found.is(index) || found.eq(index)?,
                (found, index) => found.is_none() && index.is_none(),
            };
            if !same {
                return Ok(None);
            }
        }
        let Some(Ok(delta)) =
            from.get_item(intern!(py, "delta"))?.map(Bound::cast_into_exact::<PyString>)
        else {
            return Ok(None);
        };
        let older =
            self.older.take().map_or_else(|| PyString::new(py, ""), |older| older.into_bound(py));
        let text = append(append(older, self.pending.bind(py))?, &delta)?;
        self.older = Some(std::mem::replace(&mut self.newer, text.clone().unbind()));
        self.pending = delta.unbind();
        Ok(Some(text))
    }
}

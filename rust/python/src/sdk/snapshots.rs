//! The events of `responses.stream()`: deltas with a snapshot, the text so far.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use super::growing_text::GrowingText;
use super::model::{Model, ObjectParts};
use super::nodes::Node;
use crate::objects::cpython::has_keys;

/// Builds events of one class from events of another class, with one more member, for example `snapshot`.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkSnapshotBuilder {
    model: Model,
    present: u64,
    added: Py<PyString>,
    /// The names of all fields except the added one; None unless all fields are present and the added one is the last.
    other_names: Option<Vec<Py<PyString>>>,
}

#[pymethods]
impl SdkSnapshotBuilder {
    /// `fields`: as for a node of kind "model"; `fields_set`: the names of those that are set; `added`: the new one of these.
    #[new]
    fn new(
        class: &Bound<'_, PyAny>,
        fields: &Bound<'_, PyAny>,
        fields_set: &Bound<'_, PyAny>,
        added: &Bound<'_, PyString>,
    ) -> PyResult<Self> {
        let py = class.py();
        let spec = PyTuple::new(py, [intern!(py, "model").as_any(), class, fields])?;
        let model = Model::new(&spec)?;
        let mut present = 0;
        for (index, field) in model.fields.iter().enumerate() {
            present |= u64::from(fields_set.contains(&field.name)?) << index;
        }
        let added = PyString::intern(py, added.to_str()?).unbind();
        let all = present == u64::MAX >> (64 - model.fields.len().max(1));
        let other_names = match &model.fields[..] {
            [others @ .., last] if all && last.name.is(&added) => {
                Some(others.iter().map(|field| field.name.clone_ref(py)).collect())
            }
            _ => None,
        };
        Ok(Self { model, present, added, other_names })
    }

    /// The event with the new member. Lists are copied, and null members get their defaults.
    fn build<'py>(
        &self,
        event: &Bound<'py, PyAny>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = event.py();
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        self.build_from_dict(&from, added)
    }
}

impl SdkSnapshotBuilder {
    fn build_from_dict<'py>(
        &self,
        from: &Bound<'py, PyDict>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = from.py();
        let dict = self.model.new_dict(py)?;
        for (index, field) in self.model.fields.iter().enumerate() {
            if self.present & (1 << index) == 0 {
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
        self.finish(dict, added)
    }

    /// Like `build_from_dict`, for a draft: no other object refers to its dict, which is reused if possible.
    fn build_from_draft<'py>(
        &self,
        draft: Draft,
        py: Python<'py>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = draft.dict.into_bound(py);
        match &self.other_names {
            Some(names) if has_keys(&from, names) => self.finish(from, added),
            _ => self.build_from_dict(&from, added),
        }
    }

    fn finish<'py>(
        &self,
        dict: Bound<'py, PyDict>,
        added: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        dict.set_item(&self.added, added)?;
        let extra = PyDict::new(dict.py());
        let present = self.present;
        self.model.object(ObjectParts { dict, extra, present, extra_is_set: false })
    }
}

/// The parts of an event that is not built yet: an [`SdkDeltaRun`] uses them, or else `event` builds the event itself.
#[pyclass(module = "respstream._native")]
pub struct SdkDraft(Option<Draft>);

struct Draft {
    /// A `Node::Model`.
    node: Arc<Node>,
    dict: Py<PyDict>,
    extra: Py<PyDict>,
    present: u64,
    extra_is_set: bool,
}

impl SdkDraft {
    pub fn new<'py>(
        py: Python<'py>,
        node: &Arc<Node>,
        parts: ObjectParts<'py>,
    ) -> PyResult<Bound<'py, Self>> {
        let ObjectParts { dict, extra, present, extra_is_set } = parts;
        let (dict, extra) = (dict.unbind(), extra.unbind());
        let node = Arc::clone(node);
        Bound::new(py, Self(Some(Draft { node, dict, extra, present, extra_is_set })))
    }
}

#[pymethods]
impl SdkDraft {
    /// The event. Raises `ValueError` if it was built already.
    fn event<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(Draft { node, dict, extra, present, extra_is_set }) = self.0.take() else {
            return Err(PyValueError::new_err("the event was already built"));
        };
        let Node::Model(model) = &*node else {
            return Err(PyValueError::new_err("the event has no model"));
        };
        let (dict, extra) = (dict.into_bound(py), extra.into_bound(py));
        model.object(ObjectParts { dict, extra, present, extra_is_set })
    }
}

/// The deltas of one text, from the second on.
#[pyclass(module = "respstream._native")]
pub struct SdkDeltaRun {
    builder: Py<SdkSnapshotBuilder>,
    /// The class of the deltas.
    class: Py<PyType>,
    /// The names and values of the members that identify the text.
    indexes: [(Py<PyString>, Option<Py<PyAny>>); 2],
    text: GrowingText,
}

#[pymethods]
impl SdkDeltaRun {
    /// `event`: the first delta; `text`: the text with this delta.
    #[new]
    fn new(
        builder: Py<SdkSnapshotBuilder>,
        event: &Bound<'_, PyAny>,
        text: &Bound<'_, PyString>,
    ) -> PyResult<Self> {
        let py = event.py();
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        let index = |name: &Bound<'_, PyString>| -> PyResult<_> {
            Ok((name.clone().unbind(), from.get_item(name)?.map(Bound::unbind)))
        };
        let indexes = [index(intern!(py, "output_index"))?, index(intern!(py, "content_index"))?];
        let (class, text) = (event.get_type().unbind(), GrowingText::new(text));
        Ok(Self { builder, class, indexes, text })
    }

    /// The text so far.
    #[getter]
    fn text(&self, py: Python<'_>) -> Py<PyString> {
        self.text.text().clone_ref(py)
    }

    /// The events for the next delta, an event or a draft: a list of one event. None if it does not belong to this text.
    fn __call__<'py>(&mut self, event: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyList>>> {
        let py = event.py();
        if let Ok(draft) = event.cast_exact::<SdkDraft>() {
            let mut draft = draft.borrow_mut();
            let Some(Draft { node, dict, .. }) = &draft.0 else { return Ok(None) };
            let Node::Model(model) = &**node else { return Ok(None) };
            if !model.is_of_class(self.class.bind(py)) {
                return Ok(None);
            }
            let Some(text) = self.append(dict.bind(py))? else { return Ok(None) };
            let Some(draft) = draft.0.take() else { return Ok(None) };
            let built = self.builder.get().build_from_draft(draft, py, text.into_any())?;
            return Ok(Some(PyList::new(py, [built])?));
        }
        if event.get_type().as_ptr() != self.class.as_ptr() {
            return Ok(None);
        }
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        let Some(text) = self.append(&from)? else { return Ok(None) };
        let built = self.builder.get().build_from_dict(&from, text.into_any())?;
        Ok(Some(PyList::new(py, [built])?))
    }
}

impl SdkDeltaRun {
    /// Appends the delta of an event; returns the text so far. None if the event does not belong to this text.
    fn append<'py>(&mut self, from: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyString>>> {
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
        self.text.append(delta).map(Some)
    }
}

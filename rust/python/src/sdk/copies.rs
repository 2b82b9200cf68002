//! Copies of built values, with other values in some places.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyString};

use super::model::ModelClass;
use crate::objects::cpython::{dict_of, same_except};

/// A value of which copies are made.
pub enum Part {
    /// A scalar: all copies share it.
    Shared(Py<PyAny>),
    /// A place for another value, by its number.
    Hole(usize),
    List(Vec<Self>),
    Dict(DictPart),
    Model(Box<ModelPart>),
}

/// A dict. Only the scalars are in `values`; under the names of the other parts it has None.
pub struct DictPart {
    values: Py<PyDict>,
    inner: Vec<(Py<PyString>, Part)>,
}

pub struct ModelPart {
    pub class: Arc<ModelClass>,
    pub members: DictPart,
    pub extra: Option<DictPart>,
    pub fields_set: Py<PySet>,
}

impl Part {
    /// A copy with these values in the holes.
    pub fn copy<'py>(
        &self,
        py: Python<'py>,
        holes: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Shared(value) => Ok(value.bind(py).clone()),
            Self::Hole(number) => Ok(holes[*number].clone()),
            Self::List(parts) => {
                let list = PyList::empty(py);
                for part in parts {
                    list.append(part.copy(py, holes)?)?;
                }
                Ok(list.into_any())
            }
            Self::Dict(dict) => Ok(dict.copy(py, holes)?.into_any()),
            Self::Model(model) => model.copy(py, holes),
        }
    }

    /// Whether a copy, made with these values in the holes, was not changed since. Its shared values are compared by identity.
    pub fn is_unchanged(&self, object: &Bound<'_, PyAny>, holes: &[Bound<'_, PyAny>]) -> bool {
        let py = object.py();
        match self {
            Self::Shared(value) => object.is(value),
            Self::Hole(number) => object.is(&holes[*number]),
            Self::List(parts) => object.cast_exact::<PyList>().is_ok_and(|list| {
                let mut pairs = parts.iter().zip(list.iter());
                list.len() == parts.len()
                    && pairs.all(|(part, object)| part.is_unchanged(&object, holes))
            }),
            Self::Dict(part) => {
                object.cast_exact::<PyDict>().is_ok_and(|dict| part.is_unchanged(dict, holes))
            }
            Self::Model(part) => {
                let Some((set, extra)) = part.class.state(object) else { return false };
                let own = part.fields_set.bind(py);
                let extra_is_unchanged = match (&part.extra, extra) {
                    (Some(part), Some(extra)) => part.is_unchanged(&extra, holes),
                    (None, None) => true,
                    _ => false,
                };
                set.len() == own.len()
                    && extra_is_unchanged
                    && dict_of(object).is_ok_and(|dict| part.members.is_unchanged(&dict, holes))
            }
        }
    }
}

impl DictPart {
    fn is_unchanged(&self, dict: &Bound<'_, PyDict>, holes: &[Bound<'_, PyAny>]) -> bool {
        let py = dict.py();
        let is_inner_unchanged = |(name, part): &(Py<PyString>, Part)| {
            let found = dict.get_item(name);
            found.is_ok_and(|found| found.is_some_and(|object| part.is_unchanged(&object, holes)))
        };
        same_except(dict, self.values.bind(py), &self.inner.iter().map(|(name, _)| name))
            && self.inner.iter().all(is_inner_unchanged)
    }

    /// From a dict, and the parts for values that are no shared scalars.
    pub fn new(dict: &Bound<'_, PyDict>, inner: Vec<(Py<PyString>, Part)>) -> PyResult<Self> {
        let py = dict.py();
        // Not a copy: a dict that had a container stays tracked by the garbage collector, and so do its copies.
        let values = PyDict::new(py);
        for (name, value) in dict.iter() {
            let is_shared =
                !inner.iter().any(|(inner, _)| inner.bind(py).as_any().eq(&name).unwrap_or(false));
            values.set_item(name, if is_shared { value } else { py.None().into_bound(py) })?;
        }
        Ok(Self { values: values.unbind(), inner })
    }

    pub fn copy<'py>(
        &self,
        py: Python<'py>,
        holes: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyDict>> {
        let values = self.values.bind(py);
        let dict = if values.is_empty() { PyDict::new(py) } else { values.copy()? };
        for (name, part) in &self.inner {
            dict.set_item(name, part.copy(py, holes)?)?;
        }
        Ok(dict)
    }
}

impl ModelPart {
    pub fn copy<'py>(
        &self,
        py: Python<'py>,
        holes: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        let members = self.members.copy(py, holes)?;
        let extra = self.extra.as_ref().map(|extra| extra.copy(py, holes)).transpose()?;
        self.class.object(&members, extra, self.fields_set.bind(py))
    }
}

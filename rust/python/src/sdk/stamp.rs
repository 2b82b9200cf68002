//! The events of `responses.stream()`: a delta with the text so far.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::model::Model;

/// Makes events of one class out of events of another, with one more member.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkStamp {
    model: Model,
    given: u64,
    added: Py<PyString>,
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
        Ok(Self { model, given: bits, added: PyString::intern(py, added.to_str()?).unbind() })
    }

    /// The event with the new member; lists are copied, and null members have their defaults.
    fn stamp<'py>(&self, event: &Bound<'py, PyAny>, added: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = event.py();
        let from = event.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        let dict = self.model.dict(py)?;
        for (place, field) in self.model.fields.iter().enumerate() {
            if self.given & (1 << place) == 0 {
                continue;
            }
            let Some(value) = from.get_item(&field.name)?.filter(|value| !value.is_none()) else { continue };
            match value.cast_exact::<PyList>() {
                Ok(list) => dict.set_item(&field.name, list.get_slice(0, list.len()))?,
                Err(_) => dict.set_item(&field.name, value)?,
            }
        }
        dict.set_item(&self.added, added)?;
        self.model.object(&dict, &PyDict::new(py), self.given, false)
    }
}

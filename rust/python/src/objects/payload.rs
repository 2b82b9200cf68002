//! `Payload` objects: JSON objects inside events and responses, whose members are decoded when they are read.

use pyo3::exceptions::PyAttributeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};
use respstream_core::json;

use super::slots::SlotClass;
use crate::convert::json::{MEMBERS_CAPACITY, SEARCH_MAX_BYTES, scalar};

/// The slots of `Payload`, and their indexes.
const SLOTS: [&str; 5] = ["_raw", "_seen", "_data", "_spans", "_member"];
const RAW: usize = 0;
const SEEN: usize = 1;
const DATA: usize = 2;
const SPANS: usize = 3;
const MEMBER: usize = 4;
/// The members of a response's usage that are read most often.
const COUNTS: [&str; 3] = ["input_tokens", "output_tokens", "total_tokens"];

/// The class `Payload`. The descriptors of its counts are installed on first use.
fn payload_class(py: Python<'_>) -> PyResult<&'static SlotClass> {
    static CLASS: PyOnceLock<SlotClass> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || {
        let class = py.import("respstream.protocols.payload")?.getattr("Payload")?;
        for name in COUNTS {
            class.setattr(name, CountDescriptor { name: PyString::intern(py, name).unbind() })?;
        }
        SlotClass::new(class.cast::<PyType>()?, &SLOTS)
    })
}

/// Reads an integer member of a payload without `__getattr__`. Python calls `__getattr__` only after it has failed to find
/// the attribute and formatted an error message, which takes ten times as long as reading the member.
#[pyclass(frozen, module = "respstream._native")]
struct CountDescriptor {
    name: Py<PyString>,
}

#[pymethods]
impl CountDescriptor {
    fn __get__<'py>(
        &self,
        py: Python<'py>,
        object: Option<&Bound<'py, PyAny>>,
        _class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = self.name.bind(py);
        let Some(object) = object else {
            return Err(PyAttributeError::new_err(format!(
                "type object 'Payload' has no attribute '{name}'"
            )));
        };
        match count(object, name)? {
            Some(number) => Ok(number),
            None => object.call_method1(intern!(py, "__getattr__"), (name,)),
        }
    }
}

/// An integer member of a payload that is small and was made from bytes. None for all other members and payloads.
fn count<'py>(
    payload: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = name.py();
    let class = payload_class(py)?;
    let slot = |slot| class.get(payload, slot);
    let (Some(raw), Some(seen), Some(data)) = (slot(RAW), slot(SEEN), slot(DATA)) else {
        return Ok(None);
    };
    let (Ok(raw), Ok(seen)) = (raw.cast::<PyBytes>(), seen.cast::<PyDict>()) else {
        return Ok(None);
    };
    if let Some(value) = seen.get_item(name)? {
        return Ok(Some(value));
    }
    let raw = raw.as_bytes();
    if !data.is_none() || raw.len() > SEARCH_MAX_BYTES {
        return Ok(None);
    }
    let mut members = Vec::with_capacity(MEMBERS_CAPACITY);
    json::locate(raw, &mut members);
    let member = json::find(raw, &members, name.to_str()?);
    let number = member.and_then(|member| json::parse_index(member.value(raw)));
    let Some(number) = number else { return Ok(None) };
    let number = number.into_pyobject(py)?.into_any();
    seen.set_item(name, &number)?;
    Ok(Some(number))
}

/// The valid JSON value of the member `name` as the package represents it: an object becomes a `Payload`.
pub fn decode_value<'py>(
    raw: &Bound<'py, PyBytes>,
    name: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = raw.py();
    if raw.as_bytes().first() == Some(&b'{') {
        let payload = payload_class(py)?.create(py)?;
        payload.set(RAW, raw.clone().into_any())?;
        payload.set(SEEN, PyDict::new(py).into_any())?;
        payload.set(DATA, py.None().into_bound(py))?;
        payload.set(SPANS, py.None().into_bound(py))?;
        payload.set(MEMBER, name.clone())?;
        return Ok(payload.finish());
    }
    if let Some(value) = scalar(py, raw.as_bytes())? {
        return Ok(value);
    }
    let decode = DECODE.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("respstream.protocols.payload")?.getattr("decode")?.unbind())
    })?;
    decode.bind(py).call1((raw, name))
}

//! Bytes-like arguments.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

/// `bytes` without a copy, or a copy of any other buffer. Raises `TypeError` for `str` and for objects without a buffer.
pub fn to_bytes<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if data.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "a bytes-like object is required, not 'str': pass the bytes as received, not decoded (Decoder.message takes text)",
        ));
    }
    let view = PyMemoryView::from(data).map_err(|_| {
        let name = data.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("a bytes-like object is required, not '{name}'"))
    })?;
    Ok(data.py().get_type::<PyBytes>().call1((view,))?.cast_into()?)
}

/// The bytes of a message: those of [`to_bytes`], or a `str` as UTF-8; lone surrogates become bytes that are not UTF-8.
pub fn to_message<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let Ok(text) = data.cast::<PyString>() else { return to_bytes(data) };
    Ok(text.call_method1("encode", ("utf-8", "surrogatepass"))?.cast_into()?)
}

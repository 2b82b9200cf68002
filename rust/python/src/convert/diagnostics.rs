//! Diagnostics and the exception of strict decoders, as the package's Python classes.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyType};
use respstream_core::diagnostics::{Detail, Diagnostic, Value};

use crate::interpreter::call;

/// A new `respstream.diagnostics.Diagnostic`.
pub fn diagnostic<'py>(py: Python<'py>, found: &Diagnostic) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = call(py, || CLASS.import(py, "respstream.diagnostics", "Diagnostic"))?;
    let has_detail = !found.detail.is_empty();
    let detail = has_detail.then(|| detail(py, &found.detail)).transpose()?;
    let arguments = (
        found.code.kind().code,
        found.offset,
        found.length,
        found.line,
        found.sequence,
        found.response_id.as_deref(),
        detail,
    );
    call(py, || class.call1(arguments))
}

/// The `StreamError` for the diagnostic at which a strict decoder or scan failed. `events`: those that came before it in the
/// same call; `source`: the name of the input, for scans.
pub fn stream_error(
    py: Python<'_>,
    failed: &Diagnostic,
    events: Bound<'_, PyList>,
    source: Option<&str>,
) -> PyResult<PyErr> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = call(py, || CLASS.import(py, "respstream.errors", "StreamError"))?;
    let arguments = (diagnostic(py, failed)?, events, source);
    Ok(PyErr::from_value(call(py, || class.call1(arguments))?))
}

/// The detail of a diagnostic as a dict.
pub fn detail<'py>(py: Python<'py>, detail: &Detail) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in detail {
        match value {
            Value::Null => dict.set_item(name, py.None())?,
            Value::Int(number) => dict.set_item(name, number)?,
            Value::Text(text) => dict.set_item(name, text)?,
        }
    }
    Ok(dict)
}

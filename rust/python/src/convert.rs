//! Small conversions that several rooms need: bytes-like arguments, diagnostics, options.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PyString, PyType};
use respstream_core::diagnostics::{Detail, Diagnostic, Value};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::pointer::{self, Steps};
use respstream_core::wrapped::RowOptions;

/// `bytes` as they are; a copy of any other buffer; `str` and what is no buffer raises `TypeError`.
pub fn to_bytes<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if data.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("the stream is given as str; pass its bytes, undecoded"));
    }
    let view = PyMemoryView::from(data).map_err(|_| {
        let name = data.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("a bytes-like object is required, not '{name}'"))
    })?;
    Ok(data.py().get_type::<PyBytes>().call1((view,))?.cast_into()?)
}

/// The options of a decoder. Raises `ValueError` for one that is none.
pub fn options(form: &str, on_eof: &str, max_event_bytes: Option<i64>) -> PyResult<Options> {
    let form = match form {
        "auto" => Form::Auto,
        "sse" => Form::Sse,
        "jsonl" | "rows" => Form::Jsonl,
        _ => {
            return Err(PyValueError::new_err(format!(
                "form must be one of auto, sse, jsonl, rows, not '{form}'"
            )));
        }
    };
    let on_eof = match on_eof {
        "flush" => OnEof::Flush,
        "discard" => OnEof::Discard,
        _ => {
            return Err(PyValueError::new_err(format!(
                "on_eof must be one of flush, discard, not '{on_eof}'"
            )));
        }
    };
    let limit = match max_event_bytes {
        None => None,
        Some(bytes) if bytes >= 1 => Some(bytes.unsigned_abs()),
        Some(_) => return Err(PyValueError::new_err("max_event_bytes must be positive")),
    };
    Ok(Options { form, on_eof, limit })
}

/// The options of rows: JSON pointers, which make every line a row. Raises `ValueError` for one that is none.
pub fn rows(
    form: &str,
    field: Option<&str>,
    time: Option<&str>,
    lane: Option<&str>,
) -> PyResult<RowOptions> {
    let named = field.is_some() || time.is_some() || lane.is_some();
    if named && !matches!(form, "auto" | "rows") {
        let message = format!("field, time and lane are for form='rows', not '{form}'");
        return Err(PyValueError::new_err(message));
    }
    Ok(RowOptions {
        only: named || form == "rows",
        field: steps("field", field)?,
        time: steps("time", time)?,
        lane: steps("lane", lane)?,
    })
}

fn steps(option: &str, text: Option<&str>) -> PyResult<Option<Steps>> {
    let Some(text) = text else { return Ok(None) };
    pointer::parse(text).map(Some).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{option} must be a JSON pointer such as /response/body, not '{text}'"
        ))
    })
}

/// A `respstream.diagnostics.Diagnostic`.
pub fn diagnostic<'py>(py: Python<'py>, found: &Diagnostic) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "respstream.diagnostics", "Diagnostic")?;
    let told = !found.detail.is_empty();
    let detail = told.then(|| detail(py, &found.detail)).transpose()?;
    class.call1((
        found.code.kind().code,
        found.offset,
        found.length,
        found.line,
        found.sequence_number,
        found.response_id.as_deref(),
        detail,
    ))
}

/// The exception of a stream, or of a source, that is not to have errors.
pub fn stream_error(
    py: Python<'_>,
    failed: &Diagnostic,
    events: Bound<'_, PyList>,
    source: Option<&str>,
) -> PyResult<PyErr> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "respstream.errors", "StreamError")?;
    Ok(PyErr::from_value(class.call1((diagnostic(py, failed)?, events, source))?))
}

/// A list of them.
pub fn diagnostics<'py>(py: Python<'py>, found: &[Diagnostic]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for one in found {
        list.append(diagnostic(py, one)?)?;
    }
    Ok(list)
}

/// The detail of a diagnostic.
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

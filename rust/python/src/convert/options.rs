//! The options of decoders and scans.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::Api;
use respstream_core::records::RowOptions;
use respstream_core::records::pointer::{self, Steps};

/// The options of a decoder. Raises `ValueError` for an unknown value.
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

/// The API of all payloads; `None` for "auto". Raises `ValueError` for an unknown one.
pub fn api(name: &str) -> PyResult<Option<Api>> {
    if name == "auto" {
        return Ok(None);
    }
    Api::named(name).map(Some).ok_or_else(|| {
        let names = Api::ALL.map(Api::name).join(", ");
        PyValueError::new_err(format!("api must be one of auto, {names}, not '{name}'"))
    })
}

/// The options of rows. A JSON Pointer in any of them makes every line a row. Raises `ValueError` for invalid pointers.
pub fn row_options(
    form: &str,
    field: Option<&str>,
    time: Option<&str>,
    lane: Option<&str>,
) -> PyResult<RowOptions> {
    let has_pointer = field.is_some() || time.is_some() || lane.is_some();
    if has_pointer && !matches!(form, "auto" | "rows") {
        let message = format!("field, time and lane require form='rows', not '{form}'");
        return Err(PyValueError::new_err(message));
    }
    Ok(RowOptions {
        only: has_pointer || form == "rows",
        field: json_pointer("field", field)?,
        time: json_pointer("time", time)?,
        lane: json_pointer("lane", lane)?,
    })
}

fn json_pointer(option: &str, text: Option<&str>) -> PyResult<Option<Steps>> {
    let Some(text) = text else { return Ok(None) };
    pointer::parse(text).map(Some).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{option} must be a JSON pointer such as /response/body, not '{text}'"
        ))
    })
}

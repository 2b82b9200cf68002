//! `respstream_core::json` for Python. `locate` is used by the package; the others let the tests compare the twins.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use respstream_core::json::{self, Fault, LineCheck, State};

/// Byte spans of the values of the top-level members of a valid object; the last duplicate wins.
#[pyfunction]
pub fn locate<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let mut members = Vec::new();
    if !json::locate(raw, &mut members) {
        return Err(PyValueError::new_err("the bytes do not read as a JSON object"));
    }
    let spans = PyDict::new(py);
    for member in &members {
        spans.set_item(json::decode_key(raw, member), (member.start, member.end))?;
    }
    Ok(spans)
}

/// The verdict on a whole text: `ok`, `bad` or `limit`.
#[pyfunction]
pub fn json_verdict(raw: &[u8]) -> &'static str {
    match json::scan(raw, &mut Vec::new()) {
        Ok(_) => "ok",
        Err(Fault::Bad) => "bad",
        Err(Fault::Limit) => "limit",
    }
}

/// Whether a valid text has invalid UTF-8 or a lone surrogate.
#[pyfunction]
pub fn json_odd_text(raw: &[u8]) -> PyResult<bool> {
    match json::scan(raw, &mut Vec::new()) {
        Ok(scan) => Ok(scan.lone_surrogate || !json::utf8_ok(raw)),
        Err(_) => Err(PyValueError::new_err("the text is not JSON or over a limit")),
    }
}

/// The state after each line: `open`, `whole` or `broken`.
#[pyfunction]
pub fn line_check(lines: Vec<Vec<u8>>) -> Vec<&'static str> {
    let mut check = LineCheck::new();
    let name = |state| match state {
        State::Open => "open",
        State::Whole => "whole",
        State::Broken => "broken",
    };
    lines.into_iter().map(|line| name(check.push(&line))).collect()
}

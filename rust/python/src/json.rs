//! `respstream_core::json` for Python. `locate` is used by the package; the others let the tests compare the twins.

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use respstream_core::json::{self, Fault, Kind, LineCheck, State};

/// Room for the members of most objects.
const FEW: usize = 16;
const NO_OBJECT: &str = "the bytes do not read as a JSON object";

/// Byte spans of the values of the top-level members of a valid object; the last duplicate wins.
#[pyfunction]
pub fn locate<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let mut members = Vec::new();
    if !json::locate(raw, &mut members) {
        return Err(PyValueError::new_err(NO_OBJECT));
    }
    let spans = PyDict::new(py);
    for member in &members {
        spans.set_item(json::decode_key(raw, member), (member.start, member.end))?;
    }
    Ok(spans)
}

/// Objects up to this size are searched anew for each member that is read: that costs less than a dict of all of them.
pub const SEARCHED: usize = 4096;

/// A member of an object: what a number that fits 64 bits, a word or a string is, and the bytes of everything else, and of
/// what is not valid. Raises `KeyError` where there is none, `ValueError` where the bytes do not read as an object.
#[pyfunction]
pub fn read_member<'py>(raw: &[u8], name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let missing = || PyKeyError::new_err(name.clone().unbind());
    let mut members = Vec::with_capacity(FEW);
    if !json::locate(raw, &mut members) {
        return Err(PyValueError::new_err(NO_OBJECT));
    }
    // What is no text, or no Unicode, is the name of no member.
    let text = name.extract::<&str>().map_err(|_| missing())?;
    let member = json::find(raw, &members, text).ok_or_else(missing)?;
    let value = member.value(raw);
    let valid = |value| json::scan(value, &mut Vec::new()).is_ok();
    Ok(match (member.kind, value) {
        (Kind::Null, b"null") => py.None().into_bound(py),
        (Kind::True, b"true") => true.into_pyobject(py)?.to_owned().into_any(),
        (Kind::False, b"false") => false.into_pyobject(py)?.to_owned().into_any(),
        (Kind::String, value) if valid(value) => {
            json::decode_str(value).into_pyobject(py)?.into_any()
        }
        (Kind::Number, value) => match json::parse_index(value) {
            Some(number) => number.into_pyobject(py)?.into_any(),
            None => PyBytes::new(py, value).into_any(),
        },
        (_, value) => PyBytes::new(py, value).into_any(),
    })
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

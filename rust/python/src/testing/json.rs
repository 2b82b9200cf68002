//! `respstream_core::json` for the tests.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use respstream_core::json::{self, Fault, LineCheck, State};

/// The verdict on a whole text: `ok`, `bad` or `limit`.
#[pyfunction]
pub fn json_verdict(raw: &[u8]) -> &'static str {
    match json::check(raw, &mut Vec::new()) {
        Ok(_) => "ok",
        Err(Fault::Bad) => "bad",
        Err(Fault::Limit) => "limit",
    }
}

/// Whether a valid text contains invalid UTF-8 or a lone surrogate.
#[pyfunction]
pub fn json_invalid_unicode(raw: &[u8]) -> PyResult<bool> {
    match json::check(raw, &mut Vec::new()) {
        Ok(scan) => Ok(scan.lone_surrogate || !json::utf8_ok(raw)),
        Err(_) => Err(PyValueError::new_err("the text is not JSON or exceeds a limit")),
    }
}

/// The state of the incremental check after each line: `open`, `whole` or `broken`.
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

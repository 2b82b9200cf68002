//! `respstream_core::json` for Python. `locate` is used by the package; the others let the tests compare the twins.

use pyo3::exceptions::{PyAttributeError, PyKeyError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};
use respstream_core::json::{self, Fault, LineCheck, State};

use crate::slots::SlotClass;

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
    Ok(small(py, value)?.unwrap_or_else(|| PyBytes::new(py, value).into_any()))
}

/// A valid value that is a word, a number of 64 bits or a string; None for everything else, and for what is not valid.
fn small<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(match value {
        b"null" => Some(py.None().into_bound(py)),
        b"true" => Some(true.into_pyobject(py)?.to_owned().into_any()),
        b"false" => Some(false.into_pyobject(py)?.to_owned().into_any()),
        [b'"', ..] if json::scan(value, &mut Vec::new()).is_ok() => {
            Some(json::decode_str(value).into_pyobject(py)?.into_any())
        }
        [b'-' | b'0'..=b'9', ..] => match json::parse_index(value) {
            Some(number) => Some(number.into_pyobject(py)?.into_any()),
            None => None,
        },
        _ => None,
    })
}

/// The places of the slots of a payload.
const RAW: usize = 0;
const SEEN: usize = 1;
const DATA: usize = 2;
const SPANS: usize = 3;
/// What nearly everybody reads of a response's usage.
const COUNTS: [&str; 3] = ["input_tokens", "output_tokens", "total_tokens"];

/// The class of payloads, which has its counts when it is first used.
fn payload_class(py: Python<'_>) -> PyResult<&'static SlotClass> {
    static CLASS: PyOnceLock<SlotClass> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || {
        let class = py.import("respstream.protocols.payload")?.getattr("Payload")?;
        for name in COUNTS {
            class.setattr(name, Count { name: PyString::intern(py, name).unbind() })?;
        }
        SlotClass::new(class.cast::<PyType>()?, &["_raw", "_seen", "_data", "_spans"])
    })
}

/// A member of payloads that is read here, if it is a number, and not by `__getattr__`: that is asked for a name only when it
/// was looked for in vain and the words of an error were put together, which takes ten times as long as reading it.
#[pyclass(frozen, module = "respstream._native")]
struct Count {
    name: Py<PyString>,
}

#[pymethods]
impl Count {
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

/// A member of a payload that is small and was made of bytes, if it is a number.
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
    if !data.is_none() || raw.len() > SEARCHED {
        return Ok(None);
    }
    let mut members = Vec::with_capacity(FEW);
    json::locate(raw, &mut members);
    let member = json::find(raw, &members, name.to_str()?);
    let number = member.and_then(|member| json::parse_index(member.value(raw)));
    let Some(number) = number else { return Ok(None) };
    let number = number.into_pyobject(py)?.into_any();
    seen.set_item(name, &number)?;
    Ok(Some(number))
}

/// A valid value as Python has it: an object is a `Payload`.
pub fn decoded<'py>(raw: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = raw.py();
    if raw.as_bytes().first() == Some(&b'{') {
        let made = payload_class(py)?.make(py)?;
        made.set(RAW, raw.clone().into_any())?;
        made.set(SEEN, PyDict::new(py).into_any())?;
        made.set(DATA, py.None().into_bound(py))?;
        made.set(SPANS, py.None().into_bound(py))?;
        return Ok(made.done());
    }
    if let Some(value) = small(py, raw.as_bytes())? {
        return Ok(value);
    }
    let decode = DECODE.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("respstream.protocols.payload")?.getattr("decode")?.unbind())
    })?;
    decode.bind(py).call1((raw,))
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

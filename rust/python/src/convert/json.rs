//! Members and values of JSON objects as Python values.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use respstream_core::json::{self, Member};

/// Capacity for the members of most objects.
pub const MEMBERS_CAPACITY: usize = 16;
const NOT_AN_OBJECT: &str = "the bytes are not a JSON object";

/// Byte spans of the values of the top-level members of a valid object; the last duplicate wins.
#[pyfunction]
pub fn locate<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let members = locate_members(raw)?;
    let spans = PyDict::new(py);
    for member in &members {
        spans.set_item(json::decode_key(raw, member), (member.start, member.end))?;
    }
    Ok(spans)
}

/// Objects up to this size are searched again for each member that is read, which costs less than a dict of all members.
pub const SEARCH_MAX_BYTES: usize = 4096;

/// The members of an object. Raises `ValueError` if the bytes do not read as an object.
pub fn locate_members(raw: &[u8]) -> PyResult<Vec<Member>> {
    let mut members = Vec::with_capacity(MEMBERS_CAPACITY);
    if json::locate(raw, &mut members) {
        Ok(members)
    } else {
        Err(PyValueError::new_err(NOT_AN_OBJECT))
    }
}

/// A valid null, boolean, string or 64-bit integer as a Python value; None for other values and for invalid text.
pub fn scalar<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(match value {
        b"null" => Some(py.None().into_bound(py)),
        b"true" => Some(true.into_pyobject(py)?.to_owned().into_any()),
        b"false" => Some(false.into_pyobject(py)?.to_owned().into_any()),
        [b'"', ..] if json::check(value, &mut Vec::new()).is_ok() => {
            Some(json::decode_str(value).into_pyobject(py)?.into_any())
        }
        [b'-' | b'0'..=b'9', ..] => match json::parse_index(value) {
            Some(number) => Some(number.into_pyobject(py)?.into_any()),
            None => None,
        },
        _ => None,
    })
}

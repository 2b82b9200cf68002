//! `Payload` objects: JSON objects inside events and responses, whose members are decoded when they are read.

use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyType};
use respstream_core::json::{self, Kind};

use super::fragment::{self, TextSpan};
use super::parts::{PartClass, class_of};
use crate::convert::json::{MEMBERS_CAPACITY, SEARCH_MAX_BYTES, locate_members, scalar};
use crate::interpreter::call;

/// The members of a response's usage that are read most often, and what Chat Completions calls them.
const COUNTS: [(&str, Option<&str>); 3] = [
    ("input_tokens", Some("prompt_tokens")),
    ("output_tokens", Some("completion_tokens")),
    ("total_tokens", None),
];

/// The class `Payload`. The descriptors of its counts are installed on first use.
fn payload_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let class = call(py, || py.import("respstream.protocols.payload"))?.getattr("Payload")?;
        for (name, in_chat) in COUNTS {
            let name = PyString::intern(py, name).unbind();
            class.setattr(name.clone_ref(py), CountDescriptor { name, in_chat })?;
        }
        Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py))
}

/// Reads an integer member of a payload without `_absent`. Python calls that only after it has failed to find
/// the attribute and formatted an error message, which takes ten times as long as reading the member.
#[pyclass(frozen, module = "respstream._native")]
struct CountDescriptor {
    name: Py<PyString>,
    in_chat: Option<&'static str>,
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
        match count(object, name, self.in_chat)? {
            Some(number) => Ok(number),
            None => call(py, || object.call_method1(intern!(py, "_absent"), (name,))),
        }
    }
}

/// An integer member of a payload that is small and was made from bytes. None for all other members and payloads. `in_chat`: the
/// name in the usage of Chat Completions, which counts where there is none of the other name.
fn count<'py>(
    payload: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    in_chat: Option<&str>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = name.py();
    let Some((raw, seen, has_data)) = fragment::parts(payload)? else { return Ok(None) };
    let Ok(raw) = raw.cast::<PyBytes>() else { return Ok(None) };
    if let Some(value) = seen.get_item(name)? {
        return Ok(Some(value));
    }
    let raw = raw.as_bytes();
    if has_data || raw.len() > SEARCH_MAX_BYTES {
        return Ok(None);
    }
    let mut members = Vec::with_capacity(MEMBERS_CAPACITY);
    json::locate(raw, &mut members);
    let own = json::find(raw, &members, name.to_str()?);
    let other = || json::find(raw, &members, in_chat.filter(|_| is_usage(payload))?);
    let member = own.or_else(other);
    let number = member.and_then(|member| json::parse_index(member.value(raw)));
    let Some(number) = number else { return Ok(None) };
    let number = number.into_pyobject(py)?.into_any();
    if own.is_some() {
        seen.set_item(name, &number)?;
    }
    Ok(Some(number))
}

/// Whether a payload was found in a member `usage`.
fn is_usage(payload: &Bound<'_, PyAny>) -> bool {
    let member = payload.getattr(intern!(payload.py(), "_member"));
    member.is_ok_and(|member| member.is(intern!(payload.py(), "usage")))
}

/// The value of the member `name` as the package represents it: an object becomes a payload of its class, by default `Payload`.
/// `raw`: the text of an object. Raises `KeyError` for a missing member, `ValueError` if the bytes do not read as an object.
#[pyfunction]
pub fn member_value<'py>(
    raw: &Bound<'py, PyBytes>,
    name: &Bound<'py, PyAny>,
    class: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let members = locate_members(raw.as_bytes())?;
    // A name that is not a string, or has lone surrogates, matches no member.
    let text = name.extract::<&str>().ok();
    let member = text.and_then(|text| json::find(raw.as_bytes(), &members, text));
    let Some(member) = member else {
        return Err(PyKeyError::new_err(name.clone().unbind()));
    };
    let (start, size) = (member.start as usize, (member.end - member.start) as usize);
    decode(TextSpan { block: raw, start, size }, name, class)
}

/// The JSON value of the member `name`, as [`member_value`] returns it.
pub fn decode_value<'py>(
    raw: &Bound<'py, PyBytes>,
    name: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    decode(TextSpan { block: raw, start: 0, size: raw.as_bytes().len() }, name, None)
}

fn decode<'py>(
    text: TextSpan<'_, 'py>,
    name: &Bound<'py, PyAny>,
    class: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = name.py();
    let bytes = text.bytes();
    let found = match (bytes.first(), class) {
        (Some(b'{'), _) => payload(text, name, class)?,
        (Some(b'['), Some(class)) => payloads(text, name, class)?,
        _ => scalar(py, bytes)?,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let decode = DECODE.get_or_try_init(py, || {
        let module = call(py, || py.import("respstream.protocols.payload"))?;
        Ok::<_, PyErr>(module.getattr("decode")?.unbind())
    })?;
    call(py, || decode.bind(py).call1((PyBytes::new(py, bytes), name, class)))
}

/// An object as a payload of a class; `None` if objects of the class cannot be filled in memory.
fn payload<'py>(
    text: TextSpan<'_, 'py>,
    name: &Bound<'py, PyAny>,
    class: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let class = match class {
        Some(class) if class.is_instance_of::<PyDict>() => {
            &class_of(class, text.bytes(), &locate_members(text.bytes())?)?
        }
        Some(class) => class.cast::<PyType>()?,
        None => payload_class(name.py())?,
    };
    let class = &PartClass::of(class)?.slots;
    if !class.is_fragment() {
        return Ok(None);
    }
    let payload = class.create(name.py())?;
    payload.set_fragment(text, name);
    Ok(Some(payload.finish()))
}

/// A list of objects as payloads of a class; `None` if it has other elements.
fn payloads<'py>(
    list: TextSpan<'_, 'py>,
    name: &Bound<'py, PyAny>,
    class: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (bytes, mut spans) = (list.bytes(), Vec::new());
    if json::check(bytes, &mut Vec::new()).is_err() {
        return Ok(None);
    }
    json::elements(bytes, &mut spans);
    let objects = PyList::empty(name.py());
    for (start, end, kind) in spans {
        let text = TextSpan { start: list.start + start, size: end - start, ..list };
        let object = if kind == Kind::Object { payload(text, name, Some(class))? } else { None };
        let Some(object) = object else { return Ok(None) };
        objects.append(object)?;
    }
    Ok(Some(objects.into_any()))
}

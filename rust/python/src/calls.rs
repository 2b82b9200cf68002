//! The binding of `calls`: the tool calls of a response that has ended, made as the class `Calls` of `respstream.calls` would
//! make them, without its frames of Python.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};
use respstream_core::calls::ToolCall;

use crate::response::State;
use crate::slots::SlotClass;

/// The classes of that module, and the calls of responses without any.
struct Classes {
    calls: SlotClass,
    entry: SlotClass,
    view: SlotClass,
    none: Py<PyAny>,
}

/// The slots of each class, in the order in which they are filled below.
const CALLS: [&str; 7] = ["_state", "_version", "_entries", "_final", "_texts", "_ranks", "_known"];
const ENTRY: [&str; 6] = ["rank", "kind", "call_id", "name", "reader", "position"];
const VIEW: [&str; 4] = ["_calls", "_entry", "_text", "_ended"];

fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let module = py.import("respstream.protocols.responses.tool_calls")?;
        let class =
            |name, slots: &[&str]| SlotClass::new(module.getattr(name)?.cast::<PyType>()?, slots);
        Ok(Classes {
            calls: class("Calls", &CALLS)?,
            entry: class("Entry", &ENTRY)?,
            view: class("ToolCall", &VIEW)?,
            none: module.getattr("NONE")?.unbind(),
        })
    })
}

/// An object with these values in its slots, in the order of the class.
fn made<'py, const N: usize>(
    py: Python<'py>,
    class: &SlotClass,
    values: [Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let made = class.make(py)?;
    for (slot, value) in values.into_iter().enumerate() {
        made.set(slot, value)?;
    }
    Ok(made.done())
}

/// The property `tool_calls` of a response that has ended, read for the first time or without calls; None for others.
pub fn settled<'py>(
    response: &Bound<'py, PyAny>,
    state: &Bound<'py, State>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = state.py();
    let classes = classes(py)?;
    let known = response.getattr(intern!(py, "_calls"))?;
    if known.is(classes.none.bind(py)) {
        return Ok(Some(PyList::empty(py).into_any()));
    }
    if !known.is_none() {
        return Ok(None);
    }
    let Some(found) = state.get().settled_calls(py)? else { return Ok(None) };
    let (calls, views) = views(classes, state, found)?;
    response.setattr(intern!(py, "_calls"), calls)?;
    Ok(Some(views.into_any()))
}

/// The calls as a `Calls`, and the list of what users see of them.
fn views<'py>(
    classes: &Classes,
    state: &Bound<'py, State>,
    found: Vec<ToolCall>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyList>)> {
    let py = state.py();
    let views = PyList::empty(py);
    if found.is_empty() {
        return Ok((classes.none.bind(py).clone(), views));
    }
    let none = py.None().into_bound(py);
    let yes = true.into_pyobject(py)?.to_owned().into_any();
    let (entries, texts) = (PyList::empty(py), PyList::empty(py));
    let version = (-1_i32).into_pyobject(py)?.into_any();
    let calls = [
        state.clone().into_any(),
        version,
        entries.clone().into_any(),
        yes.clone(),
        texts.clone().into_any(),
        none.clone(),
        PyDict::new(py).into_any(),
    ];
    let calls = made(py, &classes.calls, calls)?;
    for (number, call) in found.into_iter().enumerate() {
        let text = call.arguments.into_pyobject(py)?.into_any();
        let entry = [
            number.into_pyobject(py)?.into_any(),
            PyString::intern(py, call.kind).into_any(),
            call.call_id.into_pyobject(py)?.into_any(),
            call.name.into_pyobject(py)?.into_any(),
            none.clone(),
            none.clone(),
        ];
        let entry = made(py, &classes.entry, entry)?;
        let view = [calls.clone(), entry.clone(), text.clone(), yes.clone()];
        views.append(made(py, &classes.view, view)?)?;
        entries.append(entry)?;
        texts.append(text)?;
    }
    Ok((calls, views))
}

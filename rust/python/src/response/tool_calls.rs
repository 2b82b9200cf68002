//! The tool calls of a response that has ended, built as the class `Calls` of the Python module builds them, without its
//! Python frames.

use std::borrow::Cow;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};
use respstream_core::protocols::view::ToolCall;

use super::state::State;
use crate::interpreter::call;
use crate::objects::slots::SlotClass;

/// The classes of that module, and its `Calls` object for responses without tool calls.
struct Classes {
    calls: SlotClass,
    entry: SlotClass,
    tool_call: SlotClass,
    no_calls: Py<PyAny>,
}

/// The slots of each class, in the order in which `build` fills them.
const CALLS: [&str; 7] = ["_state", "_version", "_entries", "_final", "_texts", "_ranks", "_known"];
const ENTRY: [&str; 6] = ["rank", "kind", "call_id", "name", "reader", "position"];
const TOOL_CALL: [&str; 4] = ["_calls", "_entry", "_text", "_ended"];

fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let module = call(py, || py.import("respstream.protocols.tool_calls"))?;
        let class =
            |name, slots: &[&str]| SlotClass::new(module.getattr(name)?.cast::<PyType>()?, slots);
        Ok(Classes {
            calls: class("Calls", &CALLS)?,
            entry: class("Entry", &ENTRY)?,
            tool_call: class("ToolCall", &TOOL_CALL)?,
            no_calls: module.getattr("NONE")?.unbind(),
        })
    })
}

/// A new object with these values in its slots, in the order of the class.
fn create<'py, const N: usize>(
    py: Python<'py>,
    class: &SlotClass,
    values: [Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let object = class.create(py)?;
    for (slot, value) in values.into_iter().enumerate() {
        object.set(slot, value)?;
    }
    Ok(object.finish())
}

/// The property `tool_calls` of a response that has ended. None if the response is open, or if an earlier read has built its
/// calls: the Python property reads those.
pub fn read<'py>(
    response: &Bound<'py, PyAny>,
    state: &Bound<'py, State>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = state.py();
    let classes = classes(py)?;
    let built = response.getattr(intern!(py, "_calls"))?;
    if built.is(classes.no_calls.bind(py)) {
        return Ok(Some(PyList::empty(py).into_any()));
    }
    if !built.is_none() {
        return Ok(None);
    }
    let Some(found) = state.get().final_tool_calls(py)? else { return Ok(None) };
    let (calls, tool_calls) = build(classes, state, found)?;
    response.setattr(intern!(py, "_calls"), calls)?;
    Ok(Some(tool_calls.into_any()))
}

/// The `Calls` object, and the list of `ToolCall` objects that users see.
fn build<'py>(
    classes: &Classes,
    state: &Bound<'py, State>,
    found: Vec<ToolCall>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyList>)> {
    let py = state.py();
    let tool_calls = PyList::empty(py);
    if found.is_empty() {
        return Ok((classes.no_calls.bind(py).clone(), tool_calls));
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
    let calls = create(py, &classes.calls, calls)?;
    for (rank, call) in found.into_iter().enumerate() {
        let text = call.arguments.into_pyobject(py)?.into_any();
        let kind = match call.kind {
            Cow::Borrowed(kind) => PyString::intern(py, kind),
            Cow::Owned(kind) => PyString::new(py, &kind),
        };
        let entry = [
            rank.into_pyobject(py)?.into_any(),
            kind.into_any(),
            call.call_id.into_pyobject(py)?.into_any(),
            call.name.into_pyobject(py)?.into_any(),
            none.clone(),
            none.clone(),
        ];
        let entry = create(py, &classes.entry, entry)?;
        let tool_call = [calls.clone(), entry.clone(), text.clone(), yes.clone()];
        tool_calls.append(create(py, &classes.tool_call, tool_call)?)?;
        entries.append(entry)?;
        texts.append(text)?;
    }
    Ok((calls, tool_calls))
}

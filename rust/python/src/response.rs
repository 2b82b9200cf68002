//! The binding of `response`: the state behind a `respstream.response.Response`.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use respstream_core::calls::{Position, Source, ToolCall};
use respstream_core::decoder::Decoder as Core;
use respstream_core::response::{Folded, Texts};

use crate::calls;
use crate::convert;
use crate::events::Memory;
use crate::json;
use crate::slots::SlotClass;

/// A core decoder, where responses live until they are handed out. `memory` is of its events; `refusal` tells why it takes
/// no more bytes.
pub struct Room {
    pub core: Core,
    pub memory: Memory,
    pub refusal: Option<&'static str>,
}

pub type SharedRoom = Arc<Mutex<Room>>;

thread_local! {
    /// The rooms in which this thread makes events.
    static WITHIN: RefCell<Vec<*const Mutex<Room>>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, this thread makes events in a room: a finalizer that runs meanwhile must not wait for its own thread.
pub struct Within;

impl Within {
    pub fn mark(room: &Mutex<Room>) -> Self {
        WITHIN.with_borrow_mut(|rooms| rooms.push(std::ptr::from_ref(room)));
        Self
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.with_borrow_mut(Vec::pop);
    }
}

/// Raises `RuntimeError` where the thread would wait for its own self.
pub fn outside(room: &Mutex<Room>) -> PyResult<()> {
    if WITHIN.with_borrow(|rooms| rooms.contains(&std::ptr::from_ref(room))) {
        return Err(PyRuntimeError::new_err("the decoder is used from inside its own feed()"));
    }
    Ok(())
}

enum Place {
    Shared(SharedRoom, u64),
    Owned(Box<Folded>),
}

/// What was made of a response for its readers, as long as its version stays.
#[derive(Default)]
struct Made {
    version: u64,
    texts: Option<Py<PyTuple>>,
    values: Option<Py<PyDict>>,
}

/// One response, folded so far; still inside its decoder, or handed out. Of its locks, `made` is held for no longer than it
/// takes to look.
#[pyclass(frozen, module = "respstream._native")]
pub struct State {
    place: Mutex<Place>,
    made: Mutex<Made>,
}

impl From<Place> for State {
    fn from(place: Place) -> Self {
        Self { place: Mutex::new(place), made: Mutex::default() }
    }
}

impl State {
    pub fn shared(room: SharedRoom, ordinal: u64) -> Self {
        Place::Shared(room, ordinal).into()
    }

    pub fn owned(folded: Folded) -> Self {
        Place::Owned(Box::new(folded)).into()
    }

    /// Looks at what was made of this version; what was made of another is forgotten first.
    fn made<T>(&self, py: Python<'_>, look: impl FnOnce(&mut Made) -> T) -> PyResult<T> {
        let version = self.read(py, |folded| folded.version)?;
        let mut old = None;
        let mut made = self.made.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if made.version != version {
            old = Some(std::mem::replace(&mut *made, Made { version, ..Made::default() }));
        }
        let found = look(&mut made);
        drop(made);
        drop(old); // which may run code
        Ok(found)
    }

    /// Keeps what was made of a version, unless another has come meanwhile.
    fn keep(&self, py: Python<'_>, version: u64, keep: impl FnOnce(&mut Made)) -> PyResult<()> {
        self.made(py, |made| {
            if made.version == version {
                keep(made);
            }
        })
    }

    /// Takes over the response that a decoder hands out.
    pub fn adopt(&self, py: Python<'_>, folded: Folded) {
        let mut place = self.place.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        *place = Place::Owned(Box::new(folded));
    }

    /// The calls of a response that has ended.
    pub fn settled_calls(&self, py: Python<'_>) -> PyResult<Option<Vec<ToolCall>>> {
        self.read(py, |folded| folded.stream_index.map(|_| folded.tool_calls()))
    }

    /// Reads from the response. No Python object is made meanwhile that the collector knows: to make one can run code that
    /// wants the lock. Strings and bytes may be made: nothing runs for them.
    pub fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&Folded) -> T) -> PyResult<T> {
        let place = self.place.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Place::Owned(folded) => Ok(read(folded)),
            Place::Shared(room, ordinal) => {
                outside(room)?;
                let room = room.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
                match room.core.lanes().get(*ordinal) {
                    Some(folded) => Ok(read(folded)),
                    None => Err(PyRuntimeError::new_err("the decoder of this response was reset")),
                }
            }
        }
    }
}

/// A call without its arguments.
type Head = (usize, &'static str, Option<String>, Option<String>);
/// A position in the arguments of a call.
type Mark = (Source, usize);
type Call = (&'static str, Option<String>, Option<String>, Option<String>);

#[pymethods]
impl State {
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.version)
    }

    #[getter]
    fn complete(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, Folded::complete)
    }

    #[getter]
    fn terminal(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        self.read(py, |folded| folded.terminal)
    }

    #[getter]
    fn lane(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.read(py, |folded| folded.lane.as_deref().map(str::to_owned))
    }

    #[getter]
    fn byte_start(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.byte_start)
    }

    #[getter]
    fn byte_end(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.byte_end)
    }

    #[getter]
    fn line(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.line)
    }

    #[getter]
    fn stream_index(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.read(py, |folded| folded.stream_index)
    }

    #[getter]
    fn events(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.events)
    }

    #[getter]
    fn deltas(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.deltas)
    }

    #[getter]
    fn first_sequence(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        self.read(py, |folded| folded.first_sequence)
    }

    #[getter]
    fn last_sequence(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        self.read(py, |folded| folded.last_sequence)
    }

    #[getter]
    fn started_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.started_at)
    }

    #[getter]
    fn first_delta_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.first_delta_at)
    }

    #[getter]
    fn ended_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.ended_at)
    }

    #[getter]
    fn delta_times(&self, py: Python<'_>) -> PyResult<Vec<f64>> {
        self.read(py, |folded| folded.delta_times.clone())
    }

    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.read(py, |folded| folded.id().map(|id| PyString::new(py, &id)))
    }

    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.read(py, |folded| folded.status().map(|status| PyString::new(py, &status)))
    }

    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let found = self.read(py, |folded| folded.diagnostics.clone())?;
        convert::diagnostics(py, &found)
    }

    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.read(py, Folded::keys)
    }

    fn member<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.read(py, |folded| folded.member(name).map(|raw| PyBytes::new(py, &raw)))
    }

    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.read(py, Folded::json)?))
    }

    /// The member of that name as Python has it, or `default` where there is none.
    fn value<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = name.py();
        let Ok(text) = name.extract::<&str>() else { return Ok(default) };
        let (version, made) = self.made(py, |made| {
            (made.version, made.values.as_ref().map(|values| values.clone_ref(py)))
        })?;
        if let Some(values) = &made
            && let Some(value) = values.bind(py).get_item(name)?
        {
            return Ok(value);
        }
        let raw = self.read(py, |folded| folded.member(text).map(|raw| PyBytes::new(py, &raw)))?;
        let Some(raw) = raw else { return Ok(default) };
        let value = json::decoded(&raw)?;
        let values = made.unwrap_or_else(|| PyDict::new(py).unbind());
        values.bind(py).set_item(name, &value)?;
        self.keep(py, version, |made| made.values = Some(values))?;
        Ok(value)
    }

    fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (version, known) = self.made(py, |made| {
            (made.version, made.texts.as_ref().map(|texts| texts.clone_ref(py)))
        })?;
        if let Some(known) = known {
            return Ok(known.into_bound(py));
        }
        let texts = self.read(py, Folded::texts)?;
        let Texts { output_text, refusal, reasoning_text, reasoning_summary } = texts;
        let texts = (output_text, refusal, reasoning_text, reasoning_summary).into_pyobject(py)?;
        self.keep(py, version, |made| made.texts = Some(texts.clone().unbind()))?;
        Ok(texts)
    }

    fn tool_calls(&self, py: Python<'_>) -> PyResult<Vec<Call>> {
        let calls = self.read(py, Folded::tool_calls)?;
        Ok(calls
            .into_iter()
            .map(|call| (call.kind, call.call_id, call.name, call.arguments))
            .collect())
    }

    #[getter]
    fn calls_version(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, Folded::calls_version)
    }

    fn calls(&self, py: Python<'_>) -> PyResult<Vec<Head>> {
        let calls = self.read(py, Folded::calls)?.into_iter();
        Ok(calls.map(|call| (call.rank, call.kind, call.call_id, call.name)).collect())
    }

    fn call_text(
        &self,
        py: Python<'_>,
        rank: usize,
        position: Option<Mark>,
    ) -> PyResult<Option<(String, Mark)>> {
        let from = position.map(|(source, offset)| Position { source, offset });
        let found = self.read(py, |folded| folded.call_text(rank, from))?;
        Ok(found.map(|(text, next)| (text, (next.source, next.offset))))
    }

    fn call_arguments(&self, py: Python<'_>, rank: usize) -> PyResult<Option<String>> {
        self.read(py, |folded| folded.call_arguments(rank))
    }

    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(raw) = self.read(py, Folded::error_json)? else { return Ok(None) };
        let loads = py.import("respstream._pure.json.check")?.getattr("loads")?;
        Ok(Some(loads.call1((PyBytes::new(py, &raw),))?))
    }
}

/// Reads a property of a response over a state; None where the class's own property is to do it.
type Read =
    for<'py> fn(&Bound<'py, PyAny>, &Bound<'py, State>) -> PyResult<Option<Bound<'py, PyAny>>>;

/// The properties of `respstream.response.Response` that most readers ask for.
const READ: [(&str, Read); 8] = [
    ("id", |_, state| Ok(Some(state.get().id(state.py())?.into_pyobject(state.py())?.into_any()))),
    ("status", |_, state| {
        Ok(Some(state.get().status(state.py())?.into_pyobject(state.py())?.into_any()))
    }),
    ("usage", |_, state| {
        let py = state.py();
        state.get().value(intern!(py, "usage").as_any(), py.None().into_bound(py)).map(Some)
    }),
    ("output_text", |_, state| text(state, 0)),
    ("refusal", |_, state| text(state, 1)),
    ("reasoning_text", |_, state| text(state, 2)),
    ("reasoning_summary", |_, state| text(state, 3)),
    ("tool_calls", calls::settled),
];

fn text<'py>(state: &Bound<'py, State>, place: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    state.get().texts(state.py())?.get_item(place).map(Some)
}

/// Stands before a property of that class: reads it here, without a frame of Python, where the state is one of ours, and has
/// the property itself do it where it is not.
#[pyclass(frozen, module = "respstream._native")]
struct Property {
    read: Read,
    own: Py<PyAny>,
}

#[pymethods]
impl Property {
    fn __get__<'py>(
        &self,
        py: Python<'py>,
        object: Option<&Bound<'py, PyAny>>,
        class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(object) = object else { return Ok(self.own.bind(py).clone()) };
        let state = view_class(py)?.get(object, STATE);
        if let Some(Ok(state)) = state.as_ref().map(|state| state.cast::<State>())
            && let Some(value) = (self.read)(object, state)?
        {
            return Ok(value);
        }
        self.own.bind(py).call_method1(intern!(py, "__get__"), (object, class))
    }
}

/// The places of the slots of a response.
const STATE: usize = 0;
const CALLS: usize = 1;

/// The class of responses, whose properties are stood before when it is first used.
fn view_class(py: Python<'_>) -> PyResult<&'static SlotClass> {
    static CLASS: PyOnceLock<SlotClass> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || {
        let class = py.import("respstream.protocols.responses.response")?.getattr("Response")?;
        for (name, read) in READ {
            let own = class.getattr(name)?.unbind();
            class.setattr(name, Property { read, own })?;
        }
        SlotClass::new(class.cast::<PyType>()?, &["_state", "_calls"])
    })
}

/// A `respstream.response.Response` over a state.
pub fn response<'py>(py: Python<'py>, state: &Bound<'py, State>) -> PyResult<Bound<'py, PyAny>> {
    let made = view_class(py)?.make(py)?;
    made.set(STATE, state.clone().into_any())?;
    made.set(CALLS, py.None().into_bound(py))?;
    Ok(made.done())
}

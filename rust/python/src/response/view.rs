//! `respstream.Response` objects: their creation, and native readers of their most used properties.

use std::collections::HashMap;
use std::sync::Mutex;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use respstream_core::json::Kind;
use respstream_core::protocols::Api;
use respstream_core::protocols::Response as _;
use respstream_core::protocols::any_api::AnyResponse;

use super::state::State;
use super::tool_calls;
use crate::interpreter::call;
use crate::objects::fragment::TextSpan;
use crate::objects::parts::{Part, part_value};
use crate::objects::slots::SlotClass;
use crate::objects::string_cache::StringCache;
use crate::shared_decoder::SharedDecoder;

/// Reads a property of a response. None if the property of the Python class must read it.
type Reader =
    for<'py> fn(&Bound<'py, PyAny>, &Bound<'py, State>) -> PyResult<Option<Bound<'py, PyAny>>>;

/// The properties with native readers.
const READERS: [(&str, Reader); 8] = [
    ("id", |_, state| Ok(Some(state.get().id(state.py())?.into_pyobject(state.py())?.into_any()))),
    ("status", |_, state| {
        Ok(Some(state.get().status(state.py())?.into_pyobject(state.py())?.into_any()))
    }),
    ("usage", |_, state| {
        let py = state.py();
        if state.get().read(py, AnyResponse::api)? == Api::Messages {
            return messages_usage(state);
        }
        let usage = state.get().value(intern!(py, "usage").as_any(), py.None().into_bound(py))?;
        // The Python property also finds counts that a server sends beside the final object.
        Ok((!usage.is_none()).then_some(usage))
    }),
    ("output_text", |_, state| text(state, 0)),
    ("refusal", |_, state| text(state, 1)),
    ("reasoning_text", |_, state| text(state, 2)),
    ("reasoning_summary", |_, state| text(state, 3)),
    ("tool_calls", tool_calls::read),
];

/// One of the texts of a response, by its position in the tuple of `State.texts`.
fn text<'py>(state: &Bound<'py, State>, position: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    state.get().texts(state.py())?.get_item(position).map(Some)
}

/// The counts of a message, which have a class of their own.
fn messages_usage<'py>(state: &Bound<'py, State>) -> PyResult<Option<Bound<'py, PyAny>>> {
    static PART: PyOnceLock<Part> = PyOnceLock::new();
    static STRINGS: Mutex<Option<StringCache>> = Mutex::new(None);
    let py = state.py();
    let Some(raw) = state.get().member(py, "usage")? else { return Ok(None) };
    let bytes = raw.as_bytes();
    if bytes.first() != Some(&b'{') || std::str::from_utf8(bytes).is_err() {
        return Ok(None);
    }
    let part = PART.get_or_try_init(py, || {
        let types = call(py, || py.import("respstream.protocols.messages.types"))?;
        Part::new((intern!(py, "usage").clone().into_any(), types.getattr("Usage")?))
    })?;
    let text = TextSpan { block: &raw, start: 0, size: bytes.len() };
    // The cache is taken while it is used: making objects may run finalizers, which may read other responses.
    let mut strings = STRINGS.try_lock().ok().and_then(|mut kept| kept.take()).unwrap_or_default();
    let usage = part_value(part, text, Kind::Object, &mut strings);
    if let Ok(mut kept) = STRINGS.try_lock() {
        *kept = Some(strings);
    }
    usage
}

/// Replaces a property of the Python class: reads native states without a Python frame, and delegates all others to the
/// original property.
#[pyclass(frozen, module = "respstream._native")]
struct NativeProperty {
    read: Reader,
    original: Py<PyAny>,
}

#[pymethods]
impl NativeProperty {
    fn __get__<'py>(
        &self,
        py: Python<'py>,
        object: Option<&Bound<'py, PyAny>>,
        class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(object) = object else { return Ok(self.original.bind(py).clone()) };
        let state = response_class(py)?.get(object, STATE);
        if let Some(Ok(state)) = state.as_ref().map(|state| state.cast::<State>())
            && let Some(value) = (self.read)(object, state)?
        {
            return Ok(value);
        }
        call(py, || self.original.bind(py).call_method1(intern!(py, "__get__"), (object, class)))
    }
}

/// The slots of a response, and their indexes.
const SLOTS: [&str; 2] = ["_state", "_calls"];
const STATE: usize = 0;
const CALLS: usize = 1;

/// The class of responses. Its native properties are installed on first use.
fn response_class(py: Python<'_>) -> PyResult<&'static SlotClass> {
    static CLASS: PyOnceLock<SlotClass> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || {
        let class = call(py, || py.import("respstream.protocols.response"))?.getattr("Response")?;
        for (name, read) in READERS {
            let original = class.getattr(name)?.unbind();
            class.setattr(name, NativeProperty { read, original })?;
        }
        SlotClass::new(class.cast::<PyType>()?, &SLOTS)
    })
}

fn new_response<'py>(py: Python<'py>, state: &Bound<'py, State>) -> PyResult<Bound<'py, PyAny>> {
    let response = response_class(py)?.create(py)?;
    response.set(STATE, state.clone().into_any())?;
    response.set(CALLS, py.None().into_bound(py))?;
    Ok(response.finish())
}

/// The `Response` objects of open responses that Python has seen, by ordinal: one object per response.
#[derive(Default)]
pub struct OpenViews(HashMap<u64, (Py<State>, Py<PyAny>)>);

impl OpenViews {
    /// The view of a response that its decoder still assembles.
    pub fn get<'py>(
        &mut self,
        py: Python<'py>,
        decoder: SharedDecoder,
        ordinal: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some((_, view)) = self.0.get(&ordinal) {
            return Ok(view.bind(py).clone());
        }
        let state = Bound::new(py, State::open(decoder, ordinal))?;
        let view = new_response(py, &state)?;
        self.0.insert(ordinal, (state.unbind(), view.clone().unbind()));
        Ok(view)
    }

    /// The view of a response that its decoder releases.
    pub fn release<'py>(
        &mut self,
        py: Python<'py>,
        folded: AnyResponse,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some((state, view)) = self.0.remove(&folded.tracking().ordinal) {
            state.get().release(py, folded);
            return Ok(view.into_bound(py));
        }
        new_response(py, &Bound::new(py, State::released(folded))?)
    }

    /// Takes note of a response that its decoder forgets. Its view, if Python has one, keeps it.
    pub fn forget(&mut self, py: Python<'_>, folded: AnyResponse) {
        if let Some((state, _)) = self.0.remove(&folded.tracking().ordinal) {
            state.get().release(py, folded);
        }
    }
}

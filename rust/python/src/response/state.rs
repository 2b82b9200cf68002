//! The state of one response, which a `respstream.Response` reads.

use std::borrow::Cow;
use std::sync::Mutex;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use respstream_core::protocols::Response as _;
use respstream_core::protocols::any_api::AnyResponse;
use respstream_core::protocols::view::Texts;
use respstream_core::protocols::view::{Position, Source, ToolCall};

use super::diagnostics::DiagnosticObjects;
use crate::convert;
use crate::interpreter::{call, lock};
use crate::objects::payload;
use crate::shared_decoder::{SharedDecoder, lock_decoder};

/// Where the response is: still in its decoder, under this ordinal, or released by it.
enum Location {
    Decoder(SharedDecoder, u64),
    Released(Box<AnyResponse>),
}

/// Python values made from one version of the response.
#[derive(Default)]
struct CachedValues {
    version: u64,
    texts: Option<Py<PyTuple>>,
    members: Option<Py<PyDict>>,
    /// The whole response as JSON and the spans of its members, once many of them were read.
    index: Option<(Py<PyBytes>, Py<PyDict>)>,
}

/// One response, assembled so far. `cached` is locked only while its fields are read or replaced; no Python code runs then.
#[pyclass(frozen, module = "respstream._native")]
pub struct State {
    location: Mutex<Location>,
    cached: Mutex<CachedValues>,
    diagnostics: Mutex<DiagnosticObjects>,
}

impl From<Location> for State {
    fn from(location: Location) -> Self {
        Self {
            location: Mutex::new(location),
            cached: Mutex::default(),
            diagnostics: Mutex::default(),
        }
    }
}

impl State {
    /// The state of a response that its decoder still assembles.
    pub fn open(decoder: SharedDecoder, ordinal: u64) -> Self {
        Location::Decoder(decoder, ordinal).into()
    }

    /// The state of a response that its decoder has released.
    pub fn released(folded: AnyResponse) -> Self {
        Location::Released(Box::new(folded)).into()
    }

    /// Stores the response when its decoder releases it.
    pub fn release(&self, py: Python<'_>, folded: AnyResponse) {
        *lock(py, &self.location) = Location::Released(Box::new(folded));
    }

    /// Accesses the values cached for the current version, after dropping those of an older one.
    fn with_cached<T>(
        &self,
        py: Python<'_>,
        access: impl FnOnce(&mut CachedValues) -> T,
    ) -> PyResult<T> {
        let version = self.read(py, |folded| folded.tracking().version)?;
        let mut old = None;
        let mut cached = lock(py, &self.cached);
        if cached.version != version {
            old = Some(std::mem::replace(
                &mut *cached,
                CachedValues { version, ..Default::default() },
            ));
        }
        let result = access(&mut cached);
        drop(cached);
        drop(old); // after the lock, because finalizers may run
        Ok(result)
    }

    /// Caches values made from a version, unless the response has changed since.
    fn store_cached(
        &self,
        py: Python<'_>,
        version: u64,
        store: impl FnOnce(&mut CachedValues),
    ) -> PyResult<()> {
        self.with_cached(py, |cached| {
            if cached.version == version {
                store(cached);
            }
        })
    }

    /// A member as JSON, found by the index.
    fn indexed_member<'py>(
        &self,
        py: Python<'py>,
        version: u64,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let index = self.with_cached(py, |cached| {
            cached.index.as_ref().map(|(raw, spans)| (raw.clone_ref(py), spans.clone_ref(py)))
        })?;
        let (raw, spans) = if let Some((raw, spans)) = index {
            (raw.into_bound(py), spans.into_bound(py))
        } else {
            let raw = PyBytes::new(py, &self.read(py, AnyResponse::json)?);
            let spans = convert::json::locate(py, raw.as_bytes())?;
            let index = (raw.clone().unbind(), spans.clone().unbind());
            self.store_cached(py, version, |cached| cached.index = Some(index))?;
            (raw, spans)
        };
        let Some(span) = spans.get_item(name)? else { return Ok(None) };
        let (start, end) = span.extract::<(usize, usize)>()?;
        Ok(raw.as_bytes().get(start..end).map(|raw| PyBytes::new(py, raw)))
    }

    /// The tool calls of a response that has ended; None while it is open.
    pub fn final_tool_calls(&self, py: Python<'_>) -> PyResult<Option<Vec<ToolCall>>> {
        self.read(py, |folded| folded.tracking().stream_index.map(|_| folded.tool_calls()))
    }

    /// Reads from the response under its lock. `read` must not create objects that the garbage collector tracks: that can
    /// run finalizers, which may need the lock. Creating strings and bytes runs no other code.
    pub fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&AnyResponse) -> T) -> PyResult<T> {
        // The decoder is waited for without the lock of `location`, which a thread needs to release the response.
        let (decoder, ordinal) = match &*lock(py, &self.location) {
            Location::Released(folded) => return Ok(read(folded)),
            Location::Decoder(decoder, ordinal) => (SharedDecoder::clone(decoder), *ordinal),
        };
        let parts = lock_decoder(py, &decoder)?;
        if let Some(folded) = parts.core.lanes().get(ordinal) {
            return Ok(read(folded));
        }
        drop(parts);
        match &*lock(py, &self.location) {
            Location::Released(folded) => Ok(read(folded)),
            Location::Decoder(..) => {
                Err(PyRuntimeError::new_err("the decoder of this response was reset"))
            }
        }
    }
}

/// When this number of members were read, the others are found by an index: each search passes the members before.
const INDEXED_MEMBERS: usize = 64;

/// A tool call without its arguments: rank, kind, call id, name.
type CallHeader = (usize, Cow<'static, str>, Option<String>, Option<String>);
/// A position in the arguments of a tool call.
type PositionTuple = (Source, usize);
/// A tool call: kind, call id, name, arguments.
type CallTuple = (Cow<'static, str>, Option<String>, Option<String>, Option<String>);

#[pymethods]
impl State {
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().version)
    }

    #[getter]
    fn complete(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, AnyResponse::complete)
    }

    #[getter]
    fn terminal(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        self.read(py, |folded| folded.tracking().terminal)
    }

    #[getter]
    fn lane(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.read(py, |folded| folded.tracking().lane.as_deref().map(str::to_owned))
    }

    #[getter]
    fn byte_start(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().byte_start)
    }

    #[getter]
    fn api(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |folded| folded.api().name())
    }

    #[getter]
    fn byte_end(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().byte_end)
    }

    #[getter]
    fn line(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().line)
    }

    #[getter]
    fn stream_index(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.read(py, |folded| folded.tracking().stream_index)
    }

    #[getter]
    fn events(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().events)
    }

    #[getter]
    fn deltas(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |folded| folded.tracking().deltas)
    }

    #[getter]
    fn first_sequence(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        self.read(py, |folded| folded.tracking().first_sequence)
    }

    #[getter]
    fn last_sequence(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        self.read(py, |folded| folded.tracking().last_sequence)
    }

    #[getter]
    fn started_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.tracking().started_at)
    }

    #[getter]
    fn first_delta_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.tracking().first_delta_at)
    }

    #[getter]
    fn ended_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |folded| folded.tracking().ended_at)
    }

    #[getter]
    fn delta_times(&self, py: Python<'_>) -> PyResult<Vec<f64>> {
        self.read(py, |folded| folded.tracking().delta_times.clone())
    }

    #[getter]
    pub fn id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.read(py, |folded| folded.id().map(|id| PyString::new(py, &id)))
    }

    #[getter]
    pub fn status<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.read(py, |folded| folded.status().map(|status| PyString::new(py, &status)))
    }

    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        DiagnosticObjects::list(py, &self.diagnostics, |take| {
            self.read(py, |folded| take(&folded.tracking().diagnostics))
        })
    }

    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.read(py, AnyResponse::keys)
    }

    pub fn member<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.read(py, |folded| folded.member(name).map(|raw| PyBytes::new(py, &raw)))
    }

    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.read(py, AnyResponse::json)?))
    }

    /// The Python value of a member, or `default` if there is none.
    pub fn value<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = name.py();
        let Ok(text) = name.extract::<&str>() else { return Ok(default) };
        let (version, members) = self.with_cached(py, |cached| {
            (cached.version, cached.members.as_ref().map(|members| members.clone_ref(py)))
        })?;
        if let Some(members) = &members
            && let Some(value) = members.bind(py).get_item(name)?
        {
            return Ok(value);
        }
        let known = members.as_ref().map_or(0, |members| members.bind(py).len());
        let raw = if known < INDEXED_MEMBERS {
            self.read(py, |folded| folded.member(text).map(|raw| PyBytes::new(py, &raw)))?
        } else {
            self.indexed_member(py, version, name)?
        };
        let Some(raw) = raw else { return Ok(default) };
        let value = payload::decode_value(&raw, name)?;
        let members = members.unwrap_or_else(|| PyDict::new(py).unbind());
        members.bind(py).set_item(name, &value)?;
        self.store_cached(py, version, |cached| cached.members = Some(members))?;
        Ok(value)
    }

    pub fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (version, texts) = self.with_cached(py, |cached| {
            (cached.version, cached.texts.as_ref().map(|texts| texts.clone_ref(py)))
        })?;
        if let Some(texts) = texts {
            return Ok(texts.into_bound(py));
        }
        let texts = self.read(py, AnyResponse::texts)?;
        let Texts { output_text, refusal, reasoning_text, reasoning_summary } = texts;
        let texts = (output_text, refusal, reasoning_text, reasoning_summary).into_pyobject(py)?;
        self.store_cached(py, version, |cached| cached.texts = Some(texts.clone().unbind()))?;
        Ok(texts)
    }

    fn tool_calls(&self, py: Python<'_>) -> PyResult<Vec<CallTuple>> {
        let calls = self.read(py, AnyResponse::tool_calls)?;
        Ok(calls
            .into_iter()
            .map(|call| (call.kind, call.call_id, call.name, call.arguments))
            .collect())
    }

    #[getter]
    fn calls_version(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, AnyResponse::calls_version)
    }

    fn calls(&self, py: Python<'_>) -> PyResult<Vec<CallHeader>> {
        let calls = self.read(py, AnyResponse::calls)?.into_iter();
        Ok(calls.map(|call| (call.rank, call.kind, call.call_id, call.name)).collect())
    }

    fn call_text(
        &self,
        py: Python<'_>,
        rank: usize,
        position: Option<PositionTuple>,
    ) -> PyResult<Option<(String, PositionTuple)>> {
        let from = position.map(|(source, offset)| Position { source, offset });
        let found = self.read(py, |folded| folded.arguments_since(rank, from))?;
        Ok(found.map(|(text, next)| (text, (next.source, next.offset))))
    }

    fn call_arguments(&self, py: Python<'_>, rank: usize) -> PyResult<Option<String>> {
        self.read(py, |folded| folded.call_arguments(rank))
    }

    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(raw) = self.read(py, AnyResponse::error_json)? else { return Ok(None) };
        let check = call(py, || py.import("respstream._pure.json.check"))?;
        call(py, || check.call_method1("loads", (PyBytes::new(py, &raw),))).map(Some)
    }
}

//! The class `SseDecoder`: takes bytes, returns messages as `respstream.sse.ServerSentEvent`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PyString, PyType};
use respstream_core::sse::{Finished, Message, OnEof, SseDecoder as Core};

use crate::interpreter;

/// Chunks of at least this size are parsed detached from the interpreter. For smaller ones, detaching costs more than it saves.
const DETACH_MIN_BYTES: usize = 8 * 1024;

/// Decodes one stream of server-sent events, fed in chunks of any size; does no I/O.
#[pyclass(frozen, module = "respstream._native")]
pub struct SseDecoder {
    core: Mutex<Core>,
    /// The last id and its Python string, which messages share.
    last_id: Mutex<Option<(Arc<str>, Py<PyString>)>>,
}

#[pymethods]
impl SseDecoder {
    #[new]
    #[pyo3(signature = (on_eof = OnEofArg(OnEof::Flush)), text_signature = "(on_eof='flush')")]
    fn new(on_eof: OnEofArg) -> Self {
        Self { core: Mutex::new(Core::new(on_eof.0)), last_id: Mutex::default() }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (id, retry, buffered, finished) = {
            let core = self.lock(py);
            let id = core.last_event_id().map(str::to_owned);
            (id, core.retry(), core.buffered(), core.is_finished())
        };
        let id = id.into_pyobject(py)?.repr()?;
        let retry = retry.into_pyobject(py)?.repr()?;
        let end = if finished { ", finished" } else { "" };
        Ok(format!("sse.Decoder(last_event_id={id}, retry={retry}, buffered={buffered}{end})"))
    }

    /// The messages that `chunk` (bytes-like) completes.
    #[pyo3(signature = (chunk))]
    fn feed<'py>(&self, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = chunk.py();
        let chunk = to_bytes(chunk)?;
        let bytes = chunk.as_bytes();
        // No Python object is created under the lock: that can run finalizers, which may need the lock.
        let messages = if bytes.len() < DETACH_MIN_BYTES {
            feed(self.lock(py), bytes)
        } else {
            interpreter::detach(py, || {
                feed(self.core.lock().unwrap_or_else(PoisonError::into_inner), bytes)
            })
        };
        self.to_list(py, messages.map_err(|error| PyValueError::new_err(error.to_string()))?)
    }

    /// The last message, if the input ended inside an event and `on_eof` is "flush".
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut messages = Vec::new();
        self.lock(py).finish(&mut |message| messages.push(message));
        self.to_list(py, messages)
    }

    /// Discards all state; the decoder is ready for another stream.
    fn reset(&self, py: Python<'_>) {
        self.lock(py).reset();
    }

    /// The id of the last complete event, to send as `Last-Event-ID` when reconnecting; None if there is none.
    #[getter]
    fn last_event_id(&self, py: Python<'_>) -> Option<String> {
        self.lock(py).last_event_id().map(str::to_owned)
    }

    /// The reconnection time that the stream set last, in milliseconds, or None.
    #[getter]
    fn retry(&self, py: Python<'_>) -> Option<u64> {
        self.lock(py).retry()
    }

    /// Bytes read or moved so far; for tests.
    #[getter]
    fn work(&self, py: Python<'_>) -> u64 {
        self.lock(py).work()
    }
}

impl SseDecoder {
    fn to_list<'py>(
        &self,
        py: Python<'py>,
        messages: Vec<Message>,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        if !messages.is_empty() {
            interpreter::call(py, || self.append(&list, messages))?;
        }
        Ok(list)
    }

    fn append(&self, list: &Bound<'_, PyList>, messages: Vec<Message>) -> PyResult<()> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let py = list.py();
        let class = CLASS.import(py, "respstream._sse_values", "ServerSentEvent")?;
        for Message { event, data, id, retry } in messages {
            let id = id.as_ref().map(|id| self.id_string(py, id));
            list.append(class.call1((event, data, id, retry))?)?;
        }
        Ok(())
    }

    /// The id as a Python string, created once per id.
    fn id_string<'py>(&self, py: Python<'py>, id: &Arc<str>) -> Bound<'py, PyString> {
        let cached = || interpreter::lock(py, &self.last_id);
        if let Some((_, text)) = cached().as_ref().filter(|(last, _)| Arc::ptr_eq(last, id)) {
            return text.bind(py).clone();
        }
        let text = PyString::new(py, id);
        let old = cached().replace((id.clone(), text.clone().unbind()));
        drop(old);
        text
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Core> {
        interpreter::lock(py, &self.core)
    }
}

fn feed(mut decoder: MutexGuard<'_, Core>, bytes: &[u8]) -> Result<Vec<Message>, Finished> {
    let mut messages = Vec::new();
    decoder.feed(bytes, &mut |message| messages.push(message))?;
    Ok(messages)
}

/// The argument `on_eof`.
#[derive(Clone, Copy)]
struct OnEofArg(OnEof);

impl<'py> FromPyObject<'_, 'py> for OnEofArg {
    type Error = PyErr;

    fn extract(argument: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match argument.extract::<&str>() {
            Ok("flush") => Ok(Self(OnEof::Flush)),
            Ok("discard") => Ok(Self(OnEof::Discard)),
            _ => {
                let argument = argument.repr()?;
                let message = format!("on_eof must be one of flush, discard, not {argument}");
                Err(PyValueError::new_err(message))
            }
        }
    }
}

/// `bytes` without a copy, or a copy of any other buffer. Raises `TypeError` for `str` and for objects without a buffer.
fn to_bytes<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = chunk.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if chunk.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "feed() takes bytes, not str: pass the bytes as received, not decoded",
        ));
    }
    let view = PyMemoryView::from(chunk)?;
    Ok(chunk.py().get_type::<PyBytes>().call1((view,))?.cast_into()?)
}

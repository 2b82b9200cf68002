//! The binding of `sse`: the decoder as a class, messages as `respstream.sse.ServerSentEvent`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyBytes, PyList, PyMemoryView, PyString, PyType};
use respstream_core::sse::{Finished, Message, OnEof, SseDecoder as Core};

/// Chunks from this size on are parsed without the GIL; below it, letting go costs more than it
/// gives.
const DETACH_FROM: usize = 8 * 1024;

/// Decodes one stream of server-sent events, fed in chunks of any size; does no I/O.
#[pyclass(frozen, module = "respstream._native")]
pub struct SseDecoder {
    core: Mutex<Core>,
    /// The last id as Python has it: messages share it.
    id: Mutex<Option<(Arc<str>, Py<PyString>)>>,
}

#[pymethods]
impl SseDecoder {
    #[new]
    #[pyo3(signature = (on_eof = OnEofArg(OnEof::Flush)), text_signature = "(on_eof='flush')")]
    fn new(on_eof: OnEofArg) -> Self {
        Self { core: Mutex::new(Core::new(on_eof.0)), id: Mutex::default() }
    }

    /// The messages that `chunk` (bytes-like) completes.
    #[pyo3(signature = (chunk))]
    fn feed<'py>(&self, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = chunk.py();
        let chunk = to_bytes(chunk)?;
        let bytes = chunk.as_bytes();
        // No Python object is made under the lock: making one may run other Python code, which may
        // want the lock too.
        let messages = if bytes.len() < DETACH_FROM {
            feed(self.lock(py), bytes)
        } else {
            py.detach(|| feed(self.core.lock().unwrap_or_else(PoisonError::into_inner), bytes))
        };
        self.to_list(py, messages.map_err(|error| PyValueError::new_err(error.to_string()))?)
    }

    /// The last message, where the input ended inside a block and `on_eof` counts it.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut messages = Vec::new();
        self.lock(py).finish(&mut |message| messages.push(message));
        self.to_list(py, messages)
    }

    /// Begin a new stream; nothing of the old one is kept.
    fn reset(&self, py: Python<'_>) {
        self.lock(py).reset();
    }

    /// What to send as `Last-Event-ID` when reconnecting: the id as of the last whole block, or
    /// `None`.
    #[getter]
    fn last_event_id(&self, py: Python<'_>) -> Option<String> {
        self.lock(py).last_event_id().map(str::to_owned)
    }

    /// The reconnection time in milliseconds that the stream set last, or `None`.
    #[getter]
    fn retry(&self, py: Python<'_>) -> Option<u64> {
        self.lock(py).retry()
    }

    /// Bytes looked at or moved so far: a measure for tests.
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
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let list = PyList::empty(py);
        if !messages.is_empty() {
            let class = CLASS.import(py, "respstream._sse_values", "ServerSentEvent")?;
            for Message { event, data, id, retry } in messages {
                let id = id.as_ref().map(|id| self.shared(py, id));
                list.append(class.call1((event, data, id, retry))?)?;
            }
        }
        Ok(list)
    }

    /// The id as a Python string, made once.
    fn shared<'py>(&self, py: Python<'py>, id: &Arc<str>) -> Bound<'py, PyString> {
        let known = || self.id.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = known().as_ref().filter(|(known, _)| Arc::ptr_eq(known, id)) {
            return text.bind(py).clone();
        }
        let text = PyString::new(py, id);
        let old = known().replace((id.clone(), text.clone().unbind()));
        drop(old);
        text
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Core> {
        self.core.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

fn feed(mut decoder: MutexGuard<'_, Core>, bytes: &[u8]) -> Result<Vec<Message>, Finished> {
    let mut messages = Vec::new();
    decoder.feed(bytes, &mut |message| messages.push(message))?;
    Ok(messages)
}

/// The option `on_eof` as Python hands it over.
#[derive(Clone, Copy)]
struct OnEofArg(OnEof);

impl<'py> FromPyObject<'_, 'py> for OnEofArg {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match given.extract::<&str>() {
            Ok("flush") => Ok(Self(OnEof::Flush)),
            Ok("discard") => Ok(Self(OnEof::Discard)),
            _ => {
                let given = given.repr()?;
                Err(PyValueError::new_err(format!("on_eof is 'flush' or 'discard', not {given}")))
            }
        }
    }
}

/// `bytes` as they are; a copy of any other buffer; `str` and what is no buffer raises `TypeError`.
fn to_bytes<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = chunk.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if chunk.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "feed() takes bytes, not str: hand over the bytes as they came, before any decoding",
        ));
    }
    let view = PyMemoryView::from(chunk)?;
    Ok(chunk.py().get_type::<PyBytes>().call1((view,))?.cast_into()?)
}

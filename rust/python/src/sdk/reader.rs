//! The class `SdkReader`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::events::EventBuilder;
use super::framing::{Block, BlockFramer};
use super::plan::SdkPlan;

/// Reads one stream. An iterator over the events of the latest chunk: each is built when it is asked for, so that those of a large
/// chunk are not all alive at once.
#[pyclass(module = "respstream._native")]
pub struct SdkReader {
    plan: Py<SdkPlan>,
    chunk: Option<Py<PyBytes>>,
    framer: BlockFramer,
    events: EventBuilder,
    drafts: Vec<String>,
    named: bool,
    /// The message before which the iteration stopped.
    message: Option<(Option<Py<PyString>>, Py<PyString>)>,
}

#[pymethods]
impl SdkReader {
    /// `drafts`: the event types that are returned as drafts, for an `SdkDeltaRun`. `named`: messages named `error` are for the
    /// SDK, and those that `is_passed_over` names are nobody's.
    #[new]
    #[pyo3(signature = (plan, drafts = Vec::new(), named = false))]
    fn new(plan: Py<SdkPlan>, drafts: Vec<String>, named: bool) -> Self {
        let framer = BlockFramer::default();
        let is_kept = keeps_builder(named, &drafts);
        let events = if is_kept { plan.get().take_builder() } else { EventBuilder::default() };
        Self { plan, chunk: None, framer, events, drafts, named, message: None }
    }

    /// Continues with the next chunk, after the end of the iteration over the one before; returns this reader.
    fn feed<'py>(mut slf: PyRefMut<'py, Self>, chunk: Bound<'py, PyBytes>) -> PyRefMut<'py, Self> {
        let py = slf.py();
        let Self { plan, chunk: last, framer, events, .. } = &mut *slf;
        events.use_table(plan.get().table());
        framer.feed(last.as_ref().map_or(b"", |last| last.as_bytes(py)), chunk.as_bytes());
        if !chunk.as_bytes().is_empty() {
            *last = Some(chunk.unbind());
        }
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// The next event. Stops before a message for the SDK, before bytes that the SDK has to frame, and after the chunk.
    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Self { chunk, framer, events, drafts, named, message, .. } = self;
        let Some(chunk) = chunk.as_ref().filter(|_| message.is_none()) else { return Ok(None) };
        let (name, data) = loop {
            let Some(Block { name, data }) = framer.next(chunk.as_bytes(py)) else {
                return Ok(None);
            };
            if *named && is_passed_over(name, data) {
                continue;
            }
            let is_event = !*named || name != Some(b"error");
            if is_event && let Some(event) = events.event(py, name, data, drafts)? {
                return Ok(Some(event));
            }
            break (name, data);
        };
        let text = |bytes| Ok::<_, PyErr>(PyString::from_bytes(py, bytes)?.unbind());
        *message = Some((name.map(text).transpose()?, text(data)?));
        Ok(None)
    }

    /// The message before which the iteration stopped, as `(event name or None, data)`; it goes on after that. None for others.
    fn take_message(&mut self) -> Option<(Option<Py<PyString>>, Py<PyString>)> {
        self.events.use_table(self.plan.get().table());
        self.message.take()
    }

    /// The bytes that are in no message so far.
    #[getter]
    fn rest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let chunk = self.chunk.as_ref().map_or(&b""[..], |chunk| chunk.as_bytes(py));
        PyBytes::new(py, self.framer.rest(chunk))
    }

    /// Whether the SDK has to frame the rest, and all further chunks.
    #[getter]
    fn is_unsupported(&self) -> bool {
        self.framer.is_unsupported()
    }
}

impl Drop for SdkReader {
    fn drop(&mut self) {
        if keeps_builder(self.named, &self.drafts) {
            self.plan.get().keep_builder(std::mem::take(&mut self.events));
        }
    }
}

/// Whether what was learnt of the events is kept for further streams: those of Anthropic have the same events. The events of others
/// have ids of their stream, which are shared as long as no other stream makes them vary.
fn keeps_builder(named: bool, drafts: &[String]) -> bool {
    named && drafts.is_empty()
}

/// Whether the Anthropic SDK passes a message over: it has no name, is a sign of life, or has no data and is no error. The same as
/// `Sdk.skips` in Python, which is for messages that the SDK frames.
fn is_passed_over(name: Option<&[u8]>, data: &[u8]) -> bool {
    name.is_none_or(|name| name == b"ping" || (name != b"error" && data.is_empty()))
}

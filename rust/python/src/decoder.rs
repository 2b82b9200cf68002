//! The class `Decoder`: takes bytes, returns event objects and responses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use respstream_core::decoder::{EventSink, Ignore};
use respstream_core::diagnostics::{DIAGNOSTICS, Diagnostic};
use respstream_core::frames::{Form, Options};
use respstream_core::protocols::Api;
use respstream_core::protocols::any_api::AnyApi;
use respstream_core::records::{RecordSpan, RowOptions};

use crate::convert;
use crate::interpreter::{self, call, lock};
use crate::objects::events::{EventBuilder, ObjectCache};
use crate::response::{DiagnosticObjects, OpenViews};
use crate::shared_decoder::{
    CoreDecoder, DecoderParts, ReentrancyGuard, SharedDecoder, check_reentrancy, lock_decoder,
};

/// Chunks of at least this size are parsed detached from the interpreter. For smaller ones, detaching costs more than it saves.
const DETACH_MIN_BYTES: usize = 8 * 1024;

/// When the response of a record was requested, and when it arrived; in seconds since the epoch.
type Times = (Option<f64>, Option<f64>);
/// First byte, end (exclusive) and line of a record.
type Span = (u64, u64, u64);

/// A decoder, and the objects of its diagnostics.
type DiagnosticsOf = (Weak<Mutex<DecoderParts>>, Arc<Mutex<DiagnosticObjects>>);

const FINISHED: &str = "the decoder has finished: call reset() before another stream";
const POSITIONAL: &str =
    "Decoder() takes options by name, such as form='sse'; pass the bytes to its method feed()";
const FAILED: &str = "the decoder has failed: call reset() before another stream";

enum Input<'a> {
    Chunk(&'a [u8]),
    Message(&'a [u8]),
    /// A record that another reader found, and whether its stream ends with it.
    Record(&'a [u8], RecordSpan, bool),
    End,
}

impl Input<'_> {
    fn feed<S: EventSink<AnyApi>>(self, core: &mut CoreDecoder, now: Option<f64>, sink: &mut S) {
        match self {
            Self::Chunk(bytes) => core.feed(bytes, now, sink),
            Self::Message(bytes) => core.message(bytes, now, sink),
            Self::Record(bytes, span, ends) => core.record(bytes, span, ends, now, sink),
            Self::End => core.finish(now, sink),
        }
    }

    fn is_large(&self) -> bool {
        matches!(self, Self::Chunk(bytes) | Self::Record(bytes, ..) if bytes.len() >= DETACH_MIN_BYTES)
    }

    /// Why the decoder accepts no input after this one.
    fn refusal(&self) -> Option<&'static str> {
        matches!(self, Self::End).then_some(FINISHED)
    }
}

/// Decodes one live stream or one log without I/O: takes bytes, returns events, and folds (assembles) responses.
///
/// Keyword options: `api`: "responses", or "auto": detected for each payload. `form`: "auto", "sse", "jsonl" or "rows" (`field`, `time` and `lane` are JSON Pointers for rows). `on_eof`:
/// whether an unfinished event at the end is kept ("flush") or dropped ("discard"). `strict`: the first diagnostic of severity
/// error raises `StreamError`. `max_event_bytes`: larger payloads are skipped and diagnosed. `clock`: a function that returns
/// the time of arrival of a chunk, in seconds. Raises `ValueError` or `TypeError` for invalid options and argument types, never
/// for malformed input. Threads may share a decoder: calls are serialized.
#[pyclass(frozen, subclass, module = "respstream._native")]
pub struct Decoder {
    /// Replaced by `reset`.
    current: Mutex<SharedDecoder>,
    views: Mutex<OpenViews>,
    /// The diagnostics that were read, and the decoder to which they belong.
    diagnostics: Mutex<DiagnosticsOf>,
    options: Options,
    rows: RowOptions,
    api: Option<Api>,
    strict: bool,
    clock: Option<Py<PyAny>>,
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (*positional, api = "auto", form = "auto", on_eof = "flush", strict = false, max_event_bytes = None, clock = None,
        field = None, time = None, lane = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    fn new(
        positional: &Bound<'_, PyTuple>,
        api: &str,
        form: &str,
        on_eof: &str,
        strict: bool,
        max_event_bytes: Option<i64>,
        clock: Option<Py<PyAny>>,
        field: Option<&str>,
        time: Option<&str>,
        lane: Option<&str>,
    ) -> PyResult<Self> {
        if !positional.is_empty() {
            return Err(PyTypeError::new_err(POSITIONAL));
        }
        let api = convert::api(api)?;
        let options = convert::options(form, on_eof, max_event_bytes)?;
        let rows = convert::row_options(form, field, time, lane)?;
        let options = if rows.only { Options { form: Form::Jsonl, ..options } } else { options };
        Ok(Self {
            current: Mutex::new(new_decoder(options, strict, &rows, api)),
            views: Mutex::default(),
            diagnostics: Mutex::default(),
            options,
            rows,
            api,
            strict,
            clock,
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let py = slf.py();
        let (responses, diagnostics) = {
            let shared = this.shared(py);
            let parts = lock_decoder(py, &shared)?;
            (parts.core.lanes().ordinals().len(), parts.core.store().counts.iter().sum::<u64>())
        };
        Ok(format!("{}(responses={responses}, diagnostics={diagnostics})", slf.get_type().name()?))
    }

    /// Discards all state; the decoder is ready for another stream.
    fn reset(&self, py: Python<'_>) {
        let old = std::mem::take(&mut *lock(py, &self.views));
        *lock(py, &self.current) = new_decoder(self.options, self.strict, &self.rows, self.api);
        drop(old);
    }

    /// Takes the next bytes, `data[start:stop]`; returns the events that they complete.
    #[pyo3(signature = (data, start = 0, stop = None))]
    fn feed<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let data = convert::to_bytes(data)?;
        self.events(py, Input::Chunk(slice(data.as_bytes(), start, stop)))
    }

    /// Ends the stream; returns the last events. More bytes require a `reset()`.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.events(py, Input::End)
    }

    /// Takes one payload that arrived as a message of its own, as a WebSocket frame (`str` or bytes-like); returns its events. It
    /// needs no framing, and the next message does not continue it. Offsets count all messages, and one byte between two.
    fn message<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let bytes = convert::to_message(data)?;
        self.events(data.py(), Input::Message(bytes.as_bytes()))
    }

    /// Like `feed`, but builds no events: returns the responses that ended, and releases them.
    #[pyo3(signature = (data, start = 0, stop = None))]
    fn fold<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let data = convert::to_bytes(data)?;
        self.ended(py, Input::Chunk(slice(data.as_bytes(), start, stop)))
    }

    /// Like `finish`, but returns the responses that ended, and releases them.
    fn fold_end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.ended(py, Input::End)
    }

    /// Takes one record that another reader found; returns its events. `times`: when its response was requested, and when it
    /// arrived, in seconds; `span`: first byte, end (exclusive) and line; `ends`: whether its stream ends with the record.
    #[pyo3(signature = (data, times, span, ends = true))]
    fn feed_record<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        times: Times,
        span: Span,
        ends: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        self.events(data.py(), Input::Record(data.as_bytes(), record_span(times, span), ends))
    }

    /// Like `feed_record`, but returns the responses that ended, and releases them.
    #[pyo3(signature = (data, times, span, ends = true))]
    fn fold_record<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        times: Times,
        span: Span,
        ends: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        self.ended(data.py(), Input::Record(data.as_bytes(), record_span(times, span), ends))
    }

    /// Adds the diagnostic `bad_field` for a record that another reader found and cannot read.
    fn bad_record(&self, py: Python<'_>, field: &str, expected: &str, span: Span) -> PyResult<()> {
        self.without_output(py, |core| {
            core.bad_record(field, expected, record_span((None, None), span));
        })
    }

    /// Sets the format ("har", "vcr") and size in bytes of the file whose records are fed.
    fn set_recording(&self, py: Python<'_>, form: &str, size: u64) -> PyResult<()> {
        let format = if form == "har" { "har" } else { "vcr" };
        self.without_output(py, |core| core.set_recording(format, size))
    }

    /// Folds one payload that was framed elsewhere. `name`: from its `event:` line; `number`: the position of the event.
    fn add_payload(
        &self,
        py: Python<'_>,
        raw: &[u8],
        name: Option<&str>,
        number: u64,
    ) -> PyResult<()> {
        let now = self.now(py)?;
        self.without_output(py, |core| core.payload(raw, name.map(str::as_bytes), number, now))
    }

    /// Chooses, for tests, which fast paths are used.
    #[pyo3(signature = (*, whole_blocks = true, event_cache = true, value_cache = true))]
    fn _choose_paths(
        &self,
        py: Python<'_>,
        whole_blocks: bool,
        event_cache: bool,
        value_cache: bool,
    ) -> PyResult<()> {
        lock_decoder(py, &self.shared(py))?.core.choose_paths(
            whole_blocks,
            event_cache,
            value_cache,
        );
        Ok(())
    }

    /// How often each fast path was used; for tests.
    fn _counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = lock_decoder(py, &self.shared(py))?.core.counters();
        let dict = PyDict::new(py);
        dict.set_item("framed", counters.framed)?;
        dict.set_item("framed_slowly", counters.framed_slowly)?;
        dict.set_item("recognised", counters.recognised)?;
        dict.set_item("not_recognised", counters.not_recognised)?;
        dict.set_item("appended", counters.appended)?;
        dict.set_item("in_runs", counters.in_runs)?;
        dict.set_item("cached_values", counters.cached_values)?;
        dict.set_item("cached_bytes", counters.cached_bytes)?;
        Ok(dict)
    }

    /// The response that began last, assembled so far; None before the first, and after it was released.
    #[getter]
    fn response<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let shared = self.shared(py);
        let ordinal = {
            let parts = lock_decoder(py, &shared)?;
            let lanes = parts.core.lanes();
            lanes.latest_ordinal.filter(|latest| lanes.get(*latest).is_some())
        };
        ordinal.map(|ordinal| lock(py, &self.views).get(py, shared, ordinal)).transpose()
    }

    /// All responses: the ended ones, in the order of their ends, then the open ones.
    #[getter]
    fn responses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let shared = self.shared(py);
        let ordinals = lock_decoder(py, &shared)?.core.lanes().ordinals();
        let list = PyList::empty(py);
        for ordinal in ordinals {
            let view = lock(py, &self.views).get(py, shared.clone(), ordinal)?;
            list.append(view)?;
        }
        Ok(list)
    }

    /// Forgets the responses that have ended but the last `keep`.
    #[pyo3(signature = (keep))]
    fn forget_ended(&self, py: Python<'_>, keep: usize) -> PyResult<()> {
        let forgotten = lock_decoder(py, &self.shared(py))?.core.lanes_mut().take_oldest(keep);
        for folded in forgotten {
            lock(py, &self.views).forget(py, folded);
        }
        Ok(())
    }

    /// The diagnostics so far; at most 10,000 are stored.
    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let shared = self.shared(py);
        let (objects, replaced) = {
            let mut current = lock(py, &self.diagnostics);
            let same = current.0.ptr_eq(&Arc::downgrade(&shared));
            let fresh = || (Arc::downgrade(&shared), Arc::default());
            let replaced = (!same).then(|| std::mem::replace(&mut *current, fresh()));
            (current.1.clone(), replaced)
        };
        drop(replaced); // after the lock, because finalizers may run
        DiagnosticObjects::list(py, &objects, |take| {
            take(&lock_decoder(py, &shared)?.core.store().kept);
            Ok(())
        })
    }

    /// Number of diagnostics per code, including those that are not kept.
    #[getter]
    fn diagnostic_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = lock_decoder(py, &self.shared(py))?.core.store().counts;
        let dict = PyDict::new(py);
        for (kind, count) in DIAGNOSTICS.iter().zip(counts).filter(|(_, count)| *count > 0) {
            dict.set_item(kind.code, count)?;
        }
        Ok(dict)
    }

    /// The sequence number of the last event that has one.
    #[getter]
    fn last_sequence_number(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(lock_decoder(py, &self.shared(py))?.core.lanes().last_sequence)
    }
}

impl Decoder {
    fn shared(&self, py: Python<'_>) -> SharedDecoder {
        lock(py, &self.current).clone()
    }

    fn now(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let now = |clock: &Py<PyAny>| call(py, || clock.bind(py).call0())?.extract();
        self.clock.as_ref().map(now).transpose()
    }

    /// Feeds the input; returns the events that it completes.
    fn events<'py>(&self, py: Python<'py>, input: Input<'_>) -> PyResult<Bound<'py, PyList>> {
        let now = self.now(py)?;
        let refusal = input.refusal();
        let shared = self.shared(py);
        let (events, failed) = {
            let mut parts = lock_decoder(py, &shared)?;
            check_accepts_input(&parts)?;
            let guard = ReentrancyGuard::new(&shared);
            let DecoderParts { core, cache, .. } = &mut *parts;
            let mut builder = EventBuilder::new(py, cache);
            input.feed(core, now, &mut builder);
            let events = builder.finish();
            drop(guard);
            (events, failure(&mut parts, refusal))
        };
        let events = events?;
        match failed {
            Some(failed) => Err(convert::stream_error(py, &failed, events, None)?),
            None => Ok(events),
        }
    }

    /// Feeds the input; returns the responses that end in it.
    fn ended<'py>(&self, py: Python<'py>, input: Input<'_>) -> PyResult<Bound<'py, PyList>> {
        let now = self.now(py)?;
        let (refusal, detach) = (input.refusal(), input.is_large());
        let shared = self.shared(py);
        let work = |mut parts: MutexGuard<'_, DecoderParts>| {
            check_accepts_input(&parts)?;
            input.feed(&mut parts.core, now, &mut Ignore);
            // Responses that ended before a failure stay in the decoder, for the code that catches the exception.
            let failed = failure(&mut parts, refusal);
            let ended =
                if failed.is_some() { Vec::new() } else { parts.core.lanes_mut().take_ended() };
            Ok::<_, PyErr>((failed, ended))
        };
        let (failed, ended) = if detach {
            check_reentrancy(&shared)?;
            interpreter::detach(py, || work(shared.lock().unwrap_or_else(PoisonError::into_inner)))?
        } else {
            work(lock_decoder(py, &shared)?)?
        };
        let list = PyList::empty(py);
        if let Some(failed) = failed {
            return Err(convert::stream_error(py, &failed, list, None)?);
        }
        for folded in ended {
            let view = lock(py, &self.views).release(py, folded)?;
            list.append(view)?;
        }
        Ok(list)
    }

    /// Calls the core decoder; returns nothing. Raises `StreamError` if a strict decoder fails.
    fn without_output(&self, py: Python<'_>, call: impl FnOnce(&mut CoreDecoder)) -> PyResult<()> {
        let shared = self.shared(py);
        let failed = {
            let mut parts = lock_decoder(py, &shared)?;
            check_accepts_input(&parts)?;
            call(&mut parts.core);
            failure(&mut parts, None)
        };
        match failed {
            Some(failed) => Err(convert::stream_error(py, &failed, PyList::empty(py), None)?),
            None => Ok(()),
        }
    }
}

/// `data[start:stop]`, clipped to the data.
fn slice(data: &[u8], start: usize, stop: Option<usize>) -> &[u8] {
    data.get(start..stop.unwrap_or(data.len()).min(data.len())).unwrap_or_default()
}

fn record_span((requested_at, time): Times, (offset, end, line): Span) -> RecordSpan {
    RecordSpan { offset, end, line, time, requested_at }
}

fn new_decoder(
    options: Options,
    strict: bool,
    rows: &RowOptions,
    api: Option<Api>,
) -> SharedDecoder {
    let core = CoreDecoder::with_rows(options, strict, rows.clone(), api);
    Arc::new(Mutex::new(DecoderParts { core, cache: ObjectCache::default(), refusal: None }))
}

/// Raises `ValueError` if the decoder has finished or failed.
fn check_accepts_input(parts: &DecoderParts) -> PyResult<()> {
    parts.refusal.map_or(Ok(()), |refusal| Err(PyValueError::new_err(refusal)))
}

/// The diagnostic at which a strict decoder has failed. Records why the decoder accepts no more input: the failure, or else
/// `refusal`.
fn failure(parts: &mut DecoderParts, refusal: Option<&'static str>) -> Option<Diagnostic> {
    let failed = parts.core.store().failed.clone();
    parts.refusal = if failed.is_some() { Some(FAILED) } else { refusal };
    failed
}

//! The binding of `decoder`: bytes in, event objects and responses out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict, PyList};
use respstream_core::catalogue::DIAGNOSTICS;
use respstream_core::decoder::{Decoder as Core, Ignore, Sink};
use respstream_core::diagnostics::Diagnostic;
use respstream_core::frames::{Form, Options};
use respstream_core::response::Folded;
use respstream_core::wrapped::{Place, RowOptions};

use crate::convert;
use crate::events::{Maker, Memory};
use crate::response::{Room, SharedRoom, State, Within, outside, response};

/// Chunks from this size on are folded without the GIL; below it, letting go costs more than it gives.
const DETACH_FROM: usize = 8 * 1024;

/// When a record was asked for and when it came; its first byte, the byte behind it, its line.
type Times = (Option<f64>, Option<f64>);
type Span = (u64, u64, u64);

const FINISHED: &str = "the decoder has finished; reset() makes it ready for another stream";
const FAILED: &str = "the decoder has failed; reset() makes it ready for another stream";

/// What a decoder is given.
enum Input<'a> {
    Chunk(&'a [u8]),
    /// A record that was found elsewhere; whether its stream ends behind it.
    Record(&'a [u8], Place, bool),
    End,
}

impl Input<'_> {
    fn take<S: Sink>(self, core: &mut Core, now: Option<f64>, sink: &mut S) {
        match self {
            Self::Chunk(bytes) => core.feed(bytes, now, sink),
            Self::Record(bytes, place, ends) => core.record(bytes, place, ends, now, sink),
            Self::End => core.finish(now, sink),
        }
    }

    fn is_large(&self) -> bool {
        matches!(self, Self::Chunk(bytes) | Self::Record(bytes, ..) if bytes.len() >= DETACH_FROM)
    }

    /// Why nothing can be taken behind it.
    fn refusal(&self) -> Option<&'static str> {
        matches!(self, Self::End).then_some(FINISHED)
    }
}

/// The views of open responses that Python has seen, by ordinal: one object for each response.
#[derive(Default)]
pub struct Views(HashMap<u64, (Py<State>, Py<PyAny>)>);

impl Views {
    /// The one view of a response.
    pub fn get<'py>(
        &mut self,
        py: Python<'py>,
        room: SharedRoom,
        ordinal: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some((_, view)) = self.0.get(&ordinal) {
            return Ok(view.bind(py).clone());
        }
        let state = Bound::new(py, State::shared(room, ordinal))?;
        let view = response(py, &state)?;
        self.0.insert(ordinal, (state.unbind(), view.clone().unbind()));
        Ok(view)
    }

    /// The view of a response that leaves its decoder.
    fn release<'py>(&mut self, py: Python<'py>, folded: Folded) -> PyResult<Bound<'py, PyAny>> {
        if let Some((state, view)) = self.0.remove(&folded.ordinal) {
            state.get().adopt(py, folded);
            return Ok(view.into_bound(py));
        }
        response(py, &Bound::new(py, State::owned(folded))?)
    }
}

/// Decodes one live stream, or one log, without doing any I/O: bytes in; events out, and responses folded on the way.
///
/// Options, by keyword: `form`: "auto", "sse", "jsonl" or "rows" (then `field`, `time` and `lane` are JSON pointers). `on_eof`: whether an
/// unfinished block at the end counts ("flush") or not ("discard"). `strict`: the first diagnostic of severity error raises `StreamError`.
/// `max_event_bytes`: larger payloads are skipped and diagnosed. `clock`: a function that tells the time of each chunk, in seconds.
/// Raises `ValueError` or `TypeError` for the options and for what is fed, never for what the bytes say. Threads may share
/// a decoder: each call is taken as a whole.
#[pyclass(frozen, subclass, module = "respstream._native")]
pub struct Decoder {
    room: Mutex<SharedRoom>,
    views: Mutex<Views>,
    options: Options,
    rows: RowOptions,
    strict: bool,
    clock: Option<Py<PyAny>>,
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (*, form = "auto", on_eof = "flush", strict = false, max_event_bytes = None, clock = None,
        field = None, time = None, lane = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    fn new(
        form: &str,
        on_eof: &str,
        strict: bool,
        max_event_bytes: Option<i64>,
        clock: Option<Py<PyAny>>,
        field: Option<&str>,
        time: Option<&str>,
        lane: Option<&str>,
    ) -> PyResult<Self> {
        let options = convert::options(form, on_eof, max_event_bytes)?;
        let rows = convert::rows(form, field, time, lane)?;
        let options = if rows.only { Options { form: Form::Jsonl, ..options } } else { options };
        Ok(Self {
            room: Mutex::new(room(options, strict, &rows)),
            views: Mutex::default(),
            options,
            rows,
            strict,
            clock,
        })
    }

    /// Forgets everything; the decoder is as new.
    fn reset(&self, py: Python<'_>) {
        let old = std::mem::take(&mut *lock(py, &self.views));
        *lock(py, &self.room) = room(self.options, self.strict, &self.rows);
        drop(old);
    }

    /// Takes the next bytes, those of `data` from `start` to `stop`; gives the events that they complete.
    #[pyo3(signature = (data, start = 0, stop = None))]
    fn feed<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let data = convert::to_bytes(data)?;
        self.events(py, Input::Chunk(part(data.as_bytes(), start, stop)))
    }

    /// Ends the stream; gives the last events. Further bytes need a `reset()`.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.events(py, Input::End)
    }

    /// As `feed`, but makes no events: gives the responses that ended, and forgets them.
    #[pyo3(signature = (data, start = 0, stop = None))]
    fn fold<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let data = convert::to_bytes(data)?;
        self.ended(py, Input::Chunk(part(data.as_bytes(), start, stop)))
    }

    /// As `finish`, but gives the responses that ended, and forgets them.
    fn fold_end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.ended(py, Input::End)
    }

    /// Takes one record that was found elsewhere; gives the events in it. `times`: when its response was asked for, and when
    /// it came; `span`: its first byte, the byte behind it, its line.
    #[pyo3(signature = (data, times, span, ends = true))]
    fn feed_record<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        times: Times,
        span: Span,
        ends: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        self.events(data.py(), Input::Record(data.as_bytes(), place(times, span), ends))
    }

    /// As `feed_record`, but gives the responses that ended, and forgets them.
    #[pyo3(signature = (data, times, span, ends = true))]
    fn fold_record<'py>(
        &self,
        data: &Bound<'py, PyBytes>,
        times: Times,
        span: Span,
        ends: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        self.ended(data.py(), Input::Record(data.as_bytes(), place(times, span), ends))
    }

    /// Diagnoses a record that was found elsewhere and cannot be read (`bad_field`).
    fn bad_record(&self, py: Python<'_>, field: &str, expected: &str, span: Span) -> PyResult<()> {
        self.quietly(py, |core| core.bad_record(field, expected, place((None, None), span)))
    }

    /// Folds one payload that was framed elsewhere: the event of that number, with the name of its event line.
    fn add_payload(
        &self,
        py: Python<'_>,
        raw: &[u8],
        name: Option<&str>,
        number: u64,
    ) -> PyResult<()> {
        let now = self.now(py)?;
        self.quietly(py, |core| core.payload(raw, name.map(str::as_bytes), number, now))
    }

    /// Chooses for tests which fast paths are taken.
    #[pyo3(signature = (*, plain = true, predict = true, remember = true))]
    fn _choose_paths(
        &self,
        py: Python<'_>,
        plain: bool,
        predict: bool,
        remember: bool,
    ) -> PyResult<()> {
        enter(py, &self.room(py))?.core.choose_paths(plain, predict, remember);
        Ok(())
    }

    /// For tests: what the fast paths did.
    fn _counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = enter(py, &self.room(py))?.core.counters();
        let dict = PyDict::new(py);
        dict.set_item("framed", counters.framed)?;
        dict.set_item("framed_slowly", counters.framed_slowly)?;
        dict.set_item("recognised", counters.recognised)?;
        dict.set_item("not_recognised", counters.not_recognised)?;
        dict.set_item("appended", counters.appended)?;
        dict.set_item("in_runs", counters.in_runs)?;
        dict.set_item("remembered", counters.remembered)?;
        dict.set_item("remembered_bytes", counters.remembered_bytes)?;
        Ok(dict)
    }

    /// The latest response, folded so far; None before the first.
    #[getter]
    fn response<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let room = self.room(py);
        let ordinal = {
            let room = enter(py, &room)?;
            room.core.lanes().latest.filter(|latest| room.core.lanes().get(*latest).is_some())
        };
        ordinal.map(|ordinal| lock(py, &self.views).get(py, room, ordinal)).transpose()
    }

    /// All responses: those that have ended, in the order of ending, then the open ones.
    #[getter]
    fn responses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let room = self.room(py);
        let ordinals = enter(py, &room)?.core.lanes().ordinals();
        let list = PyList::empty(py);
        for ordinal in ordinals {
            let view = lock(py, &self.views).get(py, room.clone(), ordinal)?;
            list.append(view)?;
        }
        Ok(list)
    }

    /// What was odd so far; at most 10,000 are kept.
    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let found = enter(py, &self.room(py))?.core.store().kept.clone();
        convert::diagnostics(py, &found)
    }

    /// How many diagnostics there were of each code, kept or not.
    #[getter]
    fn diagnostic_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = enter(py, &self.room(py))?.core.store().counts;
        let dict = PyDict::new(py);
        for (kind, count) in DIAGNOSTICS.iter().zip(counts).filter(|(_, count)| *count > 0) {
            dict.set_item(kind.code, count)?;
        }
        Ok(dict)
    }

    /// The sequence number of the last event that had one.
    #[getter]
    fn last_sequence_number(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(enter(py, &self.room(py))?.core.lanes().last_sequence_number)
    }
}

impl Decoder {
    fn room(&self, py: Python<'_>) -> SharedRoom {
        lock(py, &self.room).clone()
    }

    fn now(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.clock.as_ref().map(|clock| clock.bind(py).call0()?.extract()).transpose()
    }

    /// Gives the events in what comes.
    fn events<'py>(&self, py: Python<'py>, input: Input<'_>) -> PyResult<Bound<'py, PyList>> {
        let now = self.now(py)?;
        let after = input.refusal();
        let shared = self.room(py);
        let (events, failed) = {
            let mut room = enter(py, &shared)?;
            ready(&room)?;
            let within = Within::mark(&shared);
            let Room { core, memory, .. } = &mut *room;
            let mut maker = Maker::new(py, memory)?;
            input.take(core, now, &mut maker);
            let events = maker.finish();
            drop(within);
            (events, settle(&mut room, after))
        };
        let events = events?;
        match failed {
            Some(failed) => Err(convert::stream_error(py, &failed, events, None)?),
            None => Ok(events),
        }
    }

    /// Gives the responses that end in what comes.
    fn ended<'py>(&self, py: Python<'py>, input: Input<'_>) -> PyResult<Bound<'py, PyList>> {
        let now = self.now(py)?;
        let (after, detach) = (input.refusal(), input.is_large());
        let room = self.room(py);
        let work = |mut room: MutexGuard<'_, Room>| {
            ready(&room)?;
            input.take(&mut room.core, now, &mut Ignore);
            // Those that ended before a failure stay, for whoever catches it.
            let failed = settle(&mut room, after);
            let ended =
                if failed.is_some() { Vec::new() } else { room.core.lanes_mut().take_ended() };
            Ok::<_, PyErr>((failed, ended))
        };
        let (failed, ended) = if detach {
            outside(&room)?;
            py.detach(|| work(room.lock().unwrap_or_else(PoisonError::into_inner)))?
        } else {
            work(enter(py, &room)?)?
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

    /// Takes what gives nothing back.
    fn quietly(&self, py: Python<'_>, take: impl FnOnce(&mut Core)) -> PyResult<()> {
        let room = self.room(py);
        let failed = {
            let mut room = enter(py, &room)?;
            ready(&room)?;
            take(&mut room.core);
            settle(&mut room, None)
        };
        match failed {
            Some(failed) => Err(convert::stream_error(py, &failed, PyList::empty(py), None)?),
            None => Ok(()),
        }
    }
}

/// The bytes from `start` to `stop`, as far as there are any.
fn part(data: &[u8], start: usize, stop: Option<usize>) -> &[u8] {
    data.get(start..stop.unwrap_or(data.len()).min(data.len())).unwrap_or_default()
}

fn place((began, time): Times, (offset, end, line): Span) -> Place {
    Place { offset, end, line, time, began }
}

fn room(options: Options, strict: bool, rows: &RowOptions) -> SharedRoom {
    let core = Core::with_rows(options, strict, rows.clone());
    Arc::new(Mutex::new(Room { core, memory: Memory::default(), refusal: None }))
}

/// Locks the room. Raises `RuntimeError` instead of waiting for the thread's own self.
fn enter<'a>(py: Python<'_>, room: &'a Mutex<Room>) -> PyResult<MutexGuard<'a, Room>> {
    outside(room)?;
    Ok(lock(py, room))
}

fn ready(room: &Room) -> PyResult<()> {
    room.refusal.map_or(Ok(()), |refusal| Err(PyValueError::new_err(refusal)))
}

/// Notes whether the decoder can go on; gives the diagnostic that it failed at.
fn settle(room: &mut Room, after: Option<&'static str>) -> Option<Diagnostic> {
    let failed = room.core.store().failed.clone();
    room.refusal = if failed.is_some() { Some(FAILED) } else { after };
    failed
}

fn lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    mutex.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
}

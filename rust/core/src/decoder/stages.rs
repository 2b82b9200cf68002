//! The stages after the framer: frames to events, events to lanes.

use std::borrow::Cow;

use super::event_sink::EventSink;
use super::lifecycle_only::{LifecycleOnly, skips_learned};
use crate::diagnostics::{
    Code, HEAD_SAMPLE, Issue, Note, Span, Store, appearance, recording_appearance,
};
use crate::frames::{DeltaRun, Envelope, Frame, FrameSink};
use crate::json::{self, Checked, Fault, Member};
use crate::lanes::Lanes;
use crate::predict::Delta;
use crate::protocols::{
    Api, Classified, Protocol, Reader, Response, RoutedEvent, recognised_event,
};
use crate::records::{Closes, FrameReader, RecordSink, RecordSpan, Rows};

/// Where the bytes of a decoder come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Source,
    /// A part of a source, which may have responses elsewhere.
    Part,
    /// The records of a HAR file or VCR cassette; its format.
    Recording(&'static str),
}

/// The stages after the framer, and their state.
pub struct Stages<P: Protocol> {
    pub reader: Reader<P>,
    pub lanes: Lanes<P>,
    pub store: Store,
    pub issues: Vec<Issue>,
    pub now: Option<f64>,
    /// The lane of the current record, and the time of its request.
    pub lane: Option<Box<str>>,
    pub requested_at: Option<f64>,
    pub lifecycle_only: LifecycleOnly,
    /// The first bytes of the source, until an event of a known type was read.
    pub head: Option<Vec<u8>>,
    pub origin: Origin,
}

impl<P: Protocol> Stages<P> {
    pub fn new(strict: bool, api: Option<Api>) -> Self {
        Self {
            reader: Reader::new(api),
            lanes: Lanes::default(),
            store: Store::new(strict),
            issues: Vec::new(),
            now: None,
            lane: None,
            requested_at: None,
            lifecycle_only: LifecycleOnly::default(),
            head: Some(Vec::new()),
            origin: Origin::Source,
        }
    }

    /// Keeps the first bytes of the source, to describe it if it has no event.
    pub fn sample(&mut self, bytes: &[u8]) {
        if let Some(head) = &mut self.head {
            let room = HEAD_SAMPLE.saturating_sub(head.len());
            head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Applies a run of events that repeat the last cached event and continue its text.
    #[inline]
    fn run<S: EventSink<P>>(
        &mut self,
        rest: &[u8],
        envelope: &Envelope<'_>,
        offset: u64,
        sink: &mut S,
    ) -> DeltaRun {
        if S::READS_EVENTS && self.lifecycle_only.on {
            return DeltaRun::default();
        }
        if let Some(api) = self.skippable() {
            let events = &mut self.reader.events;
            let run = self.lifecycle_only.run::<P>(events, api, rest, envelope);
            if run.events > 0 {
                self.lanes.skipped();
            }
            return run;
        }
        let Self { reader, lanes, store, issues, now, lane, .. } = self;
        if now.is_some() || store.failed.is_some() || !issues.is_empty() {
            return DeltaRun::default();
        }
        let Some((cached, route)) = reader.events.repeating() else { return DeltaRun::default() };
        if envelope.name.is_some_and(|name| name != cached.name.as_bytes()) {
            return DeltaRun::default();
        }
        let lane = lane.as_deref();
        if !sink.takes_runs(cached, &route, cached.lane.as_deref().or(lane)) {
            return DeltaRun::default();
        }
        let each = S::READS_DELTAS.then_some(|delta: &Delta<'_>| sink.delta(delta));
        let run = lanes.run(lane, cached, (rest, offset), envelope, each);
        if run.events > 0 {
            let lane = cached.lane.as_deref().or(lane);
            let named = cached.response.is_some() && envelope.is_line();
            sink.run_ended(cached, &route, lane, lanes.response_in(lane, named));
            reader.events.hit(run.events);
        }
        run
    }

    /// The API whose events may be skipped, if they cannot change a lifecycle: that of the response that is running.
    #[inline]
    fn skippable(&self) -> Option<Api> {
        let is_on = self.lifecycle_only.on && self.lane.is_none();
        if is_on { self.lanes.skippable() } else { None }
    }

    /// Handles a frame. Returns the span of a frame that is not an event: the caller reports its issues.
    pub fn frame<S: EventSink<P>>(&mut self, mut frame: Frame<'_>, sink: &mut S) -> Option<Span> {
        let recognised = self.reader.recognise(&mut frame);
        let skippable = self.skippable();
        if let Some(api) = skippable
            && self.lifecycle_only.skips::<P>(&mut frame, api, &self.reader.events)
        {
            self.lanes.skipped();
            return None;
        }
        let Self { reader, lanes, store, issues, now, lane, requested_at, lifecycle_only, .. } =
            self;
        if store.failed.is_some() {
            return None;
        }
        if recognised && let Some((cached, route)) = reader.events.last_match() {
            let mut event = recognised_event(&frame, (cached, P::api(&route)), issues);
            event.time = *now;
            if event.lane.is_none() {
                event.lane = lane.as_deref().map(Cow::Borrowed);
            }
            let continues = issues.is_empty() && lanes.continue_text(&event, *requested_at);
            let event = RoutedEvent { route: Some(route), parsed: &event };
            let belongs = continues || lanes.event(&event, issues, store, *requested_at);
            if !has_failed(store, lanes, sink) {
                sink.applied(&event, if belongs { lanes.response_of(&event) } else { None });
            }
            return None;
        }
        let span = Span { start: frame.offset, end: frame.end, line: frame.line };
        let data = frame.data;
        let open = lanes.open_in(lane.as_deref()).map(Response::api);
        match reader.classify(&mut frame, open, issues) {
            Classified::Event(mut event, route) => {
                if route.is_some() {
                    self.head = None;
                }
                event.time = *now;
                if event.lane.is_none() {
                    event.lane = lane.as_deref().map(Cow::Borrowed);
                }
                let skips = skippable == Some(event.api);
                if skips && skips_learned::<P>(&event, route.as_ref(), issues) {
                    lifecycle_only.skipped += span.len();
                    lanes.skipped();
                    return None;
                }
                P::attach_cached(&mut event, route.as_ref(), &reader.values);
                let event = RoutedEvent { route, parsed: &event };
                let belongs = lanes.event(&event, issues, store, *requested_at);
                if !has_failed(store, lanes, sink) {
                    sink.applied(&event, if belongs { lanes.response_of(&event) } else { None });
                }
                None
            }
            Classified::NonStreamed(api) => {
                let times = (*requested_at, *now);
                lanes.non_streamed((data, api), lane.as_deref(), times, span, issues, store);
                if let Some(response) = lanes.open_in(lane.as_deref()) {
                    sink.non_streamed(response);
                }
                has_failed(store, lanes, sink);
                None
            }
            Classified::NotAnEvent => Some(span),
        }
    }

    /// Reports a source with bytes and without a response or an event, unless another diagnostic explains why. `size`: that of
    /// the source.
    pub fn check_responses(&mut self, size: u64) {
        let Self { head, lanes, store, origin, .. } = self;
        let mut explained = [Code::ErrorBody, Code::ForeignStream].into_iter();
        let Some(head) = head.as_deref() else { return };
        if size == 0
            || *origin == Origin::Part
            || lanes.latest_ordinal.is_some()
            || explained.any(|code| store.counts[code as usize] > 0)
        {
            return;
        }
        let what = match origin {
            Origin::Recording(format) => recording_appearance(format),
            _ => appearance(head),
        };
        let issue = (Code::NoResponses, vec![("what", what.into())]);
        store.add(issue, Span { start: 0, end: size, line: 1 }, None);
    }

    /// Reports the issues of a frame that is not an event. Those behind the error that ended a strict source are dropped.
    pub fn report_frame<S: EventSink<P>>(&mut self, span: Option<Span>, sink: &S) {
        let error = self.reader.error.take();
        if let Some(span) = span.filter(|_| self.store.failed.is_none()) {
            let lane = self.lane.as_deref();
            let error = error.as_deref();
            self.lanes.source_diagnostics(&mut self.issues, (span, lane), error, &mut self.store);
            has_failed(&mut self.store, &self.lanes, sink);
        }
    }

    /// Reports a diagnostic of the framer, unless it is behind the error that ended a strict source.
    pub fn note<S: EventSink<P>>(&mut self, note: Note, sink: &S) {
        if self.store.failed.is_some() {
            return;
        }
        let span = Span { start: note.offset, end: note.offset + note.length, line: note.line };
        let issues = &mut vec![(note.code, note.detail)];
        self.lanes.source_diagnostics(issues, (span, self.lane.as_deref()), None, &mut self.store);
        has_failed(&mut self.store, &self.lanes, sink);
    }
}

/// Whether an error has ended a strict source. An error that does not is one diagnostic of others.
#[inline]
fn has_failed<P: Protocol, S: EventSink<P>>(store: &mut Store, lanes: &Lanes<P>, sink: &S) -> bool {
    let Some(failed) = &store.failed else { return false };
    if store.tentative && !sink.fails(failed.offset, lanes.open_in(None)) {
        store.failed = None;
    }
    store.failed.is_some()
}

/// Receives the frames of the source: an object without a type may be a row that wraps a stream.
pub struct SourceSink<'a, P: Protocol, S> {
    pub stages: &'a mut Stages<P>,
    pub rows: &'a mut Rows,
    pub sink: &'a mut S,
}

impl<P: Protocol, S: EventSink<P>> FrameSink for SourceSink<'_, P, S> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        if self.rows.only {
            json::check(text, members)
        } else {
            self.stages.reader.check(text, members)
        }
    }

    #[inline]
    fn run(&mut self, rest: &[u8], envelope: &Envelope<'_>, offset: u64) -> DeltaRun {
        if self.rows.only {
            return DeltaRun::default();
        }
        self.stages.run(rest, envelope, offset, self.sink)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        if self.stages.store.failed.is_none() {
            let now = self.stages.now;
            let mut records = InnerSink { stages: self.stages, now, sink: self.sink };
            self.rows.read_frame(frame, &mut records);
        }
    }

    fn note(&mut self, note: Note) {
        self.stages.note(note, self.sink);
    }

    fn done(&mut self) {
        if self.stages.store.failed.is_none() {
            self.stages.lanes.end_all();
        }
    }
}

/// Receives the frames of records.
pub struct InnerSink<'a, P: Protocol, S> {
    pub stages: &'a mut Stages<P>,
    /// The time of events whose record has none.
    pub now: Option<f64>,
    pub sink: &'a mut S,
}

impl<P: Protocol, S: EventSink<P>> FrameSink for InnerSink<'_, P, S> {
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.stages.reader.check(text, members)
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let span = self.stages.frame(frame, self.sink);
        self.stages.report_frame(span, self.sink);
    }

    fn note(&mut self, note: Note) {
        self.stages.note(note, self.sink);
    }

    fn done(&mut self) {
        let Stages { lanes, lane, store, .. } = &mut *self.stages;
        if store.failed.is_none() {
            lanes.end_lane(lane.as_deref());
        }
    }
}

impl<P: Protocol, S: EventSink<P>> RecordSink for InnerSink<'_, P, S> {
    fn enter(&mut self, lane: Option<&str>, span: &RecordSpan) {
        let stages = &mut *self.stages;
        if stages.lane.as_deref() != lane {
            stages.lane = lane.map(Into::into);
        }
        stages.now = span.time.or(self.now);
        stages.requested_at = span.requested_at;
    }

    fn close(&mut self, lane: Option<&str>, span: &RecordSpan, closes: Closes) {
        let Stages { lanes, store, .. } = &mut *self.stages;
        if store.failed.is_none() {
            let offset = (closes == Closes::Whole).then_some(span.offset);
            lanes.close_record(lane, offset, store);
        }
    }
}

impl<P: Protocol, S: EventSink<P>> FrameReader for InnerSink<'_, P, S> {
    fn event(&mut self, frame: Frame<'_>) -> Option<Span> {
        self.stages.frame(frame, self.sink)
    }

    fn issues(&mut self) -> &mut Vec<Issue> {
        &mut self.stages.issues
    }

    fn report(&mut self, span: Span) {
        self.stages.report_frame(Some(span), self.sink);
    }

    fn row(&mut self, offset: u64) {
        self.sink.row(offset);
    }

    fn leave(&mut self) {
        let Stages { now, lane, requested_at, .. } = &mut *self.stages;
        (*now, *lane, *requested_at) = (self.now, None, None);
    }
}

//! Lanes: where responses begin and end, and which diagnostics belong to them.
//!
//! A lane is a stream key: events of several streams may interleave in one source. Most sources have one lane, without a name.
//! Responses are handed out in the order in which they end.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::assemble::append::append_run;
use crate::diagnostics::{
    Code, Detail, Diagnostic, Issue, KEPT, Span, Store, clip, error_of_detail,
};
use crate::frames::{DeltaRun, Envelope};
use crate::predict::{CachedEvent, Delta};
use crate::protocols::{Effect, ParsedEvent, Phase, Protocol, Response, Tracking};
use crate::work::work;

/// The maximum number of open lanes: beyond it the oldest is closed.
pub const OPEN_LANES: usize = 100_000;

/// The responses of one source. Each is identified by its ordinal: its number in the order of beginning.
pub struct Lanes<P: Protocol> {
    pub last_sequence: Option<i64>,
    /// The ordinal of the response that began last.
    pub latest_ordinal: Option<u64>,
    /// Deltas that were appended to the previous text directly, and those of them that were part of runs.
    pub appended: u64,
    pub in_runs: u64,
    closed: Vec<P::Response>,
    closed_positions: HashMap<u64, usize>,
    /// The open response of the lane without a name, and those of the named lanes.
    unnamed: Option<P::Response>,
    named: HashMap<Box<str>, P::Response>,
    /// The lanes of the open responses, oldest first.
    order: BTreeMap<u64, Option<Box<str>>>,
    /// Those of them that have seen no end mark.
    running: HashSet<u64>,
    next_ordinal: u64,
    next_stream_index: u64,
    /// Diagnostics that belong to no event. They are attributed when the next event of the unnamed lane arrives.
    pending: Vec<Diagnostic>,
    issues: Vec<Issue>,
    /// The buffer for the previous event of a response, reused.
    spare_buffer: Vec<u8>,
}

impl<P: Protocol> Default for Lanes<P> {
    fn default() -> Self {
        Self {
            last_sequence: None,
            latest_ordinal: None,
            appended: 0,
            in_runs: 0,
            closed: Vec::new(),
            closed_positions: HashMap::new(),
            unnamed: None,
            named: HashMap::new(),
            order: BTreeMap::new(),
            running: HashSet::new(),
            next_ordinal: 0,
            next_stream_index: 0,
            pending: Vec::new(),
            issues: Vec::new(),
            spare_buffer: Vec::new(),
        }
    }
}

/// The relation of an event to the response of its lane.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    NoResponse,
    Begins,
    Continues,
    After,
}

impl<P: Protocol> Lanes<P> {
    /// Applies the next event to its response. `issues` are those from parsing the event; they are drained. `requested_at` is the
    /// time of the request, if the record has one. Returns whether the event belongs to a response.
    pub fn event(
        &mut self,
        event: &ParsedEvent<'_, P::Route>,
        issues: &mut Vec<Issue>,
        store: &mut Store,
        requested_at: Option<f64>,
    ) -> bool {
        let lane = event.lane.as_deref();
        let effect = P::effect(event.route.as_ref());
        let route = self.route(lane, effect);
        if route == Route::Begins {
            self.close(lane, store);
            self.begin(lane, event.offset, event.line, store);
        }
        if event.sequence.is_some() {
            self.last_sequence = event.sequence;
        }
        let mut raised = std::mem::take(&mut self.issues);
        if !issues.is_empty() {
            raised.append(issues);
        }
        let belongs = route != Route::NoResponse;
        if belongs {
            self.attribute_pending(lane, route == Route::Begins);
            if let Some(response) = self.get_mut(lane) {
                apply::<P>(response, event, (route, effect), &mut raised);
                let tracking = response.tracking_mut();
                if let Some(now) = event.time {
                    tracking.stamp(now, requested_at, effect.phase, event.offset, &mut raised);
                }
                if !raised.is_empty() {
                    report(tracking, store, &mut raised, event.span(), event.sequence);
                }
            }
        } else {
            for issue in raised.drain(..) {
                store.add(issue, event.span(), event.sequence);
            }
        }
        self.issues = raised;
        belongs
    }

    /// Applies an event that repeats a cached one, has no issues and continues the text of the previous event. Does nothing and
    /// returns false for any other event.
    #[inline]
    pub fn continue_text(
        &mut self,
        event: &ParsedEvent<'_, P::Route>,
        requested_at: Option<f64>,
    ) -> bool {
        let lane = event.lane.as_deref();
        let Some(response) = self.get_mut(lane) else { return false };
        let tracking = response.tracking();
        let Some(got) = event.sequence.filter(|got| tracking.expects(*got)) else { return false };
        let reversed = event.time.zip(tracking.ended_at).is_some_and(|(now, last)| now < last);
        if tracking.ended || reversed || !P::continue_text(response, event) {
            return false;
        }
        let tracking = response.tracking_mut();
        tracking.count_deltas(1, got, event.end, event.raw);
        if let Some(now) = event.time {
            tracking.stamp(now, requested_at, Phase::Delta, event.offset, &mut Vec::new());
        }
        self.last_sequence = Some(got);
        self.appended += 1;
        if !self.pending.is_empty() {
            self.attribute_pending(lane, false);
        }
        true
    }

    /// Applies a run of events that [`Self::continue_text`] would apply one by one: the blocks at the start of `rest`, which is at
    /// `offset` in the source. `lane` is the lane of events that name none; `each`, if given, receives every event.
    #[inline]
    pub fn run(
        &mut self,
        lane: Option<&str>,
        cached: &mut CachedEvent<P::Route>,
        (rest, offset): (&[u8], u64),
        envelope: &Envelope<'_>,
        each: Option<impl FnMut(&Delta<'_>)>,
    ) -> DeltaRun {
        if !self.pending.is_empty() {
            return DeltaRun::default();
        }
        let lane = cached.lane.as_deref().or(lane);
        let Some(response) = self.get_mut(lane) else { return DeltaRun::default() };
        let tracking = response.tracking();
        let Some(before) = tracking.previous_sequence.filter(|_| !tracking.ended) else {
            return DeltaRun::default();
        };
        let Some(text) = P::growing_text(response, cached) else { return DeltaRun::default() };
        let run = append_run(text, cached, (rest, offset), envelope, before, each);
        if run.events > 0 {
            let end = offset + run.last.end as u64;
            let raw = rest.get(run.last.clone()).unwrap_or_default();
            response.tracking_mut().count_deltas(run.events, run.sequence, end, raw);
            self.last_sequence = Some(run.sequence);
            self.appended += run.events;
            self.in_runs += run.events;
        }
        run
    }

    /// Adds a response object that was not streamed. It closes the open response of its lane. `times`: of the request, and of the
    /// arrival.
    pub fn non_streamed(
        &mut self,
        raw: &[u8],
        lane: Option<&str>,
        times: (Option<f64>, Option<f64>),
        span: Span,
        issues: &mut Vec<Issue>,
        store: &mut Store,
    ) {
        self.close(lane, store);
        self.begin(lane, span.start, span.line, store);
        if let Some(response) = self.get_mut(lane) {
            let tracking = response.tracking_mut();
            tracking.started_at = times.0.or(times.1);
            tracking.ended_at = times.1;
            tracking.byte_end = span.end;
            tracking.ended = true;
            tracking.non_streamed = true;
            response.set_non_streamed(raw);
            report(response.tracking_mut(), store, issues, span, None);
        }
    }

    /// Reports issues that belong to no event. `lane` is that of their record. An error body inside an open response is the error
    /// of that response; `error` is the whole error, if it is known.
    pub fn source_diagnostics(
        &mut self,
        issues: &mut Vec<Issue>,
        (span, lane): (Span, Option<&str>),
        error: Option<&[u8]>,
        store: &mut Store,
    ) {
        for issue in issues.drain(..) {
            let Some(diagnostic) = store.add(issue, span, None) else { continue };
            if diagnostic.code == Code::ErrorBody
                && let Some(response) = self.get_mut(lane)
                && !response.tracking().ended
            {
                let error =
                    error.map_or_else(|| error_of_detail(&diagnostic.detail), <[u8]>::to_vec);
                response.set_error(error);
                let tracking = response.tracking_mut();
                tracking.version += 1;
                if tracking.diagnostics.len() < KEPT {
                    tracking.diagnostics.push(diagnostic);
                }
            } else if self.unnamed.is_some() && self.pending.len() < KEPT {
                self.pending.push(diagnostic);
            }
        }
    }

    /// Handles the end mark of a record: ends the open response of its lane.
    pub fn end_lane(&mut self, lane: Option<&str>) {
        if let Some(response) = self.get_mut(lane) {
            response.tracking_mut().ended = true;
        }
    }

    /// Closes the response of a lane; with an `offset` only if it has ended and began there, in the same record.
    pub fn close_record(&mut self, lane: Option<&str>, offset: Option<u64>, store: &mut Store) {
        let matches = |tracking: &Tracking| {
            offset.is_none_or(|offset| tracking.ended && tracking.byte_start == offset)
        };
        if self.open_in(lane).is_some_and(|response| matches(response.tracking())) {
            self.close(lane, store);
        }
    }

    /// Handles the end mark of the source: ends the open responses of all lanes.
    pub fn end_all(&mut self) {
        for ordinal in std::mem::take(&mut self.running) {
            work(1);
            let Some(lane) = self.order.get(&ordinal).cloned() else { continue };
            self.end_lane(lane.as_deref());
        }
    }

    /// Ends the source. Responses that are still open are closed in the order of beginning.
    pub fn finish(&mut self, store: &mut Store) {
        while let Some((_, lane)) = self.order.first_key_value() {
            let lane = lane.clone();
            self.close(lane.as_deref(), store);
        }
        self.pending.clear();
    }

    /// The response with this ordinal, unless [`Self::take_ended`] has returned it.
    pub fn get(&self, ordinal: u64) -> Option<&P::Response> {
        if let Some(position) = self.closed_positions.get(&ordinal) {
            return self.closed.get(*position);
        }
        self.open_in(self.order.get(&ordinal)?.as_deref())
    }

    /// The response that is open in a lane.
    pub fn open_in(&self, lane: Option<&str>) -> Option<&P::Response> {
        match lane {
            None => self.unnamed.as_ref(),
            Some(lane) => self.named.get(lane),
        }
    }

    /// Whether events may be skipped: a response is open in the lane without a name, and has not ended. If so, its previous
    /// sequence number is removed, because the next event may not be its neighbour.
    #[inline]
    pub fn allow_skipping(&mut self) -> bool {
        let Some(response) = &mut self.unnamed else { return false };
        let tracking = response.tracking_mut();
        if !tracking.ended {
            tracking.previous_sequence = None;
        }
        !tracking.ended
    }

    /// The ordinals of all responses: closed ones in the order of ending, then open ones in the order of beginning.
    pub fn ordinals(&self) -> Vec<u64> {
        let ended = self.closed.iter().map(|response| response.tracking().ordinal);
        ended.chain(self.order.keys().copied()).collect()
    }

    /// Removes and returns the closed responses, in the order of ending.
    pub fn take_ended(&mut self) -> Vec<P::Response> {
        self.closed_positions.clear();
        std::mem::take(&mut self.closed)
    }

    fn get_mut(&mut self, lane: Option<&str>) -> Option<&mut P::Response> {
        match lane {
            None => self.unnamed.as_mut(),
            Some(lane) => self.named.get_mut(lane),
        }
    }

    fn route(&self, lane: Option<&str>, Effect { phase, begins }: Effect) -> Route {
        let Some(current) = self.open_in(lane) else {
            return if begins || phase == Phase::Error { Route::Begins } else { Route::NoResponse };
        };
        let ended = current.tracking().ended;
        if phase == Phase::Begin || (ended && begins && phase != Phase::Terminal) {
            Route::Begins
        } else if ended && phase != Phase::Quiet {
            Route::After
        } else {
            Route::Continues
        }
    }

    fn begin(&mut self, lane: Option<&str>, offset: u64, line: u64, store: &mut Store) {
        if self.order.len() >= OPEN_LANES {
            self.close_oldest(offset, line, store);
        }
        let lane: Option<Box<str>> = lane.map(Into::into);
        let mut response = P::Response::default();
        *response.tracking_mut() = Tracking {
            ordinal: self.next_ordinal,
            previous_raw: std::mem::take(&mut self.spare_buffer),
            ..Tracking::new(lane.clone(), offset, line)
        };
        self.latest_ordinal = Some(self.next_ordinal);
        self.order.insert(self.next_ordinal, lane.clone());
        self.running.insert(self.next_ordinal);
        self.next_ordinal += 1;
        match lane {
            None => self.unnamed = Some(response),
            Some(lane) => {
                self.named.insert(lane, response);
            }
        }
    }

    fn close_oldest(&mut self, offset: u64, line: u64, store: &mut Store) {
        let Some((_, lane)) = self.order.first_key_value() else { return };
        let lane = lane.clone();
        let detail = vec![("what", "open lanes".into()), ("limit", (OPEN_LANES as u64).into())];
        if let Some(response) = self.get_mut(lane.as_deref()) {
            let issues = &mut vec![(Code::LimitExceeded, detail)];
            report(response.tracking_mut(), store, issues, Span::at(offset, line), None);
        }
        self.close(lane.as_deref(), store);
    }

    fn close(&mut self, lane: Option<&str>, store: &mut Store) {
        let response = match lane {
            None => self.unnamed.take(),
            Some(lane) => self.named.remove(lane),
        };
        let Some(mut response) = response else { return };
        let tracking = response.tracking_mut();
        self.order.remove(&tracking.ordinal);
        self.running.remove(&tracking.ordinal);
        if tracking.terminal.is_none() && !tracking.non_streamed {
            let issues = &mut vec![(Code::NoTerminal, Detail::new())];
            report(tracking, store, issues, tracking.span(), None);
        }
        tracking.stream_index = Some(self.next_stream_index);
        self.next_stream_index += 1;
        self.spare_buffer = std::mem::take(&mut tracking.previous_raw);
        self.spare_buffer.clear();
        tracking.version += 1;
        self.closed_positions.insert(tracking.ordinal, self.closed.len());
        if !tracking.diagnostics.is_empty() {
            let id = response.id().map(Cow::into_owned);
            let diagnostics = &mut response.tracking_mut().diagnostics;
            work(diagnostics.len());
            for diagnostic in diagnostics {
                store.attribute(diagnostic, id.as_deref());
            }
        }
        self.closed.push(response);
    }

    /// Attributes the pending diagnostics: those between two events of a response belong to it, those before its first event do
    /// not.
    fn attribute_pending(&mut self, lane: Option<&str>, begins: bool) {
        if self.pending.is_empty() || lane.is_some() {
            return;
        }
        if let Some(response) = self.unnamed.as_mut().filter(|_| !begins) {
            let diagnostics = &mut response.tracking_mut().diagnostics;
            let room = KEPT.saturating_sub(diagnostics.len());
            work(self.pending.len());
            diagnostics.extend(self.pending.drain(..).take(room));
        }
        self.pending.clear();
    }
}

/// Counts an event and applies it to its response.
fn apply<P: Protocol>(
    response: &mut P::Response,
    event: &ParsedEvent<'_, P::Route>,
    (route, Effect { phase, .. }): (Route, Effect),
    issues: &mut Vec<Issue>,
) {
    let tracking = response.tracking_mut();
    tracking.version += 1;
    tracking.events += 1;
    tracking.byte_end = tracking.byte_end.max(event.end);
    if route == Route::Begins && !matches!(phase, Phase::Begin | Phase::Progress) {
        issues.push((Code::NoCreated, vec![("type", clip(&event.kind).into())]));
    }
    if route == Route::After {
        issues.push((Code::AfterTerminal, vec![("type", clip(&event.kind).into())]));
    }
    let repeats = tracking.compare_sequence(event.sequence, event.raw, issues);
    if !repeats && route != Route::After {
        tracking.deltas += u64::from(phase == Phase::Delta);
        P::apply(response, event, issues);
    }
}

/// Reports issues to the source and to the response.
fn report(
    tracking: &mut Tracking,
    store: &mut Store,
    issues: &mut Vec<Issue>,
    span: Span,
    sequence: Option<i64>,
) {
    for issue in issues.drain(..) {
        if let Some(diagnostic) = store.add(issue, span, sequence)
            && tracking.diagnostics.len() < KEPT
        {
            tracking.diagnostics.push(diagnostic);
        }
    }
}

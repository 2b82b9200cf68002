//! Lanes: where responses begin and end, and which diagnostics belong to them.
//!
//! A lane is a stream key: events of several streams may interleave in one source. Most sources have one lane, without a name.
//! Events of some APIs name their response: in logs of single events (JSON Lines, arrays, rows) those of a lane may interleave.
//! Responses are handed out in the order in which they end.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::assemble::append::append_run;
use crate::diagnostics::{
    Code, Detail, Diagnostic, Issue, KEPT, Span, Store, clip, error_of_detail,
};
use crate::frames::{DeltaRun, Envelope};
use crate::json;
use crate::predict::{CachedEvent, Delta};
use crate::protocols::{
    Api, Effect, ParsedEvent, Phase, Protocol, Response, RoutedEvent, Tracking,
};
use crate::work::work;

mod named;

use named::{LaneMap, Named};

/// The maximum number of open lanes: beyond it the oldest is closed.
pub const OPEN_LANES: usize = 100_000;

/// The number of finished responses of a lane, told apart by their ids, that stay open for late events.
const FINISHED: usize = 100;

/// The responses of one source. Each is identified by its ordinal: its number in the order of beginning.
pub struct Lanes<P: Protocol> {
    pub last_sequence: Option<i64>,
    /// The ordinal of the response that began last.
    pub latest_ordinal: Option<u64>,
    /// Deltas that were appended to the previous text directly, and those of them that were part of runs.
    pub appended: u64,
    pub in_runs: u64,
    closed: VecDeque<P::Response>,
    /// The number of each closed response, by ordinal; `forgotten` is that of the first in `closed`.
    closed_numbers: BTreeMap<u64, usize>,
    forgotten: usize,
    /// The open response of each lane, for events that name none.
    current: LaneMap<P::Response>,
    /// The open responses of each lane that events name.
    named: LaneMap<Named<P::Response>>,
    /// The lanes of the open responses, oldest first, and whether events name the response.
    order: BTreeMap<u64, (Option<Box<str>>, bool)>,
    /// Those of `current` that have seen no end mark.
    running: BTreeSet<u64>,
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
            closed: VecDeque::new(),
            closed_numbers: BTreeMap::new(),
            forgotten: 0,
            current: LaneMap::default(),
            named: LaneMap::default(),
            order: BTreeMap::new(),
            running: BTreeSet::new(),
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

/// Where the response of an event is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In `current`.
    Current,
    /// In `named`, if there is one of the id.
    Named(Option<u64>),
}

impl<P: Protocol> Lanes<P> {
    /// Applies the next event to its response. `issues` are those from parsing the event; they are drained. `requested_at` is the
    /// time of the request, if the record has one. Returns whether the event belongs to a response.
    pub fn event(
        &mut self,
        event: &RoutedEvent<'_, P::Route>,
        issues: &mut Vec<Issue>,
        store: &mut Store,
        requested_at: Option<f64>,
    ) -> bool {
        let lane = event.lane.as_deref();
        let effect = P::effect(event.route.as_ref());
        let mut place = self.place_of(event);
        let route = self.route(place, event, effect);
        if route == Route::Begins {
            self.close_before(place, event, store);
            let at = (lane, event.response);
            place = self.begin(event.api, at, event.offset, event.line, store);
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
            self.attribute_pending(lane, place, route == Route::Begins);
            if let Some(response) = self.at_mut(lane, place) {
                apply::<P>(response, event, (route, effect), &mut raised);
                let tracking = response.tracking_mut();
                if let Some(now) = event.time {
                    tracking.stamp(now, requested_at, effect.phase, event.offset, &mut raised);
                }
                if !raised.is_empty() {
                    report(tracking, store, &mut raised, event.span(), event.sequence);
                }
            }
            if let Place::Named(Some(ordinal)) = place {
                self.update_named(lane, ordinal, store);
            }
        } else {
            for issue in raised.drain(..) {
                store.add(issue, event.span(), event.sequence);
            }
        }
        self.issues = raised;
        belongs
    }

    /// Where the open response is that an event belongs to.
    #[inline]
    fn place_of(&mut self, event: &ParsedEvent<'_>) -> Place {
        let Some(name) = event.response else { return Place::Current };
        let named = self.named.get_mut(event.lane.as_deref());
        Place::Named(named.and_then(|named| named.find(&json::decode_str(name))))
    }

    /// Applies an event that repeats a cached one, has no issues and continues the text of the previous event. Does nothing and
    /// returns false for any other event.
    #[inline]
    pub fn continue_text(&mut self, event: &ParsedEvent<'_>, requested_at: Option<f64>) -> bool {
        let lane = event.lane.as_deref();
        let response = match event.response {
            None => self.current.get_mut(lane),
            Some(name) => self.named_mut(lane, name),
        };
        let Some(response) = response else { return false };
        let tracking = response.tracking();
        if !tracking.expects(event.sequence) {
            return false;
        }
        let reversed = event.time.zip(tracking.ended_at).is_some_and(|(now, last)| now < last);
        if tracking.ended || reversed || !P::continue_text(response, event) {
            return false;
        }
        let tracking = response.tracking_mut();
        tracking.count_deltas(1, event.sequence, event.end, event.raw);
        if let Some(now) = event.time {
            tracking.stamp(now, requested_at, Phase::Delta, event.offset, &mut Vec::new());
        }
        self.last_sequence = event.sequence.or(self.last_sequence);
        self.appended += 1;
        if !self.pending.is_empty() || event.response.is_some() {
            self.after_text(lane, event.response);
        }
        true
    }

    /// Takes the event that has continued a text.
    #[inline(never)]
    fn after_text(&mut self, lane: Option<&str>, name: Option<&[u8]>) {
        let place = self.known_place(lane, name);
        self.attribute_pending(lane, place, false);
        self.set_latest(lane, place);
    }

    /// The open response with this id, a JSON string.
    #[inline(never)]
    fn named_mut(&mut self, lane: Option<&str>, name: &[u8]) -> Option<&mut P::Response> {
        let named = self.named.get_mut(lane)?;
        let ordinal = named.get(&json::decode_str(name))?;
        named.open.get_mut(&ordinal).map(|open| &mut open.response)
    }

    /// Where the open response is that has this id, `None` for events that name no response.
    fn known_place(&self, lane: Option<&str>, name: Option<&[u8]>) -> Place {
        let Some(name) = name else { return Place::Current };
        Place::Named(self.named.get(lane).and_then(|named| named.get(&json::decode_str(name))))
    }

    fn set_latest(&mut self, lane: Option<&str>, place: Place) {
        if let Place::Named(ordinal) = place
            && let Some(named) = self.named.get_mut(lane)
        {
            named.latest = ordinal;
        }
    }

    /// Applies a run of events that [`Self::continue_text`] would apply one by one: the blocks at the start of `rest`, which is at
    /// `offset` in the source. `lane` is the lane of events that name none; `each`, if given, receives every event.
    #[inline]
    pub fn run(
        &mut self,
        lane: Option<&str>,
        cached: &mut CachedEvent,
        (rest, offset): (&[u8], u64),
        envelope: &Envelope<'_>,
        each: Option<impl FnMut(&Delta<'_>)>,
    ) -> DeltaRun {
        if !self.pending.is_empty() {
            return DeltaRun::default();
        }
        let own_lane = cached.lane.as_deref().or(lane);
        let response = match cached.response.as_deref().filter(|_| envelope.is_line()) {
            None => self.current.get_mut(own_lane),
            Some(name) => self.named_mut(own_lane, name),
        };
        let Some(response) = response else { return DeltaRun::default() };
        let tracking = response.tracking();
        if tracking.ended {
            return DeltaRun::default();
        }
        let before = tracking.previous_sequence;
        let Some(text) = P::growing_text(response, cached) else { return DeltaRun::default() };
        let run = append_run(text, cached, (rest, offset), envelope, before, each);
        if run.events > 0 {
            let end = offset + run.last.end as u64;
            let raw = rest.get(run.last.clone()).unwrap_or_default();
            response.tracking_mut().count_deltas(run.events, run.sequence, end, raw);
            self.last_sequence = run.sequence.or(self.last_sequence);
            self.appended += run.events;
            self.in_runs += run.events;
            if let Some(name) = cached.response.as_deref().filter(|_| envelope.is_line()) {
                self.after_text(cached.lane.as_deref().or(lane), Some(name));
            }
        }
        run
    }

    /// Adds a response object that was not streamed. It closes the open response of its lane. `times`: of the request, and of the
    /// arrival.
    pub fn non_streamed(
        &mut self,
        (raw, api): (&[u8], Api),
        lane: Option<&str>,
        times: (Option<f64>, Option<f64>),
        span: Span,
        issues: &mut Vec<Issue>,
        store: &mut Store,
    ) {
        self.close_current(lane, store);
        let place = self.begin(api, (lane, None), span.start, span.line, store);
        if let Some(response) = self.at_mut(lane, place) {
            let tracking = response.tracking_mut();
            tracking.started_at = times.0.or(times.1);
            tracking.ended_at = times.1;
            tracking.byte_end = span.end;
            tracking.ended = true;
            tracking.non_streamed = true;
            response.set_non_streamed(raw, issues);
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
            let place = self.open_place(lane);
            let running = self.at(lane, place).is_some_and(|open| !open.tracking().ended);
            if diagnostic.code == Code::ErrorBody && running {
                self.attribute_pending(lane, place, false);
                let Some(response) = self.at_mut(lane, place) else { continue };
                let error =
                    error.map_or_else(|| error_of_detail(&diagnostic.detail), <[u8]>::to_vec);
                response.set_error(error);
                let tracking = response.tracking_mut();
                tracking.version += 1;
                if tracking.diagnostics.len() < KEPT {
                    tracking.diagnostics.push(diagnostic);
                }
            } else if self.is_unnamed_open() && self.pending.len() < KEPT {
                self.pending.push(diagnostic);
            }
        }
    }

    /// Whether a response is open in the lane without a name.
    fn is_unnamed_open(&self) -> bool {
        self.current.unnamed.is_some() || self.named.unnamed.is_some()
    }

    /// Handles the end mark of a record: ends the open response of its lane.
    pub fn end_lane(&mut self, lane: Option<&str>) {
        if let Some(response) = self.current.get_mut(lane)
            && self.running.remove(&response.tracking().ordinal)
        {
            response.end();
        } else if let Some(named) = self.named.get_mut(lane) {
            named.end();
        }
    }

    /// Closes the response of a lane if it is over and began at `offset`, in the same record; without an offset, all of the lane.
    pub fn close_record(&mut self, lane: Option<&str>, offset: Option<u64>, store: &mut Store) {
        let is_closed = |response: &&P::Response| {
            offset.is_none_or(|offset| {
                response.tracking().byte_start == offset && is_over::<P>(response)
            })
        };
        let mut found: Vec<&P::Response> = self.current.get(lane).into_iter().collect();
        if let Some(named) = self.named.get(lane) {
            match offset {
                None => found.extend(named.open.values().map(|open| &open.response)),
                Some(_) => found.extend(named.latest()),
            }
        }
        let closed = found.into_iter().filter(is_closed);
        let closed: Vec<u64> = closed.map(|response| response.tracking().ordinal).collect();
        for ordinal in closed {
            self.close(ordinal, store);
        }
    }

    /// Handles the end mark of the source: ends the open responses of all lanes.
    pub fn end_all(&mut self) {
        for ordinal in std::mem::take(&mut self.running) {
            work(1);
            let Some((lane, _)) = self.order.get(&ordinal) else { continue };
            if let Some(response) = self.current.get_mut(lane.as_deref()) {
                response.end();
            }
        }
        if let Some(named) = &mut self.named.unnamed {
            named.end();
        }
    }

    /// Ends the source. Responses that are still open are closed in the order of beginning.
    pub fn finish(&mut self, store: &mut Store) {
        while let Some((ordinal, _)) = self.order.first_key_value() {
            self.close(*ordinal, store);
        }
        self.pending.clear();
    }

    /// The response with this ordinal, unless [`Self::take_ended`] or [`Self::take_oldest`] has returned it.
    pub fn get(&self, ordinal: u64) -> Option<&P::Response> {
        if let Some(number) = self.closed_numbers.get(&ordinal) {
            return self.closed.get(number - self.forgotten);
        }
        self.open_at(ordinal)
    }

    fn open_at(&self, ordinal: u64) -> Option<&P::Response> {
        let (lane, is_named) = self.order.get(&ordinal)?;
        let place = if *is_named { Place::Named(Some(ordinal)) } else { Place::Current };
        self.at(lane.as_deref(), place)
    }

    /// All open responses, in the order of beginning.
    pub fn open(&self) -> impl Iterator<Item = &P::Response> {
        self.order.keys().filter_map(|ordinal| self.open_at(*ordinal))
    }

    /// The open response of a lane that events belong to which name none.
    #[inline]
    pub fn open_in(&self, lane: Option<&str>) -> Option<&P::Response> {
        let current = self.current.get(lane);
        if current.is_some_and(|current| !current.tracking().ended) {
            return current;
        }
        self.named.get(lane).and_then(Named::latest).or(current)
    }

    /// Where [`Self::open_in`] is.
    fn open_place(&self, lane: Option<&str>) -> Place {
        let ended = self.current.get(lane).is_none_or(|current| current.tracking().ended);
        let latest = self.named.get(lane).and_then(|named| named.latest).filter(|_| ended);
        latest.map_or(Place::Current, |latest| Place::Named(Some(latest)))
    }

    /// The response of an event that was applied last.
    #[inline]
    pub fn response_of(&self, event: &ParsedEvent<'_>) -> Option<&P::Response> {
        self.response_in(event.lane.as_deref(), event.response.is_some())
    }

    /// The response of the events of a lane that were applied last. `named`: they name it.
    #[inline]
    pub fn response_in(&self, lane: Option<&str>, named: bool) -> Option<&P::Response> {
        if named { self.named.get(lane)?.latest() } else { self.current.get(lane) }
    }

    #[inline]
    fn at(&self, lane: Option<&str>, place: Place) -> Option<&P::Response> {
        match place {
            Place::Current => self.current.get(lane),
            Place::Named(ordinal) => {
                self.named.get(lane)?.open.get(&ordinal?).map(|open| &open.response)
            }
        }
    }

    #[inline]
    fn at_mut(&mut self, lane: Option<&str>, place: Place) -> Option<&mut P::Response> {
        match place {
            Place::Current => self.current.get_mut(lane),
            Place::Named(ordinal) => {
                self.named.get_mut(lane)?.open.get_mut(&ordinal?).map(|open| &mut open.response)
            }
        }
    }

    /// The API whose events may be skipped: that of the response that is open in the lane without a name, and has not ended.
    #[inline]
    pub fn skippable(&self) -> Option<Api> {
        let response = self.current.unnamed.as_ref()?;
        let may_skip = response.allows_skipping() && !response.tracking().ended;
        may_skip.then(|| response.api())
    }

    /// Records that events of the lane without a name were skipped: the next one is not compared with the one before them, and
    /// the diagnostics before them belong to its response.
    #[inline]
    pub fn skipped(&mut self) {
        if !self.pending.is_empty() {
            self.attribute_pending(None, Place::Current, false);
        }
        if let Some(response) = &mut self.current.unnamed {
            response.tracking_mut().previous_sequence = None;
        }
    }

    /// The ordinals of all responses: closed ones in the order of ending, then open ones in the order of beginning.
    pub fn ordinals(&self) -> Vec<u64> {
        let ended = self.closed.iter().map(|response| response.tracking().ordinal);
        ended.chain(self.order.keys().copied()).collect()
    }

    /// Removes and returns the closed responses, in the order of ending.
    pub fn take_ended(&mut self) -> Vec<P::Response> {
        self.closed_numbers.clear();
        self.forgotten = 0;
        std::mem::take(&mut self.closed).into()
    }

    /// Removes and returns the closed responses but the last `keep`, in the order of ending.
    pub fn take_oldest(&mut self, keep: usize) -> Vec<P::Response> {
        let count = self.closed.len().saturating_sub(keep);
        let taken: Vec<_> = self.closed.drain(..count).collect();
        for response in &taken {
            self.closed_numbers.remove(&response.tracking().ordinal);
        }
        self.forgotten += count;
        taken
    }

    fn route(
        &self,
        place: Place,
        event: &RoutedEvent<'_, P::Route>,
        Effect { phase, begins, asks }: Effect,
    ) -> Route {
        let current = self.at(event.lane.as_deref(), place);
        let Some(current) = current.filter(|current| current.api() == event.api) else {
            return if begins || phase.is_error() { Route::Begins } else { Route::NoResponse };
        };
        let ended = current.tracking().ended;
        let begins = if asks {
            P::begins(current, event)
        } else {
            phase == Phase::Begin || (ended && begins && phase != Phase::Terminal)
        };
        if begins {
            Route::Begins
        } else if ended && phase != Phase::Quiet {
            Route::After
        } else {
            Route::Continues
        }
    }

    /// Closes the responses that end where an event begins one. `place`: where the response is that it belongs to by its id.
    fn close_before(&mut self, place: Place, event: &ParsedEvent<'_>, store: &mut Store) {
        let lane = event.lane.as_deref();
        let Place::Named(found) = place else { return self.close_current(lane, store) };
        if self.current.get(lane).is_some_and(|current| current.tracking().ended) {
            self.close_current(lane, store);
        }
        while let Some(settled) = self.named.get(lane).and_then(|named| named.settled.first()) {
            self.close(settled, store);
        }
        // The id is used again.
        if event.response.is_some_and(|name| name.len() > 2)
            && let Some(found) = found
        {
            self.close(found, store);
        }
    }

    /// Begins a response. `name`: its id, "" if it is not known yet, `None` if events do not name their response.
    fn begin(
        &mut self,
        api: Api,
        (lane, name): (Option<&str>, Option<&[u8]>),
        offset: u64,
        line: u64,
        store: &mut Store,
    ) -> Place {
        if self.order.len() >= OPEN_LANES {
            self.close_oldest(offset, line, store);
        }
        let (owned_lane, ordinal): (Option<Box<str>>, u64) =
            (lane.map(Into::into), self.next_ordinal);
        let mut response = P::begin(api);
        *response.tracking_mut() = Tracking {
            ordinal,
            previous_raw: std::mem::take(&mut self.spare_buffer),
            ..Tracking::new(owned_lane.clone(), offset, line)
        };
        self.latest_ordinal = Some(ordinal);
        self.order.insert(ordinal, (owned_lane, name.is_some()));
        self.next_ordinal += 1;
        let Some(name) = name else {
            self.running.insert(ordinal);
            match lane {
                None => self.current.unnamed = Some(response),
                Some(lane) => {
                    self.current.named.insert(lane.into(), response);
                }
            }
            return Place::Current;
        };
        let named = self.named.entry(lane, Named::new);
        named.insert(ordinal, &json::decode_str(name), response);
        Place::Named(Some(ordinal))
    }

    /// Takes the state of a response after an event that names it; closes the oldest of too many finished ones.
    fn update_named(&mut self, lane: Option<&str>, ordinal: u64, store: &mut Store) {
        let Some(named) = self.named.get_mut(lane) else { return };
        named.update(ordinal);
        let oldest = named.finished.first().filter(|_| named.finished.len() > FINISHED);
        if let Some(oldest) = oldest {
            self.close(oldest, store);
        }
    }

    fn close_oldest(&mut self, offset: u64, line: u64, store: &mut Store) {
        let Some((ordinal, (lane, is_named))) = self.order.first_key_value() else { return };
        let (ordinal, lane) = (*ordinal, lane.clone());
        let place = if *is_named { Place::Named(Some(ordinal)) } else { Place::Current };
        let detail = vec![("what", "open lanes".into()), ("limit", (OPEN_LANES as u64).into())];
        if let Some(response) = self.at_mut(lane.as_deref(), place) {
            let issues = &mut vec![(Code::LimitExceeded, detail)];
            report(response.tracking_mut(), store, issues, Span::at(offset, line), None);
        }
        self.close(ordinal, store);
    }

    fn close_current(&mut self, lane: Option<&str>, store: &mut Store) {
        if let Some(response) = self.current.get(lane) {
            self.close(response.tracking().ordinal, store);
        }
    }

    /// Removes an open response.
    fn remove(&mut self, ordinal: u64) -> Option<P::Response> {
        let (lane, is_named) = self.order.remove(&ordinal)?;
        self.running.remove(&ordinal);
        let lane = lane.as_deref();
        if !is_named {
            return self.current.remove(lane);
        }
        let named = self.named.get_mut(lane)?;
        let response = named.remove(ordinal);
        if named.open.is_empty() {
            self.named.remove(lane);
        }
        response
    }

    fn close(&mut self, ordinal: u64, store: &mut Store) {
        let Some(mut response) = self.remove(ordinal) else { return };
        let tracking = response.tracking_mut();
        if tracking.terminal.is_none() && !tracking.non_streamed {
            let issues = &mut vec![(Code::NoTerminal, Detail::new())];
            report(tracking, store, issues, tracking.span(), None);
        }
        tracking.stream_index = Some(self.next_stream_index);
        self.next_stream_index += 1;
        self.spare_buffer = std::mem::take(&mut tracking.previous_raw);
        self.spare_buffer.clear();
        tracking.version += 1;
        self.closed_numbers.insert(tracking.ordinal, self.forgotten + self.closed.len());
        if !tracking.diagnostics.is_empty() {
            let id = response.id().map(Cow::into_owned);
            let diagnostics = &mut response.tracking_mut().diagnostics;
            work(diagnostics.len());
            for diagnostic in diagnostics {
                store.attribute(diagnostic, id.as_deref());
            }
        }
        self.closed.push_back(response);
    }

    /// Attributes the pending diagnostics: those between two events of a response belong to it, or between an event and its error;
    /// those before its first event do not.
    fn attribute_pending(&mut self, lane: Option<&str>, place: Place, begins: bool) {
        if self.pending.is_empty() || lane.is_some() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        if let Some(response) = self.at_mut(lane, place).filter(|_| !begins) {
            let diagnostics = &mut response.tracking_mut().diagnostics;
            let room = KEPT.saturating_sub(diagnostics.len());
            work(pending.len());
            diagnostics.extend(pending.drain(..).take(room));
        }
        pending.clear();
        self.pending = pending;
    }
}

/// Whether nothing more of a response is expected after the record that it began in.
fn is_over<P: Protocol>(response: &P::Response) -> bool {
    let tracking = response.tracking();
    response.settled() || (tracking.terminal.is_some() && tracking.events > 1)
}

/// Counts an event and applies it to its response.
fn apply<P: Protocol>(
    response: &mut P::Response,
    event: &RoutedEvent<'_, P::Route>,
    (route, Effect { phase, asks, .. }): (Route, Effect),
    issues: &mut Vec<Issue>,
) {
    let tracking = response.tracking_mut();
    tracking.version += 1;
    tracking.events += 1;
    tracking.byte_end = tracking.byte_end.max(event.end);
    if route == Route::Begins && !asks && !matches!(phase, Phase::Begin | Phase::Progress) {
        issues.push((Code::NoCreated, vec![("type", clip(&event.kind).into())]));
    }
    if route == Route::After {
        issues.push((Code::AfterTerminal, vec![("type", clip(&event.kind).into())]));
    }
    let repeats = tracking.compare_sequence(event.sequence, event.raw, issues);
    if !repeats && route != Route::After {
        tracking.deltas += u64::from(phase.is_delta());
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

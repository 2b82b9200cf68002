//! Where a response begins and ends, and which diagnostics belong to it.
//!
//! SEMANTICS ("Responses: where one begins and ends"). A lane is what `stream_id` names; most sources have one, without a
//! name. Responses that end are handed out in the order of ending.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalogue::{Code, Op, Phase};
use crate::count::work;
use crate::diagnostics::{Detail, Diagnostic, Issue, KEPT, Seen, Store, clip};
use crate::events::Parsed;
use crate::fold;
use crate::predict::Known;
use crate::response::Folded;
use crate::runs::{self, Around, Piece, Run};

/// More lanes than this are not kept open: the oldest is closed.
pub const OPEN_LANES: usize = 100_000;

/// The responses of one source. Each is known by its ordinal, in the order of beginning.
#[derive(Default)]
pub struct Lanes {
    pub last_sequence_number: Option<i64>,
    pub latest: Option<u64>,
    /// Events that went the short way.
    pub appended: u64,
    /// Those of them that were taken in runs.
    pub in_runs: u64,
    ended: Vec<Folded>,
    ended_places: HashMap<u64, usize>,
    /// The open response of the lane without a name, and those of the named lanes.
    unnamed: Option<Folded>,
    named: HashMap<Box<str>, Folded>,
    /// The lanes of the open responses, oldest first.
    order: BTreeMap<u64, Option<Box<str>>>,
    /// Those of them that no end mark has ended.
    running: HashSet<u64>,
    begun: u64,
    closed: u64,
    /// Diagnostics of no event; the next event of the unnamed lane decides to which response they belong.
    pending: Vec<Diagnostic>,
    issues: Vec<Issue>,
    /// The room in which the last response that ended kept the event before.
    spare: Vec<u8>,
}

/// How an event stands to the response it belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Nowhere,
    Begins,
    Continues,
    After,
}

impl Lanes {
    /// Takes the next event; `issues` are those that reading it raised, and are drained. `began` is when the
    /// response was asked for, where a record tells it. Tells whether the event belongs to a response.
    pub fn event(
        &mut self,
        parsed: &Parsed<'_>,
        issues: &mut Vec<Issue>,
        store: &mut Store,
        began: Option<f64>,
    ) -> bool {
        let lane = parsed.lane.as_deref();
        let route = self.route(lane, parsed);
        if route == Route::Begins {
            self.close(lane, store);
            self.begin(lane, parsed.offset, parsed.line, store);
        }
        if parsed.sequence_number.is_some() {
            self.last_sequence_number = parsed.sequence_number;
        }
        let mut raised = std::mem::take(&mut self.issues);
        if !issues.is_empty() {
            raised.append(issues);
        }
        let span = Seen {
            offset: parsed.offset,
            end: parsed.end,
            line: parsed.line,
            sequence_number: parsed.sequence_number,
        };
        let belongs = route != Route::Nowhere;
        if belongs {
            self.adopt(lane, route == Route::Begins);
            if let Some(folded) = self.get_mut(lane) {
                take(folded, parsed, route, &mut raised);
                if let Some(now) = parsed.time {
                    stamp(folded, parsed, now, began, &mut raised);
                }
                if !raised.is_empty() {
                    report(folded, store, &mut raised, span);
                }
            }
        } else {
            for issue in raised.drain(..) {
                store.add(issue, span);
            }
        }
        self.issues = raised;
        belongs
    }

    /// Takes an event that repeats a known one, raised nothing, and is what everybody expects: the next piece of the text
    /// that the event before grew. False if it is not, and nothing was done.
    #[inline]
    pub fn again(&mut self, parsed: &Parsed<'_>, known: &Known, began: Option<f64>) -> bool {
        let Some(folded) = self.get_mut(parsed.lane.as_deref()) else { return false };
        let (Some(got), Some(before)) = (parsed.sequence_number, folded.previous_sequence) else {
            return false;
        };
        let reversed = parsed.time.zip(folded.ended_at).is_some_and(|(now, last)| now < last);
        if folded.ended || reversed || before.checked_add(1) != Some(got) {
            return false;
        }
        if !runs::append(folded, parsed, known) {
            return false;
        }
        folded.version += 1;
        folded.events += 1;
        folded.deltas += 1;
        folded.byte_end = folded.byte_end.max(parsed.end);
        folded.last_sequence = Some(got);
        folded.previous_sequence = Some(got);
        folded.previous_raw.clear();
        folded.previous_raw.extend_from_slice(parsed.raw);
        if let Some(now) = parsed.time {
            stamp(folded, parsed, now, began, &mut Vec::new());
        }
        self.last_sequence_number = Some(got);
        self.appended += 1;
        if !self.pending.is_empty() {
            self.adopt(parsed.lane.as_deref(), false);
        }
        true
    }

    /// Takes a run of events that `again` would take, one after the other, at once: the blocks that `rest` begins with, the
    /// first of them at this offset. `lane` is that of events which name none; `each`, if any, is told of every event.
    #[inline]
    pub fn run(
        &mut self,
        lane: Option<&str>,
        known: &mut Known,
        rest: &[u8],
        around: &Around<'_>,
        offset: u64,
        each: Option<impl FnMut(&Piece<'_>)>,
    ) -> Run {
        if !self.pending.is_empty() {
            return Run::default();
        }
        let lane = known.lane.as_deref().or(lane);
        let Some(folded) = self.get_mut(lane).filter(|folded| !folded.ended) else {
            return Run::default();
        };
        let Some(before) = folded.previous_sequence else { return Run::default() };
        let Some(text) = runs::growing(folded, known) else { return Run::default() };
        let run = runs::grow(text, known, (rest, offset), around, before, each);
        if run.events > 0 {
            folded.version += run.events;
            folded.events += run.events;
            folded.deltas += run.events;
            folded.byte_end = folded.byte_end.max(offset + run.last.end as u64);
            folded.last_sequence = Some(run.sequence);
            folded.previous_sequence = Some(run.sequence);
            folded.previous_raw.clear();
            folded.previous_raw.extend_from_slice(&rest[run.last.clone()]);
            self.last_sequence_number = Some(run.sequence);
            self.appended += run.events;
            self.in_runs += run.events;
        }
        run
    }

    /// Takes a response object that was not streamed: it begins and ends a response. `times`: when it was asked for, and
    /// when it came.
    pub fn plain(
        &mut self,
        raw: &[u8],
        lane: Option<&str>,
        times: (Option<f64>, Option<f64>),
        span: Seen,
        issues: &mut Vec<Issue>,
        store: &mut Store,
    ) {
        self.close(lane, store);
        self.begin(lane, span.offset, span.line, store);
        if let Some(folded) = self.get_mut(lane) {
            folded.started_at = times.0.or(times.1);
            folded.ended_at = times.1;
            folded.byte_end = span.end;
            folded.ended = true;
            folded.set_plain(raw);
            report(folded, store, issues, span);
        }
    }

    /// Takes diagnostics of the source that no event raised.
    pub fn stray(&mut self, issues: &mut Vec<Issue>, span: Seen, store: &mut Store) {
        for issue in issues.drain(..) {
            if let Some(diagnostic) = store.add(issue, span)
                && self.unnamed.is_some()
                && self.pending.len() < KEPT
            {
                self.pending.push(diagnostic);
            }
        }
    }

    /// Takes the end mark of a record: what is open in its lane has ended.
    pub fn done_in(&mut self, lane: Option<&str>) {
        if let Some(folded) = self.get_mut(lane) {
            folded.ended = true;
        }
    }

    /// Hands out the response of a lane: the one that ended in the record in which it began, or with no offset any.
    pub fn close_record(&mut self, lane: Option<&str>, offset: Option<u64>, store: &mut Store) {
        let whole = |folded: &mut Folded| {
            offset.is_none_or(|offset| folded.ended && folded.byte_start == offset)
        };
        if self.get_mut(lane).is_some_and(whole) {
            self.close(lane, store);
        }
    }

    /// Takes the end mark: what is open in any lane has ended.
    pub fn done(&mut self) {
        for ordinal in std::mem::take(&mut self.running) {
            work(1);
            let Some(lane) = self.order.get(&ordinal).cloned() else { continue };
            if let Some(folded) = self.get_mut(lane.as_deref()) {
                folded.ended = true;
            }
        }
    }

    /// Ends the source; lanes that are still open follow in the order of beginning.
    pub fn finish(&mut self, store: &mut Store) {
        while let Some((_, lane)) = self.order.first_key_value() {
            let lane = lane.clone();
            self.close(lane.as_deref(), store);
        }
        self.pending.clear();
    }

    /// The response with this ordinal, if it is still here.
    pub fn get(&self, ordinal: u64) -> Option<&Folded> {
        if let Some(place) = self.ended_places.get(&ordinal) {
            return self.ended.get(*place);
        }
        match self.order.get(&ordinal)? {
            None => self.unnamed.as_ref(),
            Some(lane) => self.named.get(lane),
        }
    }

    /// The response that is open in a lane.
    pub fn open_in(&self, lane: Option<&str>) -> Option<&Folded> {
        match lane {
            None => self.unnamed.as_ref(),
            Some(lane) => self.named.get(lane),
        }
    }

    /// Whether a response is running in the lane without a name: it is open, and nothing has ended it. Events may be passed
    /// by then, so that the next one has none before it.
    #[inline]
    pub fn is_running(&mut self) -> bool {
        let running = self.unnamed.as_mut().filter(|folded| !folded.ended);
        running.map(|folded| folded.previous_sequence = None).is_some()
    }

    /// The ordinals of all responses: those that have ended in the order of ending, then the open ones.
    pub fn ordinals(&self) -> Vec<u64> {
        self.ended.iter().map(|folded| folded.ordinal).chain(self.order.keys().copied()).collect()
    }

    /// Hands out the responses that have ended, and forgets them.
    pub fn take_ended(&mut self) -> Vec<Folded> {
        self.ended_places.clear();
        std::mem::take(&mut self.ended)
    }

    fn get_mut(&mut self, lane: Option<&str>) -> Option<&mut Folded> {
        match lane {
            None => self.unnamed.as_mut(),
            Some(lane) => self.named.get_mut(lane),
        }
    }

    fn route(&mut self, lane: Option<&str>, parsed: &Parsed<'_>) -> Route {
        let entry = parsed.entry;
        let (op, phase) = entry.map_or((Op::None, Phase::None), |entry| (entry.op, entry.phase));
        let begins = entry.is_some_and(|entry| entry.begins);
        let Some(current) = self.get_mut(lane) else {
            return if begins || op == Op::Error { Route::Begins } else { Route::Nowhere };
        };
        if phase == Phase::Begin || (current.ended && begins && phase != Phase::Terminal) {
            Route::Begins
        } else if current.ended && op != Op::Quiet {
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
        let mut folded = Folded::new(lane.clone(), offset, line);
        folded.ordinal = self.begun;
        folded.previous_raw = std::mem::take(&mut self.spare);
        self.latest = Some(self.begun);
        self.order.insert(self.begun, lane.clone());
        self.running.insert(self.begun);
        self.begun += 1;
        match lane {
            None => self.unnamed = Some(folded),
            Some(lane) => {
                self.named.insert(lane, folded);
            }
        }
    }

    fn close_oldest(&mut self, offset: u64, line: u64, store: &mut Store) {
        let Some((_, lane)) = self.order.first_key_value() else { return };
        let lane = lane.clone();
        let detail = vec![("what", "open lanes".into()), ("limit", (OPEN_LANES as u64).into())];
        let span = Seen { offset, end: offset, line, sequence_number: None };
        if let Some(folded) = self.get_mut(lane.as_deref()) {
            report(folded, store, &mut vec![(Code::LimitExceeded, detail)], span);
        }
        self.close(lane.as_deref(), store);
    }

    fn close(&mut self, lane: Option<&str>, store: &mut Store) {
        let folded = match lane {
            None => self.unnamed.take(),
            Some(lane) => self.named.remove(lane),
        };
        let Some(mut folded) = folded else { return };
        self.order.remove(&folded.ordinal);
        self.running.remove(&folded.ordinal);
        if folded.terminal.is_none() && !folded.plain {
            let span = Seen {
                offset: folded.byte_start,
                end: folded.byte_end,
                line: folded.line,
                sequence_number: None,
            };
            report(&mut folded, store, &mut vec![(Code::NoTerminal, Detail::new())], span);
        }
        folded.stream_index = Some(self.closed);
        self.closed += 1;
        self.spare = std::mem::take(&mut folded.previous_raw);
        self.spare.clear();
        folded.version += 1;
        if !folded.diagnostics.is_empty() {
            let id = folded.id().map(Cow::into_owned);
            work(folded.diagnostics.len());
            for diagnostic in &mut folded.diagnostics {
                store.attribute(diagnostic, id.as_deref());
            }
        }
        self.ended_places.insert(folded.ordinal, self.ended.len());
        self.ended.push(folded);
    }

    /// What stood between two events of a response belongs to it; what stood before its first does not.
    fn adopt(&mut self, lane: Option<&str>, begun: bool) {
        if self.pending.is_empty() || lane.is_some() {
            return;
        }
        if let Some(folded) = self.unnamed.as_mut().filter(|_| !begun) {
            let room = KEPT.saturating_sub(folded.diagnostics.len());
            work(self.pending.len());
            folded.diagnostics.extend(self.pending.drain(..).take(room));
        }
        self.pending.clear();
    }
}

/// Counts and folds an event into its response.
fn take(folded: &mut Folded, parsed: &Parsed<'_>, route: Route, issues: &mut Vec<Issue>) {
    folded.version += 1;
    folded.events += 1;
    folded.byte_end = folded.byte_end.max(parsed.end);
    let phase = parsed.entry.map_or(Phase::None, |entry| entry.phase);
    if route == Route::Begins && !matches!(phase, Phase::Begin | Phase::Progress) {
        issues.push((Code::NoCreated, vec![("type", clip(&parsed.kind).into())]));
    }
    if route == Route::After {
        issues.push((Code::AfterTerminal, vec![("type", clip(&parsed.kind).into())]));
    }
    let repeated = sequence(folded, parsed, issues);
    if !repeated && route != Route::After {
        folded.deltas += u64::from(phase == Phase::Delta);
        fold::apply(folded, parsed, issues);
    }
}

/// Compares the sequence number with the one before; true for an event that came twice.
fn sequence(folded: &mut Folded, parsed: &Parsed<'_>, issues: &mut Vec<Issue>) -> bool {
    let before = std::mem::replace(&mut folded.previous_sequence, parsed.sequence_number);
    let Some(got) = parsed.sequence_number else { return false };
    if folded.first_sequence.is_none() {
        folded.first_sequence = Some(got);
    }
    folded.last_sequence = Some(got);
    let mut repeated = false;
    match before {
        Some(before) if got == before => {
            issues.push((Code::SequenceRepeat, vec![("got", got.into())]));
            repeated = folded.previous_raw == parsed.raw;
        }
        Some(before) if before.checked_add(1) != Some(got) => {
            issues
                .push((Code::SequenceGap, vec![("got", got.into()), ("previous", before.into())]));
        }
        _ => {}
    }
    work(parsed.raw.len());
    folded.previous_raw.clear();
    folded.previous_raw.extend_from_slice(parsed.raw);
    repeated
}

fn report(folded: &mut Folded, store: &mut Store, issues: &mut Vec<Issue>, span: Seen) {
    for issue in issues.drain(..) {
        if let Some(diagnostic) = store.add(issue, span)
            && folded.diagnostics.len() < KEPT
        {
            folded.diagnostics.push(diagnostic);
        }
    }
}

/// Notes when the event came. A clock that goes back is held where it was.
fn stamp(
    folded: &mut Folded,
    parsed: &Parsed<'_>,
    mut now: f64,
    began: Option<f64>,
    issues: &mut Vec<Issue>,
) {
    if let Some(last) = folded.ended_at.or(began).filter(|last| now < *last) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a difference of times that can be read"
        )]
        let by = ((last - now) * 1e6 + 0.5).floor() as i64;
        issues.push((Code::TimeReversed, vec![("by", by.into())]));
        now = last;
    }
    folded.started_at.get_or_insert(began.unwrap_or(now));
    let phase = parsed.entry.map_or(Phase::None, |entry| entry.phase);
    if phase == Phase::Delta {
        folded.first_delta_at.get_or_insert(now);
        folded.delta_times.push(now);
    }
    if phase == Phase::Terminal
        && parsed.offset == folded.byte_start
        && folded.first_delta_at == Some(now)
    {
        // It all came in one record: its one time says nothing of the deltas.
        folded.first_delta_at = None;
        folded.delta_times = Vec::new();
    }
    folded.ended_at = Some(now);
}

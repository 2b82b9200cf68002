//! The part of a response that is common to all APIs.

use super::effect::Phase;
use crate::diagnostics::{Code, Diagnostic, Issue, Span};
use crate::work::work;

/// Position, counts, sequence numbers, times and diagnostics of a response.
#[derive(Debug, Default)]
pub struct Tracking {
    pub lane: Option<Box<str>>,
    /// The number of the response in its source, in the order of beginning.
    pub ordinal: u64,
    pub byte_start: u64,
    pub byte_end: u64,
    pub line: u64,
    /// The number of the response in its source, in the order of ending.
    pub stream_index: Option<u64>,
    pub events: u64,
    pub deltas: u64,
    pub first_sequence: Option<i64>,
    pub last_sequence: Option<i64>,
    /// The sequence number and the bytes of the previous event.
    pub previous_sequence: Option<i64>,
    pub previous_raw: Vec<u8>,
    pub diagnostics: Vec<Diagnostic>,
    /// Changes with every event.
    pub version: u64,
    /// The type of the terminal event.
    pub terminal: Option<&'static str>,
    /// Whether a terminal event or the end mark was seen.
    pub ended: bool,
    /// Whether the response was one object, without events.
    pub non_streamed: bool,
    pub started_at: Option<f64>,
    pub first_delta_at: Option<f64>,
    pub ended_at: Option<f64>,
    /// The times of the deltas, if there is a clock.
    pub delta_times: Vec<f64>,
}

impl Tracking {
    /// A response that begins at this position.
    pub fn new(lane: Option<Box<str>>, offset: u64, line: u64) -> Self {
        Self { lane, byte_start: offset, byte_end: offset, line, ..Self::default() }
    }

    /// The bytes of the response in the source.
    pub fn span(&self) -> Span {
        Span { start: self.byte_start, end: self.byte_end, line: self.line }
    }

    /// Whether a sequence number follows that of the previous event; no number follows an event without one.
    #[inline]
    pub fn expects(&self, sequence: Option<i64>) -> bool {
        match (self.previous_sequence, sequence) {
            (Some(before), Some(got)) => before.checked_add(1) == Some(got),
            (before, got) => before.is_none() && got.is_none(),
        }
    }

    /// Counts delta events, of which the last has this number, end and payload.
    pub fn count_deltas(&mut self, events: u64, sequence: Option<i64>, end: u64, raw: &[u8]) {
        self.version += events;
        self.events += events;
        self.deltas += events;
        self.byte_end = self.byte_end.max(end);
        if sequence.is_some() {
            self.last_sequence = sequence;
            self.previous_sequence = sequence;
            self.previous_raw.clear();
            self.previous_raw.extend_from_slice(raw);
        }
    }

    /// Compares the sequence number with that of the previous event; returns whether the event repeats the previous one, with the
    /// same number and the same bytes.
    pub fn compare_sequence(
        &mut self,
        sequence: Option<i64>,
        raw: &[u8],
        issues: &mut Vec<Issue>,
    ) -> bool {
        let before = std::mem::replace(&mut self.previous_sequence, sequence);
        let Some(got) = sequence else { return false };
        self.first_sequence.get_or_insert(got);
        self.last_sequence = Some(got);
        let mut repeats = false;
        if let Some(before) = before {
            if got == before {
                issues.push((Code::SequenceRepeat, vec![("got", got.into())]));
                repeats = self.previous_raw == raw;
            } else if before.checked_add(1) != Some(got) {
                let detail = vec![("got", got.into()), ("previous", before.into())];
                issues.push((Code::SequenceGap, detail));
            }
        }
        work(raw.len());
        self.previous_raw.clear();
        self.previous_raw.extend_from_slice(raw);
        repeats
    }

    /// Records the time of an event. If the clock goes back, this is reported and the previous time is used.
    pub fn stamp(
        &mut self,
        mut now: f64,
        requested_at: Option<f64>,
        phase: Phase,
        offset: u64,
        issues: &mut Vec<Issue>,
    ) {
        if let Some(last) = self.ended_at.or(requested_at).filter(|last| now < *last) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "times are in a range in which differences fit"
            )]
            let by = ((last - now) * 1e6 + 0.5).floor() as i64;
            issues.push((Code::TimeReversed, vec![("by", by.into())]));
            now = last;
        }
        self.started_at.get_or_insert(requested_at.unwrap_or(now));
        if phase.is_delta() {
            self.first_delta_at.get_or_insert(now);
            self.delta_times.push(now);
        }
        if phase.is_terminal() && offset == self.byte_start && self.first_delta_at == Some(now) {
            // The whole response is in one record, so its only time is not that of the deltas.
            self.first_delta_at = None;
            self.delta_times = Vec::new();
        }
        self.ended_at = Some(now);
    }
}

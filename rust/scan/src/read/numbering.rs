//! Numbers responses in their source, and events in their response.

use respstream_core::protocols::Response as _;
use respstream_core::protocols::any_api::AnyResponse;

use crate::input::{Input, Parsing, Part};
use crate::splits::{Remainder, leading_events};

/// Numbers the responses and events of a source, or of a part.
pub struct Numbering<'n> {
    input: &'n Input,
    parsing: Parsing,
    /// The offset where reading begins.
    from: u64,
    pub part: Part,
    /// Shared by parts that are read together.
    pub remainder: Option<Remainder>,
    /// The part reads the source to its end, because it is the first in which responses may interleave.
    pub reads_remainder: bool,
    /// Responses may interleave, and end in another order than they begin.
    pub interleaved: bool,
    /// The start of the response that was open last in the unnamed lane.
    pub open: Option<u64>,
    /// The number of events so far without a response, counted from the beginning of the source on first use.
    orphans: Option<u64>,
    /// The offset of the latest event.
    pub reached: Option<u64>,
    /// The ordinal of the first response that begins in the part.
    first: Option<u64>,
    /// The number of responses of the part that have ended.
    ended: u64,
}

/// An event for the numbering.
pub struct EventPosition<'a> {
    pub offset: u64,
    /// Responses may interleave: the event is in a named lane, or names its response.
    pub interleaves: bool,
    /// The response of the event.
    pub response: Option<&'a AnyResponse>,
}

impl<'n> Numbering<'n> {
    pub fn new(
        input: &'n Input,
        parsing: Parsing,
        (part, remainder): (Part, Option<Remainder>),
        from: u64,
    ) -> Self {
        Self {
            input,
            parsing,
            from,
            part,
            remainder,
            reads_remainder: false,
            interleaved: false,
            open: None,
            orphans: None,
            reached: None,
            first: None,
            ended: 0,
        }
    }

    /// Records an event. A part whose own range or own open response meets interleaved responses claims the remainder of the
    /// source, and so does one that meets an event of another API inside of a response: it belongs to none, and is numbered among all
    /// of those in the source.
    pub fn reach(&mut self, event: &EventPosition<'_>) {
        let EventPosition { offset, interleaves, response } = *event;
        self.reached = Some(offset);
        if interleaves {
            if !self.interleaved {
                self.interleaved = true;
                self.claim(offset);
            }
        } else if let Some(response) = response {
            self.open = Some(response.tracking().byte_start);
        } else if self.open.is_some() {
            self.claim(offset);
        }
    }

    /// Records a row that wraps a stream. The part that meets one claims the remainder: rows depend on the rows before them.
    pub fn row(&mut self, offset: u64) {
        self.claim(offset);
    }

    /// Claims the remainder of the source if this offset is in the part, or if a response of the part is open.
    fn claim(&mut self, offset: u64) {
        if self.reads_remainder {
            return;
        }
        let unfinished = self.open.is_some_and(|start| self.part.has(start));
        let claims = offset < self.part.end || unfinished;
        if let Some(remainder) = self.remainder.as_ref().filter(|_| claims) {
            remainder.claim(self.part.start);
            self.reads_remainder = true;
            self.part.end = u64::MAX;
        }
    }

    /// Whether an error ends a strict part: in its range, or after it while one of its responses is open in the lane without a
    /// name.
    pub fn fails(&self, offset: u64, open: Option<&AnyResponse>) -> bool {
        let has_open = open.is_some_and(|open| self.part.has(open.tracking().byte_start));
        self.part.has(offset) || (has_open && offset >= self.part.end)
    }

    /// Counts events, the last of which is this one. If the part owns them, returns the number of their response and the
    /// index of the first of them.
    pub fn count(&mut self, events: u64, last: &EventPosition<'_>) -> Option<(Option<u64>, u64)> {
        let EventPosition { offset, response, .. } = *last;
        self.reach(last);
        let index = response.map_or_else(
            || self.orphans(events),
            |response| response.tracking().events.saturating_sub(events),
        );
        if !self.part.has(response.map_or(offset, |response| response.tracking().byte_start)) {
            return None;
        }
        let response = response.filter(|_| !self.interleaved);
        Some((response.and_then(|response| self.begun(response)), index))
    }

    /// Counts events without a response; returns the index of the first of them.
    fn orphans(&mut self, events: u64) -> u64 {
        let Self { input, parsing, from, .. } = *self;
        let before = self.orphans.get_or_insert_with(|| leading_events(input, parsing, from));
        let first = *before;
        *before += events;
        first
    }

    /// Counts a response that has ended; returns its number, if the part numbers it.
    pub fn ended(&mut self, response: &AnyResponse) -> Option<u64> {
        if !self.part.numbered || !self.part.has(response.tracking().byte_start) {
            return None;
        }
        self.first.get_or_insert(response.tracking().ordinal);
        self.ended += 1;
        if self.part.is_whole() { response.tracking().stream_index } else { Some(self.ended - 1) }
    }

    /// The number of a response that has begun, if responses end in the order in which they begin.
    pub fn begun(&mut self, response: &AnyResponse) -> Option<u64> {
        if !self.part.numbered || !self.part.has(response.tracking().byte_start) {
            return None;
        }
        if self.part.is_whole() {
            return Some(response.tracking().ordinal);
        }
        let first = *self.first.get_or_insert(response.tracking().ordinal);
        response.tracking().ordinal.checked_sub(first)
    }
}

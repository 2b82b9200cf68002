//! The rows of the tables `events`, `items` and `diagnostics`. Those of `responses` are `respstream_core`'s.

use std::borrow::Cow;

use respstream_core::diagnostics::Code;
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::{CachedEvent, Members};
use respstream_core::protocols::responses::Assembled;
use respstream_core::protocols::responses::Event;
use respstream_core::protocols::responses::Route;
use respstream_core::protocols::responses::columns::{ItemRow, micros};

use crate::tables::cells::Texts;

/// A row of the table `events`.
pub struct EventRow<'a> {
    pub source: &'a str,
    pub event: &'a Event<'a>,
    /// The response of the event.
    pub response: Option<&'a Assembled>,
    pub stream_index: Option<u64>,
    pub event_index: u64,
}

impl<'a> EventRow<'a> {
    pub fn response_id(&self) -> Option<Cow<'a, str>> {
        self.response.and_then(Assembled::id)
    }

    pub fn item_id(&self) -> Option<Cow<'a, str>> {
        match self.event.members {
            Members::Repeated(cached) => self.text(cached.member(cached.owner_id)?),
            Members::Parsed(_) => self.text(self.event.member("item_id")?),
        }
    }

    pub fn delta(&self) -> Option<Cow<'a, str>> {
        if let Members::Repeated(cached) = self.event.members
            && cached.route.entry.value == "delta"
            && let Some((text, false)) = cached.delta(self.event.raw)
        {
            return Some(lossy(text));
        }
        self.text(self.event.member("delta")?)
    }

    /// An index of the event: 0 for the output, 1 for the content, 2 for the summary.
    pub fn index(&self, position: usize) -> Option<i64> {
        self.event.indexes().and_then(|indexes| indexes.values[position]).map(i64::from)
    }

    pub fn time(&self) -> Option<i64> {
        self.event.time.and_then(micros)
    }

    pub fn payload(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.event.raw)
    }

    fn text(&self, member: Member) -> Option<Cow<'a, str>> {
        if member.kind != Kind::String {
            return None;
        }
        let quoted = self.event.bytes(&member);
        Some(match quoted {
            [b'"', text @ .., b'"'] if !member.escaped => lossy(text),
            _ => json::decode_str(quoted),
        })
    }
}

/// Most texts are valid UTF-8, and `from_utf8` is faster than `from_utf8_lossy`.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

/// The values that the events of a run share.
#[derive(Clone, Copy)]
pub struct RunValues<'a> {
    pub source: &'a str,
    /// The event that the others repeat.
    pub cached: &'a CachedEvent<Route>,
    pub lane: Option<&'a str>,
    /// Seconds since the epoch.
    pub time: Option<f64>,
    pub response_id: Option<&'a str>,
    pub stream_index: Option<u64>,
    /// The index of the first event in its response.
    pub event_index: u64,
}

/// Consecutive rows of the table `events`: the deltas of one text.
#[derive(Clone, Copy)]
pub struct DeltaRows<'a> {
    pub shared: RunValues<'a>,
    pub starts: &'a [i64],
    pub ends: &'a [i64],
    pub sequence_numbers: &'a [i64],
    pub deltas: Texts<'a>,
    pub payloads: Texts<'a>,
}

impl<'a> DeltaRows<'a> {
    pub fn item_id(&self) -> Option<Cow<'a, str>> {
        self.shared.cached.owner_id()
    }

    /// An index of the events: 0 for the output, 1 for the content, 2 for the summary.
    pub fn index(&self, position: usize) -> Option<i64> {
        self.shared.cached.route.indexes?.values[position].map(i64::from)
    }

    pub fn time(&self) -> Option<i64> {
        self.shared.time.and_then(micros)
    }
}

/// A row of the table `items`, with the columns that it shares with its response.
pub struct ResponseItem<'a> {
    pub source: &'a str,
    pub stream_index: Option<u64>,
    pub response_id: Option<&'a str>,
    pub item: &'a ItemRow,
}

/// A row of the table `diagnostics`.
pub struct DiagnosticRow<'a> {
    pub source: &'a str,
    /// The number of the response that the diagnostic belongs to.
    pub stream_index: Option<u64>,
    pub offset: Option<u64>,
    pub length: Option<u64>,
    pub line: Option<u64>,
    pub code: Code,
    pub message: &'a str,
    pub response_id: Option<&'a str>,
}

//! The rows of the tables `events`, `items` and `diagnostics`. Those of `responses` are `respstream_core`'s.

use std::borrow::Cow;

use respstream_core::diagnostics::Code;
use respstream_core::predict::CachedEvent;
use respstream_core::protocols::any_api::{AnyApi, AnyEvent, AnyResponse, AnyRoute};
use respstream_core::protocols::rows::micros;
use respstream_core::protocols::view::ItemRow;
use respstream_core::protocols::{Api, Protocol as _, Response as _};

use crate::tables::cells::Texts;

/// A row of the table `events`.
pub struct EventRow<'a> {
    pub source: &'a str,
    pub event: &'a AnyEvent<'a>,
    /// The response of the event.
    pub response: Option<&'a AnyResponse>,
    pub stream_index: Option<u64>,
    pub event_index: u64,
}

impl<'a> EventRow<'a> {
    pub fn response_id(&self) -> Option<Cow<'a, str>> {
        self.response.and_then(AnyResponse::id)
    }

    pub fn item_id(&self) -> Option<Cow<'a, str>> {
        AnyApi::item_id(self.event)
    }

    pub fn delta(&self) -> Option<Cow<'a, str>> {
        AnyApi::delta(self.event)
    }

    /// An index of the event: 0 for the output, 1 for the content, 2 for the summary.
    pub fn index(&self, position: usize) -> Option<i64> {
        let AnyEvent { route, parsed } = self.event;
        let indexes = AnyApi::indexes(route.as_ref(), parsed.unrouted_indexes);
        indexes.and_then(|indexes| indexes.values[position]).map(i64::from)
    }

    pub fn time(&self) -> Option<i64> {
        self.event.time.and_then(micros)
    }

    pub fn payload(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.event.raw)
    }
}

/// The values that the events of a run share.
#[derive(Clone, Copy)]
pub struct RunValues<'a> {
    pub source: &'a str,
    /// The event that the others repeat, and its route.
    pub cached: &'a CachedEvent,
    pub route: AnyRoute,
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
    /// Empty if the events have none.
    pub sequence_numbers: &'a [i64],
    pub deltas: Texts<'a>,
    pub payloads: Texts<'a>,
}

impl<'a> DeltaRows<'a> {
    /// The name of the API.
    pub fn api(&self) -> &'static str {
        AnyApi::api(&self.shared.route).name()
    }

    pub fn item_id(&self) -> Option<Cow<'a, str>> {
        self.shared.cached.owner_id()
    }

    /// An index of the events: 0 for the output, 1 for the content, 2 for the summary.
    pub fn index(&self, position: usize) -> Option<i64> {
        AnyApi::indexes(Some(&self.shared.route), None)?.values[position].map(i64::from)
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
    pub api: Api,
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
    /// The API of that response.
    pub api: Option<Api>,
}

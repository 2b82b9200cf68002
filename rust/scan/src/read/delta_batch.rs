//! Collects the deltas of one text, so that their rows are appended column by column.

use respstream_core::json;
use respstream_core::predict::CachedEvent;
use respstream_core::predict::Delta;
use respstream_core::protocols::Protocol as _;
use respstream_core::protocols::any_api::{AnyApi, AnyRoute};

use crate::tables::columns::PAYLOAD;
use crate::tables::{DeltaRows, RunValues, Selection, Table, Tables, Texts};

/// The deltas of a run of events that repeat one event.
#[derive(Default)]
pub struct DeltaBatch {
    starts: Vec<i64>,
    ends: Vec<i64>,
    sequence_numbers: Vec<i64>,
    deltas: TextBuffer,
    payloads: TextBuffer,
    /// The column of payloads is selected.
    with_payloads: bool,
}

#[derive(Default)]
struct TextBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl TextBuffer {
    #[inline]
    fn end_text(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn texts(&self) -> Texts<'_> {
        Texts { bytes: &self.bytes, ends: &self.ends }
    }
}

impl DeltaBatch {
    pub fn new(tables: &Tables) -> Self {
        let payload = |one: &Selection| one.table == Table::Events && one.has(PAYLOAD);
        Self { with_payloads: tables.selections().any(payload), ..Self::default() }
    }

    /// Whether events that repeat this one can be collected as deltas.
    pub fn accepts(cached: &CachedEvent, route: &AnyRoute) -> bool {
        cached.is_delta_only() && AnyApi::streams_deltas(route)
    }

    #[inline]
    pub fn add(&mut self, delta: &Delta<'_>) {
        self.starts.push(delta.offset.cast_signed());
        self.ends.push(delta.end.cast_signed());
        self.sequence_numbers.extend(delta.sequence);
        if delta.escaped {
            json::decode_wtf8(delta.text, &mut self.deltas.bytes);
        } else {
            self.deltas.bytes.extend_from_slice(delta.body());
        }
        self.deltas.end_text();
        if self.with_payloads {
            self.payloads.bytes.extend_from_slice(delta.raw);
            self.payloads.end_text();
        }
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The offset of the last event.
    pub fn last_offset(&self) -> Option<u64> {
        self.starts.last().map(|start| start.cast_unsigned())
    }

    pub fn clear(&mut self) {
        self.starts.clear();
        self.ends.clear();
        self.sequence_numbers.clear();
        self.deltas.clear();
        self.payloads.clear();
    }

    /// Appends the rows of the run.
    pub fn write(&self, shared: &RunValues<'_>, tables: &mut Tables) {
        tables.deltas(&DeltaRows {
            shared: *shared,
            starts: &self.starts,
            ends: &self.ends,
            sequence_numbers: &self.sequence_numbers,
            deltas: self.deltas.texts(),
            payloads: self.payloads.texts(),
        });
    }
}

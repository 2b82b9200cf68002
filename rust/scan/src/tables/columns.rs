//! The columns of all tables (SEMANTICS, "Tables"). To add a column, add one entry to its table here.
//!
//! Columns are added and never renamed. [`VERSION`] increases with each addition.

use respstream_core::protocols::any_api::AnyResponse;
use respstream_core::protocols::rows::{ResponseRow, micros};
use respstream_core::protocols::{Api, Response as _};

use crate::tables::cells::{Cell, Series};
use crate::tables::rows::{DeltaRows, DiagnosticRow, EventRow, ResponseItem};

use Depth::{Events, Lifecycle, Whole};
use Kind::{Dictionary, Double, Int, Text, TextList, Time, ToolCalls};
use Nulls::{Nullable, Required, RequiredUnlessSplit};

/// The version of the schemas, in their metadata.
pub const VERSION: &str = "3";

/// The number of a response in its source.
pub const STREAM_INDEX: &str = "stream_index";
/// The JSON of an event.
pub const PAYLOAD: &str = "payload";

/// The type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text with few different values.
    Dictionary,
    Int,
    Double,
    Time,
    TextList,
    ToolCalls,
}

/// Whether values can be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    Required,
    /// Null only in a part of a source, where the number of a response is not known.
    RequiredUnlessSplit,
    Nullable,
}

/// How much of a source has to be read for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Events without their responses.
    Events,
    /// The members of responses that their lifecycle events contain.
    Lifecycle,
    Whole,
}

/// The description of a column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnInfo {
    pub name: &'static str,
    pub kind: Kind,
    pub nulls: Nulls,
    pub depth: Depth,
    /// Only selected by name.
    pub extra: bool,
}

/// A column, and the functions that read its values from a row.
#[derive(Clone, Copy)]
pub struct Column<C> {
    pub info: ColumnInfo,
    pub cells: C,
}

pub type ResponseCell = for<'r, 'a> fn(&'r ResponseRow<'a, AnyResponse>) -> Cell<'r>;
pub type ItemCell = for<'r, 'a> fn(&'r ResponseItem<'a>) -> Cell<'r>;
pub type DiagnosticCell = for<'r, 'a> fn(&'r DiagnosticRow<'a>) -> Cell<'r>;

pub type EventCell = for<'r, 'a> fn(&'r EventRow<'a>) -> Cell<'r>;
pub type DeltaSeries = for<'r, 'a> fn(&'r DeltaRows<'a>) -> Series<'r>;

/// Reads the values of single events, and of runs of deltas.
#[derive(Clone, Copy)]
pub struct EventCells {
    pub row: EventCell,
    pub run: DeltaSeries,
}

const fn column<C>(
    name: &'static str,
    kind: Kind,
    nulls: Nulls,
    depth: Depth,
    cells: C,
) -> Column<C> {
    Column { info: ColumnInfo { name, kind, nulls, depth, extra: false }, cells }
}

const fn event(
    name: &'static str,
    kind: Kind,
    nulls: Nulls,
    depth: Depth,
    row: EventCell,
    run: DeltaSeries,
) -> Column<EventCells> {
    column(name, kind, nulls, depth, EventCells { row, run })
}

fn constant<'a>(value: impl Into<Cell<'a>>) -> Series<'a> {
    Series::Constant(value.into())
}

/// These numbers, or null if there are none.
const fn numbers(values: &[i64]) -> Series<'_> {
    if values.is_empty() { Series::Constant(Cell::Null) } else { Series::Ints(values) }
}

const fn extra<C: Copy>(mut column: Column<C>) -> Column<C> {
    column.info.extra = true;
    column
}

/// A table: one row per response, event, item of a response, or diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Responses,
    Events,
    Items,
    Diagnostics,
}

impl Table {
    pub const ALL: [Self; 4] = [Self::Responses, Self::Events, Self::Items, Self::Diagnostics];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Events => "events",
            Self::Items => "items",
            Self::Diagnostics => "diagnostics",
        }
    }

    /// The table of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns in the order of the table.
    pub fn columns(self) -> Vec<&'static ColumnInfo> {
        match self {
            Self::Responses => RESPONSES.iter().map(|column| &column.info).collect(),
            Self::Events => EVENTS.iter().map(|column| &column.info).collect(),
            Self::Items => ITEMS.iter().map(|column| &column.info).collect(),
            Self::Diagnostics => DIAGNOSTICS.iter().map(|column| &column.info).collect(),
        }
    }
}

#[rustfmt::skip]
pub static RESPONSES: [Column<ResponseCell>; 47] = [
    column("source", Text, Required, Lifecycle, |row| row.source.into()),
    column(STREAM_INDEX, Int, RequiredUnlessSplit, Lifecycle, |row| row.stream_index.into()),
    column("byte_start", Int, Required, Lifecycle, |row| row.response.tracking().byte_start.into()),
    column("byte_end", Int, Required, Whole, |row| row.response.tracking().byte_end.into()),
    column("response_id", Text, Nullable, Lifecycle, |row| row.response.id().into()),
    column("previous_response_id", Text, Nullable, Lifecycle, |row| row.text("previous_response_id").into()),
    column("conversation_id", Text, Nullable, Lifecycle, |row| row.conversation_id().into()),
    column("model", Text, Nullable, Lifecycle, |row| row.text("model").into()),
    column("status", Text, Nullable, Lifecycle, |row| row.response.status().into()),
    column("terminal", Text, Nullable, Lifecycle, |row| row.response.tracking().terminal.into()),
    column("created_at", Time, Nullable, Lifecycle, |row| row.time("created_at").into()),
    column("completed_at", Time, Nullable, Lifecycle, |row| row.time("completed_at").into()),
    column("service_tier", Text, Nullable, Lifecycle, |row| row.text("service_tier").into()),
    column("input_tokens", Int, Nullable, Lifecycle, |row| row.tokens().input.into()),
    column("cached_tokens", Int, Nullable, Lifecycle, |row| row.tokens().cached.into()),
    column("output_tokens", Int, Nullable, Lifecycle, |row| row.tokens().output.into()),
    column("reasoning_tokens", Int, Nullable, Lifecycle, |row| row.tokens().reasoning.into()),
    column("total_tokens", Int, Nullable, Lifecycle, |row| row.tokens().total.into()),
    column("output_text", Text, Nullable, Whole, |row| row.output_text().into()),
    column("refusal", Text, Nullable, Whole, |row| row.refusal().into()),
    column("reasoning_text", Text, Nullable, Whole, |row| row.reasoning_text().into()),
    column("reasoning_summary", Text, Nullable, Whole, |row| row.reasoning_summary().into()),
    column("items", Int, Required, Whole, |row| (row.response.items() as u64).into()),
    column("tool_calls", ToolCalls, Required, Whole, |row| Cell::ToolCalls(row.tool_calls())),
    column("incomplete_reason", Text, Nullable, Lifecycle, |row| row.response.incomplete_reason().into()),
    column("error_code", Text, Nullable, Lifecycle, |row| row.error_code().into()),
    column("error_message", Text, Nullable, Lifecycle, |row| row.error("message").into()),
    column("metadata", Text, Nullable, Lifecycle, |row| row.metadata().into()),
    column("events", Int, Required, Whole, |row| row.response.tracking().events.into()),
    column("deltas", Int, Required, Whole, |row| row.response.tracking().deltas.into()),
    column("first_sequence", Int, Nullable, Whole, |row| row.response.tracking().first_sequence.into()),
    column("last_sequence", Int, Nullable, Whole, |row| row.response.tracking().last_sequence.into()),
    column("started_at", Time, Nullable, Whole, |row| row.response.tracking().started_at.and_then(micros).into()),
    column("first_delta_at", Time, Nullable, Whole, |row| row.response.tracking().first_delta_at.and_then(micros).into()),
    column("ended_at", Time, Nullable, Whole, |row| row.response.tracking().ended_at.and_then(micros).into()),
    column("lane", Text, Nullable, Lifecycle, |row| row.response.tracking().lane.as_deref().into()),
    column("diagnostics", TextList, Required, Whole, |row| Cell::TextList(row.diagnostics())),
    extra(column("response_json", Text, Nullable, Whole, |row| row.json().into())),
    column("duration", Double, Nullable, Whole, |row| row.latency().duration.into()),
    column("time_to_first_token", Double, Nullable, Whole, |row| row.latency().time_to_first_token.into()),
    column("inter_token_mean", Double, Nullable, Whole, |row| row.latency().inter_token_mean.into()),
    column("inter_token_p50", Double, Nullable, Whole, |row| row.latency().inter_token_p50.into()),
    column("inter_token_p95", Double, Nullable, Whole, |row| row.latency().inter_token_p95.into()),
    column("inter_token_p99", Double, Nullable, Whole, |row| row.latency().inter_token_p99.into()),
    column("longest_stall", Double, Nullable, Whole, |row| row.latency().longest_stall.into()),
    column("output_tokens_per_second", Double, Nullable, Whole, |row| row.latency().output_tokens_per_second.into()),
    column("api", Text, Required, Lifecycle, |row| row.response.api().name().into()),
];

#[rustfmt::skip]
pub static EVENTS: [Column<EventCells>; 17] = [
    event("source", Text, Required, Events, |row| row.source.into(), |run| constant(run.shared.source)),
    event(STREAM_INDEX, Int, Nullable, Whole, |row| row.stream_index.into(), |run| constant(run.shared.stream_index)),
    event("event_index", Int, Required, Whole, |row| row.event_index.into(), |run| Series::CountFrom(run.shared.event_index)),
    event("byte_start", Int, Required, Events, |row| row.event.offset.into(), |run| Series::Ints(run.starts)),
    event("byte_end", Int, Required, Events, |row| row.event.end.into(), |run| Series::Ints(run.ends)),
    event("response_id", Text, Nullable, Whole, |row| row.response_id().into(), |run| constant(run.shared.response_id)),
    event("type", Dictionary, Required, Events, |row| (&*row.event.kind).into(), |run| constant(run.shared.cached.name)),
    event("sequence_number", Int, Nullable, Events, |row| row.event.sequence.into(), |run| numbers(run.sequence_numbers)),
    event("item_id", Text, Nullable, Events, |row| row.item_id().into(), |run| constant(run.item_id())),
    event("output_index", Int, Nullable, Events, |row| row.index(0).into(), |run| constant(run.index(0))),
    event("content_index", Int, Nullable, Events, |row| row.index(1).into(), |run| constant(run.index(1))),
    event("summary_index", Int, Nullable, Events, |row| row.index(2).into(), |run| constant(run.index(2))),
    event("delta", Text, Nullable, Events, |row| row.delta().into(), |run| Series::Texts(run.deltas)),
    event("time", Time, Nullable, Events, |row| row.time().into(), |run| constant(run.time())),
    event("lane", Text, Nullable, Events, |row| row.event.lane.as_deref().into(), |run| constant(run.shared.lane)),
    extra(event(PAYLOAD, Text, Nullable, Events, |row| row.payload().into(), |run| Series::Texts(run.payloads))),
    event("api", Dictionary, Required, Events, |row| row.event.api.name().into(), |run| constant(run.api())),
];

#[rustfmt::skip]
pub static ITEMS: [Column<ItemCell>; 13] = [
    column("source", Text, Required, Whole, |row| row.source.into()),
    column(STREAM_INDEX, Int, RequiredUnlessSplit, Whole, |row| row.stream_index.into()),
    column("response_id", Text, Nullable, Whole, |row| row.response_id.into()),
    column("output_index", Int, Required, Whole, |row| row.item.output_index.into()),
    column("item_id", Text, Nullable, Whole, |row| row.item.item_id.as_deref().into()),
    column("type", Text, Nullable, Whole, |row| row.item.kind.as_deref().into()),
    column("status", Text, Nullable, Whole, |row| row.item.status.as_deref().into()),
    column("role", Text, Nullable, Whole, |row| row.item.role.as_deref().into()),
    column("name", Text, Nullable, Whole, |row| row.item.name.as_deref().into()),
    column("call_id", Text, Nullable, Whole, |row| row.item.call_id.as_deref().into()),
    column("text", Text, Nullable, Whole, |row| row.item.text.as_deref().into()),
    column("arguments", Text, Nullable, Whole, |row| row.item.arguments.as_deref().into()),
    column("api", Text, Required, Whole, |row| row.api.name().into()),
];

#[rustfmt::skip]
pub static DIAGNOSTICS: [Column<DiagnosticCell>; 10] = [
    column("source", Text, Required, Whole, |row| row.source.into()),
    column(STREAM_INDEX, Int, Nullable, Whole, |row| row.stream_index.into()),
    column("offset", Int, Nullable, Whole, |row| row.offset.into()),
    column("length", Int, Nullable, Whole, |row| row.length.into()),
    column("line", Int, Nullable, Whole, |row| row.line.into()),
    column("code", Text, Required, Whole, |row| row.code.kind().code.into()),
    column("severity", Text, Required, Whole, |row| row.code.kind().severity.name().into()),
    column("message", Text, Required, Whole, |row| row.message.into()),
    column("response_id", Text, Nullable, Whole, |row| row.response_id.into()),
    column("api", Text, Nullable, Whole, |row| row.api.map(Api::name).into()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn column_names_are_unique() {
        for table in Table::ALL {
            let columns = table.columns();
            let names: HashSet<_> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), columns.len(), "{}", table.name());
        }
    }

    #[test]
    fn every_row_names_its_source() {
        for table in Table::ALL {
            let first = table.columns()[0];
            assert_eq!((first.name, first.kind, first.nulls), ("source", Text, Required));
        }
    }

    #[test]
    fn extra_columns_are_nullable() {
        let columns = Table::ALL.into_iter().flat_map(Table::columns);
        let extra: Vec<_> = columns.filter(|column| column.extra).collect();
        assert!(extra.iter().all(|column| column.nulls == Nullable));
        assert_eq!(extra.len(), 2);
    }

    #[test]
    fn only_the_number_of_a_response_depends_on_the_split() {
        for column in Table::ALL.into_iter().flat_map(Table::columns) {
            let depends = column.nulls == RequiredUnlessSplit;
            assert!(!depends || column.name == STREAM_INDEX, "{}", column.name);
        }
    }

    #[test]
    fn lists_are_never_null() {
        for column in Table::ALL.into_iter().flat_map(Table::columns) {
            let list = matches!(column.kind, TextList | ToolCalls);
            assert!(!list || column.nulls == Required, "{}", column.name);
        }
    }
}

//! The tables: their columns and types (SEMANTICS, "Tables").

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Metadata, Schema, SchemaRef, TimeUnit};

/// Grows when a column is added; columns are never renamed.
pub const VERSION: &str = "2";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A text of which there are few different ones.
    Word,
    Int,
    /// A double.
    Real,
    Time,
    /// A list of texts.
    Words,
    Calls,
}

/// A column; `null` tells whether it may be.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub null: bool,
    /// Only there when it is asked for by name.
    pub extra: bool,
}

const fn some(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, null: true, extra: false }
}

const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, null: false, extra: false }
}

const fn extra(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, null: true, extra: true }
}

/// One row a response, an event, an item of a response, or a diagnostic.
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

    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Responses => &RESPONSES,
            Self::Events => &EVENTS,
            Self::Items => &ITEMS,
            Self::Diagnostics => &DIAGNOSTICS,
        }
    }
}

const RESPONSES: [Column; 46] = [
    must("source", Kind::Text),
    must("stream_index", Kind::Int),
    must("byte_start", Kind::Int),
    must("byte_end", Kind::Int),
    some("response_id", Kind::Text),
    some("previous_response_id", Kind::Text),
    some("conversation_id", Kind::Text),
    some("model", Kind::Text),
    some("status", Kind::Text),
    some("terminal", Kind::Text),
    some("created_at", Kind::Time),
    some("completed_at", Kind::Time),
    some("service_tier", Kind::Text),
    some("input_tokens", Kind::Int),
    some("cached_tokens", Kind::Int),
    some("output_tokens", Kind::Int),
    some("reasoning_tokens", Kind::Int),
    some("total_tokens", Kind::Int),
    some("output_text", Kind::Text),
    some("refusal", Kind::Text),
    some("reasoning_text", Kind::Text),
    some("reasoning_summary", Kind::Text),
    must("items", Kind::Int),
    must("tool_calls", Kind::Calls),
    some("incomplete_reason", Kind::Text),
    some("error_code", Kind::Text),
    some("error_message", Kind::Text),
    some("metadata", Kind::Text),
    must("events", Kind::Int),
    must("deltas", Kind::Int),
    some("first_sequence", Kind::Int),
    some("last_sequence", Kind::Int),
    some("started_at", Kind::Time),
    some("first_delta_at", Kind::Time),
    some("ended_at", Kind::Time),
    some("lane", Kind::Text),
    must("diagnostics", Kind::Words),
    extra("response_json", Kind::Text),
    some("duration", Kind::Real),
    some("time_to_first_token", Kind::Real),
    some("inter_token_mean", Kind::Real),
    some("inter_token_p50", Kind::Real),
    some("inter_token_p95", Kind::Real),
    some("inter_token_p99", Kind::Real),
    some("longest_stall", Kind::Real),
    some("output_tokens_per_second", Kind::Real),
];

const EVENTS: [Column; 16] = [
    must("source", Kind::Text),
    some("stream_index", Kind::Int),
    must("event_index", Kind::Int),
    must("byte_start", Kind::Int),
    must("byte_end", Kind::Int),
    some("response_id", Kind::Text),
    must("type", Kind::Word),
    some("sequence_number", Kind::Int),
    some("item_id", Kind::Text),
    some("output_index", Kind::Int),
    some("content_index", Kind::Int),
    some("summary_index", Kind::Int),
    some("delta", Kind::Text),
    some("time", Kind::Time),
    some("lane", Kind::Text),
    extra("payload", Kind::Text),
];

const ITEMS: [Column; 12] = [
    must("source", Kind::Text),
    must("stream_index", Kind::Int),
    some("response_id", Kind::Text),
    must("output_index", Kind::Int),
    some("item_id", Kind::Text),
    some("type", Kind::Text),
    some("status", Kind::Text),
    some("role", Kind::Text),
    some("name", Kind::Text),
    some("call_id", Kind::Text),
    some("text", Kind::Text),
    some("arguments", Kind::Text),
];

const DIAGNOSTICS: [Column; 9] = [
    must("source", Kind::Text),
    some("stream_index", Kind::Int),
    some("offset", Kind::Int),
    some("length", Kind::Int),
    some("line", Kind::Int),
    must("code", Kind::Text),
    must("severity", Kind::Text),
    must("message", Kind::Text),
    some("response_id", Kind::Text),
];

/// The columns of responses that their lifecycle events tell, or where these stand.
const LIFECYCLE: [&str; 22] = [
    "source",
    "stream_index",
    "byte_start",
    "response_id",
    "previous_response_id",
    "conversation_id",
    "model",
    "status",
    "terminal",
    "created_at",
    "completed_at",
    "service_tier",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
    "incomplete_reason",
    "error_code",
    "error_message",
    "metadata",
    "lane",
];
/// The columns of events that need a response.
const FOLDED: [&str; 3] = ["stream_index", "event_index", "response_id"];

/// How much of a source has to be read for its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Events without their responses.
    Events,
    /// Responses, as their lifecycle events tell them.
    Lifecycle,
    /// Everything.
    Whole,
}

impl Depth {
    /// What these tables need.
    pub fn of(selections: &[Selection]) -> Self {
        let all = |needs: fn(&Selection) -> bool| selections.iter().all(needs);
        if all(|one| one.table == Table::Events && !FOLDED.iter().any(|name| one.has(name))) {
            return Self::Events;
        }
        let told = |one: &Selection| {
            let mut places = one.places.iter();
            places.all(|place| LIFECYCLE.contains(&one.table.columns()[*place].name))
        };
        if all(|one| one.table == Table::Responses) && selections.iter().all(told) {
            return Self::Lifecycle;
        }
        Self::Whole
    }
}

/// A table of which some columns are wanted: their places, in the order in which they are wanted.
#[derive(Clone, Debug)]
pub struct Selection {
    pub table: Table,
    pub places: Vec<usize>,
    pub schema: SchemaRef,
}

impl Selection {
    /// The named columns, or all but those that are only there when asked for. In a `split` a response has no number.
    /// The error names a column that there is not.
    pub fn new(table: Table, names: Option<&[String]>, split: bool) -> Result<Self, String> {
        let columns = table.columns();
        let places = match names {
            None => (0..columns.len()).filter(|place| !columns[*place].extra).collect(),
            Some(names) => {
                names.iter().map(|name| place(columns, name)).collect::<Result<Vec<_>, _>>()?
            }
        };
        let fields: Fields = places.iter().map(|place| field(&columns[*place], split)).collect();
        let metadata = Metadata::from_iter([
            ("respstream.table".to_owned(), table.name().to_owned()),
            ("respstream.version".to_owned(), VERSION.to_owned()),
        ]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Ok(Self { table, places, schema })
    }

    /// Whether the column of that name is wanted.
    pub fn has(&self, name: &str) -> bool {
        self.places.iter().any(|place| self.table.columns()[*place].name == name)
    }
}

fn place(columns: &[Column], name: &str) -> Result<usize, String> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| name.to_owned())
}

fn field(column: &Column, split: bool) -> Field {
    let null = column.null || (split && column.name == "stream_index");
    Field::new(column.name, data_type(column.kind), null)
}

/// The members of a tool call.
pub fn call_fields() -> Fields {
    ["type", "call_id", "name", "arguments"]
        .map(|name| Field::new(name, DataType::LargeUtf8, true))
        .into_iter()
        .collect()
}

fn data_type(kind: Kind) -> DataType {
    let list = |inner| DataType::List(Arc::new(Field::new("item", inner, true)));
    match kind {
        Kind::Text => DataType::LargeUtf8,
        Kind::Word => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8))
        }
        Kind::Int => DataType::Int64,
        Kind::Real => DataType::Float64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Words => list(DataType::LargeUtf8),
        Kind::Calls => list(DataType::Struct(call_fields())),
    }
}

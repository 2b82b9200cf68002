//! Rows of the tables, from what the core gives, into growing batches.

use std::borrow::Cow;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use respstream_core::diagnostics::Diagnostic;
use respstream_core::events::Parsed;
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::Members;
use respstream_core::response::Folded;
use respstream_core::rows::{ItemRow, ResponseRow, item_rows, micros, response_row};

use crate::columns::{Cell, Columns};
use crate::schema::{Selection, Table};
use crate::source::Problem;

/// The tables of a scan. Each takes the rows that are its own, if it is wanted.
pub struct Tables {
    columns: Vec<Columns>,
    /// All rows so far, by table.
    pub rows: Vec<u64>,
}

/// A batch, and the place of its table.
pub type Batch = (usize, RecordBatch);

impl Tables {
    pub fn new(selections: &[Selection], batch_rows: usize) -> Self {
        let columns = |selection: &Selection| Columns::new(selection.clone(), batch_rows);
        let columns: Vec<_> = selections.iter().map(columns).collect();
        let rows = vec![0; columns.len()];
        Self { columns, rows }
    }

    /// What is wanted.
    pub fn selections(&self) -> impl Iterator<Item = &Selection> {
        self.columns.iter().map(|columns| &columns.selection)
    }

    /// Whether a table is wanted.
    pub fn wants(&self, table: Table) -> bool {
        self.columns.iter().any(|columns| columns.selection.table == table)
    }

    /// The columns of a table, each time that it is wanted.
    pub(crate) fn of(&mut self, table: Table) -> impl Iterator<Item = &mut Columns> {
        self.columns.iter_mut().filter(move |columns| columns.selection.table == table)
    }

    /// Takes a response that has ended, with its number in the source if that is known.
    pub fn response(&mut self, source: &str, folded: &Folded, number: Option<u64>) {
        for columns in self.of(Table::Responses) {
            let whole = columns.selection.has("response_json");
            let mut row = response_row(folded, source, whole);
            row.stream_index = number;
            columns.push(|place| response_cell(&row, place));
        }
        if self.wants(Table::Items) {
            let id = folded.id();
            let rows = item_rows(folded);
            for columns in self.of(Table::Items) {
                for row in &rows {
                    columns.push(|place| item_cell(source, number, id.as_deref(), row, place));
                }
            }
        }
    }

    /// Takes an event.
    pub fn event(&mut self, source: &str, event: &EventRow<'_>) {
        for columns in self.of(Table::Events) {
            event.push(source, columns);
        }
    }

    /// Takes a diagnostic of a response with this number, or of none.
    pub fn diagnostic(&mut self, source: &str, number: Option<u64>, found: &Diagnostic) {
        let kind = found.code.kind();
        let message = kind.message(&found.detail);
        for columns in self.of(Table::Diagnostics) {
            columns.push(|place| match place {
                0 => Cell::Text(source),
                1 => number.into(),
                2 => found.offset.into(),
                3 => found.length.into(),
                4 => found.line.into(),
                5 => Cell::Text(kind.code),
                6 => Cell::Text(kind.severity.name()),
                7 => Cell::Text(&message),
                _ => found.response_id.as_deref().into(),
            });
        }
    }

    /// Takes the reason why a source could not be read on from this offset, or not at all.
    pub fn problem(&mut self, source: &str, offset: Option<u64>, problem: &Problem) {
        let kind = problem.code.kind();
        let message = kind.message(&vec![("reason", problem.reason.as_str().into())]);
        for columns in self.of(Table::Diagnostics) {
            columns.push(|place| match place {
                0 => Cell::Text(source),
                2 => offset.into(),
                5 => Cell::Text(kind.code),
                6 => Cell::Text(kind.severity.name()),
                7 => Cell::Text(&message),
                _ => Cell::Null,
            });
        }
    }

    /// The batches that are full, or with `all` whatever there is.
    pub fn take(&mut self, all: bool) -> Result<Vec<Batch>, ArrowError> {
        let mut batches = Vec::new();
        for (place, columns) in self.columns.iter_mut().enumerate() {
            for batch in columns.take(all) {
                let batch = batch?;
                self.rows[place] += batch.num_rows() as u64;
                batches.push((place, batch));
            }
        }
        Ok(batches)
    }
}

fn response_cell<'a>(row: &'a ResponseRow<'_>, place: usize) -> Cell<'a> {
    match place {
        0 => Cell::Text(row.source),
        1 => row.stream_index.into(),
        2 => row.byte_start.into(),
        3 => row.byte_end.into(),
        4 => row.response_id.as_deref().into(),
        5 => row.previous_response_id.as_deref().into(),
        6 => row.conversation_id.as_deref().into(),
        7 => row.model.as_deref().into(),
        8 => row.status.as_deref().into(),
        9 => row.terminal.into(),
        10 => row.created_at.into(),
        11 => row.completed_at.into(),
        12 => row.service_tier.as_deref().into(),
        13 => row.input_tokens.into(),
        14 => row.cached_tokens.into(),
        15 => row.output_tokens.into(),
        16 => row.reasoning_tokens.into(),
        17 => row.total_tokens.into(),
        18 => row.output_text.as_deref().into(),
        19 => row.refusal.as_deref().into(),
        20 => row.reasoning_text.as_deref().into(),
        21 => row.reasoning_summary.as_deref().into(),
        22 => row.items.into(),
        23 => Cell::Calls(&row.tool_calls),
        _ => later_response_cell(row, place),
    }
}

fn later_response_cell<'a>(row: &'a ResponseRow<'_>, place: usize) -> Cell<'a> {
    match place {
        24 => row.incomplete_reason.as_deref().into(),
        25 => row.error_code.as_deref().into(),
        26 => row.error_message.as_deref().into(),
        27 => row.metadata.as_deref().into(),
        28 => row.events.into(),
        29 => row.deltas.into(),
        30 => row.first_sequence.into(),
        31 => row.last_sequence.into(),
        32 => row.started_at.into(),
        33 => row.first_delta_at.into(),
        34 => row.ended_at.into(),
        35 => row.lane.into(),
        36 => Cell::Words(&row.diagnostics),
        37 => row.response_json.as_deref().into(),
        _ => row.latency.all()[place - 38].into(),
    }
}

fn item_cell<'a>(
    source: &'a str,
    number: Option<u64>,
    response_id: Option<&'a str>,
    row: &'a ItemRow,
    place: usize,
) -> Cell<'a> {
    match place {
        0 => Cell::Text(source),
        1 => number.into(),
        2 => response_id.into(),
        3 => row.output_index.into(),
        4 => row.item_id.as_deref().into(),
        5 => row.kind.as_deref().into(),
        6 => row.status.as_deref().into(),
        7 => row.role.as_deref().into(),
        8 => row.name.as_deref().into(),
        9 => row.call_id.as_deref().into(),
        10 => row.text.as_deref().into(),
        _ => row.arguments.as_deref().into(),
    }
}

/// An event on its way to its row.
pub struct EventRow<'a> {
    pub parsed: &'a Parsed<'a>,
    pub folded: Option<&'a Folded>,
    pub number: Option<u64>,
    pub index: u64,
}

impl<'a> EventRow<'a> {
    fn push(&self, source: &str, columns: &mut Columns) {
        let parsed = self.parsed;
        let (mut id, mut item_id, mut delta, mut payload) = (None, None, None, None);
        for place in &columns.selection.places {
            match place {
                5 => id = self.folded.and_then(Folded::id),
                8 => item_id = self.item_id(),
                12 => delta = self.delta(),
                15 => payload = Some(String::from_utf8_lossy(parsed.raw)),
                _ => {}
            }
        }
        columns.push(|place| match place {
            0 => Cell::Text(source),
            1 => self.number.into(),
            2 => self.index.into(),
            3 => parsed.offset.into(),
            4 => parsed.end.into(),
            5 => id.as_deref().into(),
            6 => Cell::Text(&parsed.kind),
            7 => parsed.sequence_number.into(),
            8 => item_id.as_deref().into(),
            9 => self.indexed(0),
            10 => self.indexed(1),
            11 => self.indexed(2),
            12 => delta.as_deref().into(),
            13 => parsed.time.and_then(micros).into(),
            14 => parsed.lane.as_deref().into(),
            _ => payload.as_deref().into(),
        });
    }

    fn item_id(&self) -> Option<Cow<'a, str>> {
        match self.parsed.members {
            Members::Repeated(known) => self.text(known.member(known.item_id)?),
            Members::Read(_) => self.text(self.parsed.member("item_id")?),
        }
    }

    fn delta(&self) -> Option<Cow<'a, str>> {
        if let Members::Repeated(known) = self.parsed.members
            && known.entry.value == "delta"
            && let Some((text, false)) = known.delta(self.parsed.raw)
        {
            return Some(lossy(text));
        }
        self.text(self.parsed.member("delta")?)
    }

    fn text(&self, member: Member) -> Option<Cow<'a, str>> {
        if member.kind != Kind::String {
            return None;
        }
        let quoted = self.parsed.bytes(&member);
        Some(match quoted {
            [b'"', text @ .., b'"'] if !member.escaped => lossy(text),
            _ => json::decode_str(quoted),
        })
    }

    fn indexed(&self, place: usize) -> Cell<'static> {
        self.parsed.indexes.and_then(|indexes| indexes.values[place]).map(i64::from).into()
    }
}

/// Mostly the text is in order, which the first look tells.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

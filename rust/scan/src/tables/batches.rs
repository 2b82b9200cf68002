//! Appends rows to the selected tables of a scan, and cuts them into batches.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use respstream_core::diagnostics::Diagnostic;
use respstream_core::protocols::any_api::AnyResponse;
use respstream_core::protocols::rows::ResponseRow;
use respstream_core::protocols::{Api, Response as _};

use crate::input::problem::Problem;
use crate::tables::builders::TableBuilder;
use crate::tables::columns::{DIAGNOSTICS, EVENTS, ITEMS, RESPONSES, Table};
use crate::tables::rows::{DeltaRows, DiagnosticRow, EventRow, ResponseItem};
use crate::tables::schema::Selection;

/// The selected tables of a scan. A row of a table that is not selected is dropped.
pub struct Tables {
    builders: Vec<TableBuilder>,
    /// The number of rows so far, by selection.
    pub rows: Vec<u64>,
}

/// A batch, and the position of its table among the selections.
pub type Batch = (usize, RecordBatch);

impl Tables {
    pub fn new(selections: &[Selection], batch_rows: usize) -> Self {
        let builder = |selection: &Selection| TableBuilder::new(selection.clone(), batch_rows);
        let builders: Vec<_> = selections.iter().map(builder).collect();
        let rows = vec![0; builders.len()];
        Self { builders, rows }
    }

    pub fn selections(&self) -> impl Iterator<Item = &Selection> {
        self.builders.iter().map(|builder| &builder.selection)
    }

    /// Whether a table is selected.
    pub fn has(&self, table: Table) -> bool {
        self.selections().any(|selection| selection.table == table)
    }

    /// The builders of a table: one for each selection of it.
    fn of(&mut self, table: Table) -> impl Iterator<Item = &mut TableBuilder> {
        self.builders.iter_mut().filter(move |builder| builder.selection.table == table)
    }

    /// Appends a response that has ended, and its items. `stream_index` is its number in the source, if known.
    pub fn response(&mut self, source: &str, assembled: &AnyResponse, stream_index: Option<u64>) {
        if self.has(Table::Responses) {
            let row = ResponseRow::new(assembled, source, stream_index);
            for builder in self.of(Table::Responses) {
                builder.push(|position| (RESPONSES[position].cells)(&row));
            }
        }
        if self.has(Table::Items) {
            let id = assembled.id();
            let (response_id, api) = (id.as_deref(), assembled.api());
            for item in &assembled.item_rows() {
                let row = ResponseItem { source, stream_index, response_id, api, item };
                for builder in self.of(Table::Items) {
                    builder.push(|position| (ITEMS[position].cells)(&row));
                }
            }
        }
    }

    /// Appends an event.
    pub fn event(&mut self, row: &EventRow<'_>) {
        for builder in self.of(Table::Events) {
            builder.push(|position| (EVENTS[position].cells.row)(row));
        }
    }

    /// Appends consecutive deltas of one text.
    pub fn deltas(&mut self, rows: &DeltaRows<'_>) {
        for builder in self.of(Table::Events) {
            builder.push_rows(rows.starts.len(), |position| (EVENTS[position].cells.run)(rows));
        }
    }

    /// Appends a diagnostic, with the number and the API of its response, if it belongs to one.
    pub fn diagnostic(
        &mut self,
        source: &str,
        (stream_index, api): (Option<u64>, Option<Api>),
        found: &Diagnostic,
    ) {
        self.push_diagnostic(&DiagnosticRow {
            source,
            stream_index,
            offset: Some(found.offset),
            length: Some(found.length),
            line: Some(found.line),
            code: found.code,
            message: &found.code.kind().message(&found.detail),
            response_id: found.response_id.as_deref(),
            api,
        });
    }

    /// Appends the reason why a source cannot be read, at all or from this offset on.
    pub fn problem(&mut self, source: &str, offset: Option<u64>, problem: &Problem) {
        self.push_diagnostic(&DiagnosticRow {
            source,
            stream_index: None,
            offset,
            length: None,
            line: None,
            code: problem.code,
            message: &problem.message(),
            response_id: None,
            api: None,
        });
    }

    fn push_diagnostic(&mut self, row: &DiagnosticRow<'_>) {
        for builder in self.of(Table::Diagnostics) {
            builder.push(|position| (DIAGNOSTICS[position].cells)(row));
        }
    }

    /// Takes the full batches, and with `all` the rows that follow them, too.
    pub fn take(&mut self, all: bool) -> Result<Vec<Batch>, ArrowError> {
        let mut batches = Vec::new();
        for (table, builder) in self.builders.iter_mut().enumerate() {
            for batch in builder.take(all) {
                let batch = batch?;
                self.rows[table] += batch.num_rows() as u64;
                batches.push((table, batch));
            }
        }
        Ok(batches)
    }
}

//! Tables of a file, read whole, in splits, and by threads that share it, as batches that can be compared.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use respstream_core::diagnostics::{DIAGNOSTICS, Diagnostic};
use respstream_core::frames::Options;
use respstream_core::records::RowOptions;
use respstream_scan::input::{
    Input, Location, Parsing, Part, Problem, Record, RecordingFormat, RecordingOptions,
    RecordingReader,
};
use respstream_scan::pool::{Failure, Plan, Stream};
use respstream_scan::read::{BatchSink, ReadOptions, Reader, Stop};
use respstream_scan::splits::splittable_size;
use respstream_scan::tables::schema::depth;
use respstream_scan::tables::{Batch, Selection, Summary, Table, Tables};

/// The rows of a batch.
const ROWS: usize = 100;
/// The size of the read buffer.
const BLOCK: usize = 1 << 10;

/// What is read: columns of tables. The number of a response is not the same in a split.
pub type Columns = [(Table, &'static [&'static str])];

/// Columns that need events only.
pub const EVENTS: &Columns = &[(
    Table::Events,
    &[
        "byte_start",
        "byte_end",
        "type",
        "sequence_number",
        "item_id",
        "output_index",
        "delta",
        "api",
    ],
)];
/// Columns that need lifecycle events only.
pub const LIFECYCLE: &Columns = &[(
    Table::Responses,
    &["byte_start", "response_id", "model", "status", "terminal", "error_code", "total_tokens"],
)];

/// The rows of each table, the error that ended a strict scan as its code, offset and line, and the counts.
#[derive(Debug, PartialEq)]
pub struct Rows {
    pub tables: Vec<RecordBatch>,
    pub error: Option<(&'static str, u64, u64)>,
    pub bytes: u64,
    pub responses: u64,
    pub diagnostics: [u64; DIAGNOSTICS.len()],
}

/// Collects batches by table.
struct Batches(Vec<Vec<RecordBatch>>);

impl BatchSink for Batches {
    fn batch(&mut self, (table, batch): Batch) -> Result<(), Stop> {
        self.0[table].push(batch);
        Ok(())
    }
}

struct NoRecordings;

impl RecordingReader for NoRecordings {
    fn records(&self, _: RecordingFormat, _: &[u8]) -> Result<Vec<Record>, Problem> {
        Ok(Vec::new())
    }
}

/// A file and how it is read.
pub struct Reading {
    input: Input,
    options: ReadOptions,
    recordings: RecordingOptions,
    selections: Vec<Selection>,
}

impl Reading {
    /// Writes a source to a file. `columns`: all columns of all tables, if it is empty.
    pub fn new(bytes: &[u8], framing: Options, strict: bool, columns: &Columns) -> Self {
        let path = path();
        std::fs::write(&path, bytes).expect("a file can be written");
        let selections = if columns.is_empty() {
            Table::ALL.iter().map(|table| select(*table, &all_columns(*table))).collect()
        } else {
            columns.iter().map(|(table, names)| select(*table, names)).collect::<Vec<_>>()
        };
        let parsing = Parsing { framing, api: None };
        let rows = RowOptions::default();
        Self {
            input: Input {
                name: "a".to_owned(),
                location: Location::File(path),
                part: None,
                lines: Arc::default(),
                stored: Arc::default(),
            },
            options: ReadOptions { parsing, strict, depth: depth(&selections) },
            recordings: RecordingOptions {
                rows,
                format: None,
                detect: false,
                reader: Arc::new(NoRecordings),
            },
            selections,
        }
    }

    /// Whether the file can be split.
    pub fn can_split(&self) -> bool {
        splittable_size(&self.input, &self.recordings, self.options.parsing).is_some()
    }

    /// The rows of the file.
    pub fn whole(&self) -> Rows {
        self.read(&[None])
    }

    /// The rows of parts of the file, one after the other, up to the first that fails.
    pub fn parts(&self, parts: impl Iterator<Item = (u64, u64)>) -> Rows {
        let part = |(start, end)| Some(Part { start, end, numbered: false });
        self.read(&parts.map(part).collect::<Vec<_>>())
    }

    fn read(&self, parts: &[Option<Part>]) -> Rows {
        let mut batches = Batches(vec![Vec::new(); self.selections.len()]);
        let tables = Tables::new(&self.selections, ROWS);
        let mut reader = Reader::new(tables, self.options, &self.recordings, &mut batches);
        reader.block = vec![0; BLOCK];
        let input = |part: &Option<Part>| Input { part: *part, ..self.input.clone() };
        let error = match parts.iter().try_for_each(|part| reader.read(&input(part))) {
            Err(Stop::Strict(error)) => Some(place(&error.diagnostic)),
            read => read.map(|()| None).expect("batches are made"),
        };
        let summary = reader.finish().expect("batches are made");
        self.rows(&batches, error, &summary)
    }

    /// The rows of the file by threads that share it in parts of about this size.
    pub fn shared(&self, part_bytes: u64) -> Rows {
        let plan = Plan {
            inputs: Arc::new([self.input.clone()]),
            selections: self.selections.clone().into(),
            options: self.options,
            recordings: self.recordings.clone(),
            threads: 2,
            batch_rows: ROWS,
            part_bytes,
        };
        let mut stream = Stream::start(&plan).expect("threads start");
        let mut batches = Batches(vec![Vec::new(); self.selections.len()]);
        let error = loop {
            match stream.next_batch() {
                Ok(Some((table, batch))) => batches.0[table].push(batch),
                Ok(None) => break None,
                Err(Failure::Strict(error)) => break Some(place(&error.diagnostic)),
                Err(failure) => panic!("{failure:?}"),
            }
        };
        self.rows(&batches, error, &stream.summary)
    }

    fn rows(
        &self,
        batches: &Batches,
        error: Option<(&'static str, u64, u64)>,
        summary: &Summary,
    ) -> Rows {
        let tables = self.selections.iter().zip(&batches.0);
        let tables = tables.map(|(selection, found)| joined(selection, found)).collect();
        let responses = summary.responses.values().sum();
        Rows { tables, error, bytes: summary.bytes, responses, diagnostics: summary.diagnostics }
    }
}

/// The columns of a table except for the numbers of responses.
pub fn all_columns(table: Table) -> Vec<&'static str> {
    table
        .columns()
        .iter()
        .map(|column| column.name)
        .filter(|name| *name != "stream_index")
        .collect()
}

fn select(table: Table, names: &[&str]) -> Selection {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Selection::new(table, Some(&names), true).expect("the columns exist")
}

fn joined(selection: &Selection, batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&selection.schema, batches).expect("the batches have one schema")
}

fn place(found: &Diagnostic) -> (&'static str, u64, u64) {
    (found.code.kind().code, found.offset, found.line)
}

/// A file of this process.
fn path() -> PathBuf {
    std::env::temp_dir().join(format!("respstream-fuzz-{}", std::process::id()))
}

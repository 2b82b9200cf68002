//! The Arrow builders of a table. Full batches are cut off while rows are appended.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, Float64Builder, Int32Builder, Int64Builder, LargeStringBuilder, ListBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch, RecordBatchOptions};
use arrow_schema::ArrowError;
use respstream_core::protocols::view::ToolCall;

use crate::tables::cells::{Cell, Series, Texts};
use crate::tables::columns::Kind;
use crate::tables::schema::{Selection, tool_call_fields};

/// The first capacity of a builder. Many batches are small.
const ROWS: usize = 64;
const TEXT_BYTES: usize = 1024;
/// A batch ends at about this many bytes, if it does not reach its number of rows before.
const BATCH_BYTES: usize = 2 << 20;

/// Builds a dictionary array. Most values repeat the one before, which costs no hash lookup.
#[derive(Default)]
struct DictionaryBuilder {
    keys: HashMap<Box<str>, i32>,
    values: LargeStringBuilder,
    rows: Int32Builder,
    last: Option<(Box<str>, i32)>,
}

impl DictionaryBuilder {
    #[inline]
    fn append(&mut self, value: Option<&str>) {
        match (value, &self.last) {
            (None, _) => self.rows.append_null(),
            (Some(value), Some((last, key))) if **last == *value => self.rows.append_value(*key),
            (Some(value), _) => self.append_other(value),
        }
    }

    fn append_n(&mut self, value: &str, count: usize) {
        self.append(Some(value));
        if let Some((_, key)) = &self.last {
            self.rows.append_value_n(*key, count - 1);
        }
    }

    fn append_other(&mut self, value: &str) {
        let key = self.keys.get(value).copied().unwrap_or_else(|| {
            let key = i32::try_from(self.keys.len()).unwrap_or(i32::MAX);
            self.keys.insert(value.into(), key);
            self.values.append_value(value);
            key
        });
        self.rows.append_value(key);
        self.last = Some((value.into(), key));
    }

    fn finish(&mut self) -> DictionaryArray<Int32Type> {
        self.keys.clear();
        self.last = None;
        DictionaryArray::new(self.rows.finish(), Arc::new(self.values.finish()))
    }
}

enum ColumnBuilder {
    Text(LargeStringBuilder),
    Dictionary(DictionaryBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    TextList(ListBuilder<LargeStringBuilder>),
    ToolCalls(ListBuilder<StructBuilder>),
}

impl ColumnBuilder {
    fn new(kind: Kind) -> Self {
        let texts = || LargeStringBuilder::with_capacity(ROWS, TEXT_BYTES);
        match kind {
            Kind::Text => Self::Text(texts()),
            Kind::Dictionary => Self::Dictionary(DictionaryBuilder::default()),
            Kind::Int => Self::Int(Int64Builder::with_capacity(ROWS)),
            Kind::Double => Self::Double(Float64Builder::with_capacity(ROWS)),
            Kind::Time => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(ROWS).with_timezone("UTC"))
            }
            Kind::TextList => Self::TextList(ListBuilder::new(texts())),
            Kind::ToolCalls => {
                Self::ToolCalls(ListBuilder::new(StructBuilder::from_fields(tool_call_fields(), 0)))
            }
        }
    }

    /// Appends a value. A value of another kind than the column is appended as null. Returns the approximate size in bytes.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => {
                values.append_value(text);
                return text.len() + 8;
            }
            (Self::Text(values), _) => values.append_null(),
            (Self::Dictionary(values), cell) => {
                values.append(if let Cell::Text(text) = cell { Some(text) } else { None });
                return 4;
            }
            (Self::Int(values), cell) => values.append_option(integer(cell)),
            (Self::Double(values), cell) => values.append_option(double(cell)),
            (Self::Time(values), cell) => values.append_option(integer(cell)),
            (Self::TextList(values), cell) => {
                return push_texts(
                    values,
                    if let Cell::TextList(texts) = cell { texts } else { &[] },
                );
            }
            (Self::ToolCalls(values), cell) => {
                return push_calls(
                    values,
                    if let Cell::ToolCalls(calls) = cell { calls } else { &[] },
                );
            }
        }
        8
    }

    /// Appends these rows of a series. Returns the approximate size in bytes.
    fn push_series(&mut self, series: &Series<'_>, rows: Range<usize>) -> usize {
        let count = rows.len();
        match (self, series) {
            (Self::Text(values), Series::Constant(Cell::Text(text))) => {
                values.append_value_n(text, count);
                return (text.len() + 8) * count;
            }
            (Self::Text(values), Series::Texts(texts)) => {
                return push_concatenated(values, texts, rows);
            }
            (Self::Text(values), Series::Constant(_)) => values.append_nulls(count),
            (Self::Dictionary(values), Series::Constant(Cell::Text(text))) => {
                values.append_n(text, count);
            }
            (Self::Int(values), Series::Constant(Cell::Int(number))) => {
                values.append_value_n(*number, count);
            }
            (Self::Int(values), Series::Constant(_)) => values.append_nulls(count),
            (Self::Int(values), Series::Ints(numbers)) => values.append_slice(&numbers[rows]),
            (Self::Int(values), Series::CountFrom(first)) => {
                let numbers: Vec<_> = rows.map(|row| (first + row as u64).cast_signed()).collect();
                values.append_slice(&numbers);
            }
            (Self::Time(values), Series::Constant(Cell::Null)) => values.append_nulls(count),
            (values, Series::Constant(cell)) => return rows.map(|_| values.push(cell)).sum(),
            (values, _) => return rows.map(|_| values.push(&Cell::Null)).sum(),
        }
        8 * count
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) => {
                // The next batch is about as large. A builder that starts small copies its contents whenever it grows.
                let (rows, bytes) = (values.len(), values.values_slice().len());
                let next = LargeStringBuilder::with_capacity(rows, bytes);
                Arc::new(std::mem::replace(values, next).finish())
            }
            Self::Dictionary(values) => Arc::new(values.finish()),
            Self::Int(values) => {
                let next = Int64Builder::with_capacity(values.len());
                Arc::new(std::mem::replace(values, next).finish())
            }
            Self::Double(values) => Arc::new(values.finish()),
            Self::Time(values) => Arc::new(values.finish()),
            Self::TextList(values) => Arc::new(values.finish()),
            Self::ToolCalls(values) => Arc::new(values.finish()),
        }
    }
}

fn integer(cell: &Cell<'_>) -> Option<i64> {
    if let Cell::Int(number) = cell { Some(*number) } else { None }
}

fn double(cell: &Cell<'_>) -> Option<f64> {
    if let Cell::Double(number) = cell { Some(*number) } else { None }
}

fn push_concatenated(
    values: &mut LargeStringBuilder,
    texts: &Texts<'_>,
    rows: Range<usize>,
) -> usize {
    let Texts { bytes, ends } = *texts;
    let first = rows.start.checked_sub(1).map_or(0, |before| ends[before]);
    let last = ends[rows.end - 1];
    let mut start = first;
    // One check for all texts. A text ends at a character boundary.
    let valid = std::str::from_utf8(&bytes[first..last]).ok();
    for end in &ends[rows.clone()] {
        match valid.and_then(|valid| valid.get(start - first..end - first)) {
            Some(text) => values.append_value(text),
            None => values.append_value(String::from_utf8_lossy(&bytes[start..*end])),
        }
        start = *end;
    }
    last - first + 8 * rows.len()
}

fn push_texts(values: &mut ListBuilder<LargeStringBuilder>, texts: &[&str]) -> usize {
    for text in texts {
        values.values().append_value(text);
    }
    values.append(true);
    texts.iter().map(|text| text.len() + 8).sum::<usize>() + 4
}

fn push_calls(values: &mut ListBuilder<StructBuilder>, calls: &[ToolCall]) -> usize {
    let mut bytes = 4;
    for call in calls {
        let texts = [
            Some(&*call.kind),
            call.call_id.as_deref(),
            call.name.as_deref(),
            call.arguments.as_deref(),
        ];
        for (field, text) in texts.into_iter().enumerate() {
            if let Some(builder) = values.values().field_builder::<LargeStringBuilder>(field) {
                builder.append_option(text);
                bytes += 8 + text.map_or(0, str::len);
            }
        }
        values.values().append(true);
    }
    values.append(true);
    bytes
}

/// Builds batches of the selected columns of a table.
pub struct TableBuilder {
    pub selection: Selection,
    columns: Vec<ColumnBuilder>,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
    full: Vec<Result<RecordBatch, ArrowError>>,
}

impl TableBuilder {
    /// `batch_rows` is the maximum number of rows of a batch.
    pub fn new(selection: Selection, batch_rows: usize) -> Self {
        let infos = selection.table.columns();
        let kinds = selection.positions.iter().map(|position| infos[*position].kind);
        let columns = kinds.map(ColumnBuilder::new).collect();
        let batch_rows = batch_rows.max(1);
        Self { selection, columns, batch_rows, rows: 0, bytes: 0, full: Vec::new() }
    }

    /// Appends a row. `cell` returns the value of the column at a position in the table.
    #[inline]
    pub fn push<'a>(&mut self, cell: impl Fn(usize) -> Cell<'a>) {
        for (position, column) in self.selection.positions.iter().zip(&mut self.columns) {
            self.bytes += column.push(&cell(*position));
        }
        self.rows += 1;
        self.cut();
    }

    /// Appends several rows. `series` returns the values of the column at a position in the table.
    pub fn push_rows<'a>(&mut self, rows: usize, series: impl Fn(usize) -> Series<'a>) {
        let mut from = 0;
        while from < rows {
            let to = rows.min(from + self.batch_rows - self.rows);
            for (position, column) in self.selection.positions.iter().zip(&mut self.columns) {
                self.bytes += column.push_series(&series(*position), from..to);
            }
            self.rows += to - from;
            from = to;
            self.cut();
        }
    }

    #[inline]
    fn cut(&mut self) {
        if self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES {
            let batch = self.finish();
            self.full.push(batch);
        }
    }

    /// Takes the full batches, and with `all` the rows that follow them, too.
    pub fn take(
        &mut self,
        all: bool,
    ) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<> {
        if all && self.rows > 0 {
            let batch = self.finish();
            self.full.push(batch);
        }
        std::mem::take(&mut self.full).into_iter()
    }

    /// Makes a batch of the rows so far and begins the next one.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.selection.schema.clone(), arrays, &options)
    }
}

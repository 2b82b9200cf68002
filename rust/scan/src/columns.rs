//! The columns of a batch as they grow, cell by cell.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, Float64Builder, Int32Builder, Int64Builder, LargeStringBuilder, ListBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch, RecordBatchOptions};
use arrow_schema::ArrowError;
use respstream_core::response::ToolCall;

use crate::schema::{Kind, Selection, call_fields};

/// What a batch has room for at first: many are small.
const ROWS: usize = 64;
const TEXT_BYTES: usize = 1024;

/// The value of a row in a column.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Null,
    Text(&'a str),
    /// An integer, or a time in microseconds.
    Int(i64),
    Real(f64),
    Words(&'a [&'static str]),
    Calls(&'a [ToolCall]),
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<Option<u64>> for Cell<'_> {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Null, Self::from)
    }
}

impl From<Option<f64>> for Cell<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Real)
    }
}

/// Texts of which there are few: each is kept once, and mostly the same one comes again.
#[derive(Default)]
struct WordBuilder {
    places: HashMap<Box<str>, i32>,
    words: LargeStringBuilder,
    rows: Int32Builder,
    last: Option<(Box<str>, i32)>,
}

impl WordBuilder {
    #[inline]
    fn append(&mut self, word: Option<&str>) {
        match (word, &self.last) {
            (None, _) => self.rows.append_null(),
            (Some(word), Some((last, place))) if **last == *word => self.rows.append_value(*place),
            (Some(word), _) => self.append_other(word),
        }
    }

    fn append_other(&mut self, word: &str) {
        let place = self.places.get(word).copied().unwrap_or_else(|| {
            let place = i32::try_from(self.places.len()).unwrap_or(i32::MAX);
            self.places.insert(word.into(), place);
            self.words.append_value(word);
            place
        });
        self.rows.append_value(place);
        self.last = Some((word.into(), place));
    }

    fn finish(&mut self) -> DictionaryArray<Int32Type> {
        self.places.clear();
        self.last = None;
        DictionaryArray::new(self.rows.finish(), Arc::new(self.words.finish()))
    }
}

enum Values {
    Text(LargeStringBuilder),
    Word(WordBuilder),
    Int(Int64Builder),
    Real(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Words(ListBuilder<LargeStringBuilder>),
    Calls(ListBuilder<StructBuilder>),
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(LargeStringBuilder::with_capacity(ROWS, TEXT_BYTES)),
            Kind::Word => Self::Word(WordBuilder::default()),
            Kind::Int => Self::Int(Int64Builder::with_capacity(ROWS)),
            Kind::Real => Self::Real(Float64Builder::with_capacity(ROWS)),
            Kind::Time => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(ROWS).with_timezone("UTC"))
            }
            Kind::Words => {
                Self::Words(ListBuilder::new(LargeStringBuilder::with_capacity(ROWS, TEXT_BYTES)))
            }
            Kind::Calls => {
                Self::Calls(ListBuilder::new(StructBuilder::from_fields(call_fields(), 0)))
            }
        }
    }

    /// Appends a value; one of another kind than the column's is null. Gives the bytes that it takes, about.
    fn push(&mut self, cell: Cell<'_>) -> usize {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => {
                values.append_value(text);
                text.len() + 8
            }
            (Self::Text(values), _) => {
                values.append_null();
                8
            }
            (Self::Word(values), cell) => {
                values.append(if let Cell::Text(text) = cell { Some(text) } else { None });
                4
            }
            (Self::Int(values), cell) => {
                values.append_option(integer(cell));
                8
            }
            (Self::Real(values), cell) => {
                values.append_option(if let Cell::Real(number) = cell {
                    Some(number)
                } else {
                    None
                });
                8
            }
            (Self::Time(values), cell) => {
                values.append_option(integer(cell));
                8
            }
            (Self::Words(values), cell) => {
                push_words(values, if let Cell::Words(words) = cell { words } else { &[] })
            }
            (Self::Calls(values), cell) => {
                push_calls(values, if let Cell::Calls(calls) = cell { calls } else { &[] })
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) => {
                // The next batch will be about as large; to grow into that copies all of it, again and again.
                let (rows, bytes) = (values.len(), values.values_slice().len());
                let next = LargeStringBuilder::with_capacity(rows, bytes);
                Arc::new(std::mem::replace(values, next).finish())
            }
            Self::Word(values) => Arc::new(values.finish()),
            Self::Int(values) => {
                let next = Int64Builder::with_capacity(values.len());
                Arc::new(std::mem::replace(values, next).finish())
            }
            Self::Real(values) => Arc::new(values.finish()),
            Self::Time(values) => Arc::new(values.finish()),
            Self::Words(values) => Arc::new(values.finish()),
            Self::Calls(values) => Arc::new(values.finish()),
        }
    }
}

fn integer(cell: Cell<'_>) -> Option<i64> {
    if let Cell::Int(number) = cell { Some(number) } else { None }
}

fn push_words(values: &mut ListBuilder<LargeStringBuilder>, words: &[&str]) -> usize {
    for word in words {
        values.values().append_value(word);
    }
    values.append(true);
    words.iter().map(|word| word.len() + 8).sum::<usize>() + 4
}

fn push_calls(values: &mut ListBuilder<StructBuilder>, calls: &[ToolCall]) -> usize {
    let mut bytes = 4;
    for call in calls {
        let texts = [
            Some(call.kind),
            call.call_id.as_deref(),
            call.name.as_deref(),
            call.arguments.as_deref(),
        ];
        for (place, text) in texts.into_iter().enumerate() {
            if let Some(builder) = values.values().field_builder::<LargeStringBuilder>(place) {
                builder.append_option(text);
                bytes += 8 + text.map_or(0, str::len);
            }
        }
        values.values().append(true);
    }
    values.append(true);
    bytes
}

/// The wanted columns of one table.
pub struct Columns {
    pub selection: Selection,
    values: Vec<Values>,
    rows: usize,
    bytes: usize,
}

impl Columns {
    pub fn new(selection: Selection) -> Self {
        let kinds = selection.table.columns();
        let values = selection.places.iter().map(|place| Values::new(kinds[*place].kind)).collect();
        Self { selection, values, rows: 0, bytes: 0 }
    }

    /// Appends a row; `cell` gives the value for the column at a place in the table.
    #[inline]
    pub fn push<'a>(&mut self, mut cell: impl FnMut(usize) -> Cell<'a>) {
        for (place, values) in self.selection.places.iter().zip(&mut self.values) {
            self.bytes += values.push(cell(*place));
        }
        self.rows += 1;
    }

    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// About as many bytes as the rows take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far as a batch; the next one begins.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.values.iter_mut().map(Values::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.selection.schema.clone(), arrays, &options)
    }
}

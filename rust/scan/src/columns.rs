//! The columns of a batch as they grow, cell by cell.

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
use respstream_core::response::ToolCall;

use crate::schema::{Kind, Selection, call_fields};

/// What a batch has room for at first: many are small.
const ROWS: usize = 64;
const TEXT_BYTES: usize = 1024;
/// A batch ends at about this many bytes, if it has not so many rows as it may have.
const BATCH_BYTES: usize = 2 << 20;

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

/// The values of some rows that follow one another in a column.
#[derive(Clone, Copy, Debug)]
pub enum Series<'a> {
    /// The same for all of them.
    Same(Cell<'a>),
    /// Integers that grow by one from this on.
    Count(u64),
    Ints(&'a [i64]),
    /// Texts that stand one behind the other, and where they end.
    Texts(&'a [u8], &'a [usize]),
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

    fn append_n(&mut self, word: &str, count: usize) {
        self.append(Some(word));
        if let Some((_, place)) = &self.last {
            self.rows.append_value_n(*place, count - 1);
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

    /// Appends the values of the rows `from` to `to` of a series; gives the bytes that they take, about.
    fn push_series(&mut self, series: Series<'_>, rows: Range<usize>) -> usize {
        let count = rows.len();
        match (self, series) {
            (Self::Text(values), Series::Same(Cell::Text(text))) => {
                values.append_value_n(text, count);
                return (text.len() + 8) * count;
            }
            (Self::Text(values), Series::Texts(text, ends)) => {
                return push_texts(values, text, ends, rows);
            }
            (Self::Text(values), Series::Same(_)) => values.append_nulls(count),
            (Self::Word(values), Series::Same(Cell::Text(word))) => values.append_n(word, count),
            (Self::Int(values), Series::Same(Cell::Int(number))) => {
                values.append_value_n(number, count);
            }
            (Self::Int(values), Series::Same(_)) => values.append_nulls(count),
            (Self::Int(values), Series::Ints(numbers)) => values.append_slice(&numbers[rows]),
            (Self::Int(values), Series::Count(first)) => {
                let numbers: Vec<_> = rows.map(|row| (first + row as u64).cast_signed()).collect();
                values.append_slice(&numbers);
            }
            (Self::Time(values), Series::Same(Cell::Null)) => values.append_nulls(count),
            (values, Series::Same(cell)) => return rows.map(|_| values.push(cell)).sum(),
            (values, _) => return rows.map(|_| values.push(Cell::Null)).sum(),
        }
        8 * count
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

fn push_texts(
    values: &mut LargeStringBuilder,
    text: &[u8],
    ends: &[usize],
    rows: Range<usize>,
) -> usize {
    let first = rows.start.checked_sub(1).map_or(0, |before| ends[before]);
    let last = ends[rows.end - 1];
    let mut start = first;
    // Checked once for all; a piece ends where a character does.
    let whole = std::str::from_utf8(&text[first..last]).ok();
    for end in &ends[rows.clone()] {
        match whole.and_then(|whole| whole.get(start - first..end - first)) {
            Some(piece) => values.append_value(piece),
            None => values.append_value(String::from_utf8_lossy(&text[start..*end])),
        }
        start = *end;
    }
    last - first + 8 * rows.len()
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

/// The wanted columns of one table. They are cut into batches as they grow.
pub struct Columns {
    pub selection: Selection,
    values: Vec<Values>,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
    full: Vec<Result<RecordBatch, ArrowError>>,
}

impl Columns {
    /// A batch has at most so many rows.
    pub fn new(selection: Selection, batch_rows: usize) -> Self {
        let kinds = selection.table.columns();
        let values = selection.places.iter().map(|place| Values::new(kinds[*place].kind)).collect();
        let batch_rows = batch_rows.max(1);
        Self { selection, values, batch_rows, rows: 0, bytes: 0, full: Vec::new() }
    }

    /// Appends a row; `cell` gives the value for the column at a place in the table.
    #[inline]
    pub fn push<'a>(&mut self, mut cell: impl FnMut(usize) -> Cell<'a>) {
        for (place, values) in self.selection.places.iter().zip(&mut self.values) {
            self.bytes += values.push(cell(*place));
        }
        self.rows += 1;
        self.cut();
    }

    /// Appends so many rows; `series` gives their values for the column at a place in the table.
    pub fn push_rows<'a>(&mut self, rows: usize, series: impl Fn(usize) -> Series<'a>) {
        let mut from = 0;
        while from < rows {
            let to = rows.min(from + self.batch_rows - self.rows);
            for (place, values) in self.selection.places.iter().zip(&mut self.values) {
                self.bytes += values.push_series(series(*place), from..to);
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

    /// The batches that are full, or with `all` whatever there is.
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

    /// The rows so far as a batch; the next one begins.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.values.iter_mut().map(Values::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.selection.schema.clone(), arrays, &options)
    }
}

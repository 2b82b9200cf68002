//! The values of columns, one row or several rows at a time.

use std::borrow::Cow;

use respstream_core::protocols::view::ToolCall;

/// The value of one row in a column.
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    /// An integer, or a time in microseconds since the epoch.
    Int(i64),
    Double(f64),
    TextList(Vec<&'static str>),
    ToolCalls(&'a [ToolCall]),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of consecutive rows in a column.
#[derive(Clone, Debug)]
pub enum Series<'a> {
    /// The same value in all rows.
    Constant(Cell<'a>),
    /// Integers that increase by one, from this one.
    CountFrom(u64),
    Ints(&'a [i64]),
    Texts(Texts<'a>),
}

/// Concatenated texts.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    pub bytes: &'a [u8],
    /// The end of each text in `bytes`.
    pub ends: &'a [usize],
}

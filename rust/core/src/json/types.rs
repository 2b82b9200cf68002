//! What all of the JSON layer shares: kinds of values, members as spans, limits, and the result of a check.

/// The deepest nesting that is read; a top-level array or object is at depth 1.
pub const DEPTH_LIMIT: usize = 256;
/// The longest integer (a number with neither fraction nor exponent) that is read, in digits.
pub const DIGIT_LIMIT: usize = 4300;
/// The largest text that is read, in bytes: spans are kept in 32 bits.
pub const SIZE_LIMIT: usize = u32::MAX as usize;

/// What a value is, told by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// The kind of the value that begins with this byte, if any does.
    #[inline]
    pub(super) fn of(first: u8) -> Option<Self> {
        Some(match first {
            b'"' => Self::String,
            b'-' | b'0'..=b'9' => Self::Number,
            b'{' => Self::Object,
            b'[' => Self::Array,
            b't' => Self::True,
            b'f' => Self::False,
            b'n' => Self::Null,
            _ => return None,
        })
    }
}

/// A span of bytes in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range32 {
    pub start: u32,
    pub end: u32,
}

impl Range32 {
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of this span; empty if it lies outside the text.
    #[inline]
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A member of an object, as spans into the object's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The key without its quotes.
    pub key: Range32,
    pub key_escaped: bool,
    /// Where the value begins and ends; a string's quotes are part of it.
    pub start: u32,
    pub end: u32,
    pub kind: Kind,
    /// The value is a string that has a backslash.
    pub escaped: bool,
}

impl Member {
    /// The bytes of the value.
    #[inline]
    pub fn value<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        Range32 { start: self.start, end: self.end }.of(text)
    }

    /// The same so many bytes further on, where adding may wrap around to go back.
    #[inline]
    pub(crate) fn shifted(mut self, by: u32) -> Self {
        self.key.start = self.key.start.wrapping_add(by);
        self.key.end = self.key.end.wrapping_add(by);
        self.start = self.start.wrapping_add(by);
        self.end = self.end.wrapping_add(by);
        self
    }

    /// The bytes of the key as they stand in the text, without quotes.
    #[inline]
    pub fn raw_key<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        self.key.of(text)
    }
}

/// Why a text is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Bad,
    Limit,
}

/// What a check learns about a whole text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    pub kind: Kind,
    /// A surrogate escape without its other half stands in some string or key.
    pub lone_surrogate: bool,
    /// Some string or key is not UTF-8.
    pub bad_utf8: bool,
    /// The text was not read: it repeats one that was, see [`super::template::Template`].
    pub recognised: bool,
    /// The number of the check in the value cache that made it; 0 for none.
    pub serial: u64,
}

impl Checked {
    /// What there is to know of an object that repeats a checked one.
    pub const RECOGNISED: Self = Self {
        kind: Kind::Object,
        lone_surrogate: false,
        bad_utf8: false,
        recognised: true,
        serial: 0,
    };
}

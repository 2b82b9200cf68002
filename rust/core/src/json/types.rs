//! Types that the JSON layer shares: kinds of values, members as spans, and the result of a check.

/// The kind of a JSON value. The first byte of a value determines it.
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
    /// The kind of a value that begins with this byte, or `None` if no value does.
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

    /// The bytes of this span; empty if the span exceeds the text.
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
    /// The span of the value, with the quotes of a string.
    pub start: u32,
    pub end: u32,
    pub kind: Kind,
    /// The value is a string with a backslash.
    pub escaped: bool,
}

impl Member {
    /// The bytes of the value.
    #[inline]
    pub fn value<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        Range32 { start: self.start, end: self.end }.of(text)
    }

    /// This member moved by `by` bytes. Additions wrap, so that a negated offset moves it back.
    #[inline]
    #[must_use]
    pub fn shifted(mut self, by: u32) -> Self {
        self.key.start = self.key.start.wrapping_add(by);
        self.key.end = self.key.end.wrapping_add(by);
        self.start = self.start.wrapping_add(by);
        self.end = self.end.wrapping_add(by);
        self
    }

    /// The bytes of the key in the text, undecoded and without quotes.
    #[inline]
    pub fn raw_key<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        self.key.of(text)
    }
}

/// Why a text is rejected: a syntax error, or a limit that it exceeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Bad,
    Limit,
}

/// The result of checking a valid text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    pub kind: Kind,
    /// A string or key has a surrogate escape without the other half of its pair.
    pub lone_surrogate: bool,
    /// A string or key is not valid UTF-8.
    pub bad_utf8: bool,
    /// The text was not parsed: it matches a [`super::template::Template`].
    pub recognised: bool,
    /// The number of the [`super::ValueCache`] check that returned this result; 0 if there was no cache.
    pub serial: u64,
}

impl Checked {
    /// The result for an object without findings.
    pub const OBJECT: Self = Self {
        kind: Kind::Object,
        lone_surrogate: false,
        bad_utf8: false,
        recognised: false,
        serial: 0,
    };
    /// The result for an object that matches a template.
    pub const RECOGNISED: Self = Self { recognised: true, ..Self::OBJECT };
}

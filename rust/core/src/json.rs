//! JSON as RFC 8259 has it: checks, locates and unescapes; it builds no objects.
//!
//! The verdict on a text depends on its bytes alone. Any syntax error makes it [`Fault::Bad`], even in a text that is
//! over a limit too; else nesting over [`DEPTH_LIMIT`], an integer of over [`DIGIT_LIMIT`] digits or a size over
//! [`SIZE_LIMIT`] is [`Fault::Limit`]. Bytes from 0x80 are opaque inside strings ([`utf8_ok`] looks at them) and errors
//! outside. Nothing recurses: what is open costs one bit a level.
//!
//! [`scan`] is what every event passes through; [`locate`] and [`elements`] are for texts that have passed it.

use std::borrow::Cow;

mod canonical;
mod lex;
mod lines;
mod locate;
mod machine;
mod memory;
mod scan;
mod template;
mod text;

pub use canonical::write as write_canonical;
pub use lines::{LineCheck, State};
pub use locate::{each_object, elements, locate};
pub use memory::{Located, Memory};
pub use scan::scan;
pub use template::{Template, fill};
pub use text::{
    decode_str, decode_wtf8, decode_wtf8_body, finish_wtf8, parse_index, reads_as, utf8_ok,
    write_str,
};

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
    fn of(first: u8) -> Option<Self> {
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
    fn new(start: usize, end: usize) -> Self {
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

/// What [`scan`] learns of a whole text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scan {
    pub kind: Kind,
    /// A surrogate escape without its other half stands in some string or key.
    pub lone_surrogate: bool,
    /// Some string or key is not UTF-8.
    pub bad_utf8: bool,
    /// The text was not read: it repeats one that was, see [`Template`].
    pub recognised: bool,
    /// The number of the scan in the [`Memory`] that made it, 0 for none.
    pub serial: u64,
}

impl Scan {
    /// What there is to know of an object that repeats a checked one.
    pub const RECOGNISED: Self = Self {
        kind: Kind::Object,
        lone_surrogate: false,
        bad_utf8: false,
        recognised: true,
        serial: 0,
    };
}

/// The member with this key, the last one if it is there twice. Escaped keys are compared decoded.
pub fn find<'a>(text: &[u8], members: &'a [Member], key: &str) -> Option<&'a Member> {
    crate::count::work(members.len());
    // Invalid UTF-8 decodes to U+FFFD, so that only a key that is not ASCII can equal bytes that differ from its own.
    let plain = key.is_ascii();
    members.iter().rev().find(|member| {
        if member.key_escaped || !plain {
            return text::decode_body(member.raw_key(text)) == key;
        }
        let size = member.key.end.wrapping_sub(member.key.start);
        size as usize == key.len() && member.raw_key(text) == key.as_bytes()
    })
}

/// The text of a member's key.
pub fn decode_key<'t>(text: &'t [u8], member: &Member) -> Cow<'t, str> {
    text::decode_body(member.raw_key(text))
}

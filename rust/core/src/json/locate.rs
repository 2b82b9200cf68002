//! Locates the parts of a text that has passed the check. Only what keeps the search inside the text is checked again.

use std::borrow::Cow;

use super::lexer;
use super::limits::SIZE_LIMIT;
use super::strings;
use super::types::{Kind, Member, Range32};
use crate::simd;
use crate::work::work;

/// Locates the top-level members of a valid object, which may exceed the depth and digit limits.
///
/// `members` is cleared first. Returns false, with no members, if the text is not an object.
pub fn locate(text: &[u8], members: &mut Vec<Member>) -> bool {
    work(text.len());
    members.clear();
    let found = object_at(text, 0, members);
    if found.is_none() {
        members.clear();
    }
    found.is_some()
}

/// Appends the members of the object at a position of a valid text, as spans into the text; returns the position after it.
fn object_at(text: &[u8], start: usize, members: &mut Vec<Member>) -> Option<usize> {
    each_part(text, start, b'{', b'}', |at| {
        let (member, end) = member(text, at)?;
        members.push(member);
        Some(end)
    })
}

/// Appends the members of the object in a member of a valid text, as spans into the text. Returns whether it is an object.
pub fn inside(text: &[u8], object: &Member, members: &mut Vec<Member>) -> bool {
    work((object.end - object.start) as usize);
    object_at(text, object.start as usize, members).is_some()
}

/// As [`inside`], for the only element of the array in a member. Returns whether that is an object.
pub fn inside_only_element(text: &[u8], array: &Member, members: &mut Vec<Member>) -> bool {
    work((array.end - array.start) as usize);
    let mut count = 0;
    let found = each_part(text, array.start as usize, b'[', b']', |at| {
        count += 1;
        if count == 1 { object_at(text, at, members) } else { None }
    });
    found.is_some() && count == 1
}

/// Locates the elements of a valid array: start, end and kind of each. Otherwise as [`locate`].
pub fn elements(text: &[u8], out: &mut Vec<(usize, usize, Kind)>) -> bool {
    work(text.len());
    out.clear();
    let found = each_part(text, 0, b'[', b']', |at| {
        let (end, kind, _) = value(text, at)?;
        out.push((at, end, kind));
        Some(end)
    });
    if found.is_none() {
        out.clear();
    }
    found.is_some()
}

/// Calls `take` for each object of a valid array with its index among the elements, its text and its members. `members` is
/// scratch space. Does nothing if the text is not an array. The text is read once.
pub fn each_object(
    text: &[u8],
    members: &mut Vec<Member>,
    mut take: impl FnMut(usize, &[u8], &[Member]),
) {
    work(text.len());
    let mut number = 0;
    each_part(text, 0, b'[', b']', |at| {
        number += 1;
        if lexer::byte(text, at) != b'{' {
            return value(text, at).map(|(end, ..)| end);
        }
        let object = text.get(at..)?;
        members.clear();
        let size = object_at(object, 0, members)?;
        take(number - 1, object.get(..size)?, members);
        Some(at + size)
    });
}

/// A bit for a key by its size and its first byte: keys with different bits differ.
#[inline]
pub fn key_mark(key: &[u8]) -> u128 {
    let first = key.first().copied().unwrap_or_default();
    1 << (((usize::from(first) & 31) * 8 + key.len()) & 127)
}

/// Calls `part` with the position of each element or member between the brackets, which follow `start`; `part` returns the
/// position after it. Returns the position after the closing bracket.
fn each_part(
    text: &[u8],
    start: usize,
    open: u8,
    close: u8,
    mut part: impl FnMut(usize) -> Option<usize>,
) -> Option<usize> {
    let start = lexer::skip_space(text, start);
    if lexer::byte(text, start) != open || text.len() > SIZE_LIMIT {
        return None;
    }
    let mut at = lexer::skip_space(text, start + 1);
    if lexer::byte(text, at) == close {
        return Some(at + 1);
    }
    loop {
        at = lexer::skip_space(text, part(at)?);
        match lexer::byte(text, at) {
            b',' => at = lexer::skip_space(text, at + 1),
            mark => return (mark == close).then_some(at + 1),
        }
    }
}

fn member(text: &[u8], at: usize) -> Option<(Member, usize)> {
    if lexer::byte(text, at) != b'"' {
        return None;
    }
    let (key_end, key_escaped) = string(text, at + 1)?;
    let colon = lexer::skip_space(text, key_end);
    if lexer::byte(text, colon) != b':' {
        return None;
    }
    let start = lexer::skip_space(text, colon + 1);
    let (end, kind, escaped) = value(text, start)?;
    let key = Range32::new(at + 1, key_end - 1);
    let member = Member { key, key_escaped, start: start as u32, end: end as u32, kind, escaped };
    Some((member, end))
}

/// The position after a value, its kind, and whether it is a string with a backslash.
fn value(text: &[u8], at: usize) -> Option<(usize, Kind, bool)> {
    let kind = Kind::of(lexer::byte(text, at))?;
    match kind {
        Kind::String => string(text, at + 1).map(|(end, escaped)| (end, kind, escaped)),
        Kind::Array | Kind::Object => brackets(text, at).map(|end| (end, kind, false)),
        _ => Some((scalar(text, at), kind, false)),
    }
}

/// The position after a string, and whether it has a backslash.
#[inline]
fn string(text: &[u8], start: usize) -> Option<(usize, bool)> {
    if let Some(end) = lexer::short_string(text, start) {
        return Some((end + 1, false));
    }
    long_string(text, start)
}

fn long_string(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (start, false);
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at + 1, escaped));
        }
        (at, escaped) = (at + 2, true);
    }
}

fn scalar(text: &[u8], start: usize) -> usize {
    let ends = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}');
    let length = text.iter().skip(start).position(ends);
    length.map_or(text.len(), |length| start + length)
}

/// The position after an array or object.
fn brackets(text: &[u8], start: usize) -> Option<usize> {
    if matches!(text.get(start + 1)?, b'}' | b']') {
        return Some(start + 2);
    }
    let (mut matcher, mut at) = (BracketMatcher::default(), start);
    let (blocks, rest) = text.get(start..)?.as_chunks::<64>();
    for block in blocks {
        if let Some(end) = matcher.read(block) {
            return Some(at + end);
        }
        at += 64;
    }
    let mut last = [0; 64];
    last[..rest.len()].copy_from_slice(rest);
    matcher.read(&last).map(|end| at + end)
}

/// Matches brackets block by block. The state is of the position after the last block.
#[derive(Default)]
struct BracketMatcher {
    depth: usize,
    /// All bits are set inside a string, else none.
    in_string: u64,
    /// The lowest bit is set if an unescaped backslash precedes the next byte.
    escaped: u64,
}

impl BracketMatcher {
    /// Reads the next block; returns the position after the bracket that closes the first one, if the block contains it.
    #[inline]
    fn read(&mut self, bytes: &[u8; 64]) -> Option<usize> {
        let found = simd::structure(bytes);
        let escaped =
            if found.backslashes | self.escaped == 0 { 0 } else { self.escape(found.backslashes) };
        let in_string = between_pairs(found.quotes & !escaped) ^ self.in_string;
        self.in_string = if in_string >> 63 == 1 { u64::MAX } else { 0 };
        let mut marks = (found.opens | found.closes) & !in_string;
        while marks != 0 {
            let place = marks.trailing_zeros();
            if found.opens >> place & 1 == 1 {
                self.depth += 1;
            } else if self.depth <= 1 {
                return Some(place as usize + 1);
            } else {
                self.depth -= 1;
            }
            marks &= marks - 1;
        }
        None
    }

    /// The bytes that follow an unescaped backslash: every second byte of a run of backslashes, and the byte after a run of
    /// odd length. The carry of an addition passes through a run and marks its end.
    fn escape(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = u64::MAX / 3;
        let backslashes = backslashes & !self.escaped;
        let follows = backslashes << 1 | self.escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (ends, carried) = odd_starts.overflowing_add(backslashes);
        self.escaped = u64::from(carried);
        (EVEN ^ ends << 1) & follows
    }
}

/// The bits from every first bit up to the bit before every second one. For the bits of quotes: opening quotes and the
/// contents of strings.
#[inline]
fn between_pairs(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The member with this key; the last one of duplicates. Escaped keys are compared decoded.
#[inline]
pub fn find<'a>(text: &[u8], members: &'a [Member], key: &str) -> Option<&'a Member> {
    work(members.len());
    // Invalid UTF-8 decodes to U+FFFD, so only a key that is not ASCII can equal a member's key of other bytes.
    let (plain, size) = (key.is_ascii(), key.len() as u32);
    members.iter().rev().find(|member| {
        if member.key_escaped || !plain {
            return is_decoded(text, member, key);
        }
        member.key.end.wrapping_sub(member.key.start) == size
            && member.raw_key(text) == key.as_bytes()
    })
}

#[cold]
fn is_decoded(text: &[u8], member: &Member, key: &str) -> bool {
    strings::decode_body(member.raw_key(text)) == key
}

/// The text of a member's key.
pub fn decode_key<'t>(text: &'t [u8], member: &Member) -> Cow<'t, str> {
    strings::decode_body(member.raw_key(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matches brackets byte by byte.
    fn brackets_bytewise(text: &[u8], start: usize) -> Option<usize> {
        let (mut at, mut depth) = (start, 0_usize);
        loop {
            match text.get(at)? {
                b'"' => at = string(text, at + 1)?.0,
                b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
                b'}' | b']' if depth <= 1 => return Some(at + 1),
                b'}' | b']' => (at, depth) = (at + 1, depth - 1),
                _ => at += 1,
            }
        }
    }

    /// Nested values with runs of backslashes and quotes, at each offset in a block.
    #[test]
    fn brackets_match_at_every_block_offset() {
        for backslashes in 0..70 {
            let run = "\\".repeat(backslashes * 2);
            let text = format!("[{{\"{run}\":[\"]}}{run}\\\"[\",{{}}]}},\"{run}\",[[1],[]]]]]");
            for spaces in 0..66 {
                let text = format!("[{}{}", " ".repeat(spaces), text);
                let bytes = text.as_bytes();
                let found = brackets(bytes, 0);
                assert_eq!(found, brackets_bytewise(bytes, 0), "{text}");
                assert_eq!(found, Some(bytes.len() - 1), "{text}");
            }
        }
    }
}

//! The parts of a text that is known to be valid: nothing is checked but what keeps the search inside the text.

use super::lex;
use super::{Kind, Member, Range32, SIZE_LIMIT};
use crate::count::work;

/// Locates the top-level members of a valid object, which may be over the depth and digit limits.
///
/// `members` is emptied first. False, with no members, if the text does not read as an object.
pub fn locate(text: &[u8], members: &mut Vec<Member>) -> bool {
    members.clear();
    let found = parts(text, b'{', b'}', |at| {
        let (member, end) = member(text, at)?;
        members.push(member);
        Some(end)
    });
    if found.is_none() {
        members.clear();
    }
    found.is_some()
}

/// Locates the elements of a valid array: start, end and kind of each. As [`locate`] otherwise.
pub fn elements(text: &[u8], out: &mut Vec<(usize, usize, Kind)>) -> bool {
    out.clear();
    let found = parts(text, b'[', b']', |at| {
        let (end, kind, _) = value(text, at)?;
        out.push((at, end, kind));
        Some(end)
    });
    if found.is_none() {
        out.clear();
    }
    found.is_some()
}

/// Calls `part` for each part between the brackets; it gives the position after the part.
fn parts(
    text: &[u8],
    open: u8,
    close: u8,
    mut part: impl FnMut(usize) -> Option<usize>,
) -> Option<()> {
    work(text.len());
    let start = lex::skip_space(text, 0);
    if lex::byte(text, start) != open || text.len() > SIZE_LIMIT {
        return None;
    }
    let mut at = lex::skip_space(text, start + 1);
    if lex::byte(text, at) == close {
        return Some(());
    }
    loop {
        at = lex::skip_space(text, part(at)?);
        match lex::byte(text, at) {
            b',' => at = lex::skip_space(text, at + 1),
            mark => return (mark == close).then_some(()),
        }
    }
}

fn member(text: &[u8], at: usize) -> Option<(Member, usize)> {
    if lex::byte(text, at) != b'"' {
        return None;
    }
    let (key_end, key_escaped) = string(text, at + 1)?;
    let colon = lex::skip_space(text, key_end);
    if lex::byte(text, colon) != b':' {
        return None;
    }
    let start = lex::skip_space(text, colon + 1);
    let (end, kind, escaped) = value(text, start)?;
    let key = Range32::new(at + 1, key_end - 1);
    let member = Member { key, key_escaped, start: start as u32, end: end as u32, kind, escaped };
    Some((member, end))
}

/// The position after a value, its kind, and whether it is a string with a backslash.
fn value(text: &[u8], at: usize) -> Option<(usize, Kind, bool)> {
    let kind = Kind::of(lex::byte(text, at))?;
    match kind {
        Kind::String => string(text, at + 1).map(|(end, escaped)| (end, kind, escaped)),
        Kind::Array | Kind::Object => brackets(text, at).map(|end| (end, kind, false)),
        _ => Some((scalar(text, at), kind, false)),
    }
}

/// The position after a string, and whether it has a backslash.
#[inline]
fn string(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (lex::special(text, start), false);
    loop {
        match text.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at = lex::special(text, at + 2);
            }
            _ => at = lex::special(text, at + 1),
        }
    }
}

fn scalar(text: &[u8], start: usize) -> usize {
    let ends = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}');
    let length = text.iter().skip(start).position(ends);
    length.map_or(text.len(), |length| start + length)
}

/// The position after an array or object.
fn brackets(text: &[u8], start: usize) -> Option<usize> {
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

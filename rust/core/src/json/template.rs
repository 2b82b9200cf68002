//! Matches texts against a checked object in which some member values may differ.
//!
//! Most events of a stream equal the previous one except for a number and one or two strings. A template is an object that
//! was checked in full. A text is a valid object with the same members if it equals the template outside of the holes and
//! has a valid value of the same kind in each hole. A text that differs elsewhere does not match and is checked in full. A
//! match also determines the end of the object, which saves the search for the end of its line.

use super::grammar::Grammar;
use super::lexer;
use super::limits::SIZE_LIMIT;
use super::strings::utf8_ok;
use super::types::{Kind, Member};
use crate::simd;
use crate::work::work;

/// The maximum number of holes of a template.
const HOLES: usize = 6;
/// The number of bytes before the first hole that are compared first. An object with fewer bytes there gets no template.
const PROBE: usize = 8;
/// The maximum number of digits of a number in a hole: it fits 64 bits.
const DIGITS: usize = 18;

/// A member whose value may differ. The hole of a string excludes the quotes.
#[derive(Clone, Copy, Debug)]
struct Hole {
    member: usize,
    start: usize,
    end: usize,
    kind: Kind,
}

/// A checked object with holes, and the values of the holes in the latest match.
#[derive(Debug)]
pub struct Template {
    text: Vec<u8>,
    members: Vec<Member>,
    /// The number of holes before each member.
    holes_before: Vec<usize>,
    holes: Vec<Hole>,
    values: [HoleValue; HOLES],
    /// The bytes before the first hole and their position. Most other texts differ there, so they are compared first.
    probe: (usize, [u8; PROBE]),
    one_line: bool,
}

/// The value of a hole in the latest match.
#[derive(Clone, Copy, Debug, Default)]
pub struct HoleValue {
    /// The offset, modulo 2^32, from template positions after the hole to positions in the text.
    shift: u32,
    /// A string with a backslash.
    pub escaped: bool,
    /// The value of a number.
    pub number: u64,
}

impl Template {
    /// A template of a checked object without lone surrogates and invalid UTF-8. The members for which `varies` returns true
    /// become holes if they are strings, numbers, arrays or objects. `None` without holes, or with too many.
    pub fn of(text: &[u8], members: &[Member], varies: impl Fn(&Member) -> bool) -> Option<Self> {
        let mut holes = Vec::new();
        let mut holes_before = Vec::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            holes_before.push(holes.len());
            let constant = matches!(member.kind, Kind::Null | Kind::True | Kind::False);
            if !constant && varies(member) {
                let quote = usize::from(member.kind == Kind::String);
                let (start, end) = (member.start as usize + quote, member.end as usize - quote);
                holes.push(Hole { member: place, start, end, kind: member.kind });
            }
        }
        let at = holes.first().filter(|_| holes.len() <= HOLES)?.start.checked_sub(PROBE)?;
        let probe = (at, *text.get(at..)?.first_chunk()?);
        let one_line = memchr::memchr2(b'\n', b'\r', text).is_none();
        let (text, members, values) =
            (text.to_vec(), members.to_vec(), [HoleValue::default(); HOLES]);
        Some(Self { text, members, holes_before, holes, values, probe, one_line })
    }

    /// The size of the object at the start of the text, if it matches. [`Self::member`] then returns its members. Reads
    /// nothing after the line in which the object ends.
    #[inline]
    pub fn fits(&mut self, text: &[u8]) -> Option<usize> {
        if text.get(self.probe.0..)?.first_chunk() != Some(&self.probe.1) {
            return None;
        }
        let (mut at, mut from) = (0, 0);
        for (hole, value) in self.holes.iter().zip(&mut self.values) {
            let fixed = self.text.get(from..hole.start)?;
            let start = at + fixed.len();
            if !simd::same(text.get(at..start)?, fixed) {
                return None;
            }
            (at, *value) = fill(text, start, hole.kind)?;
            work(at - start + fixed.len());
            from = hole.end;
            value.shift = (at as u32).wrapping_sub(from as u32);
        }
        let fixed = self.text.get(from..)?;
        let end = at + fixed.len();
        (simd::same(text.get(at..end)?, fixed) && end <= SIZE_LIMIT).then_some(end)
    }

    /// The holes: the constant bytes before each one, and the kind of its value.
    pub fn holes(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        let ends = std::iter::once(0).chain(self.holes.iter().map(|hole| hole.end));
        let holes = self.holes.iter().zip(ends);
        holes.map(|(hole, from)| (self.text.get(from..hole.start).unwrap_or_default(), hole.kind))
    }

    /// The constant bytes after the last hole.
    pub fn behind_holes(&self) -> &[u8] {
        let end = self.holes.last().map_or(0, |hole| hole.end);
        self.text.get(end..).unwrap_or_default()
    }

    /// Whether the object, and so any match, is without line breaks.
    pub fn is_one_line(&self) -> bool {
        self.one_line
    }

    /// The number of members.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The hole of a member, if it has one.
    pub fn hole(&self, member: usize) -> Option<usize> {
        self.holes.iter().position(|hole| hole.member == member)
    }

    /// A member of the template itself, and its value; for members without a hole.
    pub fn constant(&self, place: usize) -> Option<(&Member, &[u8])> {
        let member = self.members.get(place)?;
        Some((member, member.value(&self.text)))
    }

    /// The number in a hole of the latest match.
    #[inline]
    pub fn number(&self, hole: usize) -> Option<i64> {
        let number = self.holes.get(hole).is_some_and(|hole| hole.kind == Kind::Number);
        let value = self.values.get(hole)?.number;
        number.then(|| i64::try_from(value).ok()).flatten()
    }

    /// The string in a hole of the latest match, `text`, without quotes, and whether it has escapes.
    #[inline]
    pub fn string<'t>(&self, hole: usize, text: &'t [u8]) -> Option<(&'t [u8], bool)> {
        let filled = self.holes.get(hole).filter(|hole| hole.kind == Kind::String)?;
        let shift = hole.checked_sub(1).map_or(0, |last| self.values[last].shift);
        let end = self.values.get(hole)?;
        let start = (filled.start as u32).wrapping_add(shift);
        let size = (filled.end as u32).wrapping_add(end.shift);
        Some((text.get(start as usize..size as usize)?, end.escaped))
    }

    /// The member at a position, with its spans in the latest match.
    #[inline]
    pub fn member(&self, place: usize) -> Option<Member> {
        let original = *self.members.get(place)?;
        let before = *self.holes_before.get(place)?;
        let shift = before.checked_sub(1).map_or(0, |last| self.values[last].shift);
        let mut member = original.shifted(shift);
        if let Some(end) =
            self.holes.get(before).filter(|hole| hole.member == place).map(|_| self.values[before])
        {
            member.end = original.end.wrapping_add(end.shift);
            member.escaped = end.escaped;
        }
        Some(member)
    }
}

/// Reads the value in a hole; returns its end and its properties. The end of a string is before the closing quote.
#[expect(clippy::inline_always, reason = "it is called for each hole of each delta")]
#[inline(always)]
pub fn fill(text: &[u8], start: usize, kind: Kind) -> Option<(usize, HoleValue)> {
    match kind {
        Kind::String => string(text, start),
        Kind::Number => number(text, start),
        kind => container(text, start, kind),
    }
}

/// The end and value of a non-negative integer of at most [`DIGITS`] digits.
#[inline]
fn number(text: &[u8], start: usize) -> Option<(usize, HoleValue)> {
    let (mut at, mut number) = (start, 0);
    while let digit @ 0..=9 = lexer::byte(text, at).wrapping_sub(b'0') {
        if at - start == DIGITS {
            return None;
        }
        number = number * 10 + u64::from(digit);
        at += 1;
    }
    let plain = at == start + 1 || (at > start && lexer::byte(text, start) != b'0');
    plain.then_some((at, HoleValue { number, ..HoleValue::default() }))
}

/// The end of a string whose contents begin at `start`, before the closing quote.
#[inline]
fn string(text: &[u8], start: usize) -> Option<(usize, HoleValue)> {
    if let Some(end) = lexer::short_string(text, start) {
        return Some((end, HoleValue::default()));
    }
    long_string(text, start)
}

#[inline(never)]
fn long_string(text: &[u8], start: usize) -> Option<(usize, HoleValue)> {
    let token = lexer::string(text, start).ok()?;
    let end = token.end - 1;
    let valid = !token.lone_surrogate && (!token.non_ascii || utf8_ok(text.get(start..end)?));
    valid.then_some((end, HoleValue { escaped: token.escaped, ..HoleValue::default() }))
}

/// The end of an array or object, which must end on its line.
#[inline(never)]
fn container(text: &[u8], start: usize, kind: Kind) -> Option<(usize, HoleValue)> {
    if Kind::of(lexer::byte(text, start)) != Some(kind) {
        return None;
    }
    let rest = text.get(start..)?;
    let line = &rest[..memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())];
    let mut grammar = Grammar::new();
    grammar.outer_depth = 1;
    let size = grammar.value(line, 0, &mut ()).ok()?;
    let valid = !(grammar.over_limit || grammar.lone_surrogate || grammar.bad_utf8);
    valid.then_some((start + size, HoleValue::default()))
}

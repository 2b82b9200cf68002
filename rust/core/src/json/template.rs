//! Recognising a text that is another one with new values in some of its members.
//!
//! Nearly all events of a stream repeat the one before, but for a number and one or two strings. A template is an object
//! that was checked in full; a text that equals it everywhere but in its holes, and has a value of the same kind there, is
//! an object too, with the same members. Nothing is guessed: on any difference the text is checked as if there were no
//! template. The end of such a text is known with it, so that nobody has to search for the end of its line.

use super::grammar::Grammar;
use super::lexer;
use super::strings::utf8_ok;
use super::types::{Kind, Member, SIZE_LIMIT};
use crate::simd;
use crate::work::work;

/// The most holes of a template.
const HOLES: usize = 6;
/// So many bytes before the first hole are looked at first; an object with less there is no template.
const PROBE: usize = 8;
/// The longest number in a hole, in digits: it fits 64 bits.
const DIGITS: usize = 18;

/// A member whose value may be another one. Of a string, the quotes are no part of the hole.
#[derive(Clone, Copy, Debug)]
struct Hole {
    member: usize,
    start: usize,
    end: usize,
    kind: Kind,
}

/// A checked object with holes, and where they end in the text that fitted last.
#[derive(Debug)]
pub struct Template {
    text: Vec<u8>,
    known: Vec<Member>,
    /// The holes before each member.
    before: Vec<usize>,
    holes: Vec<Hole>,
    ends: [End; HOLES],
    /// The bytes before the first hole, and where they begin: nearly all other texts have others there.
    probe: (usize, [u8; PROBE]),
    one_line: bool,
}

/// A hole in the text that fitted last.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// What is to be added to the positions behind it.
    shift: u32,
    /// A string that has a backslash.
    pub escaped: bool,
    /// The value of a number.
    pub number: u64,
}

impl Template {
    /// A template of a checked object without lone surrogates or invalid UTF-8. `varies` tells which members are holes, of
    /// those that are strings, numbers, lists or objects. None where there are none, or too many.
    pub fn of(text: &[u8], members: &[Member], varies: impl Fn(&Member) -> bool) -> Option<Self> {
        let mut holes = Vec::new();
        let mut before = Vec::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            before.push(holes.len());
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
        let (text, known, ends) = (text.to_vec(), members.to_vec(), [End::default(); HOLES]);
        Some(Self { text, known, before, holes, ends, probe, one_line })
    }

    /// The size of this object with other values in the holes, if a text begins with it. `member` gives its members from
    /// now on. Nothing is looked at behind the line in which the object ends.
    #[inline]
    pub fn fits(&mut self, text: &[u8]) -> Option<usize> {
        if text.get(self.probe.0..)?.first_chunk() != Some(&self.probe.1) {
            return None;
        }
        let (mut at, mut from) = (0, 0);
        for (hole, kept) in self.holes.iter().zip(&mut self.ends) {
            let fixed = self.text.get(from..hole.start)?;
            let start = at + fixed.len();
            if !simd::same(text.get(at..start)?, fixed) {
                return None;
            }
            (at, *kept) = fill(text, start, hole.kind)?;
            work(at - start + fixed.len());
            from = hole.end;
            kept.shift = (at as u32).wrapping_sub(from as u32);
        }
        let fixed = self.text.get(from..)?;
        let end = at + fixed.len();
        (simd::same(text.get(at..end)?, fixed) && end <= SIZE_LIMIT).then_some(end)
    }

    /// The holes, each with the bytes between it and the one before, and the kind of its value.
    pub fn holes(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        let ends = std::iter::once(0).chain(self.holes.iter().map(|hole| hole.end));
        let holes = self.holes.iter().zip(ends);
        holes.map(|(hole, from)| (self.text.get(from..hole.start).unwrap_or_default(), hole.kind))
    }

    /// The bytes behind the last hole.
    pub fn behind_holes(&self) -> &[u8] {
        let end = self.holes.last().map_or(0, |hole| hole.end);
        self.text.get(end..).unwrap_or_default()
    }

    /// The object has no line break, nor has any text that fits.
    pub fn is_one_line(&self) -> bool {
        self.one_line
    }

    /// The number of members.
    pub fn members(&self) -> usize {
        self.known.len()
    }

    /// The hole that a member is.
    pub fn hole(&self, member: usize) -> Option<usize> {
        self.holes.iter().position(|hole| hole.member == member)
    }

    /// A member that is no hole, as it was when this was learned, and its value.
    pub fn constant(&self, place: usize) -> Option<(&Member, &[u8])> {
        let member = self.known.get(place)?;
        Some((member, member.value(&self.text)))
    }

    /// The number in a hole, in the text that fitted last.
    #[inline]
    pub fn number(&self, hole: usize) -> Option<i64> {
        let number = self.holes.get(hole).is_some_and(|hole| hole.kind == Kind::Number);
        let value = self.ends.get(hole)?.number;
        number.then(|| i64::try_from(value).ok()).flatten()
    }

    /// The string in a hole of the text that fitted last, without its quotes, and whether it has escapes.
    #[inline]
    pub fn string<'t>(&self, hole: usize, text: &'t [u8]) -> Option<(&'t [u8], bool)> {
        let known = self.holes.get(hole).filter(|hole| hole.kind == Kind::String)?;
        let shift = hole.checked_sub(1).map_or(0, |last| self.ends[last].shift);
        let end = self.ends.get(hole)?;
        let start = (known.start as u32).wrapping_add(shift);
        let size = (known.end as u32).wrapping_add(end.shift);
        Some((text.get(start as usize..size as usize)?, end.escaped))
    }

    /// The member at a place, as it is in the text that fitted last.
    #[inline]
    pub fn member(&self, place: usize) -> Option<Member> {
        let known = *self.known.get(place)?;
        let before = *self.before.get(place)?;
        let shift = before.checked_sub(1).map_or(0, |last| self.ends[last].shift);
        let mut member = known.shifted(shift);
        if let Some(end) =
            self.holes.get(before).filter(|hole| hole.member == place).map(|_| self.ends[before])
        {
            member.end = known.end.wrapping_add(end.shift);
            member.escaped = end.escaped;
        }
        Some(member)
    }
}

/// Where the value ends that fills a hole here, and what is known of it; the closing quote of a string is not passed.
#[expect(clippy::inline_always, reason = "it is called for each hole of each delta")]
#[inline(always)]
pub fn fill(text: &[u8], start: usize, kind: Kind) -> Option<(usize, End)> {
    match kind {
        Kind::String => string(text, start),
        Kind::Number => number(text, start),
        kind => container(text, start, kind),
    }
}

/// Where the number ends that begins here, if it is a plain one.
#[inline]
fn number(text: &[u8], start: usize) -> Option<(usize, End)> {
    let (mut at, mut number) = (start, 0);
    while let digit @ 0..=9 = lexer::byte(text, at).wrapping_sub(b'0') {
        if at - start == DIGITS {
            return None;
        }
        number = number * 10 + u64::from(digit);
        at += 1;
    }
    let plain = at == start + 1 || (at > start && lexer::byte(text, start) != b'0');
    plain.then_some((at, End { number, ..End::default() }))
}

/// Where the string ends whose opening quote stands before this position; the closing quote is not passed.
#[inline]
fn string(text: &[u8], start: usize) -> Option<(usize, End)> {
    if let Some(end) = lexer::short_string(text, start) {
        return Some((end, End::default()));
    }
    long_string(text, start)
}

#[inline(never)]
fn long_string(text: &[u8], start: usize) -> Option<(usize, End)> {
    let token = lexer::string(text, start).ok()?;
    let end = token.end - 1;
    let valid = !token.odd && (!token.high || utf8_ok(text.get(start..end)?));
    valid.then_some((end, End { escaped: token.escaped, ..End::default() }))
}

/// Where the list or object ends that begins here. It must end on its line.
#[inline(never)]
fn container(text: &[u8], start: usize, kind: Kind) -> Option<(usize, End)> {
    if Kind::of(lexer::byte(text, start)) != Some(kind) {
        return None;
    }
    let rest = text.get(start..)?;
    let line = &rest[..memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())];
    let mut grammar = Grammar::new();
    grammar.outer_depth = 1;
    let size = grammar.value(line, 0, &mut ()).ok()?;
    let valid = !(grammar.over_limit || grammar.lone_surrogate || grammar.bad_utf8);
    valid.then_some((start + size, End::default()))
}

//! Matches texts against a checked object in which some member values may differ.
//!
//! Most events of a stream equal the previous one except for a number and one or two strings. A template is an object that
//! was checked in full. A text is a valid object with the same members if it equals the template outside of the holes and
//! has a valid value of the same kind in each hole. A text that differs elsewhere does not match and is checked in full. A
//! match also determines the end of the object, which saves the search for the end of its line. A hole may be deep inside
//! of the object: then the members that contain it are not holes, but grow with it. Spaces before the closing bracket are a
//! hole too: Anthropic hides the size of deltas by them.

use std::ops::Range;

use super::grammar::Grammar;
use super::lexer;
use super::limits::SIZE_LIMIT;
use super::strings::utf8_ok;
use super::types::{Kind, Member};
use crate::simd;
use crate::work::work;

/// The maximum number of holes of a template.
const HOLES: usize = 12;
/// The number of bytes before the first hole that are compared first. An object with fewer bytes there gets no template.
const PROBE: usize = 7;
/// The maximum number of digits of a number in a hole: it fits 64 bits.
const DIGITS: usize = 18;

/// More levels than there are around any hole, so that a value in it cannot exceed the depth limit. A value that nests as deep as
/// the rest of the limit does not match, and is checked in full.
const LEVELS_AROUND: usize = 16;

/// What fills a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// A value of this kind.
    Value(Kind),
    /// Any number of spaces.
    Spaces,
}

/// The value of a member, which may differ, or the spaces before the closing bracket. The hole of a string excludes the quotes.
#[derive(Clone, Copy, Debug)]
struct Hole {
    /// The position of the member; that after the last one for spaces.
    member: usize,
    start: usize,
    end: usize,
    filling: Filling,
}

/// The bytes before the first hole of a template and their position. Most other texts differ there, so they are compared first.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    at: usize,
    bytes: [u8; PROBE],
}

impl Probe {
    /// Whether a text may match the template.
    #[inline]
    pub fn finds(&self, text: &[u8]) -> bool {
        text.get(self.at..).and_then(|rest| rest.first_chunk()) == Some(&self.bytes)
    }
}

/// A checked object with holes, and the values of the holes in the latest match.
#[derive(Debug)]
pub struct Template {
    text: Vec<u8>,
    members: Vec<Member>,
    /// The number of members of the object itself; the others are inside of them.
    own: usize,
    /// For each member, the number of holes before its value, and before the end of its value.
    holes_before: Vec<(usize, usize)>,
    holes: Vec<Hole>,
    values: [HoleValue; HOLES],
    probe: Probe,
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
        Self::with_inner(text, members.to_vec(), members.len(), |_, member| varies(member))
    }

    /// As [`Self::of`], with holes inside of members: the first `own` of `members` are those of the object, the others are
    /// inside of them, in any order. `varies` gets the position among `members`. `None` if holes overlap.
    pub fn with_inner(
        text: &[u8],
        members: Vec<Member>,
        own: usize,
        varies: impl Fn(usize, &Member) -> bool,
    ) -> Option<Self> {
        let holes = holes_of(text, &members, varies)?;
        let holes_before = members.iter().map(|member| holes_around(member, &holes)).collect();
        let at = holes.first()?.start.checked_sub(PROBE)?;
        let probe = Probe { at, bytes: *text.get(at..)?.first_chunk()? };
        let one_line = memchr::memchr2(b'\n', b'\r', text).is_none();
        let values = [HoleValue::default(); HOLES];
        Some(Self {
            text: text.to_vec(),
            members,
            own,
            holes_before,
            holes,
            values,
            probe,
            one_line,
        })
    }

    /// The size of the object at the start of the text, if it matches. [`Self::member`] then returns its members. Reads
    /// nothing after the line in which the object ends.
    #[inline]
    pub fn fits(&mut self, text: &[u8]) -> Option<usize> {
        if !self.probe.finds(text) {
            return None;
        }
        let (mut at, mut from) = (0, 0);
        for (hole, value) in self.holes.iter().zip(&mut self.values) {
            let fixed = self.text.get(from..hole.start)?;
            let start = at + fixed.len();
            if !simd::same(text.get(at..start)?, fixed) {
                return None;
            }
            (at, *value) = fill(text, start, hole.filling)?;
            work(at - start + fixed.len());
            from = hole.end;
            value.shift = (at as u32).wrapping_sub(from as u32);
        }
        let fixed = self.text.get(from..)?;
        let end = at + fixed.len();
        (simd::same(text.get(at..end)?, fixed) && end <= SIZE_LIMIT).then_some(end)
    }

    /// What is compared first.
    pub const fn probe(&self) -> Probe {
        self.probe
    }

    /// The holes: the constant bytes before each one, and what fills it.
    pub fn holes(&self) -> impl Iterator<Item = (&[u8], Filling)> {
        let ends = std::iter::once(0).chain(self.holes.iter().map(|hole| hole.end));
        let holes = self.holes.iter().zip(ends);
        holes
            .map(|(hole, from)| (self.text.get(from..hole.start).unwrap_or_default(), hole.filling))
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

    /// The number of members of the object itself.
    pub fn members(&self) -> usize {
        self.own
    }

    /// The hole of a member, if it has one.
    pub fn hole(&self, member: usize) -> Option<usize> {
        self.holes.iter().position(|hole| hole.member == member)
    }

    /// The spans of the holes in the latest match. Those of strings exclude the quotes.
    pub fn hole_spans(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.holes.len()).filter_map(|hole| self.hole_span(hole))
    }

    #[inline]
    fn hole_span(&self, hole: usize) -> Option<Range<usize>> {
        let Hole { start, end, .. } = *self.holes.get(hole)?;
        let shift = hole.checked_sub(1).map_or(0, |last| self.values[last].shift);
        let start = (start as u32).wrapping_add(shift);
        let end = (end as u32).wrapping_add(self.values.get(hole)?.shift);
        Some(start as usize..end as usize)
    }

    /// A member of the template itself, and its value; for members without a hole.
    pub fn constant(&self, place: usize) -> Option<(&Member, &[u8])> {
        let member = self.members.get(place)?;
        Some((member, member.value(&self.text)))
    }

    /// The number in a hole of the latest match.
    #[inline]
    pub fn number(&self, hole: usize) -> Option<i64> {
        let is_number = |hole: &Hole| hole.filling == Filling::Value(Kind::Number);
        let number = self.holes.get(hole).is_some_and(is_number);
        let value = self.values.get(hole)?.number;
        number.then(|| i64::try_from(value).ok()).flatten()
    }

    /// The string in a hole of the latest match, `text`, without quotes, and whether it has escapes.
    #[inline]
    pub fn string<'t>(&self, hole: usize, text: &'t [u8]) -> Option<(&'t [u8], bool)> {
        self.holes.get(hole).filter(|hole| hole.filling == Filling::Value(Kind::String))?;
        Some((text.get(self.hole_span(hole)?)?, self.values.get(hole)?.escaped))
    }

    /// The member at a position, with its spans in the latest match.
    #[inline]
    pub fn member(&self, place: usize) -> Option<Member> {
        let original = *self.members.get(place)?;
        let (before, until_end) = *self.holes_before.get(place)?;
        let shift = before.checked_sub(1).map_or(0, |last| self.values[last].shift);
        let mut member = original.shifted(shift);
        if until_end > before
            && let Some(last) = self.values.get(until_end - 1)
        {
            member.end = original.end.wrapping_add(last.shift);
            member.escaped = last.escaped && original.kind == Kind::String;
        }
        Some(member)
    }
}

/// The holes of the members that vary, and of spaces before the closing bracket, in the order of the text. `None` if no member
/// varies, with too many holes, or if they overlap.
fn holes_of(
    text: &[u8],
    members: &[Member],
    varies: impl Fn(usize, &Member) -> bool,
) -> Option<Vec<Hole>> {
    let mut holes = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let constant = matches!(member.kind, Kind::Null | Kind::True | Kind::False);
        if !constant && varies(place, member) {
            let quote = usize::from(member.kind == Kind::String);
            let (start, end) = (member.start as usize + quote, member.end as usize - quote);
            holes.push(Hole { member: place, start, end, filling: Filling::Value(member.kind) });
        }
    }
    if holes.is_empty() {
        return None;
    }
    holes.extend(padding(text, members.len()));
    holes.sort_unstable_by_key(|hole| hole.start);
    let apart = holes.windows(2).all(|pair| {
        let is_padding = usize::from(pair[1].filling == Filling::Spaces);
        pair[0].end < pair[1].start + is_padding
    });
    (apart && holes.len() <= HOLES).then_some(holes)
}

/// The hole of the spaces before the closing bracket, if there are any. `member`: its position.
fn padding(text: &[u8], member: usize) -> Option<Hole> {
    let inside = text.strip_suffix(b"}")?;
    let start = inside.iter().rposition(|byte| *byte != b' ')? + 1;
    let hole = Hole { member, start, end: inside.len(), filling: Filling::Spaces };
    (start < inside.len()).then_some(hole)
}

/// The number of holes before a value, and before its end.
fn holes_around(member: &Member, holes: &[Hole]) -> (usize, usize) {
    let before = holes.partition_point(|hole| hole.end < member.start as usize);
    (before, holes.partition_point(|hole| hole.end <= member.end as usize))
}

/// Reads the value in a hole; returns its end and its properties. The end of a string is before the closing quote.
#[expect(clippy::inline_always, reason = "it is called for each hole of each delta")]
#[inline(always)]
pub fn fill(text: &[u8], start: usize, filling: Filling) -> Option<(usize, HoleValue)> {
    match filling {
        Filling::Value(Kind::String) => string(text, start),
        Filling::Value(Kind::Number) => number(text, start),
        Filling::Value(kind) => container(text, start, kind),
        Filling::Spaces => spaces(text, start),
    }
}

/// The end of any number of spaces.
#[inline]
fn spaces(text: &[u8], start: usize) -> Option<(usize, HoleValue)> {
    let count = text.get(start..)?.iter().take_while(|byte| **byte == b' ').count();
    Some((start + count, HoleValue::default()))
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
    grammar.outer_depth = LEVELS_AROUND;
    let size = grammar.value(line, 0, &mut ()).ok()?;
    let valid = !(grammar.over_limit || grammar.lone_surrogate || grammar.bad_utf8);
    valid.then_some((start + size, HoleValue::default()))
}

#[cfg(test)]
mod tests {
    use super::super::locate::{find, locate};
    use super::{HOLES, Member, Template};

    fn located(text: &[u8]) -> Vec<Member> {
        let mut members = Vec::new();
        assert!(locate(text, &mut members));
        members
    }

    /// The members of an object, and those of its member `inner`, as spans into the object.
    fn two_levels(text: &[u8]) -> (Vec<Member>, usize) {
        let mut members = located(text);
        let own = members.len();
        let outer = *find(text, &members, "inner").expect("a member `inner`");
        let inner = located(outer.value(text));
        members.extend(inner.iter().map(|member| member.shifted(outer.start)));
        (members, own)
    }

    fn template(text: &[u8], varying: &[&str]) -> Option<Template> {
        let (members, own) = two_levels(text);
        let varies =
            |_, member: &Member| varying.iter().any(|key| key.as_bytes() == member.raw_key(text));
        Template::with_inner(text, members, own, varies)
    }

    #[test]
    fn members_around_inner_holes_grow_with_them() {
        let first = br#"{"id":"abcdefgh","inner":{"a":[1,2],"text":"x","n":1},"last":"","end":[]}"#;
        let mut template = template(first, &["text", "n", "last"]).expect("a template");
        for (text, n, last) in
            [("x", "1", ""), ("", "0", "yz"), (r"long \n text", "123456", "\u{e9}")]
        {
            let other = format!(
                r#"{{"id":"abcdefgh","inner":{{"a":[1,2],"text":"{text}","n":{n}}},"last":"{last}","end":[]}}"#
            );
            assert_eq!(template.fits(other.as_bytes()), Some(other.len()), "{other}");
            let (expected, own) = two_levels(other.as_bytes());
            assert_eq!(template.members(), own);
            let found: Vec<_> = (0..expected.len()).map(|place| template.member(place)).collect();
            assert_eq!(found, expected.into_iter().map(Some).collect::<Vec<_>>(), "{other}");
        }
    }

    #[test]
    fn spaces_before_the_closing_bracket_may_differ() {
        let first = br#"{"id":"abcdefgh","inner":{"text":"x"}  }"#;
        let mut template = template(first, &["text"]).expect("a template");
        for (text, padding) in [("x", ""), ("", " "), ("long", "                 ")] {
            let other = format!(r#"{{"id":"abcdefgh","inner":{{"text":"{text}"}}{padding}}}"#);
            assert_eq!(template.fits(other.as_bytes()), Some(other.len()), "{other}");
            let found: Vec<_> = (0..3).map(|place| template.member(place)).collect();
            let (expected, _) = two_levels(other.as_bytes());
            assert_eq!(found, expected.into_iter().map(Some).collect::<Vec<_>>(), "{other}");
        }
        let number = br#"{"id":"abcdefgh","inner":{},"n":1 }"#;
        let mut numbered = self::template(number, &["n"]).expect("a template");
        assert_eq!(numbered.fits(br#"{"id":"abcdefgh","inner":{},"n":20  }"#), Some(37));
        for other in [
            "{\"id\":\"abcdefgh\",\"inner\":{\"text\":\"x\"}\t}",
            "{\"id\":\"abcdefgh\",\"inner\":{\"text\":\"x\"}  ",
        ] {
            assert_eq!(template.fits(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn holes_do_not_overlap() {
        let text = br#"{"id":"abcdefgh","inner":{"text":"x"},"last":""}"#;
        assert!(template(text, &["inner", "last"]).is_some());
        assert!(template(text, &["inner", "text"]).is_none());
        assert!(template(text, &["other"]).is_none(), "there is no hole");
        let many: Vec<_> = (0..=HOLES).map(|n| format!("\"h\":{n}")).collect();
        let many = format!(r#"{{"id":"abcdefgh","inner":{{{}}}}}"#, many.join(","));
        assert!(template(many.as_bytes(), &["h"]).is_none(), "there are too many holes");
    }
}

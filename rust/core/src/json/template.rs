//! Recognising a text that is another one with new values in some of its members.
//!
//! Nearly all events of a stream repeat the one before, but for a number and one or two strings. A template is an object
//! that was checked in full; a text that equals it everywhere but in its holes, and has a string or a number there, is an
//! object too, with the same members. Nothing is guessed: on any difference the text is checked as if there were no template.

use super::{Kind, Member, lex, utf8_ok};
use crate::count::work;

/// The most holes of a template.
const HOLES: usize = 6;
/// The longest number in a hole, in digits: it fits 64 bits.
const DIGITS: usize = 18;

/// A member whose value may be another one. Of a string, the quotes are no part of the hole.
#[derive(Clone, Copy, Debug)]
struct Hole {
    member: usize,
    start: usize,
    end: usize,
    number: bool,
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
}

/// The end of a hole in the text that fitted last.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// What is to be added to the positions behind it.
    shift: u32,
    escaped: bool,
}

impl Template {
    /// A template of a checked object without lone surrogates or invalid UTF-8. `varies` tells which members are holes, of
    /// those that are strings or numbers. None where there are none, or too many.
    pub fn of(text: &[u8], members: &[Member], varies: impl Fn(&Member) -> bool) -> Option<Self> {
        let mut holes = Vec::new();
        let mut before = Vec::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            before.push(holes.len());
            let number = member.kind == Kind::Number;
            if (number || member.kind == Kind::String) && varies(member) {
                let quote = usize::from(!number);
                let (start, end) = (member.start as usize + quote, member.end as usize - quote);
                holes.push(Hole { member: place, start, end, number });
            }
        }
        let text = text.to_vec();
        (1..=HOLES).contains(&holes.len()).then(|| Self {
            text,
            known: members.to_vec(),
            before,
            holes,
            ends: [End::default(); HOLES],
        })
    }

    /// Whether a text is this object with other values in the holes. If so, `member` gives its members from now on.
    #[inline]
    pub fn fits(&mut self, text: &[u8]) -> bool {
        let (mut at, mut from) = (0, 0);
        for (hole, kept) in self.holes.iter().zip(&mut self.ends) {
            let fixed = self.text.get(from..hole.start).unwrap_or_default();
            let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix(fixed)) else {
                return false;
            };
            let Some((size, escaped)) = (if hole.number { number(rest) } else { string(rest) })
            else {
                return false;
            };
            work(fixed.len() + size);
            at += fixed.len() + size;
            from = hole.end;
            *kept = End { shift: (at as u32).wrapping_sub(from as u32), escaped };
        }
        text.get(at..) == self.text.get(from..)
    }

    /// The number of members.
    pub fn members(&self) -> usize {
        self.known.len()
    }

    /// The member at a place, as it is in the text that fitted last.
    #[inline]
    pub fn member(&self, place: usize) -> Option<Member> {
        let mut member = *self.known.get(place)?;
        let before = *self.before.get(place)?;
        let shift = before.checked_sub(1).map_or(0, |last| self.ends[last].shift);
        member.key.start = member.key.start.wrapping_add(shift);
        member.key.end = member.key.end.wrapping_add(shift);
        member.start = member.start.wrapping_add(shift);
        member.end = member.end.wrapping_add(shift);
        if let Some(end) =
            self.holes.get(before).filter(|hole| hole.member == place).map(|_| self.ends[before])
        {
            member.end = self.known[place].end.wrapping_add(end.shift);
            member.escaped = end.escaped;
        }
        Some(member)
    }
}

/// How long the number is that begins a text, if it is a plain one.
#[inline]
fn number(text: &[u8]) -> Option<(usize, bool)> {
    let mut size = 0;
    while size <= DIGITS && lex::byte(text, size).is_ascii_digit() {
        size += 1;
    }
    let plain = size == 1 || ((2..=DIGITS).contains(&size) && text.first() != Some(&b'0'));
    plain.then_some((size, false))
}

/// How long the string is whose opening quote stands before a text, without its closing quote; and whether it has escapes.
#[inline]
fn string(text: &[u8]) -> Option<(usize, bool)> {
    let token = lex::string(text, 0).ok()?;
    let size = token.end - 1;
    let value = text.get(..size)?;
    (!token.odd && (value.is_ascii() || utf8_ok(value))).then_some((size, token.escaped))
}

//! Patterns of whole blocks: a template together with its envelope.
//!
//! The bytes between two deltas, from the end of one block to the middle of the next, are nearly always the same except for
//! the sequence number. That number counts up, so the expected bytes are known and one comparison covers all of them.

use std::ops::Range;

use crate::frames::Envelope;
use crate::json::{self, Filling, Kind, Template};
use crate::simd::{ahead, same};

/// The number of digits of the largest number.
const DIGITS: usize = 20;
/// Capacity for the bytes before the first hole of most patterns.
const CAPACITY: usize = 256;
const STRING: Filling = Filling::Value(Kind::String);
/// Capacity for the holes of most patterns.
const HOLES: usize = 3;

/// Constant bytes, with the position of the sequence number if it is among them.
#[derive(Debug, Default)]
struct Literal {
    bytes: Vec<u8>,
    number: Option<usize>,
}

impl Literal {
    /// The position after these bytes if the text at `at` matches; sets the number if there is one.
    fn matches(&self, text: &[u8], mut at: usize, number: &mut u64) -> Option<usize> {
        let (prefix, suffix) = self.bytes.split_at_checked(self.number.unwrap_or(0))?;
        if self.number.is_some() {
            at = matches(prefix, text, at)?;
            let (end, filled) = json::fill(text, at, Filling::Value(Kind::Number))?;
            (at, *number) = (end, filled.number);
        }
        matches(suffix, text, at)
    }
}

/// The position after these bytes if the text at `at` begins with them.
#[inline]
fn matches(bytes: &[u8], text: &[u8], at: usize) -> Option<usize> {
    let end = at + bytes.len();
    same(text.get(at..end)?, bytes).then_some(end)
}

/// A hole with the bytes before it.
#[derive(Debug)]
struct Part {
    before: Literal,
    filling: Filling,
    /// Whether the hole is the delta.
    delta: bool,
}

/// The end of a block and the beginning of the next, with the expected sequence number in one of them.
#[derive(Debug)]
struct Delimiter {
    bytes: Vec<u8>,
    /// The position at which the next block begins.
    split: usize,
    /// The digits of the number, if there is one.
    digits: Range<usize>,
    is_numbered: bool,
    number: u64,
}

impl Delimiter {
    /// `None` unless the delta is in the first hole, all holes are strings or spaces, and no number is between holes.
    fn of(head: &Part, others: &[Part], tail: &Literal, number: u64) -> Option<Self> {
        let constant = |part: &Part| {
            matches!(part.filling, STRING | Filling::Spaces) && part.before.number.is_none()
        };
        if !head.delta || head.filling != STRING || !others.iter().all(constant) {
            return None;
        }
        let split = tail.bytes.len();
        let mut bytes = Vec::with_capacity(split + head.before.bytes.len() + DIGITS);
        bytes.extend_from_slice(&tail.bytes);
        bytes.extend_from_slice(&head.before.bytes);
        let at = tail.number.or(head.before.number.map(|number| split + number));
        let digits = at.map_or(0..0, |at| at..at);
        let mut delimiter = Self { bytes, split, digits, is_numbered: at.is_some(), number };
        delimiter.set(number);
        Some(delimiter)
    }

    /// Whether the number is in the beginning of a block.
    fn is_numbered_first(&self) -> bool {
        self.digits.start >= self.split
    }

    /// Writes the number, if the pattern has one.
    fn set(&mut self, number: u64) {
        if !self.is_numbered {
            return;
        }
        let (mut text, mut from, mut rest) = ([b'0'; DIGITS], DIGITS - 1, number);
        while rest > 9 {
            text[from] = b'0' + (rest % 10) as u8;
            (from, rest) = (from - 1, rest / 10);
        }
        text[from] = b'0' + rest as u8;
        let text = &text[from..];
        let (start, size) = (self.digits.start, text.len());
        if size == self.digits.len() {
            self.bytes[self.digits.clone()].copy_from_slice(text);
        } else {
            if !self.is_numbered_first() {
                self.split = self.split + size - self.digits.len();
            }
            self.bytes.splice(self.digits.clone(), text.iter().copied());
        }
        (self.digits, self.number) = (start..start + size, number);
    }

    #[inline]
    fn expect(&mut self, number: u64) {
        if self.number != number {
            self.set(number);
        }
    }

    /// Expects the next number.
    #[inline]
    fn count(&mut self) {
        self.number = self.number.wrapping_add(1);
        match self.bytes.get_mut(self.digits.end.wrapping_sub(1)) {
            Some(digit @ b'0'..=b'8') => *digit += 1,
            _ if self.is_numbered => self.carry(),
            _ => {}
        }
    }

    #[inline(never)]
    fn carry(&mut self) {
        let digits = self.bytes.get_mut(self.digits.clone()).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.set(self.number);
    }
}

/// The holes of a template that contain the sequence number and the delta.
#[derive(Clone, Copy, Debug)]
pub struct Holes {
    pub number: Option<usize>,
    pub delta: Option<usize>,
}

/// A delta event of a run.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    /// The payload.
    pub raw: &'a [u8],
    /// The offset of the block or line in the source, and the end of the payload.
    pub offset: u64,
    pub end: u64,
    /// The sequence number, if the events of the run have one.
    pub sequence: Option<i64>,
    /// The delta with its quotes.
    pub text: &'a [u8],
    /// Whether the delta has escapes.
    pub escaped: bool,
}

impl<'a> Delta<'a> {
    /// The delta without its quotes.
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        self.text.get(1..self.text.len() - 1).unwrap_or_default()
    }
}

/// A template with its envelope: constant bytes, each followed by a hole.
#[derive(Debug, Default)]
pub struct BlockPattern {
    opening: Vec<u8>,
    closing: &'static [u8],
    /// The first hole and the others.
    head: Option<Part>,
    others: Vec<Part>,
    /// The bytes after the last hole.
    tail: Literal,
    delimiter: Option<Delimiter>,
}

/// A block that matches: its position and size, its sequence number, and the span of its delta.
#[derive(Debug)]
pub struct Match {
    pub begin: usize,
    pub size: usize,
    pub sequence: u64,
    pub delta: usize,
    pub length: usize,
    pub escaped: bool,
}

impl Match {
    /// The event of the block; `offset` is that of the text in the source, `numbered` whether events have sequence numbers.
    #[inline]
    pub fn event<'t>(
        &self,
        text: &'t [u8],
        envelope: &Envelope<'_>,
        offset: u64,
        numbered: bool,
    ) -> Option<Delta<'t>> {
        let start = self.begin + envelope.opening.len();
        let end = (self.begin + self.size).checked_sub(envelope.closing.len())?;
        Some(Delta {
            raw: text.get(start..end)?,
            offset: offset + self.begin as u64,
            end: offset + end as u64,
            sequence: if numbered { Some(i64::try_from(self.sequence).ok()?) } else { None },
            text: text.get(self.delta.checked_sub(1)?..)?.get(..self.length + 2)?,
            escaped: self.escaped,
        })
    }
}

impl BlockPattern {
    /// Whether the pattern was made for this envelope.
    pub fn is_for(&self, envelope: &Envelope<'_>) -> bool {
        let made = !self.tail.bytes.is_empty();
        made && self.opening == envelope.opening && self.closing == envelope.closing
    }

    /// The pattern of a template in an envelope; the next block should have this number.
    pub fn of(template: &Template, holes: Holes, envelope: &Envelope<'_>, number: u64) -> Self {
        let Envelope { opening, closing, .. } = *envelope;
        let (mut parts, mut literal) = (Vec::with_capacity(HOLES), Literal::default());
        literal.bytes.reserve(CAPACITY);
        literal.bytes.extend_from_slice(opening);
        for (hole, (before, filling)) in template.holes().enumerate() {
            literal.bytes.extend_from_slice(before);
            if Some(hole) == holes.number && filling == Filling::Value(Kind::Number) {
                literal.number = Some(literal.bytes.len());
            } else {
                let delta = Some(hole) == holes.delta;
                parts.push(Part { before: std::mem::take(&mut literal), filling, delta });
            }
        }
        literal.bytes.extend_from_slice(template.behind_holes());
        literal.bytes.extend_from_slice(closing);
        let mut parts = parts.into_iter();
        let (head, others) = (parts.next(), parts.collect::<Vec<_>>());
        let delimiter =
            head.as_ref().and_then(|head| Delimiter::of(head, &others, &literal, number));
        Self { opening: opening.to_vec(), closing, head, others, tail: literal, delimiter }
    }

    /// The block at `begin` if it matches, with any number.
    fn match_at(&self, text: &[u8], begin: usize) -> Option<Match> {
        let mut block = Match { begin, size: 0, sequence: 0, delta: 0, length: 0, escaped: false };
        let mut at = begin;
        for part in self.parts() {
            let start = part.before.matches(text, at, &mut block.sequence)?;
            let (end, filled) = json::fill(text, start, part.filling)?;
            if part.delta {
                (block.delta, block.length, block.escaped) = (start, end - start, filled.escaped);
            }
            at = end;
        }
        block.size = self.tail.matches(text, at, &mut block.sequence)? - begin;
        Some(block)
    }

    /// The matching blocks from `begin` on, with consecutive numbers from `number` on; `None` if there are none, or if the pattern
    /// has no delimiter.
    #[inline]
    pub fn follow<'s, 't>(
        &'s mut self,
        text: &'t [u8],
        begin: usize,
        number: u64,
    ) -> Option<Matches<'s, 't>> {
        let delimiter = self.delimiter.as_mut()?;
        delimiter.expect(number);
        let at = matches(delimiter.bytes.get(delimiter.split..)?, text, begin)?;
        if delimiter.is_numbered_first() {
            delimiter.count();
        }
        Some(Matches { delimiter, others: &self.others, text, begin, at: Some(at), number })
    }

    /// Passes the matching blocks at the start of a text to `take`, with any numbers, until it returns false.
    pub fn each(&mut self, text: &[u8], mut take: impl FnMut(&Match) -> bool) {
        let mut begin = 0;
        while let Some(block) = self.match_at(text, begin).filter(&mut take) {
            begin += block.size;
            let Some(blocks) = self.follow(text, begin, block.sequence.wrapping_add(1)) else {
                continue;
            };
            for block in blocks {
                if !take(&block) {
                    return;
                }
                begin += block.size;
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.head.iter().chain(&self.others)
    }
}

/// Consecutive blocks that match and count up; see [`BlockPattern::follow`].
pub struct Matches<'s, 't> {
    delimiter: &'s mut Delimiter,
    others: &'s [Part],
    text: &'t [u8],
    /// The position of the next block.
    begin: usize,
    /// The position of its first hole; `None` after the last block.
    at: Option<usize>,
    number: u64,
}

impl Iterator for Matches<'_, '_> {
    type Item = Match;

    #[expect(clippy::inline_always, reason = "it is called for every delta")]
    #[inline(always)]
    fn next(&mut self) -> Option<Match> {
        let Self { delimiter, others, text, begin, at, number } = self;
        let start = (*at)?;
        let (end, filled) = json::fill(text, start, STRING)?;
        let mut after = end;
        for part in *others {
            let start = matches(&part.before.bytes, text, after)?;
            (after, _) = if part.filling == STRING {
                json::fill(text, start, STRING)?
            } else {
                json::fill(text, start, Filling::Spaces)?
            };
        }
        *at = matches(&delimiter.bytes, text, after);
        if at.is_none() {
            matches(delimiter.bytes.get(..delimiter.split)?, text, after)?;
        }
        let (length, escaped) = (end - start, filled.escaped);
        let size = after + delimiter.split - *begin;
        ahead(text, *begin, size);
        let block = Match { begin: *begin, size, sequence: *number, delta: start, length, escaped };
        delimiter.count();
        (*begin, *number) = (*begin + size, number.wrapping_add(1));
        Some(block)
    }
}

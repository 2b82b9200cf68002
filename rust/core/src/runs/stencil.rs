//! What a run is held against: a template together with what stands around it.
//!
//! Between two pieces of a text nearly always the same bytes stand, from the end of one block to the middle of the next, but
//! for the sequence number in them. As that counts up it is known before it comes, and all of it is one comparison.

use std::ops::Range;

use super::{Around, Piece};
use crate::json::{self, Kind};
use crate::predict::Known;
use crate::simd::{ahead, same};

/// The digits of the largest number.
const DIGITS: usize = 20;
/// Room for what stands before the first hole, and for the holes, of nearly all deltas.
const ROOM: usize = 256;
const HOLES: usize = 3;

/// Bytes that do not change, and where the sequence number stands among them, if it does.
#[derive(Debug, Default)]
struct Fixed {
    bytes: Vec<u8>,
    number: Option<usize>,
}

impl Fixed {
    /// The position behind these bytes, if they stand here. The number, if one does, is told.
    fn stands(&self, text: &[u8], mut at: usize, number: &mut u64) -> Option<usize> {
        let (before, after) = self.bytes.split_at_checked(self.number.unwrap_or(0))?;
        if self.number.is_some() {
            at = stands(before, text, at)?;
            let (end, filled) = json::fill(text, at, Kind::Number)?;
            (at, *number) = (end, filled.number);
        }
        stands(after, text, at)
    }
}

/// The position behind these bytes, if they stand here.
#[inline]
fn stands(bytes: &[u8], text: &[u8], at: usize) -> Option<usize> {
    let end = at + bytes.len();
    same(text.get(at..end)?, bytes).then_some(end)
}

/// A hole with what stands before it.
#[derive(Debug)]
struct Part {
    before: Fixed,
    kind: Kind,
    /// It is the piece of the text.
    piece: bool,
}

/// The end of a block and the beginning of the next, with the number that is expected in one of them.
#[derive(Debug)]
struct Joint {
    bytes: Vec<u8>,
    /// Where the next block begins.
    split: usize,
    /// The digits of the number, if it has one.
    digits: Range<usize>,
    is_numbered: bool,
    number: u64,
}

impl Joint {
    /// Of stencils with the piece in the first hole, no holes but strings, and no number between them.
    fn of(head: &Part, others: &[Part], tail: &Fixed, number: u64) -> Option<Self> {
        let constant = |part: &Part| part.kind == Kind::String && part.before.number.is_none();
        if !head.piece || head.kind != Kind::String || !others.iter().all(constant) {
            return None;
        }
        let split = tail.bytes.len();
        let mut bytes = Vec::with_capacity(split + head.before.bytes.len() + DIGITS);
        bytes.extend_from_slice(&tail.bytes);
        bytes.extend_from_slice(&head.before.bytes);
        let at = tail.number.or(head.before.number.map(|number| split + number));
        let digits = at.map_or(0..0, |at| at..at);
        let mut joint = Self { bytes, split, digits, is_numbered: at.is_some(), number };
        joint.set(number);
        Some(joint)
    }

    /// The number stands in the beginning of a block.
    fn is_numbered_first(&self) -> bool {
        self.digits.start >= self.split
    }

    /// Writes the number, if there is a place for it.
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
            _ => self.carry(),
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

/// A template together with what stands around it: bytes that do not change, each followed by a hole.
#[derive(Debug, Default)]
pub struct Stencil {
    opening: Vec<u8>,
    closing: &'static [u8],
    /// The first hole, if there is any, and the others.
    head: Option<Part>,
    others: Vec<Part>,
    /// What follows the last hole.
    tail: Fixed,
    joint: Option<Joint>,
}

/// A block that fits: where it begins, its size, its number, and where the piece of the text is.
#[derive(Debug)]
pub(super) struct Fit {
    pub begin: usize,
    pub size: usize,
    pub sequence: u64,
    pub piece: usize,
    pub length: usize,
    pub escaped: bool,
}

impl Fit {
    /// The event of the block, in a text that is at this offset.
    #[inline]
    pub fn event<'t>(&self, text: &'t [u8], around: &Around<'_>, offset: u64) -> Option<Piece<'t>> {
        let start = self.begin + around.opening.len();
        let end = (self.begin + self.size).checked_sub(around.closing.len())?;
        Some(Piece {
            raw: text.get(start..end)?,
            offset: offset + self.begin as u64,
            end: offset + end as u64,
            sequence: i64::try_from(self.sequence).ok()?,
            text: text.get(self.piece.checked_sub(1)?..)?.get(..self.length + 2)?,
            escaped: self.escaped,
        })
    }
}

impl Stencil {
    /// Whether it is for blocks like these.
    pub fn is_for(&self, around: &Around<'_>) -> bool {
        let made = !self.tail.bytes.is_empty();
        made && self.opening == around.opening && self.closing == around.closing
    }

    /// The template of an event, for blocks like these, the first of this number.
    pub fn of(known: &Known, around: &Around<'_>, number: u64) -> Self {
        let Around { opening, closing, .. } = *around;
        let (mut parts, mut fixed) = (Vec::with_capacity(HOLES), Fixed::default());
        fixed.bytes.reserve(ROOM);
        fixed.bytes.extend_from_slice(opening);
        for (hole, (before, kind)) in known.holes().enumerate() {
            fixed.bytes.extend_from_slice(before);
            if Some(hole) == known.number && kind == Kind::Number {
                fixed.number = Some(fixed.bytes.len());
            } else {
                let piece = Some(hole) == known.delta;
                parts.push(Part { before: std::mem::take(&mut fixed), kind, piece });
            }
        }
        fixed.bytes.extend_from_slice(known.behind_holes());
        fixed.bytes.extend_from_slice(closing);
        let mut parts = parts.into_iter();
        let (head, others) = (parts.next(), parts.collect::<Vec<_>>());
        let joint = head.as_ref().and_then(|head| Joint::of(head, &others, &fixed, number));
        Self { opening: opening.to_vec(), closing, head, others, tail: fixed, joint }
    }

    /// The block that begins here, if it fits, whatever its number.
    fn fits(&self, text: &[u8], begin: usize) -> Option<Fit> {
        let mut fit = Fit { begin, size: 0, sequence: 0, piece: 0, length: 0, escaped: false };
        let mut at = begin;
        for part in self.parts() {
            let start = part.before.stands(text, at, &mut fit.sequence)?;
            let (end, filled) = json::fill(text, start, part.kind)?;
            if part.piece {
                (fit.piece, fit.length, fit.escaped) = (start, end - start, filled.escaped);
            }
            at = end;
        }
        fit.size = self.tail.stands(text, at, &mut fit.sequence)? - begin;
        Some(fit)
    }

    /// The blocks from a position on that fit and are numbered from `number` on; none without a joint.
    #[inline]
    pub(super) fn follow<'s, 't>(
        &'s mut self,
        text: &'t [u8],
        begin: usize,
        number: u64,
    ) -> Option<Follow<'s, 't>> {
        let joint = self.joint.as_mut()?;
        joint.expect(number);
        let at = stands(joint.bytes.get(joint.split..)?, text, begin)?;
        if joint.is_numbered_first() {
            joint.count();
        }
        Some(Follow { joint, others: &self.others, text, begin, at: Some(at), number })
    }

    /// Gives the blocks that a text begins with and that fit, whatever their numbers, until `take` says false.
    pub(super) fn each(&mut self, text: &[u8], mut take: impl FnMut(&Fit) -> bool) {
        let mut begin = 0;
        while let Some(fit) = self.fits(text, begin).filter(&mut take) {
            begin += fit.size;
            let Some(blocks) = self.follow(text, begin, fit.sequence.wrapping_add(1)) else {
                continue;
            };
            for fit in blocks {
                if !take(&fit) {
                    return;
                }
                begin += fit.size;
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.head.iter().chain(&self.others)
    }
}

/// Blocks that fit and follow one another, see [`Stencil::follow`].
pub(super) struct Follow<'s, 't> {
    joint: &'s mut Joint,
    others: &'s [Part],
    text: &'t [u8],
    /// Where the next block begins, and its first hole; none behind the last one.
    begin: usize,
    at: Option<usize>,
    number: u64,
}

impl Iterator for Follow<'_, '_> {
    type Item = Fit;

    #[expect(clippy::inline_always, reason = "it is called for each delta")]
    #[inline(always)]
    fn next(&mut self) -> Option<Fit> {
        let Self { joint, others, text, begin, at, number } = self;
        let start = (*at)?;
        let (end, filled) = json::fill(text, start, Kind::String)?;
        let mut behind = end;
        for part in *others {
            let start = stands(&part.before.bytes, text, behind)?;
            (behind, _) = json::fill(text, start, Kind::String)?;
        }
        *at = stands(&joint.bytes, text, behind);
        if at.is_none() {
            stands(joint.bytes.get(..joint.split)?, text, behind)?;
        }
        let (length, escaped) = (end - start, filled.escaped);
        let size = behind + joint.split - *begin;
        ahead(text, *begin, size);
        let fit = Fit { begin: *begin, size, sequence: *number, piece: start, length, escaped };
        joint.count();
        (*begin, *number) = (*begin + size, number.wrapping_add(1));
        Some(fit)
    }
}

//! Runs: pieces of one text that follow one another, taken without being parsed.
//!
//! Nine of ten events of a stream are such pieces. Where nobody reads the events, or no more of them than the piece, a run
//! is checked against its template, block by block, and the text grows; what else a response knows of its events is brought up to date once, at
//! the end of the run. Whatever is odd about an event ends the run before it, and the event goes the long way.

use std::ops::Range;

use crate::count::work;
use crate::events::Parsed;
use crate::fold::is_empty;
use crate::json::{self, Kind};
use crate::predict::Known;
use crate::response::Folded;
use crate::simd::same;
use crate::tree::Text;

/// What stands around each payload of a run.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub opening: &'a [u8],
    /// The name in the opening.
    pub name: Option<&'a [u8]>,
    pub closing: &'static [u8],
    /// The most bytes of a payload.
    pub limit: usize,
}

/// How far a run went.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub events: u64,
    pub size: usize,
    /// Where the last payload is.
    pub last: Range<usize>,
    /// The sequence number of the last event.
    pub sequence: i64,
}

/// An event of a run.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The payload, the offset of its block or line, and the one behind it.
    pub raw: &'a [u8],
    pub offset: u64,
    pub end: u64,
    pub sequence: i64,
    /// The delta with its quotes, and whether it has escapes.
    pub text: &'a [u8],
    pub escaped: bool,
}

impl<'a> Piece<'a> {
    /// The delta without its quotes.
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        self.text.get(1..self.text.len() - 1).unwrap_or_default()
    }
}

/// What a hole is to the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Sequence,
    Piece,
    Other,
}

/// A template together with what stands around it: bytes that do not change, each followed by a hole.
#[derive(Debug, Default)]
pub struct Stencil {
    opening: Vec<u8>,
    closing: &'static [u8],
    parts: Vec<(Vec<u8>, Kind, Role)>,
    /// What follows the last hole.
    tail: Vec<u8>,
}

/// A block that fits: its size, the sequence number, and where the piece of the text is.
struct Fit {
    size: usize,
    sequence: u64,
    piece: Range<usize>,
    escaped: bool,
}

impl Fit {
    /// The event of the block, which has `start` bytes before its payload and `end` behind it.
    #[inline]
    fn event<'t>(
        &self,
        block: &'t [u8],
        start: usize,
        end: usize,
        offset: u64,
    ) -> Option<Piece<'t>> {
        let quoted = self.piece.start.checked_sub(1)?..self.piece.end + 1;
        Some(Piece {
            raw: block.get(start..self.size.checked_sub(end)?)?,
            offset,
            end: offset + (self.size - end) as u64,
            sequence: i64::try_from(self.sequence).ok()?,
            text: block.get(quoted)?,
            escaped: self.escaped,
        })
    }
}

impl Stencil {
    /// Whether it is for blocks like these.
    pub fn is_for(&self, around: &Around<'_>) -> bool {
        !self.parts.is_empty() && self.opening == around.opening && self.closing == around.closing
    }

    /// The template of an event, for blocks like these.
    pub fn of(known: &Known, around: &Around<'_>) -> Self {
        let Around { opening, closing, .. } = *around;
        let (mut parts, mut fixed) = (Vec::new(), opening.to_vec());
        for (number, (before, kind)) in known.holes().enumerate() {
            fixed.extend_from_slice(before);
            let role = match Some(number) {
                number if number == known.number => Role::Sequence,
                number if number == known.delta => Role::Piece,
                _ => Role::Other,
            };
            parts.push((std::mem::take(&mut fixed), kind, role));
        }
        let tail = [known.behind_holes(), closing].concat();
        Self { opening: opening.to_vec(), closing, parts, tail }
    }

    /// The block that `rest` begins with, if it fits.
    #[expect(clippy::inline_always, reason = "it is called for each delta")]
    #[inline(always)]
    fn fits(&self, rest: &[u8]) -> Option<Fit> {
        let mut at = 0;
        let mut fit = Fit { size: 0, sequence: 0, piece: 0..0, escaped: false };
        for (fixed, kind, role) in &self.parts {
            let start = at + fixed.len();
            if !same(rest.get(at..start)?, fixed) {
                return None;
            }
            let (end, filled) = json::fill(rest, start, *kind)?;
            match role {
                Role::Sequence => fit.sequence = filled.number,
                Role::Piece => (fit.piece, fit.escaped) = (start..end, filled.escaped),
                Role::Other => {}
            }
            at = end;
        }
        fit.size = at + self.tail.len();
        same(rest.get(at..fit.size)?, &self.tail).then_some(fit)
    }
}

/// The text that an event of this template grew last, if nothing goes beside it.
#[inline]
pub fn growing<'f>(folded: &'f mut Folded, known: &Known) -> Option<&'f mut Text> {
    let Folded { cursor: Some(cursor), items, .. } = folded else { return None };
    if cursor.serial != Some(known.serial) || known.extends {
        return None;
    }
    cursor.trail.text(items.at(cursor.item)?.body.tree()?)
}

/// Grows the text that an event of the same template grew last. The template gives the entry, the indexes, the item's id and
/// the lane; only the delta and the list beside it may differ. False if it is no such event, and nothing was done.
#[inline]
pub fn append(folded: &mut Folded, parsed: &Parsed<'_>, known: &Known) -> bool {
    let Folded { cursor: Some(cursor), items, .. } = folded else { return false };
    if cursor.serial != Some(known.serial) {
        return false;
    }
    let Some((piece, escaped)) = known.delta(parsed.raw) else { return false };
    let tree = items.at(cursor.item).and_then(|item| item.body.tree());
    let Some(tree) = tree else { return false };
    let Some(text) = cursor.trail.text(tree) else { return false };
    extend(&mut text.wtf8, piece, escaped);
    if known.extends
        && let Some(list) = known.member(known.extend).map(|member| parsed.bytes(&member))
        && !is_empty(list)
        && let Some(object) = cursor.trail.object(tree)
    {
        object.extend(known.entry.extend, list);
    }
    true
}

/// Passes the blocks by that `rest` begins with and that fit the template; tells how many they are, and their bytes.
pub fn pass(known: &mut Known, rest: &[u8], around: &Around<'_>) -> Run {
    let mut run = Run::default();
    if !known.is_one_line() {
        return run;
    }
    known.stencil_for(around);
    let outside = around.opening.len() + around.closing.len();
    while let Some(fit) = rest.get(run.size..).and_then(|rest| known.stencil.fits(rest)) {
        if fit.size - outside > around.limit {
            break;
        }
        work(fit.size);
        run.size += fit.size;
        run.events += 1;
    }
    run
}

/// Gives the pieces in the blocks that `rest` begins with and that fit the template, whatever they were part of; the first
/// block is at this offset.
pub fn read(
    known: &mut Known,
    (rest, offset): (&[u8], u64),
    around: &Around<'_>,
    mut each: impl FnMut(&Piece<'_>),
) -> Run {
    let mut run = Run::default();
    if !known.is_for_pieces() {
        return run;
    }
    known.stencil_for(around);
    let (start, end) = (around.opening.len(), around.closing.len());
    loop {
        let block = rest.get(run.size..).unwrap_or_default();
        let Some(fit) = known.stencil.fits(block) else { break };
        if fit.size - start - end > around.limit {
            break;
        }
        let Some(piece) = fit.event(block, start, end, offset + run.size as u64) else { break };
        work(fit.size);
        each(&piece);
        run.size += fit.size;
        run.events += 1;
    }
    run
}

/// Grows the text by the pieces in the blocks that `rest` begins with, as long as they fit the template and their
/// sequence numbers follow `before`. `each` is told of every event; the first block is at this offset.
pub fn grow(
    text: &mut Text,
    known: &mut Known,
    (rest, offset): (&[u8], u64),
    around: &Around<'_>,
    before: i64,
    mut each: impl FnMut(&Piece<'_>),
) -> Run {
    let first = u64::try_from(before).ok().filter(|_| known.is_for_runs());
    let Some(mut sequence) = first else { return Run::default() };
    known.stencil_for(around);
    let (start, end) = (around.opening.len(), around.closing.len());
    let (mut size, mut last) = (0, 0);
    loop {
        let block = rest.get(size..).unwrap_or_default();
        let Some(fit) = known.stencil.fits(block) else { break };
        if fit.sequence != sequence + 1 || fit.size - start - end > around.limit {
            break;
        }
        let Some(piece) = fit.event(block, start, end, offset + size as u64) else { break };
        work(fit.size);
        extend(&mut text.wtf8, piece.body(), piece.escaped);
        each(&piece);
        sequence += 1;
        (last, size) = (size, size + fit.size);
    }
    if size == 0 {
        return Run::default();
    }
    let events = sequence - first.unwrap_or(sequence);
    let sequence = i64::try_from(sequence).unwrap_or(before);
    Run { events, size, last: last + start..size - end, sequence }
}

#[inline]
fn extend(text: &mut Vec<u8>, piece: &[u8], escaped: bool) {
    if escaped {
        json::decode_wtf8_body(piece, text);
    } else {
        text.extend_from_slice(piece);
    }
}

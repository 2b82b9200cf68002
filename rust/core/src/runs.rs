//! Runs: pieces of one text that follow one another, taken without being parsed.
//!
//! Nine of ten events of a stream are such pieces. Where nobody reads the events, or no more of them than the piece, a run
//! is checked against its template, block by block, and the text grows; what else a response knows of its events is brought up to date once, at
//! the end of the run. Whatever is odd about an event ends the run before it, and the event goes the long way.

use std::ops::Range;

use crate::count::work;
use crate::events::Parsed;
use crate::fold::is_empty;
use crate::json;
use crate::predict::Known;
use crate::response::Folded;
use crate::tree::Text;

mod stencil;

use stencil::Fit;
pub use stencil::Stencil;

/// Room for so many bytes is made where a text begins to grow by runs.
const ROOM: usize = 256;

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

impl Around<'_> {
    /// The most bytes of a block.
    fn most(&self) -> usize {
        self.limit.saturating_add(self.opening.len() + self.closing.len())
    }
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

impl Run {
    /// Takes the block that follows.
    #[inline]
    fn take(&mut self, fit: &Fit) {
        work(fit.size);
        self.size += fit.size;
        self.events += 1;
    }
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
    known.stencil_for(around, 0).each(rest, |fit| {
        let fits = fit.size <= around.most();
        if fits {
            run.take(fit);
        }
        fits
    });
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
    known.stencil_for(around, 0).each(rest, |fit| {
        let piece = fit.event(rest, around, offset).filter(|_| fit.size <= around.most());
        if let Some(piece) = &piece {
            each(piece);
            run.take(fit);
        }
        piece.is_some()
    });
    run
}

/// Grows the text by the pieces in the blocks that `rest` begins with, as long as they fit the template and their
/// sequence numbers follow `before`. `each`, if any, is told of every event; the first block is at this offset.
#[inline(never)]
pub fn grow(
    text: &mut Text,
    known: &mut Known,
    (rest, offset): (&[u8], u64),
    around: &Around<'_>,
    before: i64,
    mut each: Option<impl FnMut(&Piece<'_>)>,
) -> Run {
    let mut run = Run::default();
    // There are no more events than bytes: their numbers stay in range.
    let in_range = before >= 0 && before.checked_add_unsigned(rest.len() as u64).is_some();
    if !in_range || !known.is_for_runs() {
        return run;
    }
    let (mut last, most) = (0, around.most());
    let first = before.cast_unsigned() + 1;
    let Some(blocks) = known.stencil_for(around, first).follow(rest, 0, first) else {
        return run;
    };
    text.wtf8.reserve(ROOM);
    for fit in blocks {
        if fit.size > most {
            break;
        }
        if let Some(each) = &mut each {
            let Some(piece) = fit.event(rest, around, offset) else { break };
            each(&piece);
        }
        let piece = rest.get(fit.piece..).unwrap_or_default();
        if fit.escaped {
            json::decode_wtf8_body(piece.get(..fit.length).unwrap_or_default(), &mut text.wtf8);
        } else {
            append_start(&mut text.wtf8, piece, fit.length);
        }
        last = fit.begin;
        run.take(&fit);
    }
    if run.events > 0 {
        run.sequence = before + run.events.cast_signed();
        run.last = last + around.opening.len()..run.size - around.closing.len();
    }
    run
}

/// Appends so many bytes of a text. Few are copied as a block, of which too much is taken off again: that needs no call.
#[inline]
fn append_start(out: &mut Vec<u8>, text: &[u8], length: usize) {
    const BLOCK: usize = 16;
    match text.first_chunk::<BLOCK>() {
        Some(block) if length <= BLOCK => {
            let size = out.len() + length;
            out.extend_from_slice(block);
            out.truncate(size);
        }
        _ => out.extend_from_slice(text.get(..length).unwrap_or_default()),
    }
}

#[inline]
fn extend(text: &mut Vec<u8>, piece: &[u8], escaped: bool) {
    if escaped {
        json::decode_wtf8_body(piece, text);
    } else {
        text.extend_from_slice(piece);
    }
}

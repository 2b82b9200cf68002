//! Runs: pieces of one text that follow one another, taken without an event made of each.
//!
//! Nine of ten events of a stream are such pieces. Where nobody reads the events, a run of them is checked against its
//! template, block by block, and the text grows; what else a response knows of its events is brought up to date once, at
//! the end of the run. Whatever is odd about an event ends the run before it, and the event goes the long way.

use std::ops::Range;

use crate::json;
use crate::predict::Known;
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

/// Grows the text by the pieces in the blocks that `rest` begins with, as long as they fit the template and their
/// sequence numbers follow `before`.
pub fn grow(
    text: &mut Text,
    known: &mut Known,
    rest: &[u8],
    around: &Around<'_>,
    before: i64,
) -> Run {
    let mut run = Run { sequence: before, ..Run::default() };
    while let Some(block) = rest.get(run.size..).filter(|block| block.starts_with(around.opening)) {
        let start = around.opening.len();
        let payload = &block[start..];
        let Some(size) = known.fits(payload).filter(|size| *size <= around.limit) else { break };
        let sequence = run.sequence.checked_add(1);
        if known.number() != sequence || !payload[size..].starts_with(around.closing) {
            break;
        }
        let Some((piece, escaped)) = known.delta(payload) else { break };
        if escaped {
            json::decode_wtf8_body(piece, &mut text.wtf8);
        } else {
            text.wtf8.extend_from_slice(piece);
        }
        let place = run.size + start;
        run.last = place..place + size;
        run.size = place + size + around.closing.len();
        run.events += 1;
        run.sequence += 1;
    }
    run
}

//! Runs of delta events: consecutive blocks that match the pattern of a cached event.
//!
//! An event that deviates from the pattern ends the run before it and is parsed like any other.

use super::block_pattern::Delta;
use super::event_cache::CachedEvent;
use crate::frames::{DeltaRun, Envelope};
use crate::work::work;

/// Skips the matching blocks at the start of `rest`.
pub fn skip(cached: &mut CachedEvent, rest: &[u8], envelope: &Envelope<'_>) -> DeltaRun {
    let mut run = DeltaRun::default();
    if !cached.is_one_line() {
        return run;
    }
    let limit = envelope.block_limit();
    cached.pattern_for(envelope, 0).each(rest, |block| {
        let within_limit = block.size <= limit;
        if within_limit {
            extend(&mut run, block.size);
        }
        within_limit
    });
    run
}

/// Passes the deltas of the matching blocks at the start of `rest` to `each`, whatever their sequence numbers are. `offset` is
/// the position of the first block in the source.
pub fn read(
    cached: &mut CachedEvent,
    (rest, offset): (&[u8], u64),
    envelope: &Envelope<'_>,
    mut each: impl FnMut(&Delta<'_>),
) -> DeltaRun {
    let mut run = DeltaRun::default();
    if !cached.is_delta_only() {
        return run;
    }
    let (limit, numbered, is_filled) =
        (envelope.block_limit(), cached.is_numbered(), cached.is_filled);
    cached.pattern_for(envelope, 0).each(rest, |block| {
        let fits = block.size <= limit && !(is_filled && block.length == 0);
        let delta = block.event(rest, envelope, offset, numbered).filter(|_| fits);
        if let Some(delta) = &delta {
            each(delta);
            extend(&mut run, block.size);
        }
        delta.is_some()
    });
    run
}

/// Adds a block to a run.
#[inline]
pub fn extend(run: &mut DeltaRun, size: usize) {
    work(size);
    run.size += size;
    run.events += 1;
}

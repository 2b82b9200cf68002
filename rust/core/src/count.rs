//! Counts the bytes that are looked at, compared or moved, for the tests of the law that work is linear in the input.
//!
//! Only with the feature `count`; without it nothing is counted and nothing costs.

#[cfg(feature = "count")]
use std::cell::Cell;

#[cfg(feature = "count")]
thread_local! {
    static WORK: Cell<u64> = const { Cell::new(0) };
}

/// Says that so many bytes (or elements) were looked at.
#[inline]
pub(crate) fn work(bytes: usize) {
    #[cfg(feature = "count")]
    WORK.set(WORK.get() + bytes as u64);
    #[cfg(not(feature = "count"))]
    let _ = bytes;
}

/// What this thread counted since the last call.
#[cfg(feature = "count")]
pub fn take() -> u64 {
    WORK.replace(0)
}

/// What the fast paths did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames that were lent as they stood, and lines that were not.
    pub framed: u64,
    pub framed_slowly: u64,
    /// Events that repeated a known one, and events that were held against the known ones in vain.
    pub recognised: u64,
    pub not_recognised: u64,
    /// Deltas that went where the last of their template had gone; and those of them that went there in runs.
    pub appended: u64,
    pub in_runs: u64,
    /// Values that were known from before, and their bytes.
    pub remembered: u64,
    pub remembered_bytes: u64,
}

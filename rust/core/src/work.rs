//! A counter of the bytes that are read, compared or moved. Tests check that this work is linear in the input.
//!
//! Counts only with the feature `count`; without it, the calls compile to nothing.

#[cfg(feature = "count")]
use std::cell::Cell;

#[cfg(feature = "count")]
thread_local! {
    static WORK: Cell<u64> = const { Cell::new(0) };
}

/// Adds bytes (or elements) to the counter of this thread.
#[inline]
pub(crate) fn work(bytes: usize) {
    #[cfg(feature = "count")]
    WORK.set(WORK.get() + bytes as u64);
    #[cfg(not(feature = "count"))]
    let _ = bytes;
}

/// Returns the count of this thread since the last call, and resets it.
#[cfg(feature = "count")]
pub fn take() -> u64 {
    WORK.replace(0)
}

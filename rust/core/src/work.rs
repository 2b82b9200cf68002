//! Counts the bytes that are read, compared or moved: tests check that this work is linear in the input.
//!
//! Only with the feature `count`; without it the counter costs nothing.

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

//! Counters of the fast paths, for tests and benchmarks.

/// How often each fast path was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames borrowed from the chunk, and lines read by the general path.
    pub framed: u64,
    pub framed_slowly: u64,
    /// Events that repeat a cached one, and events that matched no cached one.
    pub recognised: u64,
    pub not_recognised: u64,
    /// Deltas that were appended to the previous text directly, and those of them that were part of runs.
    pub appended: u64,
    pub in_runs: u64,
    /// Values found in the value cache, and their bytes.
    pub cached_values: u64,
    pub cached_bytes: u64,
}

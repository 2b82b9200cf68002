//! The number of lines before offsets of a source.
//!
//! Parts of a source share an index, so that counting is linear in the size of the source for any number of parts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use memchr::memchr_iter;

/// The lines that end before an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCount {
    pub lines: u64,
    /// The byte before the offset is a CR. An LF at the offset does not end a further line.
    after_cr: bool,
}

impl LineCount {
    /// Counts the lines that end in the bytes that follow.
    pub fn add(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut lines = memchr_iter(b'\n', bytes).count();
        if self.after_cr && bytes.first() == Some(&b'\n') {
            lines -= 1;
        }
        // A CR ends a line, and an LF right after it does not.
        for at in memchr_iter(b'\r', bytes) {
            lines += usize::from(bytes.get(at + 1) != Some(&b'\n'));
        }
        self.after_cr = bytes.last() == Some(&b'\r');
        self.lines += lines as u64;
    }
}

/// The line counts that are known, by offset.
#[derive(Debug, Default)]
pub struct LineIndex(Mutex<BTreeMap<u64, LineCount>>);

impl LineIndex {
    /// The nearest known offset that is not after this one, and its line count.
    pub fn nearest(&self, offset: u64) -> (u64, LineCount) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = counts.range(..=offset).next_back();
        nearest.map_or_else(Default::default, |(offset, count)| (*offset, *count))
    }

    pub fn insert(&self, offset: u64, count: LineCount) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(offset, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_line_ends_count_once() {
        for (text, lines) in
            [("", 0), ("a", 0), ("a\nb\n", 2), ("a\r\nb\rc\n\n", 4), ("\n\r\r\n", 3)]
        {
            for cut in 0..=text.len() {
                let mut count = LineCount::default();
                count.add(&text.as_bytes()[..cut]);
                count.add(&text.as_bytes()[cut..]);
                assert_eq!(count.lines, lines, "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn the_nearest_offset_is_not_after_the_wanted_one() {
        let index = LineIndex::default();
        assert_eq!(index.nearest(9), (0, LineCount::default()));
        let count = LineCount { lines: 2, after_cr: false };
        index.insert(5, count);
        index.insert(10, LineCount { lines: 4, after_cr: true });
        assert_eq!(index.nearest(9), (5, count));
    }
}

//! A part of a source: a range of bytes.

/// A range of bytes of a source. It owns the responses and events that begin in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub start: u64,
    pub end: u64,
    /// Whether the responses of the part have numbers, which begin at 0.
    pub numbered: bool,
}

impl Part {
    pub const WHOLE: Self = Self { start: 0, end: u64::MAX, numbered: true };

    pub const fn has(self, offset: u64) -> bool {
        self.start <= offset && offset < self.end
    }

    pub const fn is_whole(self) -> bool {
        self.start == 0 && self.end == u64::MAX
    }

    /// The number of bytes from `start` to `end` that are in the part.
    pub fn overlap(self, start: u64, end: u64) -> u64 {
        end.min(self.end).saturating_sub(start.max(self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_clipped_to_the_part() {
        let part = Part { start: 10, end: 20, numbered: false };
        let overlaps = [(0, 5), (0, 12), (12, 15), (15, 40), (20, 30), (0, u64::MAX)];
        assert_eq!(overlaps.map(|(start, end)| part.overlap(start, end)), [0, 2, 3, 5, 0, 10]);
        assert!(part.has(10) && !part.has(20));
    }
}

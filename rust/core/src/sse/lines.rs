//! Lines of a byte stream: where each begins and ends, however the stream is cut.
//!
//! A line ends at CR, LF or CRLF and at nothing else, and a byte order mark at the very start of
//! the stream is no part of the first line (WHATWG HTML, 9.2.5 "Parsing an event stream"). The
//! caller owns the bytes: it shows a *window* (what it has and has not used yet) and a position in
//! it.
//!
//! Strategy: `memchr2` does the looking, and what of an unfinished line is known to hold no line
//! end is remembered, so a line that grows by one byte a time is not searched again. The bytes of a
//! BOM end no line, so it is looked for only in a line that is whole: a BOM split over windows
//! needs no state.

use memchr::memchr2;
use std::ops::Range;

/// The byte order mark.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// What one stream's lines need to know between two windows.
#[derive(Clone, Debug, Default)]
pub struct LineSplitter {
    past_start: bool,
    swallow_lf: bool,
    searched: usize,
    work: u64,
}

impl LineSplitter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes looked at so far; tests hold it linear.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// The next line of `window[*at..]`, without its end, if that end is in the window; `at` moves
    /// past it.
    ///
    /// A CR that is the window's last byte ends its line at once; an LF at the start of the next
    /// window then belongs to it and is passed over. So the ranges are the same at every cut, while
    /// `at` may lie before or after that LF. After `None`, show the bytes from `at` on, followed by
    /// new ones, as the next window.
    pub fn next_line(&mut self, window: &[u8], at: &mut usize) -> Option<Range<usize>> {
        if self.swallow_lf && *at < window.len() {
            self.swallow_lf = false;
            *at += usize::from(window[*at] == b'\n');
        }
        let unseen = window.get(*at + self.searched..).unwrap_or_default();
        let Some(found) = memchr2(b'\r', b'\n', unseen) else {
            self.work += unseen.len() as u64;
            self.searched += unseen.len();
            return None;
        };
        self.work += found as u64 + 1;
        let end = *at + self.searched + found;
        let line = self.unfinished(&window[..end], *at);
        self.past_start = true;
        self.searched = 0;
        *at = end + 1;
        if window[end] == b'\r' {
            match window.get(*at) {
                Some(b'\n') => *at += 1,
                Some(_) => {}
                None => self.swallow_lf = true,
            }
        }
        Some(line)
    }

    /// The line that the end of the input cut short: what is left of `window` after `next_line`
    /// gave `None`.
    pub fn unfinished(&self, window: &[u8], at: usize) -> Range<usize> {
        let has_bom =
            !self.past_start && window.get(at..).is_some_and(|line| line.starts_with(BOM));
        at + if has_bom { BOM.len() } else { 0 }..window.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line of `chunks`, and the unfinished one at the end where it is not empty, as (offset,
    /// bytes).
    fn split(chunks: &[&[u8]]) -> Vec<(usize, Vec<u8>)> {
        let mut splitter = LineSplitter::new();
        let (mut window, mut base, mut lines) = (Vec::new(), 0, Vec::new());
        for chunk in chunks {
            window.extend_from_slice(chunk);
            let mut at = 0;
            while let Some(line) = splitter.next_line(&window, &mut at) {
                lines.push((base + line.start, window[line].to_vec()));
            }
            window.drain(..at);
            base += at;
        }
        let rest = splitter.unfinished(&window, 0);
        if !rest.is_empty() {
            lines.push((base + rest.start, window[rest].to_vec()));
        }
        lines
    }

    #[test]
    fn line_ends_and_bom_at_every_cut() {
        let text =
            "\u{feff}a\r\nb\rc\n\n\r\r\n\u{2028}\u{85}\x0b\x0c\x1c\r\n\u{feff}d\n\re".as_bytes();
        let whole = split(&[text]);
        let lines: Vec<_> = whole.iter().map(|(_, line)| line.as_slice()).collect();
        let odd = "\u{2028}\u{85}\x0b\x0c\x1c".as_bytes();
        let marked = "\u{feff}d".as_bytes();
        assert_eq!(lines, [b"a", b"b", b"c", b"" as &[u8], b"", b"", odd, marked, b"", b"e"]);
        for cut in 0..=text.len() {
            assert_eq!(split(&[&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
        let bytes: Vec<_> = text.chunks(1).collect();
        assert_eq!(split(&bytes), whole);
    }

    #[test]
    fn a_growing_line_is_searched_once() {
        let (mut splitter, window, mut at) = (LineSplitter::new(), vec![b'x'; 10_000], 0);
        for size in 0..window.len() {
            assert!(splitter.next_line(&window[..size], &mut at).is_none());
        }
        assert!(splitter.work() <= 10_000);
    }
}

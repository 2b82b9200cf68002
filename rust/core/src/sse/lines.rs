//! Splits a byte stream into lines, independently of its chunks.
//!
//! A line ends only at CR, LF or CRLF. A byte order mark at the start of the stream is not part of the first line (WHATWG
//! HTML, 9.2.5 "Parsing an event stream"). The caller owns the bytes: it passes a *window* (the bytes that are not consumed
//! yet) and a position in it.
//!
//! Strategy: `memchr2` searches for line ends. The searched size of an unfinished line is remembered, so that no byte is
//! searched twice. A BOM contains no line end, so only complete lines are checked for it, and a BOM that windows split needs
//! no state.

use memchr::memchr2;
use std::ops::Range;

/// The byte order mark.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// The state of splitting one stream between two windows.
#[derive(Clone, Debug, Default)]
pub struct LineSplitter {
    past_start: bool,
    skip_lf: bool,
    searched: usize,
    work: u64,
}

impl LineSplitter {
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of bytes searched so far. Tests check that it is linear.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// The next line of `window[*at..]` without its line end, or `None` if the window has no line end; moves `at` after the
    /// line end.
    ///
    /// A CR at the end of the window ends its line at once; an LF at the start of the next window belongs to it and is
    /// skipped. So the lines do not depend on the windows, but `at` may be before or after that LF. After `None`, the next
    /// window must be the bytes from `at` on, followed by new bytes.
    pub fn next_line(&mut self, window: &[u8], at: &mut usize) -> Option<Range<usize>> {
        if self.skip_lf && *at < window.len() {
            self.skip_lf = false;
            *at += usize::from(window[*at] == b'\n');
        }
        let unsearched = window.get(*at + self.searched..).unwrap_or_default();
        let Some(found) = memchr2(b'\r', b'\n', unsearched) else {
            self.work += unsearched.len() as u64;
            self.searched += unsearched.len();
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
                None => self.skip_lf = true,
            }
        }
        Some(line)
    }

    /// The unfinished line at the end of the input: the rest of `window` after `next_line` returned `None`.
    pub fn unfinished(&self, window: &[u8], at: usize) -> Range<usize> {
        let has_bom =
            !self.past_start && window.get(at..).is_some_and(|line| line.starts_with(BOM));
        at + if has_bom { BOM.len() } else { 0 }..window.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of `chunks` as (offset, bytes), with the unfinished last line if it is not empty.
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
    fn lines_do_not_depend_on_chunks() {
        let text =
            "\u{feff}a\r\nb\rc\n\n\r\r\n\u{2028}\u{85}\x0b\x0c\x1c\r\n\u{feff}d\n\re".as_bytes();
        let whole = split(&[text]);
        let lines: Vec<_> = whole.iter().map(|(_, line)| line.as_slice()).collect();
        let other_separators = "\u{2028}\u{85}\x0b\x0c\x1c".as_bytes();
        let inner_bom = "\u{feff}d".as_bytes();
        assert_eq!(
            lines,
            [b"a", b"b", b"c", b"" as &[u8], b"", b"", other_separators, inner_bom, b"", b"e"]
        );
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

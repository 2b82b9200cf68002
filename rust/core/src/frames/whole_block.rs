//! The fast path of framing: borrows complete blocks and lines from a chunk.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::work::work;

/// A complete block of at most an event line and one data line.
pub(super) struct WholeBlock<'a> {
    pub name: Option<&'a [u8]>,
    pub data: &'a [u8],
    /// The position after the data, where the last line ends.
    pub end: usize,
    pub lines: u64,
}

impl WholeBlock<'_> {
    /// The span of the event name, which ends the first line.
    pub fn name_span(&self, opening: &[u8]) -> Range<usize> {
        let end = memchr(b'\n', opening).unwrap_or_default();
        end - self.name.map_or(0, <[u8]>::len)..end
    }
}

/// The complete block at the start of `text`, if there is one. Its data begins with a brace, so it is not the end mark.
#[inline]
pub(super) fn whole_block(text: &[u8], limit: usize) -> Option<WholeBlock<'_>> {
    let (name, start, lines) = match text.strip_prefix(b"event:") {
        Some(after) => {
            let (size, name) = whole_line(after, usize::MAX)?;
            (name.strip_prefix(b" ").unwrap_or(name), b"event:\n".len() + size, 3)
        }
        None => (b"" as &[u8], 0, 2),
    };
    let after = text.get(start..)?.strip_prefix(b"data:")?;
    let (size, data) = whole_line(after, usize::MAX)?;
    let data = data.strip_prefix(b" ").unwrap_or(data);
    let whole = after.get(size + 1) == Some(&b'\n') && data.first() == Some(&b'{');
    (whole && data.len().max(name.len()) <= limit).then(|| WholeBlock {
        name: Some(name).filter(|name| !name.is_empty()),
        data,
        end: start + b"data:".len() + size,
        lines,
    })
}

/// The complete line at the start of `text` and its size, if it ends with LF and its size is within the limit.
#[inline]
pub(super) fn whole_line(text: &[u8], limit: usize) -> Option<(usize, &[u8])> {
    let found = memchr2(b'\n', b'\r', text);
    work(found.unwrap_or(text.len()) + 1);
    let size = found?;
    let line = text.get(..size)?;
    (size <= limit && text.get(size) == Some(&b'\n')).then_some((size, line))
}

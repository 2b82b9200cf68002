//! Blocks and lines that can be lent as they stand in the chunk: the fast path of `frames`.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::count::work;
use crate::simd::same;
use crate::sink::Sink;

/// A block of at most an event line and one data line.
pub(crate) struct PlainBlock<'a> {
    pub name: Option<&'a [u8]>,
    pub data: &'a [u8],
    /// The position behind the data, where the last line ends.
    pub end: usize,
    pub lines: u64,
}

impl PlainBlock<'_> {
    /// Where the name stands, which ends the first line.
    pub fn place_of_name(&self, opening: &[u8]) -> Range<usize> {
        let end = memchr(b'\n', opening).unwrap_or_default();
        end - self.name.map_or(0, <[u8]>::len)..end
    }
}

/// The block at the start of `rest`, if it begins as the last plain one did and the sink knows its data.
#[inline]
pub(crate) fn known_block<'a, S: Sink>(
    rest: &'a [u8],
    opening: &[u8],
    name: &Range<usize>,
    limit: usize,
    sink: &mut S,
) -> Option<PlainBlock<'a>> {
    if opening.is_empty() || !same(rest.get(..opening.len())?, opening) {
        return None;
    }
    let after = rest.get(opening.len()..)?;
    let size = sink.recognise(after)?;
    let whole = after.get(size..)?.starts_with(b"\n\n") && size <= limit;
    whole.then(|| PlainBlock {
        name: rest.get(name.clone()).filter(|name| !name.is_empty()),
        data: &after[..size],
        end: opening.len() + size,
        lines: if opening.starts_with(b"e") { 3 } else { 2 },
    })
}

/// The line at the start of `rest` and its size, if the sink knows it.
#[inline]
pub(crate) fn known_line<'a, S: Sink>(
    rest: &'a [u8],
    limit: usize,
    sink: &mut S,
) -> Option<(usize, &'a [u8])> {
    let size = sink.recognise(rest)?;
    (size <= limit && rest.get(size) == Some(&b'\n')).then(|| (size, &rest[..size]))
}

pub(crate) fn replace(old: &mut Vec<u8>, new: &[u8]) {
    if old != new {
        old.clear();
        old.extend_from_slice(new);
    }
}

/// The plain block at the start of `rest`, if it is there as a whole. Its data begins with a brace: `[DONE]` is for others.
#[inline]
pub(crate) fn plain_block(rest: &[u8], limit: usize) -> Option<PlainBlock<'_>> {
    let (name, start, lines) = match rest.strip_prefix(b"event:") {
        Some(after) => {
            let (size, name) = plain_line(after, usize::MAX)?;
            (name.strip_prefix(b" ").unwrap_or(name), b"event:\n".len() + size, 3)
        }
        None => (b"" as &[u8], 0, 2),
    };
    let after = rest.get(start..)?.strip_prefix(b"data:")?;
    let (size, data) = plain_line(after, usize::MAX)?;
    let data = data.strip_prefix(b" ").unwrap_or(data);
    let plain = after.get(size + 1) == Some(&b'\n') && data.first() == Some(&b'{');
    (plain && data.len().max(name.len()) <= limit).then(|| PlainBlock {
        name: Some(name).filter(|name| !name.is_empty()),
        data,
        end: start + b"data:".len() + size,
        lines,
    })
}

/// The line at the start of `rest` and its size, if it ends here, with LF, and is within the limit.
#[inline]
pub(crate) fn plain_line(rest: &[u8], limit: usize) -> Option<(usize, &[u8])> {
    let found = memchr2(b'\n', b'\r', rest);
    work(found.unwrap_or(rest.len()) + 1);
    let size = found?;
    let line = rest.get(..size)?;
    (size <= limit && rest.get(size) == Some(&b'\n')).then_some((size, line))
}

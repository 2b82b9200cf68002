//! SSE framing for plain streams: `event:` and `data:` lines and comments, ended by LF or CRLF, in UTF-8.
//!
//! Every release of the SDK reads those as the same messages. At other input (other fields, a lone CR, invalid UTF-8) this framer
//! stops, and the SDK's own decoder continues from the start of that block.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

/// A message as the SDK would dispatch it: its event name, and its data lines joined; both valid UTF-8.
pub struct Block<'a> {
    pub name: Option<&'a [u8]>,
    pub data: &'a [u8],
}

/// Splits a stream into blocks. A block is complete with the chunk that completes it, as for the SDK's decoder.
#[derive(Default)]
pub struct BlockFramer {
    /// The incomplete block, and all of the chunk that continues it.
    buffer: Vec<u8>,
    /// Whether blocks are read from the chunk itself, because it began with a new block.
    in_chunk: bool,
    /// The start of the next block.
    start: usize,
    /// The end of what was searched for the end of that block.
    searched: usize,
    /// The start of the last line.
    line: usize,
    /// The last chunk ended with a CR that ended a block: an LF at the start of the next chunk is part of that line end.
    skip_lf: bool,
    unsupported: bool,
    /// The data of a block with several lines of data.
    joined: Vec<u8>,
}

impl BlockFramer {
    /// The bytes that no block has, with the rest of the latest chunk.
    pub fn rest<'c>(&'c self, chunk: &'c [u8]) -> &'c [u8] {
        self.bytes(chunk).get(self.start..).unwrap_or_default()
    }

    /// Whether the rest is for the SDK to frame.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }

    /// Continues with the next chunk, after [`Self::next`] returned None for `last`, the one before.
    pub fn feed(&mut self, last: &[u8], chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        self.keep_rest(last);
        // The rest of a CRLF whose CR ended the last chunk.
        let skipped = usize::from(std::mem::take(&mut self.skip_lf) && chunk[0] == b'\n');
        self.in_chunk = self.buffer.is_empty();
        if self.in_chunk {
            (self.start, self.searched, self.line) = (skipped, skipped, skipped);
        } else {
            self.buffer.extend_from_slice(&chunk[skipped..]);
        }
    }

    /// The next block of the chunk that was fed. None after the last complete one, and once the framing is not plain.
    pub fn next<'c>(&'c mut self, chunk: &'c [u8]) -> Option<Block<'c>> {
        let Self { buffer, in_chunk, start, searched, line, skip_lf, unsupported, joined } = self;
        let bytes = if *in_chunk { chunk } else { &buffer[..] };
        while !*unsupported {
            if searched == start
                && let Some(PlainBlock { name, data }) = PlainBlock::at(&bytes[*start..])
            {
                let end = *start + data.end + PlainBlock::END;
                let block = &bytes[*start..end];
                (*start, *searched, *line) = (end, end, end);
                return Some(Block { name: name.map(|name| &block[name]), data: &block[data] });
            }
            let Some(end) = block_end(bytes, *searched, line, skip_lf) else {
                // A lone CR ends a line, so the block may be complete.
                *unsupported = has_lone_cr(&bytes[searched.saturating_sub(1).max(*start)..]);
                *searched = bytes.len();
                return None;
            };
            let block = &bytes[*start..end];
            let parsed = parse(block, joined);
            if matches!(parsed, Parsed::Unsupported) {
                *unsupported = true;
                return None;
            }
            (*start, *searched, *line) = (end, end, end);
            if let Parsed::Message(name, data) = parsed {
                let data = data.map_or(&joined[..], |data| &block[data]);
                return Some(Block { name: name.map(|name| &block[name]), data });
            }
        }
        None
    }

    fn bytes<'c>(&'c self, chunk: &'c [u8]) -> &'c [u8] {
        if self.in_chunk { chunk } else { &self.buffer }
    }

    /// Moves the incomplete block to the start of the buffer.
    fn keep_rest(&mut self, chunk: &[u8]) {
        if self.in_chunk {
            self.buffer.clear();
            self.buffer.extend_from_slice(chunk.get(self.start..).unwrap_or_default());
        } else {
            self.buffer.drain(..self.start);
        }
        self.line = self.line.saturating_sub(self.start);
        self.searched = self.searched.saturating_sub(self.start);
        (self.start, self.in_chunk) = (0, false);
    }
}

/// The spans of a block of one `event:` line or none, and one `data:` line, both with a space and ended by LF. Nearly all blocks
/// are, and found in one pass.
struct PlainBlock {
    name: Option<Range<usize>>,
    data: Range<usize>,
}

impl PlainBlock {
    /// The size of the ends of the last two lines.
    const END: usize = 2;

    /// The block at the start of these bytes; `None` if it is another one, or not complete.
    fn at(bytes: &[u8]) -> Option<Self> {
        let mut at = 0;
        let name = if bytes.starts_with(b"event: ") {
            let name = line_at(bytes, b"event: ".len())?;
            at = name.end + 1;
            Some(name)
        } else {
            None
        };
        if !bytes[at..].starts_with(b"data: ") || name.as_ref().is_some_and(Range::is_empty) {
            return None;
        }
        let data = line_at(bytes, at + b"data: ".len())?;
        if bytes.get(data.end + 1) != Some(&b'\n') {
            return None;
        }
        let lines = &bytes[..data.end];
        (lines.is_ascii() || std::str::from_utf8(lines).is_ok()).then_some(Self { name, data })
    }
}

/// The rest of a line that LF ends, from here on; `None` if a CR ends it, or nothing.
fn line_at(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = start + memchr2(b'\n', b'\r', &bytes[start..])?;
    (bytes[end] == b'\n').then_some(start..end)
}

/// The end of the empty line that ends a block; moves `line` to the start of the last line.
///
/// A CR at the end of `bytes` ends its line, whether an LF will follow or not.
fn block_end(bytes: &[u8], searched: usize, line: &mut usize, skip_lf: &mut bool) -> Option<usize> {
    for end in memchr_iter(b'\n', &bytes[searched..]) {
        let end = searched + end;
        if end == *line || (end == *line + 1 && bytes[*line] == b'\r') {
            return Some(end + 1);
        }
        *line = end + 1;
    }
    if &bytes[*line..] != b"\r" {
        return None;
    }
    *skip_lf = true;
    Some(bytes.len())
}

/// Whether a CR is followed by another byte than LF.
fn has_lone_cr(bytes: &[u8]) -> bool {
    memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1).is_some_and(|&next| next != b'\n'))
}

/// The spans of the name and the data in a block. No span for data of several lines, which is in the buffer for it.
enum Parsed {
    Nothing,
    Message(Option<Range<usize>>, Option<Range<usize>>),
    Unsupported,
}

/// Parses the lines of a complete block. `joined` receives data of several lines.
fn parse(block: &[u8], joined: &mut Vec<u8>) -> Parsed {
    if !block.is_ascii() && std::str::from_utf8(block).is_err() {
        return Parsed::Unsupported;
    }
    let has_cr = memchr(b'\r', block).is_some();
    let (mut name, mut data, mut count) = (None, 0..0, 0_usize);
    for (start, line) in lines(block) {
        let line = if has_cr { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if has_cr && memchr(b'\r', line).is_some() {
            return Parsed::Unsupported;
        }
        if line.is_empty() || line.starts_with(b":") {
            continue;
        }
        let end = start + line.len();
        if let Some(value) = field(line, b"data:") {
            if count == 1 {
                joined.clear();
                joined.extend_from_slice(&block[data]);
            }
            if count > 0 {
                joined.push(b'\n');
                joined.extend_from_slice(value);
            }
            (data, count) = (end - value.len()..end, count + 1);
        } else if let Some(value) = field(line, b"event:") {
            name = Some(end - value.len()..end);
        } else {
            return Parsed::Unsupported;
        }
    }
    // An empty name counts as none, and a block with neither name nor data is not dispatched.
    let name = name.filter(|name| !name.is_empty());
    match count {
        0 if name.is_none() => Parsed::Nothing,
        0 | 1 => Parsed::Message(name, Some(data)),
        _ => Parsed::Message(name, None),
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// The lines with their positions.
fn lines(block: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    memchr_iter(b'\n', block).map(move |end| {
        let line = (start, &block[start..end]);
        start = end + 1;
        line
    })
}

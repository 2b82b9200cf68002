//! SSE framing for plain streams: `event:` and `data:` lines and comments, ended by LF or CRLF, in UTF-8.
//!
//! Every release of the SDK reads those as the same messages. At other input (other fields, a lone CR, invalid UTF-8) this framer
//! stops, and the SDK's own decoder continues from the start of that block.

use memchr::{memchr, memchr_iter};

/// A block of the stream.
pub enum Block<'a> {
    /// A message as the SDK would dispatch it: its event name, and its data lines joined; both valid UTF-8.
    Message { name: Option<&'a [u8]>, data: &'a [u8] },
    /// All bytes from here on, for the SDK to frame.
    Unsupported(&'a [u8]),
}

/// Splits a stream into blocks. A block is passed on with the chunk that completes it, as by the SDK's decoder.
#[derive(Default)]
pub struct BlockFramer {
    /// The incomplete block.
    buffer: Vec<u8>,
    /// The start of its last line, which is incomplete.
    line: usize,
    /// The last chunk ended with a CR that ended a block: an LF at the start of the next chunk is part of that line end.
    skip_lf: bool,
    unsupported: bool,
}

impl BlockFramer {
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Calls `take` for each block that the chunk completes, until it returns false.
    pub fn feed(&mut self, chunk: &[u8], take: &mut impl FnMut(Block<'_>) -> bool) {
        if chunk.is_empty() {
            return;
        }
        if self.unsupported {
            take(Block::Unsupported(chunk));
            return;
        }
        let chunk = self.without_lf(chunk);
        if self.buffer.is_empty() {
            let used = self.split(chunk, 0, take);
            self.buffer.extend_from_slice(&chunk[used..]);
        } else {
            let mut buffer = std::mem::take(&mut self.buffer);
            let searched = buffer.len();
            buffer.extend_from_slice(chunk);
            let used = self.split(&buffer, searched, take);
            buffer.drain(..used);
            self.buffer = buffer;
        }
    }

    /// The chunk without the rest of a CRLF whose CR ended the last chunk.
    fn without_lf<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let skip = std::mem::take(&mut self.skip_lf);
        chunk.strip_prefix(b"\n").filter(|_| skip).unwrap_or(chunk)
    }

    /// Passes on the blocks; returns their size. `searched`: how many bytes, of the first block, are not new.
    fn split(
        &mut self,
        bytes: &[u8],
        mut searched: usize,
        take: &mut impl FnMut(Block<'_>) -> bool,
    ) -> usize {
        let mut start = 0;
        while let Some(end) = self.block_end(bytes, searched) {
            let mut joined = Vec::new();
            match parse(&bytes[start..end], &mut joined) {
                Parsed::Nothing => {}
                Parsed::Message(name, data) => {
                    if !take(Block::Message { name, data }) {
                        self.line = 0;
                        return end;
                    }
                }
                Parsed::Unsupported => return self.leave(&bytes[start..], bytes.len(), take),
            }
            (start, searched, self.line) = (end, end, end);
        }
        // A lone CR ends a line, so the block may be complete.
        if has_lone_cr(&bytes[searched.saturating_sub(1).max(start)..]) {
            return self.leave(&bytes[start..], bytes.len(), take);
        }
        self.line -= start;
        start
    }

    /// Leaves `rest` and all further bytes to the SDK.
    fn leave(
        &mut self,
        rest: &[u8],
        end: usize,
        take: &mut impl FnMut(Block<'_>) -> bool,
    ) -> usize {
        self.unsupported = true;
        take(Block::Unsupported(rest));
        end
    }

    /// The end of the empty line that ends the block; moves `line` to the start of the last line.
    ///
    /// A CR at the end of `bytes` ends its line, whether an LF will follow or not.
    fn block_end(&mut self, bytes: &[u8], searched: usize) -> Option<usize> {
        for end in memchr_iter(b'\n', &bytes[searched..]) {
            let end = searched + end;
            if end == self.line || (end == self.line + 1 && bytes[self.line] == b'\r') {
                return Some(end + 1);
            }
            self.line = end + 1;
        }
        if &bytes[self.line..] != b"\r" {
            return None;
        }
        self.skip_lf = true;
        Some(bytes.len())
    }
}

/// Whether a CR is followed by another byte than LF.
fn has_lone_cr(bytes: &[u8]) -> bool {
    memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1).is_some_and(|&next| next != b'\n'))
}

enum Parsed<'a> {
    Nothing,
    Message(Option<&'a [u8]>, &'a [u8]),
    Unsupported,
}

/// Parses the lines of a complete block. `joined`: an empty buffer, which receives data of several lines.
fn parse<'a>(block: &'a [u8], joined: &'a mut Vec<u8>) -> Parsed<'a> {
    if !block.is_ascii() && std::str::from_utf8(block).is_err() {
        return Parsed::Unsupported;
    }
    let has_cr = memchr(b'\r', block).is_some();
    let (mut name, mut data, mut count) = (None, &b""[..], 0_usize);
    for line in lines(block) {
        let line = if has_cr { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if has_cr && memchr(b'\r', line).is_some() {
            return Parsed::Unsupported;
        }
        if line.is_empty() || line.starts_with(b":") {
            continue;
        }
        if let Some(value) = field(line, b"data:") {
            if count == 1 {
                joined.extend_from_slice(data);
            }
            if count > 0 {
                joined.push(b'\n');
                joined.extend_from_slice(value);
            }
            (data, count) = (value, count + 1);
        } else if let Some(value) = field(line, b"event:") {
            name = Some(value);
        } else {
            return Parsed::Unsupported;
        }
    }
    // An empty name counts as none, and a block with neither name nor data is not dispatched.
    let name = name.filter(|name| !name.is_empty());
    match count {
        0 if name.is_none() => Parsed::Nothing,
        0 | 1 => Parsed::Message(name, data),
        _ => Parsed::Message(name, joined),
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', block).map(move |end| {
        let line = &block[start..end];
        start = end + 1;
        line
    })
}

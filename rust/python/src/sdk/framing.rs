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

/// Splits a stream into blocks.
#[derive(Default)]
pub struct BlockFramer {
    /// The incomplete block.
    buffer: Vec<u8>,
    /// How many bytes of it were searched for the end of the block, in whole lines.
    searched: usize,
    unsupported: bool,
}

enum BlockEnd {
    /// The block ends at this offset.
    At(usize),
    /// The block is incomplete; its complete lines end at this offset.
    Missing(usize),
}

impl BlockFramer {
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Calls `take` for each block that the chunk completes, until it returns false.
    pub fn feed(&mut self, chunk: &[u8], take: &mut impl FnMut(Block<'_>) -> bool) {
        if self.unsupported {
            take(Block::Unsupported(chunk));
            return;
        }
        if self.buffer.is_empty() {
            self.split(chunk, 0, take);
        } else {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.extend_from_slice(chunk);
            let searched = self.searched;
            self.split(&buffer, searched, take);
        }
    }

    fn split(&mut self, bytes: &[u8], searched: usize, take: &mut impl FnMut(Block<'_>) -> bool) {
        let (mut start, mut from) = (0, searched);
        loop {
            match block_end(bytes, from) {
                BlockEnd::Missing(lines) => {
                    self.buffer = bytes[start..].to_vec();
                    self.searched = lines - start;
                    return;
                }
                BlockEnd::At(end) => {
                    let mut joined = Vec::new();
                    match parse(&bytes[start..end], &mut joined) {
                        Parsed::Nothing => {}
                        Parsed::Message(name, data) => {
                            if !take(Block::Message { name, data }) {
                                return;
                            }
                        }
                        Parsed::Unsupported => {
                            self.unsupported = true;
                            take(Block::Unsupported(&bytes[start..]));
                            return;
                        }
                    }
                    (start, from) = (end, end);
                }
            }
        }
    }
}

/// The end of the empty line that ends the block. `from`: the start of a line.
fn block_end(bytes: &[u8], from: usize) -> BlockEnd {
    let mut line = from;
    for end in memchr_iter(b'\n', &bytes[from..]) {
        let end = from + end;
        if end == line || (end == line + 1 && bytes[line] == b'\r') {
            return BlockEnd::At(end + 1);
        }
        line = end + 1;
    }
    BlockEnd::Missing(line)
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
        if line.is_empty() || line.starts_with(b":") {
            continue;
        }
        if has_cr && memchr(b'\r', line).is_some() {
            return Parsed::Unsupported;
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

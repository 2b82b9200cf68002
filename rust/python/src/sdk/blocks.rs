//! The framing of the SDK where it is plain: `event:` and `data:` lines and comments, ended by LF or CRLF, in UTF-8.
//!
//! All of that gives the same messages under every release of the SDK. At anything else (other fields, a lone CR, invalid
//! UTF-8) the reader stops, and the SDK's own decoder goes on from the beginning of that block.

use memchr::{memchr, memchr_iter};

/// A block of the stream.
pub enum Block<'a> {
    /// A message as the SDK would dispatch it: its name, and its data lines joined; UTF-8 both.
    Event { name: Option<&'a [u8]>, data: &'a [u8] },
    /// All bytes from here on, to be framed by the SDK.
    Odd(&'a [u8]),
}

/// Gathers the lines of a stream into blocks.
#[derive(Default)]
pub struct Blocks {
    /// The block that has begun.
    held: Vec<u8>,
    /// How many bytes of it were searched for its end, in whole lines.
    searched: usize,
    odd: bool,
}

/// What the lines so far make.
enum Found {
    /// The block ends at this byte.
    End(usize),
    /// It has no end yet; whole lines end at this byte.
    Open(usize),
}

impl Blocks {
    pub fn rest(&self) -> &[u8] {
        &self.held
    }

    /// Calls `take` for each block that the chunk completes, until it says false.
    pub fn feed(&mut self, chunk: &[u8], take: &mut impl FnMut(Block<'_>) -> bool) {
        if self.odd {
            take(Block::Odd(chunk));
            return;
        }
        if self.held.is_empty() {
            self.pass(chunk, 0, take);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(chunk);
            let searched = self.searched;
            self.pass(&held, searched, take);
        }
    }

    fn pass(&mut self, bytes: &[u8], searched: usize, take: &mut impl FnMut(Block<'_>) -> bool) {
        let (mut start, mut from) = (0, searched);
        loop {
            match end_of_block(bytes, from) {
                Found::Open(lines) => {
                    self.held = bytes[start..].to_vec();
                    self.searched = lines - start;
                    return;
                }
                Found::End(end) => {
                    let mut joined = Vec::new();
                    match read(&bytes[start..end], &mut joined) {
                        Read::Nothing => {}
                        Read::Message(name, data) => {
                            if !take(Block::Event { name, data }) {
                                return;
                            }
                        }
                        Read::Odd => {
                            self.odd = true;
                            take(Block::Odd(&bytes[start..]));
                            return;
                        }
                    }
                    (start, from) = (end, end);
                }
            }
        }
    }
}

/// Where the empty line that ends the block ends, searched from the beginning of a line.
fn end_of_block(bytes: &[u8], from: usize) -> Found {
    let mut line = from;
    for end in memchr_iter(b'\n', &bytes[from..]) {
        let end = from + end;
        if end == line || (end == line + 1 && bytes[line] == b'\r') {
            return Found::End(end + 1);
        }
        line = end + 1;
    }
    Found::Open(line)
}

enum Read<'a> {
    Nothing,
    Message(Option<&'a [u8]>, &'a [u8]),
    Odd,
}

/// Reads the lines of a whole block. `joined` holds its data if that stands in several lines.
fn read<'a>(block: &'a [u8], joined: &'a mut Vec<u8>) -> Read<'a> {
    if !block.is_ascii() && std::str::from_utf8(block).is_err() {
        return Read::Odd;
    }
    let returns = memchr(b'\r', block).is_some();
    let (mut name, mut data, mut count) = (None, &b""[..], 0_usize);
    for line in lines(block) {
        let line = if returns { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if line.is_empty() || line.starts_with(b":") {
            continue;
        }
        if returns && memchr(b'\r', line).is_some() {
            return Read::Odd;
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
            return Read::Odd;
        }
    }
    // An empty name is none, and a block of nothing else is not dispatched.
    let name = name.filter(|name| !name.is_empty());
    match count {
        0 if name.is_none() => Read::Nothing,
        0 | 1 => Read::Message(name, data),
        _ => Read::Message(name, joined),
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

//! Sources that wrap streams: rows, which the decoder reads itself, and files that wrap streams whole (HAR, VCR). These
//! are seen by their first bytes, gathered, and read by whoever knows them.

use std::sync::Arc;

use respstream_core::wrapped::{Place, RowOptions};

use crate::source::Problem;

/// A VCR cassette shows in so many bytes what it is.
const HEAD: usize = 4096;
const BLANKS: &[u8] = b" \t\r\n";
const KEYS: [&[u8]; 2] = [b"interactions:", b"http_interactions:"];
const PASSED: [&[u8]; 4] = [b"---", b"#", b"version:", b"recorded_with:"];
const QUOTED: [&[u8]; 2] = [b"\"interactions\"", b"\"http_interactions\""];

/// A file that wraps streams whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    Har,
    Vcr,
}

/// What stands in such a file: a stream, or something that cannot be read.
pub enum Record {
    Stream { data: Vec<u8>, place: Place, ends: bool },
    Bad { field: String, expected: String, place: Place },
}

/// Reads files that wrap streams whole, from any thread.
pub trait Unwrap: Send + Sync {
    fn records(&self, wrapper: Wrapper, text: &[u8]) -> Result<Vec<Record>, Problem>;
}

/// What the sources of a scan may wrap streams in.
#[derive(Clone)]
pub struct Wrapping {
    /// The fields of rows.
    pub rows: RowOptions,
    /// What every source is.
    pub form: Option<Wrapper>,
    /// Whether sources are looked at otherwise.
    pub sniffs: bool,
    pub reader: Arc<dyn Unwrap>,
}

impl Wrapping {
    /// Whether a source that begins so can be read in parts: rows have state, and files that wrap streams are one text.
    pub fn divides(&self, head: &[u8]) -> bool {
        let plain = !self.sniffs || matches!(sniff(head), Some(None));
        self.form.is_none() && !self.rows.only && plain
    }
}

/// What a source is, as far as its bytes tell: a file that wraps streams whole, or none; nothing where more are needed.
pub type Seen = Option<Option<Wrapper>>;

/// Keeps back what may be a file that wraps streams whole. By default it keeps back nothing.
pub struct Held {
    form: Seen,
    bytes: Vec<u8>,
}

impl Default for Held {
    fn default() -> Self {
        Self { form: Some(None), bytes: Vec::new() }
    }
}

impl Held {
    /// For a whole source.
    pub fn new(wrapping: &Wrapping) -> Self {
        let told = wrapping.form.is_some() || !wrapping.sniffs;
        Self { form: told.then_some(wrapping.form), bytes: Vec::new() }
    }

    /// What is to be read now, as it is no such file; none where it is kept.
    pub fn take<'a>(&'a mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if self.form == Some(None) {
            self.bytes = Vec::new();
            return Some(bytes);
        }
        if self.form.is_none() && self.bytes.is_empty() {
            self.form = sniff(bytes);
            if self.form == Some(None) {
                return Some(bytes);
            }
        }
        self.bytes.extend_from_slice(bytes);
        if self.form.is_none() {
            self.form = sniff(&self.bytes);
        }
        (self.form == Some(None)).then_some(&self.bytes)
    }

    /// What was kept until the end, and what it is; none where it is no file that wraps streams.
    pub fn rest(self) -> (Option<Wrapper>, Vec<u8>) {
        match self.form {
            Some(None) => (None, Vec::new()),
            form => (form.flatten(), self.bytes),
        }
    }
}

/// What a source is, by its first bytes; none where more of them are needed. The twin of `respstream.wrapped.sniff`.
pub fn sniff(head: &[u8]) -> Seen {
    let text = after(&head[..head.len().min(2 * HEAD)], b"\xef\xbb\xbf \t\r\n");
    let form = match text.split_first() {
        None => None,
        Some((b'{', rest)) => sniff_object(after(rest, BLANKS)),
        Some(_) => sniff_lines(text),
    };
    if head.len() >= 2 * HEAD { Some(form.flatten()) } else { form }
}

/// The text after what it begins with of these.
fn after<'t>(text: &'t [u8], passed: &[u8]) -> &'t [u8] {
    let first = text.iter().position(|byte| !passed.contains(byte)).unwrap_or(text.len());
    &text[first..]
}

fn sniff_lines(text: &[u8]) -> Seen {
    let text = &text[..text.len().min(HEAD)];
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if begins(line, &KEYS) {
            return Some(Some(Wrapper::Vcr));
        }
        let blank = after(line, BLANKS).is_empty();
        let last = lines.peek().is_none();
        let undecided = blank || begins(line, &PASSED);
        if last {
            let half = KEYS.iter().chain(&PASSED).any(|key| key.starts_with(line));
            return if (undecided || half) && text.len() < HEAD { None } else { Some(None) };
        }
        if !undecided {
            return Some(None);
        }
    }
    Some(None)
}

/// What an object is, by its first member.
fn sniff_object(rest: &[u8]) -> Seen {
    let Some(text) = rest.strip_prefix(b"\"") else {
        return if rest.is_empty() { None } else { Some(None) };
    };
    let Some(quote) = text.iter().take(39).position(|byte| *byte == b'"') else {
        return if rest.len() >= 40 { Some(None) } else { None };
    };
    let (key, rest) = (&text[..quote], &text[quote + 1..]);
    let (wrapper, opening) = match key {
        b"log" => (Wrapper::Har, b"{".as_slice()),
        b"interactions" | b"http_interactions" => (Wrapper::Vcr, b"[".as_slice()),
        b"version" => (Wrapper::Vcr, b"".as_slice()),
        _ => return Some(None),
    };
    let value = after(rest, BLANKS);
    let value = after(value.strip_prefix(b":").unwrap_or(value), BLANKS);
    if value.is_empty() {
        return None;
    }
    if key == b"version" {
        return sniff_version(rest);
    }
    Some(value.starts_with(opening).then_some(wrapper))
}

/// What an object is whose first member is a version: a cassette if interactions come next.
fn sniff_version(rest: &[u8]) -> Seen {
    let head = &rest[..rest.len().min(HEAD)];
    let comma = head.iter().position(|byte| *byte == b',');
    let tail = comma.map_or(b"".as_slice(), |comma| after(&head[comma + 1..], BLANKS));
    if begins(tail, &QUOTED) {
        return Some(Some(Wrapper::Vcr));
    }
    let half = QUOTED.iter().any(|key| key.starts_with(tail));
    if head.len() < 40 && half { None } else { Some(None) }
}

fn begins(text: &[u8], keys: &[&[u8]]) -> bool {
    keys.iter().any(|key| text.starts_with(key))
}

//! Recordings: HAR files and VCR cassettes, which contain streams.
//!
//! A recording is detected by its first bytes, collected whole, and read by a [`RecordingReader`]. The decoder itself reads
//! rows that wrap streams.

use std::sync::Arc;

use respstream_core::records::{RecordSpan, RowOptions};

use crate::input::problem::Problem;

/// The number of bytes that decide whether a source is a VCR cassette.
const HEAD: usize = 4096;
const WHITE_SPACE: &[u8] = b" \t\r\n";
/// The keys of a cassette that contain its recordings.
const KEYS: [&[u8]; 2] = [b"interactions:", b"http_interactions:"];
/// Lines that may precede these keys.
const SKIPPED: [&[u8]; 4] = [b"---", b"#", b"version:", b"recorded_with:"];
const QUOTED: [&[u8]; 2] = [b"\"interactions\"", b"\"http_interactions\""];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    Har,
    Vcr,
}

/// A record of a recording: a stream, or a field that cannot be read.
pub enum Record {
    Stream { data: Vec<u8>, span: RecordSpan, ends: bool },
    Invalid { field: String, expected: String, span: RecordSpan },
}

/// Reads recordings, from any thread.
pub trait RecordingReader: Send + Sync {
    fn records(&self, format: RecordingFormat, text: &[u8]) -> Result<Vec<Record>, Problem>;
}

/// How a scan reads rows and recordings.
#[derive(Clone)]
pub struct RecordingOptions {
    /// The fields of rows.
    pub rows: RowOptions,
    /// The format of all sources, if given.
    pub format: Option<RecordingFormat>,
    /// Whether the format of each source is detected, if it is not given.
    pub detect: bool,
    pub reader: Arc<dyn RecordingReader>,
}

impl RecordingOptions {
    /// Whether a source with these first bytes can be read in parts. Rows have state, and a recording is one text.
    pub fn can_split(&self, head: &[u8]) -> bool {
        let plain = !self.detect || detect(head) == Detected::Stream;
        self.format.is_none() && !self.rows.only && plain
    }
}

/// The result of [`detect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// More bytes are needed.
    Undecided,
    /// Not a recording.
    Stream,
    Recording(RecordingFormat),
}

/// Buffers the bytes of a source as long as it may be a recording.
pub struct RecordingBuffer {
    detected: Detected,
    bytes: Vec<u8>,
}

impl RecordingBuffer {
    /// A buffer that returns all bytes at once.
    pub const fn pass_through() -> Self {
        Self { detected: Detected::Stream, bytes: Vec::new() }
    }

    /// A buffer for a whole source.
    pub fn new(options: &RecordingOptions) -> Self {
        let detected = match options.format {
            Some(format) => Detected::Recording(format),
            None if options.detect => Detected::Undecided,
            None => Detected::Stream,
        };
        Self { detected, bytes: Vec::new() }
    }

    /// Adds bytes. Returns all bytes that are to be read now, if the source is not a recording.
    pub fn add<'a>(&'a mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if self.detected == Detected::Undecided && self.bytes.is_empty() {
            self.detected = detect(bytes);
        } else if self.detected == Detected::Stream {
            self.bytes = Vec::new();
        }
        if self.detected == Detected::Stream {
            return Some(bytes);
        }
        self.bytes.extend_from_slice(bytes);
        if self.detected == Detected::Undecided {
            self.detected = detect(&self.bytes);
        }
        (self.detected == Detected::Stream).then_some(&self.bytes)
    }

    /// Ends the source: returns the buffered bytes, and the format if they are a recording.
    pub fn finish(self) -> (Option<RecordingFormat>, Vec<u8>) {
        match self.detected {
            Detected::Recording(format) => (Some(format), self.bytes),
            Detected::Undecided => (None, self.bytes),
            Detected::Stream => (None, Vec::new()),
        }
    }
}

/// Detects a recording by the first bytes of a source. The Python fallback has the same function.
pub fn detect(head: &[u8]) -> Detected {
    let text = skip(&head[..head.len().min(2 * HEAD)], b"\xef\xbb\xbf \t\r\n");
    let detected = match text.split_first() {
        None => Detected::Undecided,
        Some((b'{', rest)) => detect_object(skip(rest, WHITE_SPACE)),
        Some(_) => detect_lines(text),
    };
    let enough = head.len() >= 2 * HEAD;
    if enough && detected == Detected::Undecided { Detected::Stream } else { detected }
}

fn stream_if(decided: bool) -> Detected {
    if decided { Detected::Stream } else { Detected::Undecided }
}

/// The text after its leading bytes of this set.
fn skip<'t>(text: &'t [u8], skipped: &[u8]) -> &'t [u8] {
    let first = text.iter().position(|byte| !skipped.contains(byte)).unwrap_or(text.len());
    &text[first..]
}

fn detect_lines(text: &[u8]) -> Detected {
    let text = &text[..text.len().min(HEAD)];
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if begins(line, &KEYS) {
            return Detected::Recording(RecordingFormat::Vcr);
        }
        let undecided = skip(line, WHITE_SPACE).is_empty() || begins(line, &SKIPPED);
        if lines.peek().is_none() {
            let prefix = KEYS.iter().chain(&SKIPPED).any(|key| key.starts_with(line));
            return stream_if(!(undecided || prefix) || text.len() >= HEAD);
        }
        if !undecided {
            return Detected::Stream;
        }
    }
    Detected::Stream
}

/// Detects the format of a JSON object by its first member.
fn detect_object(rest: &[u8]) -> Detected {
    let Some(text) = rest.strip_prefix(b"\"") else { return stream_if(!rest.is_empty()) };
    let Some(quote) = text.iter().take(39).position(|byte| *byte == b'"') else {
        return stream_if(rest.len() >= 40);
    };
    let (key, rest) = (&text[..quote], &text[quote + 1..]);
    let (format, opening) = match key {
        b"log" => (RecordingFormat::Har, b"{".as_slice()),
        b"interactions" | b"http_interactions" => (RecordingFormat::Vcr, b"[".as_slice()),
        b"version" => (RecordingFormat::Vcr, b"".as_slice()),
        _ => return Detected::Stream,
    };
    let value = skip(rest, WHITE_SPACE);
    let value = skip(value.strip_prefix(b":").unwrap_or(value), WHITE_SPACE);
    if value.is_empty() {
        return Detected::Undecided;
    }
    if key == b"version" {
        return detect_version(rest);
    }
    if value.starts_with(opening) { Detected::Recording(format) } else { Detected::Stream }
}

/// Detects the format of an object whose first member is a version: a cassette, if the interactions follow.
fn detect_version(rest: &[u8]) -> Detected {
    let head = &rest[..rest.len().min(HEAD)];
    let comma = head.iter().position(|byte| *byte == b',');
    let tail = comma.map_or(b"".as_slice(), |comma| skip(&head[comma + 1..], WHITE_SPACE));
    if begins(tail, &QUOTED) {
        return Detected::Recording(RecordingFormat::Vcr);
    }
    let prefix = QUOTED.iter().any(|key| key.starts_with(tail));
    stream_if(head.len() >= 40 || !prefix)
}

fn begins(text: &[u8], keys: &[&[u8]]) -> bool {
    keys.iter().any(|key| text.starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_detected_by_their_first_bytes() {
        let (har, vcr) = (RecordingFormat::Har, RecordingFormat::Vcr);
        for (head, expected) in [
            ("", Detected::Undecided),
            ("data: {}", Detected::Stream),
            ("{\"type\":\"response.created\"", Detected::Stream),
            ("{ \"log\": {", Detected::Recording(har)),
            ("{\"log\"", Detected::Undecided),
            ("{\"log\": 1", Detected::Stream),
            ("---\ninteractions:\n", Detected::Recording(vcr)),
            ("# a\ninter", Detected::Undecided),
            ("{\"version\": 1, \"interactions\"", Detected::Recording(vcr)),
        ] {
            assert_eq!(detect(head.as_bytes()), expected, "{head}");
        }
    }
}

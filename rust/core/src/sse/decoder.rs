//! Decodes bytes to SSE messages, by WHATWG HTML, 9.2.6 "Interpreting an event stream".
//!
//! Lines are parsed as bytes and only values are decoded. UTF-8 has no ASCII byte inside a character, so the text is the
//! same as if the stream were decoded first.

use super::lines::LineSplitter;
use memchr::memchr;
use std::sync::Arc;
use std::{fmt, mem};

/// One dispatched message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event name of the block, if it is not empty.
    pub event: Option<String>,
    /// The data lines, joined by newlines.
    pub data: String,
    /// The last event id, if it is not empty. Messages share the text: an id may be long and apply to many messages.
    pub id: Option<Arc<str>>,
    /// The reconnection time in milliseconds, if this block set it.
    pub retry: Option<u64>,
}

/// How [`SseDecoder::finish`] handles a block without its blank line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEof {
    #[default]
    Flush,
    Discard,
}

/// The error of `feed` after `finish` without `reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished;

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("feed() after finish(): call reset() before another stream")
    }
}

impl std::error::Error for Finished {}

/// Decodes one stream of server-sent events, fed in chunks of any size.
#[derive(Debug, Default)]
pub struct SseDecoder {
    on_eof: OnEof,
    finished: bool,
    lines: LineSplitter,
    tail: Vec<u8>,
    block: Block,
    copied: u64,
}

impl SseDecoder {
    pub fn new(on_eof: OnEof) -> Self {
        Self { on_eof, ..Self::default() }
    }

    /// Begins a new stream. Clears the whole state, including `last_event_id` and `retry`.
    pub fn reset(&mut self) {
        *self = Self::new(self.on_eof);
    }

    /// The value of the `Last-Event-ID` header for a reconnection: the id after the last complete block.
    pub fn last_event_id(&self) -> Option<&str> {
        self.block.last_event_id.as_deref()
    }

    /// The latest reconnection time of the stream in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.block.retry
    }

    /// The number of bytes kept for the open block: of its unfinished line, and of its data.
    pub fn buffered(&self) -> usize {
        self.tail.len() + self.block.data.len()
    }

    /// Whether the stream was ended.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The number of bytes read or moved so far. Tests check that it is linear in the input for all chunk sizes.
    pub fn work(&self) -> u64 {
        self.lines.work() + self.block.copied + self.copied
    }

    /// Passes each message that `chunk` completes to `sink`.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl FnMut(Message)) -> Result<(), Finished> {
        if self.finished {
            return Err(Finished);
        }
        if self.tail.is_empty() {
            let used = self.process_lines(chunk, sink);
            self.tail.extend_from_slice(&chunk[used..]);
            self.copied += self.tail.len() as u64;
        } else {
            self.tail.extend_from_slice(chunk);
            self.copied += chunk.len() as u64;
            let mut window = mem::take(&mut self.tail);
            let used = self.process_lines(&window, sink);
            if used > 0 {
                window.drain(..used);
                self.copied += window.len() as u64;
            }
            self.tail = window;
        }
        Ok(())
    }

    /// Ends the stream. Passes the message of an unfinished block to `sink`, unless `on_eof` discards it. A second call does
    /// nothing.
    pub fn finish(&mut self, sink: &mut impl FnMut(Message)) {
        let tail = mem::take(&mut self.tail);
        let block = &mut self.block;
        if !self.finished && self.on_eof == OnEof::Flush {
            block.field(&tail[self.lines.unfinished(&tail, 0)]);
            block.dispatch(sink);
        }
        block.data = Vec::new();
        self.finished = true;
    }

    /// Processes the complete lines of `window`; returns the start of the unfinished line.
    fn process_lines(&mut self, window: &[u8], sink: &mut impl FnMut(Message)) -> usize {
        let mut at = 0;
        while let Some(line) = self.lines.next_line(window, &mut at) {
            if line.is_empty() {
                self.block.dispatch(sink);
            } else {
                self.block.field(&window[line]);
            }
        }
        at
    }
}

/// The buffers of the standard: of the open block, and of the stream.
#[derive(Debug, Default)]
struct Block {
    /// Each data line with a newline after it, so that a block with one empty data line is not empty.
    data: Vec<u8>,
    event: String,
    new_retry: Option<u64>,
    id: Option<Arc<str>>,
    last_event_id: Option<Arc<str>>,
    retry: Option<u64>,
    copied: u64,
}

impl Block {
    /// Processes a line that is not empty; a comment is a field without a name.
    fn field(&mut self, line: &[u8]) {
        self.copied += line.len() as u64;
        let colon = memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                self.data.reserve(value.len() + 1);
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => self.event = text(value.to_vec()),
            b"id" if memchr(0, value).is_none() => self.id = non_empty(text(value.to_vec())),
            b"retry" => self.set_retry(value),
            _ => {}
        }
    }

    /// Ignores values that are not digits only or exceed 64 bits. The standard sets no bound; the pure-Python fallback uses
    /// the same one.
    fn set_retry(&mut self, value: &[u8]) {
        let add = |sum: u64, digit: &u8| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        };
        if let (false, Some(number)) = (value.is_empty(), value.iter().try_fold(0, add)) {
            self.retry = Some(number);
            self.new_retry = self.retry;
        }
    }

    /// Ends the block: commits the id, and emits a message if there is data.
    fn dispatch(&mut self, sink: &mut impl FnMut(Message)) {
        self.last_event_id.clone_from(&self.id);
        let event = mem::take(&mut self.event);
        let retry = self.new_retry.take();
        if self.data.pop().is_some() {
            self.copied += self.data.len() as u64;
            sink(Message {
                event: (!event.is_empty()).then_some(event),
                data: text(mem::take(&mut self.data)),
                id: self.id.clone(),
                retry,
            });
        }
    }
}

fn non_empty(text: String) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// Decodes UTF-8 by the standard: each invalid sequence becomes U+FFFD.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(chunks: &[&[u8]], on_eof: OnEof) -> Vec<Message> {
        let mut decoder = SseDecoder::new(on_eof);
        let mut messages = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, &mut |message| messages.push(message)).expect("not finished");
        }
        decoder.finish(&mut |message| messages.push(message));
        messages
    }

    fn message(event: Option<&str>, data: &str, id: Option<&str>, retry: Option<u64>) -> Message {
        Message { event: event.map(Into::into), data: data.into(), id: id.map(Into::into), retry }
    }

    #[test]
    fn messages_do_not_depend_on_chunks() {
        let text = b"\xef\xbb\xbfid: 1\nretry: 010\n\n\
            data\rid:a\0b\r\n:c\r\ndata:  x\xff\nevent: e\nretry: 5x\n\nevent:\nevent: no data\n\nid\ndata: {}\nretry:7";
        let expected = [
            message(Some("e"), "\n x\u{fffd}", Some("1"), None),
            message(None, "{}", None, Some(7)),
        ];
        assert_eq!(decode(&[text], OnEof::Flush), expected);
        for cut in 0..=text.len() {
            let halves = [&text[..cut], &text[cut..]];
            assert_eq!(decode(&halves, OnEof::Flush), expected, "cut at {cut}");
            assert_eq!(decode(&halves, OnEof::Discard), expected[..1], "cut at {cut}");
        }
    }

    #[test]
    fn retry_takes_digits_that_fit_64_bits() {
        let retry = |value: &str| {
            let mut decoder = SseDecoder::new(OnEof::Flush);
            decoder.feed(format!("retry:{value}\n").as_bytes(), &mut |_| {}).expect("not finished");
            decoder.retry()
        };
        assert_eq!(retry("000000000000000000000000000001"), Some(1));
        assert_eq!(retry("18446744073709551615"), Some(u64::MAX));
        for invalid in ["", " ", "-1", "+1", "1 ", "1_0", "1.0", "18446744073709551616", "\u{661}"]
        {
            assert_eq!(retry(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn feed_fails_between_finish_and_reset() {
        let mut decoder = SseDecoder::new(OnEof::Flush);
        decoder.finish(&mut |_| {});
        assert_eq!(decoder.feed(b"data", &mut |_| {}), Err(Finished));
        decoder.reset();
        assert_eq!(decoder.feed(b"data", &mut |_| {}), Ok(()));
    }
}

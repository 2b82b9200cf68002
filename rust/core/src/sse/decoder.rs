//! Server-sent events alone: bytes to messages, by WHATWG HTML, 9.2.6 "Interpreting an event
//! stream".
//!
//! Lines are parsed as bytes and only values are decoded: UTF-8 never holds an ASCII byte inside a
//! character, so this gives the same text as decoding first would.

use super::lines::LineSplitter;
use memchr::memchr;
use std::sync::Arc;
use std::{fmt, mem};

/// One dispatched message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The block's event name, if it gives one that is not empty.
    pub event: Option<String>,
    /// The data lines, joined by newlines.
    pub data: String,
    /// The last event id, unless there is none or it is empty. Messages share it: it may be long, and hold for many.
    pub id: Option<Arc<str>>,
    /// The reconnection time in milliseconds, if this block set it.
    pub retry: Option<u64>,
}

/// What `finish` does with a block that the end of the input cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEof {
    #[default]
    Flush,
    Discard,
}

/// The stream was finished, and `feed` was called before `reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished;

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("feed() after finish(): call reset() to begin a new stream")
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

    /// Begins a new stream; nothing of the old one is kept, `last_event_id` and `retry` included.
    pub fn reset(&mut self) {
        *self = Self::new(self.on_eof);
    }

    /// What to send as `Last-Event-ID` when reconnecting: the id as of the last whole block.
    pub fn last_event_id(&self) -> Option<&str> {
        self.block.last_event_id.as_deref()
    }

    /// The reconnection time in milliseconds that the stream set last.
    pub fn retry(&self) -> Option<u64> {
        self.block.retry
    }

    /// Bytes looked at or moved so far: a measure for tests, linear in the input at every cut.
    pub fn work(&self) -> u64 {
        self.lines.work() + self.block.copied + self.copied
    }

    /// Hands each message that `chunk` completes to `sink`.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl FnMut(Message)) -> Result<(), Finished> {
        if self.finished {
            return Err(Finished);
        }
        if self.tail.is_empty() {
            let rest = self.walk(chunk, sink);
            self.tail.extend_from_slice(&chunk[rest..]);
            self.copied += self.tail.len() as u64;
        } else {
            self.tail.extend_from_slice(chunk);
            self.copied += chunk.len() as u64;
            let mut window = mem::take(&mut self.tail);
            let rest = self.walk(&window, sink);
            if rest > 0 {
                window.drain(..rest);
                self.copied += window.len() as u64;
            }
            self.tail = window;
        }
        Ok(())
    }

    /// Hands the last message to `sink` where the input ended inside a block and `on_eof` counts
    /// it; again, it does nothing.
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

    /// Processes the whole lines of `window` and returns where the unfinished one begins.
    fn walk(&mut self, window: &[u8], sink: &mut impl FnMut(Message)) -> usize {
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

/// The buffers of the standard: those of the open block, and those that outlive it.
#[derive(Debug, Default)]
struct Block {
    /// Each data line with a newline after it, so that a block with one empty data line has data.
    data: Vec<u8>,
    event: String,
    new_retry: Option<u64>,
    id: Option<Arc<str>>,
    last_event_id: Option<Arc<str>>,
    retry: Option<u64>,
    copied: u64,
}

impl Block {
    /// Processes one line that is not empty; a comment is a field without a name.
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

    /// A value of other than digits, or over 64 bits, is ignored; the standard sets no bound, the
    /// twins agree on this one.
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

    /// Ends the block: the id is committed in any case, a message is made where there was data.
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

/// Decodes as the standard has it: each invalid sequence is U+FFFD.
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
    fn fields_and_blocks_at_every_cut() {
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
    fn retry_is_digits_that_fit() {
        let retry = |value: &str| {
            let mut decoder = SseDecoder::new(OnEof::Flush);
            decoder.feed(format!("retry:{value}\n").as_bytes(), &mut |_| {}).expect("not finished");
            decoder.retry()
        };
        assert_eq!(retry("000000000000000000000000000001"), Some(1));
        assert_eq!(retry("18446744073709551615"), Some(u64::MAX));
        for bogus in ["", " ", "-1", "+1", "1 ", "1_0", "1.0", "18446744073709551616", "\u{661}"] {
            assert_eq!(retry(bogus), None, "{bogus:?}");
        }
    }

    #[test]
    fn finished_until_reset() {
        let mut decoder = SseDecoder::new(OnEof::Flush);
        decoder.finish(&mut |_| {});
        assert_eq!(decoder.feed(b"data", &mut |_| {}), Err(Finished));
        decoder.reset();
        assert_eq!(decoder.feed(b"data", &mut |_| {}), Ok(()));
    }
}

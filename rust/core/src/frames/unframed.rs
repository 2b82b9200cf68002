//! Lines outside SSE blocks: JSON lines, JSON texts over several lines, the end mark, and stray text.
//!
//! At most one JSON text and one span of stray text are open. Of stray text only a sample is buffered. Either may be the
//! body of an API error.

use super::output::{Emitter, FrameKind, FrameSink, Line, over};
use crate::diagnostics::{Code, Detail, SAMPLE, Span, are_adjacent_objects, error_body};
use crate::json::{self, Fault, LineCheck, State, trim};
use crate::work::work;

const ADJACENT: &str = "line of objects without line breaks between them (see Decoder.message)";

/// Consecutive lines that are not (yet) an event.
#[derive(Debug)]
struct TextLines {
    span: Span,
    /// The buffered lines, joined by newlines.
    bytes: Vec<u8>,
    size: u64,
}

impl TextLines {
    fn new(span: Span) -> Self {
        Self { span: Span::at(span.start, span.line), bytes: Vec::new(), size: 0 }
    }

    fn add(&mut self, text: &[u8], end: u64) {
        if self.size > 0 {
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(text);
        work(text.len());
        self.size += text.len() as u64 + 1;
        self.span.end = end;
    }

    /// Adds a line of stray text, up to the size of the sample.
    fn add_sample(&mut self, text: &[u8], end: u64) {
        if self.size < SAMPLE as u64 {
            self.add(text.get(..SAMPLE).unwrap_or(text), end);
        }
        self.span.end = end;
    }

    /// Reports an API error if the text is an error body, else the given diagnostic.
    fn note<S: FrameSink>(&self, code: Code, detail: Detail, out: &mut Emitter<S>) {
        let (code, detail) = match error_body(&self.bytes) {
            Some(body) => (Code::ErrorBody, body),
            None => (code, detail),
        };
        out.note(code, self.span, detail);
    }
}

/// Makes frames of lines outside blocks.
#[derive(Debug)]
pub(super) struct Unframed {
    /// A JSON text that is not complete.
    json_text: Option<(TextLines, LineCheck)>,
    stray_text: Option<TextLines>,
    /// The maximum size of a JSON text in bytes.
    limit: Option<u64>,
    sse: bool,
    pub json: bool,
}

impl Unframed {
    /// `sse`, `json`: whether the source may contain SSE blocks, and JSON lines.
    pub fn new(limit: Option<u64>, sse: bool, json: bool) -> Self {
        Self { json_text: None, stray_text: None, limit, sse, json }
    }

    pub fn has_open_json(&self) -> bool {
        self.json_text.is_some()
    }

    /// Whether neither a JSON text nor stray text is open.
    pub fn nothing_open(&self) -> bool {
        self.json_text.is_none() && self.stray_text.is_none()
    }

    /// Handles a line that is not empty.
    pub fn take_line<S: FrameSink>(&mut self, line: Line, out: &mut Emitter<S>) {
        let too_large = line.dropped.is_some() || over(self.limit, line.span.len());
        if self.json_text.is_some() && self.extend_json(line, too_large, out) {
            return;
        }
        let trimmed = trim(line.text);
        let first = match line.dropped {
            Some(dropped) => dropped.first,
            None => trimmed.first().copied(),
        };
        match first {
            None => {}
            Some(b'{') if self.json && (!self.sse || too_large || !is_progress(trimmed)) => {
                self.close(out);
                self.begin_json(line, too_large, out);
            }
            Some(b'[') if self.json && trimmed == b"[DONE]" && !too_large => {
                self.close(out);
                out.sink.done();
            }
            Some(_) if !self.sse => out.bad_json(line.span, FrameKind::Line),
            Some(_) => {
                let text = self.stray_text.get_or_insert_with(|| TextLines::new(line.span));
                text.add_sample(if too_large { b"" } else { line.text }, line.span.end);
            }
        }
    }

    /// Ends and reports the open text.
    pub fn close<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        if let Some((text, _)) = self.json_text.take() {
            text.note(Code::BadJson, vec![("what", FrameKind::Line.name().into())], out);
        }
        if let Some(text) = self.stray_text.take() {
            text.note(Code::StrayText, vec![("length", text.span.len().into())], out);
        }
    }

    /// Handles a line that begins with a brace: an object, or the first line of one.
    fn begin_json<S: FrameSink>(&mut self, line: Line, too_large: bool, out: &mut Emitter<S>) {
        if too_large {
            return out.too_large(line.span, self.limit);
        }
        let checked = out.sink.check(line.text, out.members);
        if checked != Err(Fault::Bad) {
            return out.frame(line.text, line.span, FrameKind::Line, Some(checked));
        }
        let mut check = LineCheck::new();
        if check.push(line.text) == State::Open {
            let mut text = TextLines::new(line.span);
            text.add(line.text, line.span.end);
            self.json_text = Some((text, check));
        } else if are_adjacent_objects(line.text) {
            out.note(Code::BadJson, line.span, vec![("what", ADJACENT.into())]);
        } else {
            out.bad_json(line.span, FrameKind::Line);
        }
    }

    /// Adds a line to the open JSON text; returns false if the line is not part of it, because the line is a whole object or
    /// because the text is broken.
    fn extend_json<S: FrameSink>(
        &mut self,
        line: Line,
        too_large: bool,
        out: &mut Emitter<S>,
    ) -> bool {
        let Some((mut text, mut check)) = self.json_text.take() else { return false };
        let is_object = !too_large
            && line.text.starts_with(b"{")
            && json::check(line.text, out.members) != Err(Fault::Bad);
        if is_object {
            self.json_text = Some((text, check));
            return false;
        }
        if too_large || over(self.limit, text.size + line.span.len()) {
            out.too_large(Span { end: line.span.end, ..text.span }, self.limit);
            return true;
        }
        let state = check.push(line.text);
        if state != State::Broken {
            text.add(line.text, line.span.end);
        }
        match state {
            State::Whole => out.frame(&text.bytes, text.span, FrameKind::Line, None),
            _ => self.json_text = Some((text, check)),
        }
        if state == State::Broken {
            self.close(out);
        }
        state != State::Broken
    }
}

/// Whether a line is progress of `curl -v`, as `{ [5 bytes data]`, which is not JSON.
fn is_progress(line: &[u8]) -> bool {
    let count = line.strip_prefix(b"{ [").and_then(|rest| rest.strip_suffix(b" bytes data]"));
    count.is_some_and(|count| !count.is_empty() && count.iter().all(u8::is_ascii_digit))
}

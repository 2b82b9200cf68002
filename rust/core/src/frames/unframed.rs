//! Lines outside SSE blocks: JSON lines, JSON texts over several lines, the end mark, and text that is none of these.
//!
//! At most one JSON text is open, or one span of stray text of which a sample is kept: either may turn out to be the body
//! of an API error.

use super::output::{Emitter, FrameKind, FrameSink, Line, over};
use crate::diagnostics::{Code, Detail, SAMPLE, Span, error_body};
use crate::json::{self, Fault, LineCheck, State, trim};
use crate::work::work;

/// Neighbouring lines of text that are not (yet) an event.
#[derive(Debug)]
struct Text {
    span: Span,
    /// The lines, joined by newlines.
    kept: Vec<u8>,
    size: u64,
}

impl Text {
    fn new(span: Span) -> Self {
        Self { span: Span::at(span.start, span.line), kept: Vec::new(), size: 0 }
    }

    fn add(&mut self, text: &[u8], end: u64) {
        if self.size > 0 {
            self.kept.push(b'\n');
        }
        self.kept.extend_from_slice(text);
        work(text.len());
        self.size += text.len() as u64 + 1;
        self.span.end = end;
    }

    /// Adds a line of stray text, of which only the sample is kept.
    fn sample(&mut self, text: &[u8], end: u64) {
        if self.size < SAMPLE as u64 {
            self.add(text.get(..SAMPLE).unwrap_or(text), end);
        }
        self.span.end = end;
    }

    fn note<S: FrameSink>(&self, code: Code, detail: Detail, out: &mut Emitter<S>) {
        let (code, detail) = match error_body(&self.kept) {
            Some(body) => (Code::ErrorBody, body),
            None => (code, detail),
        };
        out.note(code, self.span, detail);
    }
}

/// Makes frames of lines outside blocks.
#[derive(Debug)]
pub(crate) struct Unframed {
    /// A JSON text that is still open.
    text: Option<(Text, LineCheck)>,
    stray: Option<Text>,
    /// The most bytes of a JSON text.
    limit: Option<u64>,
    sse: bool,
    json: bool,
}

impl Unframed {
    /// `sse`, `json`: what the source may hold.
    pub fn new(limit: Option<u64>, sse: bool, json: bool) -> Self {
        Self { text: None, stray: None, limit, sse, json }
    }

    pub fn has_text(&self) -> bool {
        self.text.is_some()
    }

    /// Whether nothing is open, stray text included.
    pub fn is_quiet(&self) -> bool {
        self.text.is_none() && self.stray.is_none()
    }

    /// One line that is not empty.
    pub fn take<S: FrameSink>(&mut self, line: Line, out: &mut Emitter<S>) {
        let too_large = line.dropped.is_some() || over(self.limit, line.span.len());
        if self.text.is_some() && self.go_on(line, too_large, out) {
            return;
        }
        let bare = trim(line.text);
        let first = match line.dropped {
            Some(dropped) => dropped.first,
            None => bare.first().copied(),
        };
        match first {
            None => {}
            Some(b'{') if self.json => {
                self.close(out);
                self.begin(line, too_large, out);
            }
            Some(b'[') if self.json && bare == b"[DONE]" && !too_large => {
                self.close(out);
                out.sink.done();
            }
            Some(_) if !self.sse => out.bad_json(line.span, FrameKind::Line),
            Some(_) => {
                let stray = self.stray.get_or_insert_with(|| Text::new(line.span));
                stray.sample(if too_large { b"" } else { line.text }, line.span.end);
            }
        }
    }

    /// Says what the open text was: it ends here.
    pub fn close<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        if let Some((text, _)) = self.text.take() {
            text.note(Code::BadJson, vec![("what", FrameKind::Line.name().into())], out);
        }
        if let Some(stray) = self.stray.take() {
            stray.note(Code::StrayText, vec![("length", stray.span.len().into())], out);
        }
    }

    /// A line that begins with a brace: an object, or the beginning of one.
    fn begin<S: FrameSink>(&mut self, line: Line, too_large: bool, out: &mut Emitter<S>) {
        if too_large {
            return out.too_large(line.span, self.limit);
        }
        let checked = out.sink.check(line.text, out.members);
        if checked != Err(Fault::Bad) {
            return out.frame(line.text, line.span, FrameKind::Line, Some(checked));
        }
        let mut check = LineCheck::new();
        if check.push(line.text) == State::Open {
            let mut text = Text::new(line.span);
            text.add(line.text, line.span.end);
            self.text = Some((text, check));
        } else {
            out.bad_json(line.span, FrameKind::Line);
        }
    }

    /// Adds a line to the open JSON text; false when the text ended before it and the line stands for itself.
    fn go_on<S: FrameSink>(&mut self, line: Line, too_large: bool, out: &mut Emitter<S>) -> bool {
        let Some((mut text, mut check)) = self.text.take() else { return false };
        let stands_alone = !too_large
            && line.text.starts_with(b"{")
            && json::check(line.text, out.members) != Err(Fault::Bad);
        if stands_alone {
            self.text = Some((text, check));
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
            State::Whole => out.frame(&text.kept, text.span, FrameKind::Line, None),
            _ => self.text = Some((text, check)),
        }
        if state == State::Broken {
            self.close(out);
        }
        state != State::Broken
    }
}

//! Lines outside SSE blocks: JSON lines, JSON texts over several lines, the end mark, and text that is none of these.
//!
//! At most one JSON text is open, or one span of stray text of which a sample is kept: either may turn out to be the body
//! of an API error.

use crate::catalogue::Code;
use crate::count::work;
use crate::diagnostics::{Detail, Value, clip};
use crate::json::{self, Fault, Kind, LineCheck, Member, State};
use crate::sink::{Line, Out, Sink, Span, What, over, trim};

/// Bytes of a stray span that are kept to see whether it is an API error body.
const SAMPLE: usize = 65536;

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

    fn note<S: Sink>(&self, code: Code, detail: Detail, out: &mut Out<S>) {
        let (code, detail) = match error_body(&self.kept) {
            Some(body) => (Code::ErrorBody, body),
            None => (code, detail),
        };
        out.note(code, self.span, detail);
    }
}

/// Makes frames of lines outside blocks.
#[derive(Debug)]
pub(crate) struct Outside {
    /// A JSON text that is still open.
    text: Option<(Text, LineCheck)>,
    stray: Option<Text>,
    /// The most bytes of a JSON text.
    limit: Option<u64>,
    sse: bool,
    json: bool,
}

impl Outside {
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
    pub fn take<S: Sink>(&mut self, line: Line, out: &mut Out<S>) {
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
            Some(_) if !self.sse => out.bad_json(line.span, What::Line),
            Some(_) => {
                let stray = self.stray.get_or_insert_with(|| Text::new(line.span));
                stray.sample(if too_large { b"" } else { line.text }, line.span.end);
            }
        }
    }

    /// Says what the open text was: it ends here.
    pub fn close<S: Sink>(&mut self, out: &mut Out<S>) {
        if let Some((text, _)) = self.text.take() {
            text.note(Code::BadJson, vec![("what", What::Line.name().into())], out);
        }
        if let Some(stray) = self.stray.take() {
            stray.note(Code::StrayText, vec![("length", stray.span.len().into())], out);
        }
    }

    /// A line that begins with a brace: an object, or the beginning of one.
    fn begin<S: Sink>(&mut self, line: Line, too_large: bool, out: &mut Out<S>) {
        if too_large {
            return out.too_large(line.span, self.limit);
        }
        let scanned = out.sink.scan(line.text, out.members);
        if scanned != Err(Fault::Bad) {
            return out.frame(line.text, line.span, What::Line, Some(scanned));
        }
        let mut check = LineCheck::new();
        if check.push(line.text) == State::Open {
            let mut text = Text::new(line.span);
            text.add(line.text, line.span.end);
            self.text = Some((text, check));
        } else {
            out.bad_json(line.span, What::Line);
        }
    }

    /// Adds a line to the open JSON text; false when the text ended before it and the line stands for itself.
    fn go_on<S: Sink>(&mut self, line: Line, too_large: bool, out: &mut Out<S>) -> bool {
        let Some((mut text, mut check)) = self.text.take() else { return false };
        let stands_alone = !too_large
            && line.text.starts_with(b"{")
            && json::scan(line.text, out.members) != Err(Fault::Bad);
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
            State::Whole => out.frame(&text.kept, text.span, What::Line, None),
            _ => self.text = Some((text, check)),
        }
        if state == State::Broken {
            self.close(out);
        }
        state != State::Broken
    }
}

/// What an API error body says (code, message, type, param), or `None` where `text` is none.
///
/// A body that lacks its last braces is read as if it had them.
pub fn error_body(text: &[u8]) -> Option<Detail> {
    let text = trim(text.get(..SAMPLE).unwrap_or(text));
    if text.first() != Some(&b'{') {
        return None;
    }
    let mut check = LineCheck::new();
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n')) {
        check.push(line);
    }
    let mut text = text.to_vec();
    if check.state() == State::Open {
        text.append(&mut check.closers());
    }
    let mut members = Vec::new();
    json::scan(&text, &mut members).ok()?;
    error_detail(&text, &members)
}

/// The `error` member of an HTTP error body as a diagnostic's detail, or `None` where there is none.
pub fn error_detail(text: &[u8], members: &[Member]) -> Option<Detail> {
    let error = json::find(text, members, "error")?;
    let raw = error.value(text);
    let mut inner = Vec::new();
    let value = |inner: &[Member], key: &str| match (error.kind, key) {
        (Kind::String, "message") => shown(raw, Kind::String),
        _ => json::find(raw, inner, key)
            .map_or(Value::Null, |member| shown(member.value(raw), member.kind)),
    };
    match error.kind {
        Kind::String => {}
        Kind::Object if json::locate(raw, &mut inner) => {}
        _ => return None,
    }
    let keys = ["code", "message", "type", "param"];
    Some(keys.into_iter().map(|key| (key, value(&inner, key))).collect())
}

/// A text, clipped; integers of 64 bits as text; null for anything else.
fn shown(raw: &[u8], kind: Kind) -> Value {
    match kind {
        Kind::String => clip(&json::decode_str(raw)).into(),
        Kind::Number => {
            json::parse_index(raw).map_or(Value::Null, |number| Value::Text(number.to_string()))
        }
        _ => Value::Null,
    }
}

//! What the framing room gives out: frames, notes and the end mark, in the order of the input.

use crate::catalogue::Code;
use crate::count::work;
use crate::diagnostics::{Detail, Note};
use crate::json::{self, Fault, Member, Scan};
use crate::runs::{Around, Run};

/// Where a payload was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Payload,
    Line,
    Element,
}

impl What {
    /// The name that diagnostics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Line => "line",
            Self::Element => "array element",
        }
    }
}

/// One payload: its bytes, the `event:` name if any, and where it stands (`offset` to `end`, 1-based `line`).
#[derive(Debug)]
pub struct Frame<'a> {
    pub data: &'a [u8],
    pub name: Option<&'a [u8]>,
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub what: What,
    /// No blank line ended the block; told once for a source.
    pub missing: bool,
    /// The source ended inside the block.
    pub unfinished: bool,
    /// What the framer learned when it had to check the payload; `members` is filled then, and scratch space otherwise.
    pub scanned: Option<Result<Scan, Fault>>,
    pub members: &'a mut Vec<Member>,
}

/// Takes what the framer gives, in the order of the input.
pub trait Sink {
    /// Checks a JSON line before it becomes a frame; the frame that follows at once tells what was found.
    fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        json::scan(text, members)
    }
    /// The size of the payload that a text begins with, if the sink knows it for one of those that it had before. There is
    /// no line break in such a payload. If the text is framed in this way, its frame follows at once with
    /// [`Scan::RECOGNISED`].
    #[inline]
    fn recognise(&mut self, _: &[u8]) -> Option<usize> {
        None
    }
    /// Takes the run of payloads that a text begins with, if the sink makes nothing of them but what the last one was; tells
    /// how far it goes.
    #[inline]
    fn run(&mut self, _: &[u8], _: &Around<'_>, _offset: u64) -> Run {
        Run::default()
    }
    fn frame(&mut self, frame: Frame<'_>);
    fn note(&mut self, note: Note);
    /// The literal `[DONE]`: the stream ends here, whatever follows.
    fn done(&mut self);
}

/// A sink, and the framer's scratch space for members, which every frame lends out.
pub(crate) struct Out<'a, S> {
    pub sink: &'a mut S,
    pub members: &'a mut Vec<Member>,
}

impl<S: Sink> Out<'_, S> {
    /// A note on the bytes of `span`.
    pub fn note(&mut self, code: Code, span: Span, detail: Detail) {
        let length = span.end.saturating_sub(span.start);
        self.sink.note(Note { code, offset: span.start, length, line: span.line, detail });
    }

    pub fn too_large(&mut self, span: Span, limit: Option<u64>) {
        self.note(Code::EventTooLarge, span, vec![("limit", limit.unwrap_or(u64::MAX).into())]);
    }

    pub fn bad_json(&mut self, span: Span, what: What) {
        self.note(Code::BadJson, span, vec![("what", what.name().into())]);
    }

    /// A frame without a name, outside of blocks.
    pub fn frame(
        &mut self,
        data: &[u8],
        span: Span,
        what: What,
        scanned: Option<Result<Scan, Fault>>,
    ) {
        self.sink.frame(Frame {
            data,
            name: None,
            offset: span.start,
            end: span.end,
            line: span.line,
            what,
            missing: false,
            unfinished: false,
            scanned,
            members: self.members,
        });
    }
}

/// Some bytes of the source, and the 1-based line on which they begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: u64,
    pub end: u64,
    pub line: u64,
}

impl Span {
    /// A span without bytes, which is going to grow.
    pub fn at(start: u64, line: u64) -> Self {
        Self { start, end: start, line }
    }

    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// A line without its break. Of one that was `dropped`, `text` is only the beginning.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub text: &'a [u8],
    pub span: Span,
    pub dropped: Option<Skipped>,
}

/// What is remembered of data that was too large to keep: its first and its last byte that is no white space.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped {
    pub first: Option<u8>,
    pub last: Option<u8>,
}

impl Skipped {
    /// Takes the next piece of the data.
    pub fn add(&mut self, piece: &[u8]) {
        if let [first, ..] = trim(piece) {
            self.first = self.first.or(Some(*first));
            self.last = trim(piece).last().copied();
        }
    }

    /// Takes data of which no more is known either.
    pub fn join(&mut self, other: Self) {
        self.first = self.first.or(other.first);
        self.last = other.last.or(self.last);
    }

    /// Whether the data looks like a JSON object from outside.
    pub fn whole(self) -> bool {
        self.first == Some(b'{') && self.last == Some(b'}')
    }
}

/// The text without the blanks around it.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let solid = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = text.iter().position(solid).unwrap_or(text.len());
    let end = text.iter().rposition(solid).map_or(start, |last| last + 1);
    work(start + text.len() - end);
    text.get(start..end).unwrap_or_default()
}

/// Whether `size` bytes are more than may be kept.
pub(crate) fn over(limit: Option<u64>, size: u64) -> bool {
    limit.is_some_and(|limit| size > limit)
}

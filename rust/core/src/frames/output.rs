//! The output of a framer: frames, notes and the end mark, in the order of the input.

use crate::diagnostics::{Code, Detail, Note, Span};
use crate::json::{self, Checked, Fault, Member, trim};

use std::ops::Range;

/// The kind of input that a payload comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Payload,
    Line,
    Element,
}

impl FrameKind {
    /// The name used in diagnostics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Line => "line",
            Self::Element => "array element",
        }
    }
}

/// One payload with its `event:` name, its bytes in the source (`offset` to `end`) and its line, counted from 1.
#[derive(Debug)]
pub struct Frame<'a> {
    pub data: &'a [u8],
    pub name: Option<&'a [u8]>,
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub kind: FrameKind,
    /// The payload is alone in a line, an array element or a row, where events of several responses may interleave.
    pub single: bool,
    /// No blank line ended the block; set once per source.
    pub missing_blank_line: bool,
    /// The source ended inside the block.
    pub unfinished: bool,
    /// The result of the check, if the framer had to check the payload; then `members` is filled, else it is scratch space.
    pub checked: Option<Result<Checked, Fault>>,
    pub members: &'a mut Vec<Member>,
}

impl Frame<'_> {
    /// The same frame, borrowed.
    pub fn reborrow(&mut self) -> Frame<'_> {
        Frame { members: &mut *self.members, ..*self }
    }
}

/// The bytes around each payload of a run of blocks or lines.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    pub opening: &'a [u8],
    /// The event name in the opening.
    pub name: Option<&'a [u8]>,
    pub closing: &'static [u8],
    /// The maximum size of a payload in bytes.
    pub limit: usize,
}

impl Envelope<'_> {
    /// Whether the payloads are lines, not blocks.
    #[inline]
    pub fn is_line(&self) -> bool {
        self.opening.is_empty()
    }

    /// The maximum size of a block in bytes.
    pub fn block_limit(&self) -> usize {
        self.limit.saturating_add(self.opening.len() + self.closing.len())
    }
}

/// The extent of a run of delta events that a sink has handled at once.
#[derive(Clone, Debug, Default)]
pub struct DeltaRun {
    pub events: u64,
    pub size: usize,
    /// The last payload.
    pub last: Range<usize>,
    /// The sequence number of the last event, if the events have numbers.
    pub sequence: Option<i64>,
}

/// Receives the output of a framer, in the order of the input.
pub trait FrameSink {
    /// Checks a JSON line before it becomes a frame; the frame follows at once.
    fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        json::check(text, members)
    }

    /// Handles the run of delta events at the start of a text, if the sink can. A run without events uses no bytes.
    #[inline]
    fn run(&mut self, _: &[u8], _: &Envelope<'_>, _offset: u64) -> DeltaRun {
        DeltaRun::default()
    }

    fn frame(&mut self, frame: Frame<'_>);

    fn note(&mut self, note: Note);

    /// Receives the end mark, `[DONE]`.
    fn done(&mut self);
}

/// A sink with the scratch space for members that every frame borrows.
pub(super) struct Emitter<'a, S> {
    pub sink: &'a mut S,
    pub members: &'a mut Vec<Member>,
}

impl<S: FrameSink> Emitter<'_, S> {
    /// A note on the bytes of `span`.
    pub fn note(&mut self, code: Code, span: Span, detail: Detail) {
        self.sink.note(Note {
            code,
            offset: span.start,
            length: span.len(),
            line: span.line,
            detail,
        });
    }

    pub fn too_large(&mut self, span: Span, limit: Option<u64>) {
        self.note(Code::EventTooLarge, span, vec![("limit", limit.unwrap_or(u64::MAX).into())]);
    }

    pub fn bad_json(&mut self, span: Span, kind: FrameKind) {
        self.note(Code::BadJson, span, vec![("what", kind.name().into())]);
    }

    /// A frame without a name, outside of blocks.
    pub fn frame(
        &mut self,
        data: &[u8],
        span: Span,
        kind: FrameKind,
        checked: Option<Result<Checked, Fault>>,
    ) {
        self.sink.frame(Frame {
            data,
            name: None,
            offset: span.start,
            end: span.end,
            line: span.line,
            kind,
            single: kind != FrameKind::Payload,
            missing_blank_line: false,
            unfinished: false,
            checked,
            members: self.members,
        });
    }
}

/// A line without its line break. If it was `dropped`, `text` is only its beginning.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub text: &'a [u8],
    pub span: Span,
    pub dropped: Option<DroppedData>,
}

/// A summary of data that was too large to buffer: its first and its last byte that are not white space.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DroppedData {
    pub first: Option<u8>,
    pub last: Option<u8>,
}

impl DroppedData {
    /// Adds the next bytes of the data.
    pub fn add(&mut self, bytes: &[u8]) {
        if let [first, ..] = trim(bytes) {
            self.first = self.first.or(Some(*first));
            self.last = trim(bytes).last().copied();
        }
    }

    /// Adds the summary of the next bytes of the data.
    pub fn join(&mut self, other: Self) {
        self.first = self.first.or(other.first);
        self.last = other.last.or(self.last);
    }

    /// Whether the data looks like a whole JSON object, by its first and last byte.
    pub fn looks_like_object(self) -> bool {
        self.first == Some(b'{') && self.last == Some(b'}')
    }
}

/// Whether a size in bytes exceeds the limit.
pub(super) fn over(limit: Option<u64>, size: u64) -> bool {
    limit.is_some_and(|limit| size > limit)
}

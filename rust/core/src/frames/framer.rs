//! Bytes to frames: SSE blocks with data, JSON lines, JSON texts over several lines, elements of a top-level array.
//!
//! This module splits the input into lines and arrays and decides who takes them; `blocks`, `unframed` and `arrays` make
//! frames. At most one unfinished line, one unfinished block and one unfinished JSON text are kept, each bounded by the
//! limit. Frames and notes come in the order of the input and do not depend on how it is cut.
//!
//! Two paths, one result: if nothing is open and the chunk contains a complete block of at most an event line and one data
//! line, or a complete JSON line, and all lines end with LF, the fast path borrows the bytes from the chunk. Everything else
//! is read line by line.

use std::mem;
use std::ops::Range;

use memchr::memchr2;

use super::arrays::{Array, Step};
use super::blocks::{Blocks, field, is_known};
use super::output::{Emitter, Envelope, Frame, FrameKind, FrameSink, Line, Skipped, over};
use super::unframed::Unframed;
use super::whole_block::{whole_block, whole_line};
use crate::diagnostics::{Code, Span};
use crate::json::{Fault, Member};
use crate::simd::ahead;
use crate::sse::BOM;
use crate::work::work;

/// Bytes of a dropped line that are kept: they tell its field.
const START: usize = 64;
/// The buffer of an unfinished line is kept for the next one up to this size.
const SPARE: usize = 1 << 20;

/// FrameKind the source may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Auto,
    Sse,
    Jsonl,
}

/// FrameKind becomes of a block that the end of the source cuts short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEof {
    #[default]
    Flush,
    Discard,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub form: Form,
    pub on_eof: OnEof,
    /// The most bytes of a payload.
    pub limit: Option<u64>,
}

/// Incremental framing of one source.
#[derive(Debug)]
pub struct Framer {
    /// Frames that the fast path gave, and lines that it left to the other.
    pub hits: u64,
    pub misses: u64,
    /// Never takes the fast path; for tests.
    pub force_slow: bool,
    form: Form,
    on_eof: OnEof,
    limit: Option<u64>,
    blocks: Blocks,
    unframed: Unframed,
    array: Option<Array>,
    /// FrameKind comes next is the rest of a line that an array began: it has no fields.
    rest: bool,
    /// How much of a byte order mark came; none once that is settled.
    head: Option<usize>,
    /// The offset of the first byte that is not yet part of a line, and its line.
    offset: u64,
    line: u64,
    /// The unfinished line, its size, and what is known of one that is too long to keep.
    held: Vec<u8>,
    pending: u64,
    dropped: Option<Skipped>,
    after_cr: bool,
    members: Vec<Member>,
    /// The bytes in front of the data of the last plain block; most blocks begin as the one before.
    opening: Vec<u8>,
    /// Where in them the name stands.
    name: Range<usize>,
}

impl Framer {
    pub fn new(options: Options) -> Self {
        let Options { form, on_eof, limit } = options;
        Self {
            hits: 0,
            misses: 0,
            force_slow: false,
            form,
            on_eof,
            limit,
            blocks: Blocks::new(limit, on_eof == OnEof::Flush),
            unframed: Unframed::new(limit, form != Form::Jsonl, form != Form::Sse),
            array: None,
            rest: false,
            head: Some(0),
            offset: 0,
            line: 1,
            held: Vec::new(),
            pending: 0,
            dropped: None,
            after_cr: false,
            members: Vec::new(),
            opening: Vec::new(),
            name: 0..0,
        }
    }

    /// For a source that is read from this offset on, where a line begins and nothing is open. Lines count from there.
    pub fn starting_at(options: Options, offset: u64) -> Self {
        let head = if offset == 0 { Some(0) } else { None };
        Self { head, offset, ..Self::new(options) }
    }

    /// Takes the next bytes; hands the frames and notes that they complete to `sink`.
    pub fn feed<S: FrameSink>(&mut self, chunk: &[u8], sink: &mut S) {
        let mut members = mem::take(&mut self.members);
        let mut out = Emitter { sink, members: &mut members };
        let chunk = self.without_bom(chunk, &mut out);
        self.take_bytes(chunk, &mut out);
        self.members = members;
    }

    /// Ends the source; hands what was still open to `sink`, by `on_eof`.
    pub fn finish<S: FrameSink>(&mut self, sink: &mut S) {
        let mut members = mem::take(&mut self.members);
        let mut out = Emitter { sink, members: &mut members };
        if let Some(come) = self.head.take() {
            self.take_bytes(BOM.get(..come).unwrap_or_default(), &mut out);
        }
        if let Some(array) = self.array.take() {
            self.finish_array(&array, &mut out);
        }
        if self.pending > 0 {
            self.finish_line(&mut out);
        }
        self.unframed.close(&mut out); // what is open there stands before a block that the last line has begun
        self.blocks.finish(&mut out);
        self.members = members;
    }

    /// A line without its end: the block it stands in is unfinished; under "discard" it does not count at all.
    fn finish_line<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        let end = self.offset + self.pending;
        if self.on_eof == OnEof::Flush || !(self.blocks.is_open() || self.begins_block(&self.held))
        {
            self.take_line(b"", end, out);
        } else {
            self.blocks.cut_short(Span { start: self.offset, end, line: self.line });
        }
    }

    fn begins_block(&self, line: &[u8]) -> bool {
        self.form != Form::Jsonl && !self.rest && is_known(field(line).0)
    }

    /// Drops a leading byte order mark, which may come in pieces.
    fn without_bom<'c, S: FrameSink>(&mut self, chunk: &'c [u8], out: &mut Emitter<S>) -> &'c [u8] {
        let Some(come) = self.head else { return chunk };
        let (come, awaited) = BOM.split_at_checked(come).unwrap_or((BOM, b""));
        let same = chunk.iter().zip(awaited).take_while(|(byte, mark)| byte == mark).count();
        if same == awaited.len() {
            self.head = None;
            self.offset = BOM.len() as u64;
            return chunk.get(same..).unwrap_or_default();
        }
        if same == chunk.len() {
            self.head = Some(come.len() + same);
            return b"";
        }
        self.head = None;
        self.take_bytes(come, out);
        chunk
    }

    fn take_bytes<S: FrameSink>(&mut self, chunk: &[u8], out: &mut Emitter<S>) {
        let mut at = 0;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            at = usize::from(chunk.starts_with(b"\n"));
            self.offset += at as u64;
        }
        while at < chunk.len() {
            if !self.force_slow && self.is_quiet() {
                at = self.take_whole(chunk, at, out);
                if at == chunk.len() {
                    break;
                }
                self.misses += 1;
            }
            at = self.take_any(chunk, at, out);
        }
    }

    // The fast path

    /// Whether a line has begun and not ended.
    pub fn is_mid_line(&self) -> bool {
        self.pending > 0
    }

    /// Whether nothing that came before bears on what comes next: no line, block, array or text is open.
    pub fn is_idle(&self) -> bool {
        self.is_quiet() && !self.after_cr && matches!(self.head, None | Some(0))
    }

    /// Whether the next byte begins a line, and nothing that came before bears on it.
    fn is_quiet(&self) -> bool {
        self.pending == 0
            && self.array.is_none()
            && !self.rest
            && !self.blocks.is_open()
            && self.unframed.is_quiet()
    }

    /// Gives the plain blocks and JSON lines from `at` on; returns the position of the first line that is something else.
    fn take_whole<S: FrameSink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        out: &mut Emitter<S>,
    ) -> usize {
        let limit =
            self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let shift = self.offset - at as u64;
        let (sse, json) = (self.form != Form::Jsonl, self.form != Form::Sse);
        while let Some(rest) = chunk.get(at..) {
            self.offset = shift + at as u64;
            let taken = match rest.first() {
                Some(b'e' | b'd') if sse => self.take_block(rest, limit, out),
                Some(b'{') if json => self.take_text(rest, limit, out),
                Some(b'\n') => Some((1, 1)),
                _ => None,
            };
            let Some((size, lines)) = taken else { break };
            self.line += lines;
            at += size;
        }
        at
    }

    /// Gives the plain block that `rest` begins with, or a run of them; tells how many bytes and lines they are.
    fn take_block<S: FrameSink>(
        &mut self,
        rest: &[u8],
        limit: usize,
        out: &mut Emitter<S>,
    ) -> Option<(usize, u64)> {
        if !self.opening.is_empty() {
            let name = self.opening.get(self.name.clone()).filter(|name| !name.is_empty());
            let envelope = Envelope { opening: &self.opening, name, closing: b"\n\n", limit };
            let run = out.sink.run(rest, &envelope, self.offset);
            if run.events > 0 {
                self.hits += run.events;
                let lines = if self.opening.starts_with(b"e") { 3 } else { 2 };
                return Some((run.size, run.events * lines));
            }
        }
        let block = whole_block(rest, limit)?;
        ahead(rest, 0, block.end);
        out.sink.frame(Frame {
            data: block.data,
            name: block.name,
            offset: self.offset,
            end: self.offset + block.end as u64,
            line: self.line,
            kind: FrameKind::Payload,
            missing_blank_line: false,
            unfinished: false,
            checked: None,
            members: out.members,
        });
        self.hits += 1;
        let opening = rest.get(..block.end - block.data.len()).unwrap_or_default();
        if self.opening != opening {
            self.opening.clear();
            self.opening.extend_from_slice(opening);
            self.name = block.name_span(&self.opening);
        }
        Some((block.end + 2, block.lines))
    }

    /// The same of JSON lines.
    fn take_text<S: FrameSink>(
        &mut self,
        rest: &[u8],
        limit: usize,
        out: &mut Emitter<S>,
    ) -> Option<(usize, u64)> {
        let envelope = Envelope { opening: b"", name: None, closing: b"\n", limit };
        let run = out.sink.run(rest, &envelope, self.offset);
        if run.events > 0 {
            self.hits += run.events;
            return Some((run.size, run.events));
        }
        let (size, text) = whole_line(rest, limit)?;
        ahead(rest, 0, size);
        let checked = out.sink.check(text, out.members);
        if checked == Err(Fault::Bad) {
            return None;
        }
        let span = Span { start: self.offset, end: self.offset + size as u64, line: self.line };
        out.frame(text, span, FrameKind::Line, Some(checked));
        self.hits += 1;
        Some((size + 1, 1))
    }

    // Line by line

    /// Takes one line, or what the chunk has of one, or of an array; returns the position behind it.
    fn take_any<S: FrameSink>(&mut self, chunk: &[u8], at: usize, out: &mut Emitter<S>) -> usize {
        let rest = chunk.get(at..).unwrap_or_default();
        if let Some(array) = self.array.take().or_else(|| self.begin_array(rest)) {
            return self.feed_array(array, chunk, at, out);
        }
        let found = memchr2(b'\n', b'\r', rest);
        work(found.unwrap_or(rest.len()) + 1);
        let Some(size) = found else {
            self.hold(rest);
            return chunk.len();
        };
        let (line, tail) = rest.split_at_checked(size).unwrap_or_default();
        let ending = if tail.starts_with(b"\r\n") { 2 } else { 1 };
        self.after_cr = tail == b"\r";
        let end = self.offset + self.pending + size as u64;
        self.take_line(line, end, out);
        self.line += 1;
        self.offset = end + ending as u64;
        at + size + ending
    }

    /// Keeps the start of a line that is not finished; no more of it than the limit needs.
    fn hold(&mut self, piece: &[u8]) {
        work(piece.len());
        self.pending += piece.len() as u64;
        if let Some(dropped) = &mut self.dropped {
            dropped.add(piece);
            return;
        }
        self.held.extend_from_slice(piece);
        // Twice the limit bounds what is kept; whether the payload is too large is decided at the end of the line.
        let bound = self.limit.map(|limit| limit.saturating_mul(2).saturating_add(START as u64));
        if over(bound, self.held.len() as u64) {
            let value =
                if self.begins_block(&self.held) { field(&self.held).1 } else { &self.held };
            let mut skipped = Skipped::default();
            skipped.add(value);
            self.dropped = Some(skipped);
            self.held.truncate(START);
        }
    }

    fn take_line<S: FrameSink>(&mut self, rest: &[u8], end: u64, out: &mut Emitter<S>) {
        if self.pending == 0 {
            let span = Span { start: end - rest.len() as u64, end, line: self.line };
            return self.on_line(Line { text: rest, span, dropped: None }, out);
        }
        let span = Span { start: self.offset, end, line: self.line };
        let mut dropped = self.dropped.take();
        let mut held = mem::take(&mut self.held);
        match &mut dropped {
            Some(dropped) => dropped.add(rest),
            None => held.extend_from_slice(rest),
        }
        self.pending = 0;
        self.on_line(Line { text: &held, span, dropped }, out);
        if held.capacity() <= SPARE {
            held.clear();
            self.held = held;
        }
    }

    fn on_line<S: FrameSink>(&mut self, line: Line, out: &mut Emitter<S>) {
        let rest = mem::take(&mut self.rest);
        if line.text.is_empty() {
            return self.blocks.blank(out);
        }
        if self.form != Form::Jsonl && !rest {
            let (name, value) = field(line.text);
            if is_known(name) {
                self.unframed.close(out);
                return self.blocks.take_field(name, value, line, out);
            }
            if self.blocks.pass_by(line.span) {
                return;
            }
            if name.is_empty() {
                return self.unframed.close(out);
            }
        }
        self.unframed.take(line, out);
    }

    // Arrays

    /// The array that may begin here: with a bracket at the start of a line outside blocks.
    fn begin_array(&self, rest: &[u8]) -> Option<Array> {
        let free = self.pending == 0 && !self.blocks.is_open() && !self.unframed.has_text();
        (self.form != Form::Sse && free && rest.starts_with(b"["))
            .then(|| Array::new(Span::at(self.offset, self.line), self.limit))
    }

    /// Hands bytes to the array; returns the position of the first byte that is not its own.
    fn feed_array<S: FrameSink>(
        &mut self,
        mut array: Array,
        chunk: &[u8],
        mut at: usize,
        out: &mut Emitter<S>,
    ) -> usize {
        let shift = self.offset - at as u64;
        loop {
            let before = at;
            let step = array.step(chunk, &mut at, shift);
            work(at - before + 1);
            match step {
                Step::Accepted => self.unframed.close(out),
                Step::Element { span, too_large: true } => out.too_large(span, self.limit),
                Step::Element { span, .. } => {
                    out.frame(array.element(chunk), span, FrameKind::Element, None);
                }
                Step::Torn(span) => out.bad_json(span, FrameKind::Element),
                Step::Rejected => {
                    self.back_to_line(&array);
                    return at;
                }
                Step::Ended => {
                    self.line = array.line;
                    self.rest = array.inline();
                    break;
                }
                Step::More => {
                    self.array = Some(array);
                    break;
                }
            }
        }
        self.offset = shift + at as u64;
        at
    }

    fn back_to_line(&mut self, array: &Array) {
        self.offset = array.start.start;
        self.hold(&array.head);
    }

    fn finish_array<S: FrameSink>(&mut self, array: &Array, out: &mut Emitter<S>) {
        if !array.is_accepted() {
            self.back_to_line(array);
        } else if let Some(span) = array.open_element(self.offset) {
            out.bad_json(span, FrameKind::Element);
        } else {
            let span = Span { end: self.offset, ..array.edge };
            out.note(Code::UnfinishedBlock, span, vec![("what", "counted".into())]);
        }
    }
}

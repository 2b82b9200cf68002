//! Bytes to frames: SSE blocks with data, JSON lines, JSON texts over several lines, elements of a top-level array.
//!
//! This module splits the input into lines and arrays and passes them to `blocks`, `unframed` and `arrays`, which make
//! frames. At most one unfinished line, one unfinished block and one unfinished JSON text are buffered, each bounded by the
//! limit. Frames and notes come in the order of the input and do not depend on the chunk boundaries.
//!
//! Two paths give the same result. The fast path borrows complete blocks of at most an event line and one data line, and
//! complete JSON lines, from the chunk; all their lines end with LF, and nothing is open before them. The slow path reads
//! all other input line by line.

use std::mem;
use std::ops::Range;

use memchr::memchr2;

use super::arrays::{Array, Step};
use super::blocks::{Blocks, field, is_standard_field};
use super::output::{DroppedData, Emitter, Envelope, Frame, FrameKind, FrameSink, Line, over};
use super::unframed::Unframed;
use super::whole_block::{whole_block, whole_line};
use crate::diagnostics::{Code, Span};
use crate::json::{Fault, Member};
use crate::simd::ahead;
use crate::sse::BOM;
use crate::work::work;

/// The number of bytes of a dropped line that are kept, to determine its field.
const DROPPED_PREFIX: usize = 64;
/// The maximum size of a line buffer that is reused for the next line.
const MAX_REUSED: usize = 1 << 20;

/// The format of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Auto,
    Sse,
    Jsonl,
}

/// Whether a block at the end of the source without its blank line is kept.
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
    /// The maximum size of a payload in bytes.
    pub limit: Option<u64>,
}

/// Incremental framing of one source.
#[derive(Debug)]
pub struct Framer {
    /// The number of frames from the fast path, and of lines that it left to the slow path.
    pub hits: u64,
    pub misses: u64,
    /// Disables the fast path; for tests.
    pub force_slow: bool,
    form: Form,
    on_eof: OnEof,
    limit: Option<u64>,
    blocks: Blocks,
    unframed: Unframed,
    array: Option<Array>,
    /// The next bytes continue the line on which an array ended, so they have no field name.
    after_array: bool,
    /// The number of bytes of a byte order mark so far; `None` after the start of the source is decided.
    bom_received: Option<usize>,
    /// The offset and line of the first byte that is not part of a complete line.
    offset: u64,
    line: u64,
    /// The unfinished line and its size; `dropped` if it is too long to buffer.
    partial_line: Vec<u8>,
    partial_size: u64,
    dropped: Option<DroppedData>,
    after_cr: bool,
    members: Vec<Member>,
    /// The bytes before the data of the last block of the fast path. Most blocks begin like the previous one.
    opening: Vec<u8>,
    /// The span of the event name in `opening`.
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
            after_array: false,
            bom_received: Some(0),
            offset: 0,
            line: 1,
            partial_line: Vec::new(),
            partial_size: 0,
            dropped: None,
            after_cr: false,
            members: Vec::new(),
            opening: Vec::new(),
            name: 0..0,
        }
    }

    /// A framer for a source that is read from `offset` on, where a line begins and nothing is open. That line is line 1.
    pub fn starting_at(options: Options, offset: u64) -> Self {
        let bom_received = if offset == 0 { Some(0) } else { None };
        Self { bom_received, offset, ..Self::new(options) }
    }

    /// Reads the next bytes; passes the frames and notes that they complete to `sink`.
    pub fn feed<S: FrameSink>(&mut self, chunk: &[u8], sink: &mut S) {
        let mut members = mem::take(&mut self.members);
        let mut out = Emitter { sink, members: &mut members };
        let chunk = self.without_bom(chunk, &mut out);
        self.take_bytes(chunk, &mut out);
        self.members = members;
    }

    /// Ends the source; passes the frames and notes of unfinished input to `sink`, by `on_eof`.
    pub fn finish<S: FrameSink>(&mut self, sink: &mut S) {
        let mut members = mem::take(&mut self.members);
        let mut out = Emitter { sink, members: &mut members };
        if let Some(received) = self.bom_received.take() {
            self.take_bytes(BOM.get(..received).unwrap_or_default(), &mut out);
        }
        if let Some(array) = self.array.take() {
            self.finish_array(&array, &mut out);
        }
        if self.partial_size > 0 {
            self.finish_line(&mut out);
        }
        // Open text precedes the block that the last line may have begun.
        self.unframed.close(&mut out);
        self.blocks.finish(&mut out);
        self.members = members;
    }

    /// Reads a message of its own: a payload without framing, or the text of a stream, in any format. It is read as if a line
    /// break surrounded it, which counts as one byte after it. What is open before it, or at its end, ends there.
    pub fn message<S: FrameSink>(&mut self, message: &[u8], sink: &mut S) {
        let form = self.form;
        if form == Form::Sse {
            self.set_form(Form::Auto);
        }
        if !self.is_idle() || self.after_array {
            self.end_line(sink);
        }
        self.feed(message, sink);
        self.end_line(sink);
        if form == Form::Sse {
            self.set_form(form);
        }
    }

    /// Sets the format of the next lines.
    fn set_form(&mut self, form: Form) {
        self.form = form;
        self.unframed.json = form != Form::Sse;
    }

    /// Ends the line, and the block, array or text that is open behind it.
    fn end_line<S: FrameSink>(&mut self, sink: &mut S) {
        self.feed(b"\n", sink); // which also decides whether a bracket begins an array
        let mut members = mem::take(&mut self.members);
        let mut out = Emitter { sink, members: &mut members };
        if let Some(array) = self.array.take() {
            self.line = array.line;
            self.finish_array(&array, &mut out);
        }
        self.blocks.take_blank_line(&mut out);
        self.unframed.close(&mut out);
        self.members = members;
    }

    /// The number of bytes in complete lines.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Ends a source inside a line. With [`OnEof::Discard`], a line that belongs to a block is ignored.
    fn finish_line<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        let end = self.offset + self.partial_size;
        if self.on_eof == OnEof::Flush
            || !(self.blocks.is_open() || self.begins_block(&self.partial_line))
        {
            self.complete_line(b"", end, out);
        } else {
            self.blocks.discard_line(Span { start: self.offset, end, line: self.line });
        }
    }

    fn begins_block(&self, line: &[u8]) -> bool {
        self.form != Form::Jsonl && !self.after_array && is_standard_field(field(line).0)
    }

    /// Removes a leading byte order mark, which chunks may split.
    fn without_bom<'c, S: FrameSink>(&mut self, chunk: &'c [u8], out: &mut Emitter<S>) -> &'c [u8] {
        let Some(received) = self.bom_received else { return chunk };
        let (received, expected) = BOM.split_at_checked(received).unwrap_or((BOM, b""));
        let same = chunk.iter().zip(expected).take_while(|(byte, mark)| byte == mark).count();
        if same == expected.len() {
            self.bom_received = None;
            self.offset = BOM.len() as u64;
            return chunk.get(same..).unwrap_or_default();
        }
        if same == chunk.len() {
            self.bom_received = Some(received.len() + same);
            return b"";
        }
        self.bom_received = None;
        self.take_bytes(received, out);
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
            if !self.force_slow && !self.after_array && self.nothing_open() {
                at = self.fast_path(chunk, at, out);
                if at == chunk.len() {
                    break;
                }
                self.misses += 1;
            }
            at = self.slow_path(chunk, at, out);
        }
    }

    /// Whether the input so far ends inside a line.
    pub fn is_mid_line(&self) -> bool {
        self.partial_size > 0
    }

    /// Whether no line, block, array or text is open. Earlier input can still affect the next bytes on the line of an array.
    pub fn is_idle(&self) -> bool {
        self.nothing_open() && !self.after_cr && matches!(self.bom_received, None | Some(0))
    }

    /// Begins a line, if the framer is idle: an array may have ended without a line break.
    pub fn begin_line(&mut self) {
        self.after_array = false;
    }

    /// Whether the next byte is outside of lines, blocks, arrays and open texts.
    fn nothing_open(&self) -> bool {
        self.partial_size == 0
            && self.array.is_none()
            && !self.blocks.is_open()
            && self.unframed.nothing_open()
    }

    /// Emits the complete blocks and JSON lines from `at` on; returns the position of the first line for the slow path.
    fn fast_path<S: FrameSink>(
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
            let size_and_lines = match rest.first() {
                Some(b'e' | b'd') if sse => self.fast_block(rest, limit, out),
                Some(b'{') if json => self.fast_json_line(rest, limit, out),
                Some(b'\n') => Some((1, 1)),
                _ => None,
            };
            let Some((size, lines)) = size_and_lines else { break };
            self.line += lines;
            at += size;
        }
        at
    }

    /// Emits the complete block or the run of delta events at the start of `rest`; returns its size in bytes and lines.
    fn fast_block<S: FrameSink>(
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
            single: false,
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

    /// Emits the complete JSON line or the run of delta events at the start of `rest`; returns its size in bytes and lines.
    fn fast_json_line<S: FrameSink>(
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

    /// Reads one line or array, or the part of it that is in the chunk; returns the position after it.
    fn slow_path<S: FrameSink>(&mut self, chunk: &[u8], at: usize, out: &mut Emitter<S>) -> usize {
        let rest = chunk.get(at..).unwrap_or_default();
        if let Some(array) = self.array.take().or_else(|| self.begin_array(rest)) {
            return self.feed_array(array, chunk, at, out);
        }
        let found = memchr2(b'\n', b'\r', rest);
        work(found.unwrap_or(rest.len()) + 1);
        let Some(size) = found else {
            self.buffer_partial_line(rest);
            return chunk.len();
        };
        let (line, tail) = rest.split_at_checked(size).unwrap_or_default();
        let ending = if tail.starts_with(b"\r\n") { 2 } else { 1 };
        self.after_cr = tail == b"\r";
        let end = self.offset + self.partial_size + size as u64;
        self.complete_line(line, end, out);
        self.line += 1;
        self.offset = end + ending as u64;
        at + size + ending
    }

    /// Buffers a part of an unfinished line, up to a bound that follows from the limit.
    fn buffer_partial_line(&mut self, piece: &[u8]) {
        work(piece.len());
        self.partial_size += piece.len() as u64;
        if let Some(dropped) = &mut self.dropped {
            dropped.add(piece);
            return;
        }
        self.partial_line.extend_from_slice(piece);
        // The buffer may take twice the limit; the size of the payload is checked at the end of the line.
        let bound =
            self.limit.map(|limit| limit.saturating_mul(2).saturating_add(DROPPED_PREFIX as u64));
        if over(bound, self.partial_line.len() as u64) {
            let value = if self.begins_block(&self.partial_line) {
                field(&self.partial_line).1
            } else {
                &self.partial_line
            };
            let mut summary = DroppedData::default();
            summary.add(value);
            self.dropped = Some(summary);
            self.partial_line.truncate(DROPPED_PREFIX);
        }
    }

    /// Completes the unfinished line with its last bytes.
    fn complete_line<S: FrameSink>(&mut self, rest: &[u8], end: u64, out: &mut Emitter<S>) {
        if self.partial_size == 0 {
            let span = Span { start: end - rest.len() as u64, end, line: self.line };
            return self.route_line(Line { text: rest, span, dropped: None }, out);
        }
        let span = Span { start: self.offset, end, line: self.line };
        let mut dropped = self.dropped.take();
        let mut text = mem::take(&mut self.partial_line);
        match &mut dropped {
            Some(dropped) => dropped.add(rest),
            None => text.extend_from_slice(rest),
        }
        self.partial_size = 0;
        self.route_line(Line { text: &text, span, dropped }, out);
        if text.capacity() <= MAX_REUSED {
            text.clear();
            self.partial_line = text;
        }
    }

    /// Passes a complete line to the block or the text that it belongs to.
    fn route_line<S: FrameSink>(&mut self, line: Line, out: &mut Emitter<S>) {
        let after_array = mem::take(&mut self.after_array);
        if line.text.is_empty() {
            return self.blocks.take_blank_line(out);
        }
        if self.form != Form::Jsonl && !after_array {
            let (name, value) = field(line.text);
            if is_standard_field(name) {
                self.unframed.close(out);
                return self.blocks.take_field(name, value, line, out);
            }
            if self.blocks.take_ignored_line(line.span) {
                return;
            }
            if name.is_empty() {
                return self.unframed.close(out);
            }
        }
        self.unframed.take_line(line, out);
    }

    /// The array that may begin at the start of `rest`: a bracket at the start of a line outside blocks.
    fn begin_array(&self, rest: &[u8]) -> Option<Array> {
        let allowed =
            self.partial_size == 0 && !self.blocks.is_open() && !self.unframed.has_open_json();
        (self.form != Form::Sse && allowed && rest.starts_with(b"["))
            .then(|| Array::new(Span::at(self.offset, self.line), self.limit))
    }

    /// Passes bytes to the array; returns the position after the last byte of the array.
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
                Step::LineBreak(span) => out.bad_json(span, FrameKind::Element),
                Step::Rejected => {
                    self.restore_line(&array);
                    return at;
                }
                Step::Ended => {
                    self.line = array.line;
                    self.after_array = array.ends_inside_line();
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

    /// Handles the bytes of a rejected array as the start of a line.
    fn restore_line(&mut self, array: &Array) {
        self.offset = array.start.start;
        self.buffer_partial_line(&array.prefix);
    }

    fn finish_array<S: FrameSink>(&mut self, array: &Array, out: &mut Emitter<S>) {
        if !array.is_accepted() {
            self.restore_line(array);
        } else if let Some(span) = array.open_element(self.offset) {
            out.bad_json(span, FrameKind::Element);
        } else {
            let span = Span { end: self.offset, ..array.last_end };
            out.note(Code::UnfinishedBlock, span, vec![("what", "was kept".into())]);
        }
    }
}

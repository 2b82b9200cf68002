//! SSE blocks: collects fields, detects the end of a block and makes frames.
//!
//! Follows the WHATWG algorithm with one exception: if the data is already one whole JSON object, a further data line ends
//! the block like a blank line. The check for a whole object is incremental, so its cost is linear in the size of the block.

use std::mem;

use memchr::memchr;

use super::output::{DroppedData, Emitter, Frame, FrameKind, FrameSink, Line, over};
use crate::diagnostics::{Code, Span};
use crate::json::{LineCheck, State, trim};
use crate::work::work;

/// The maximum size of a data buffer that is reused for the next block.
const MAX_REUSED: usize = 1 << 20;

/// The name and value of a field line. The name of a comment is empty; without a colon, the value is empty.
pub(super) fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr(b':', line).unwrap_or(line.len());
    work(colon);
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
    let value = value.strip_prefix(b":").unwrap_or(value);
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Whether the SSE standard defines a field of this name.
pub(super) fn is_standard_field(name: &[u8]) -> bool {
    matches!(name, b"data" | b"event" | b"id" | b"retry")
}

/// An open block.
#[derive(Debug)]
struct Block {
    /// From the first field line to the last line so far.
    span: Span,
    /// The data lines so far, joined by newlines.
    data: Vec<u8>,
    lines: u64,
    size: u64,
    /// The end of the last data line, and the start (offset, line) of the line after it.
    data_end: u64,
    after_data: Option<(u64, u64)>,
    name: Option<Vec<u8>>,
    /// A name that follows the data.
    name_after_data: Option<Vec<u8>>,
    check: Option<LineCheck>,
    too_large: Option<DroppedData>,
}

impl Block {
    fn new((start, line): (u64, u64), data: Vec<u8>) -> Self {
        Self {
            span: Span::at(start, line),
            data,
            lines: 0,
            size: 0,
            data_end: start,
            after_data: None,
            name: None,
            name_after_data: None,
            check: None,
            too_large: None,
        }
    }

    /// Whether the data so far is one whole JSON object or the end mark. All calls together cost one pass over the data.
    fn is_whole(&mut self) -> bool {
        let data = &self.data;
        let check = self.check.get_or_insert_with(|| {
            let mut check = LineCheck::new();
            for line in data.split(|&byte| byte == b'\n') {
                check.push(line);
            }
            check
        });
        (check.state() == State::Whole && check.is_object())
            || (self.lines == 1 && data == b"[DONE]")
    }

    /// Whether a further data line with text begins another block.
    fn is_complete(&mut self) -> bool {
        self.too_large.is_some_and(DroppedData::looks_like_object)
            || (self.lines > 0 && self.is_whole())
    }

    fn add_data(&mut self, value: &[u8]) {
        if let Some(check) = &mut self.check {
            check.push(value);
        }
        if self.lines > 0 {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        work(value.len());
        self.lines += 1;
        self.size += value.len() as u64 + 1;
    }

    fn skip_data(&mut self, value: &[u8], dropped: Option<DroppedData>) {
        let summary = self.too_large.get_or_insert_default();
        summary.add(&self.data);
        match dropped {
            Some(dropped) => summary.join(dropped),
            None => summary.add(value),
        }
        self.data = Vec::new();
        self.lines = 0;
        self.check = None;
    }

    fn take_name(&mut self, value: &[u8], too_large: bool) {
        if too_large {
            self.too_large.get_or_insert_default();
        } else if self.lines > 0 || self.too_large.is_some() {
            self.name_after_data = Some(value.to_vec());
        } else {
            self.name = Some(value.to_vec());
        }
    }

    fn last_name(&self) -> Option<&[u8]> {
        self.name_after_data.as_deref().or(self.name.as_deref())
    }
}

/// What ends a block: a blank line, a further object, or the end of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockEnd {
    BlankLine,
    NextObject,
    EndOfSource,
}

/// Makes frames from fields and blank lines.
#[derive(Debug)]
pub(super) struct Blocks {
    open: Option<Block>,
    /// The maximum size of a name, and of the data, in bytes.
    limit: Option<u64>,
    flush: bool,
    missing_reported: bool,
    reusable_data: Vec<u8>,
}

impl Blocks {
    pub fn new(limit: Option<u64>, flush: bool) -> Self {
        Self { open: None, limit, flush, missing_reported: false, reusable_data: Vec::new() }
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Handles a line with a standard field.
    pub fn take_field<S: FrameSink>(
        &mut self,
        name: &[u8],
        value: &[u8],
        line: Line,
        out: &mut Emitter<S>,
    ) {
        let mut block = self.open.take().unwrap_or_else(|| self.new_block(line.span));
        if name == b"data" {
            block = self.take_data(block, value, line, out);
        } else {
            if block.lines > 0 || block.too_large.is_some() {
                block.after_data.get_or_insert((line.span.start, line.span.line));
            }
            if name == b"event" {
                let too_large = line.dropped.is_some() || over(self.limit, value.len() as u64);
                block.take_name(value, too_large);
            }
        }
        block.span.end = line.span.end;
        self.open = Some(block);
    }

    /// Handles a comment or a field outside the standard; returns false outside of blocks.
    pub fn take_ignored_line(&mut self, span: Span) -> bool {
        if let Some(block) = &mut self.open {
            block.span.end = span.end;
            block.after_data.get_or_insert((span.start, span.line));
        }
        self.open.is_some()
    }

    /// Handles a blank line, which ends the block.
    pub fn take_blank_line<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        if let Some(block) = self.open.take() {
            self.dispatch(&block, block.last_name(), block.span.end, BlockEnd::BlankLine, out);
            self.recycle(block);
        }
    }

    /// Handles a last line that is discarded; it belongs to the open block or begins one.
    pub fn discard_line(&mut self, span: Span) {
        let block = self.open.take().unwrap_or_else(|| self.new_block(span));
        self.open = Some(Block { span: Span { end: span.end, ..block.span }, ..block });
    }

    /// Handles the end of the source.
    pub fn finish<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        let Some(block) = self.open.take() else { return };
        if self.flush && (block.lines > 0 || block.too_large.is_some()) {
            self.dispatch(&block, block.last_name(), block.span.end, BlockEnd::EndOfSource, out);
        } else {
            let what = if self.flush { "was kept" } else { "was discarded" };
            out.note(Code::UnfinishedBlock, block.span, vec![("what", what.into())]);
        }
    }

    fn take_data<S: FrameSink>(
        &mut self,
        mut block: Block,
        value: &[u8],
        line: Line,
        out: &mut Emitter<S>,
    ) -> Block {
        let has_text = match line.dropped {
            Some(dropped) => dropped.first.is_some(),
            None => !trim(value).is_empty(),
        };
        if has_text && block.is_complete() {
            block = self.split_block(block, line.span, out);
        }
        let size = match line.dropped {
            Some(_) => line.span.len(),
            None => block.size + value.len() as u64,
        };
        if block.too_large.is_some() || over(self.limit, size) {
            block.skip_data(value, line.dropped);
        } else {
            block.add_data(value);
        }
        block.after_data = None;
        block.data_end = line.span.end;
        block
    }

    /// Dispatches a block that no blank line ends; returns the next one, which began at its name or its data.
    fn split_block<S: FrameSink>(
        &mut self,
        mut block: Block,
        span: Span,
        out: &mut Emitter<S>,
    ) -> Block {
        // If names precede data in this block, the name after the data belongs to the next block.
        let name_is_next = block.name.is_some() || block.name_after_data.is_none();
        let here = (span.start, span.line);
        let (end, opening) = if name_is_next {
            (block.data_end, block.after_data.unwrap_or(here))
        } else {
            (block.span.end, here)
        };
        let name =
            if name_is_next { block.name.as_deref() } else { block.name_after_data.as_deref() };
        self.dispatch(&block, name, end, BlockEnd::NextObject, out);
        let name = if name_is_next { block.name_after_data.take() } else { None };
        self.recycle(block);
        Block { name, ..Block::new(opening, mem::take(&mut self.reusable_data)) }
    }

    fn dispatch<S: FrameSink>(
        &mut self,
        block: &Block,
        name: Option<&[u8]>,
        end: u64,
        ended_by: BlockEnd,
        out: &mut Emitter<S>,
    ) {
        if block.too_large.is_some() {
            out.too_large(Span { end, ..block.span }, self.limit);
        } else if block.lines == 0 {
            // A block without data is not an event.
        } else if trim(&block.data) == b"[DONE]" {
            out.sink.done();
        } else {
            let missing =
                ended_by == BlockEnd::NextObject && !mem::replace(&mut self.missing_reported, true);
            out.sink.frame(Frame {
                data: &block.data,
                name: name.filter(|name| !name.is_empty()),
                offset: block.span.start,
                end,
                line: block.span.line,
                kind: FrameKind::Payload,
                single: false,
                missing_blank_line: missing,
                unfinished: ended_by == BlockEnd::EndOfSource,
                checked: None,
                members: out.members,
            });
        }
    }

    fn new_block(&mut self, span: Span) -> Block {
        Block::new((span.start, span.line), mem::take(&mut self.reusable_data))
    }

    fn recycle(&mut self, block: Block) {
        if block.data.capacity() <= MAX_REUSED {
            self.reusable_data = block.data;
            self.reusable_data.clear();
        }
    }
}

//! SSE blocks: their fields, where one ends, and the frames that they make.
//!
//! Follows the WHATWG algorithm, but for one thing: a further data line while the data is already one whole JSON object
//! ends the block, as a blank line would. The check is incremental, so a block of many lines costs what its bytes cost.

use std::mem;

use memchr::memchr;

use super::output::{Emitter, Frame, FrameKind, FrameSink, Line, Skipped, over};
use crate::diagnostics::{Code, Span};
use crate::json::{LineCheck, State, trim};
use crate::work::work;

/// The buffer of a block is kept for the next one up to this size.
const SPARE: usize = 1 << 20;

/// Name and value of a field line; the name is empty for a comment, the value is where there is no colon.
pub(crate) fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr(b':', line).unwrap_or(line.len());
    work(colon);
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
    let value = value.strip_prefix(b":").unwrap_or(value);
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Whether the standard knows a field of this name.
pub(crate) fn is_known(name: &[u8]) -> bool {
    matches!(name, b"data" | b"event" | b"id" | b"retry")
}

/// An open block.
#[derive(Debug)]
pub(crate) struct Block {
    /// From its first field line on.
    span: Span,
    /// The data lines so far, joined by newlines.
    data: Vec<u8>,
    lines: u64,
    size: u64,
    /// The end of its last data line, and where the line behind it begins (offset, line).
    edge: u64,
    after: Option<(u64, u64)>,
    name: Option<Vec<u8>>,
    /// A name that came after data.
    name_after: Option<Vec<u8>>,
    check: Option<LineCheck>,
    too_large: Option<Skipped>,
}

impl Block {
    fn new((start, line): (u64, u64), data: Vec<u8>) -> Self {
        Self {
            span: Span::at(start, line),
            data,
            lines: 0,
            size: 0,
            edge: start,
            after: None,
            name: None,
            name_after: None,
            check: None,
            too_large: None,
        }
    }

    /// Whether the data so far is one whole JSON object (or the end mark). Linear over all lines of the block.
    fn whole(&mut self) -> bool {
        let data = &self.data;
        let check = self.check.get_or_insert_with(|| {
            let mut check = LineCheck::new();
            for piece in data.split(|&byte| byte == b'\n') {
                check.push(piece);
            }
            check
        });
        (check.state() == State::Whole && check.is_object())
            || (self.lines == 1 && data == b"[DONE]")
    }

    /// Whether a further data line with text in it begins another block.
    fn is_over(&mut self) -> bool {
        self.too_large.is_some_and(Skipped::whole) || (self.lines > 0 && self.whole())
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

    fn skip_data(&mut self, value: &[u8], dropped: Option<Skipped>) {
        let skipped = self.too_large.get_or_insert_default();
        skipped.add(&self.data);
        match dropped {
            Some(dropped) => skipped.join(dropped),
            None => skipped.add(value),
        }
        self.data = Vec::new();
        self.lines = 0;
        self.check = None;
    }

    fn take_name(&mut self, value: &[u8], too_large: bool) {
        if too_large {
            self.too_large.get_or_insert_default();
        } else if self.lines > 0 || self.too_large.is_some() {
            self.name_after = Some(value.to_vec());
        } else {
            self.name = Some(value.to_vec());
        }
    }

    fn last_name(&self) -> Option<&[u8]> {
        self.name_after.as_deref().or(self.name.as_deref())
    }
}

/// Why a block ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Blank,
    Missing,
    Source,
}

/// Makes frames of fields and blank lines.
#[derive(Debug)]
pub(crate) struct Blocks {
    open: Option<Block>,
    /// The most bytes of a name or of the data.
    limit: Option<u64>,
    flush: bool,
    missing_seen: bool,
    spare: Vec<u8>,
}

impl Blocks {
    pub fn new(limit: Option<u64>, flush: bool) -> Self {
        Self { open: None, limit, flush, missing_seen: false, spare: Vec::new() }
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A line with a field of the standard.
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
                block.after.get_or_insert((line.span.start, line.span.line));
            }
            if name == b"event" {
                let too_large = line.dropped.is_some() || over(self.limit, value.len() as u64);
                block.take_name(value, too_large);
            }
        }
        block.span.end = line.span.end;
        self.open = Some(block);
    }

    /// A comment, or a field that the standard does not know; false outside of blocks.
    pub fn pass_by(&mut self, span: Span) -> bool {
        if let Some(block) = &mut self.open {
            block.span.end = span.end;
            block.after.get_or_insert((span.start, span.line));
        }
        self.open.is_some()
    }

    /// A blank line ends the block.
    pub fn blank<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        if let Some(block) = self.open.take() {
            self.dispatch(&block, block.last_name(), block.span.end, End::Blank, out);
            self.recycle(block);
        }
    }

    /// The source ends in a line that does not count; it stands in the open block or begins one.
    pub fn cut_short(&mut self, span: Span) {
        let block = self.open.take().unwrap_or_else(|| self.new_block(span));
        self.open = Some(Block { span: Span { end: span.end, ..block.span }, ..block });
    }

    /// The source ends, inside the block if one is open.
    pub fn finish<S: FrameSink>(&mut self, out: &mut Emitter<S>) {
        let Some(block) = self.open.take() else { return };
        if self.flush && (block.lines > 0 || block.too_large.is_some()) {
            self.dispatch(&block, block.last_name(), block.span.end, End::Source, out);
        } else {
            let what = if self.flush { "counted" } else { "was discarded" };
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
        let further = match line.dropped {
            Some(dropped) => dropped.first.is_some(),
            None => !trim(value).is_empty(),
        };
        if further && block.is_over() {
            block = self.split(block, line.span, out);
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
        block.after = None;
        block.edge = line.span.end;
        block
    }

    /// Dispatches a block that no blank line ends, and gives the next one, which began where its name or data does.
    fn split<S: FrameSink>(&mut self, mut block: Block, span: Span, out: &mut Emitter<S>) -> Block {
        // Where names come before data, the name behind the data is the next block's.
        let carried = block.name.is_some() || block.name_after.is_none();
        let here = (span.start, span.line);
        let (end, opening) = if carried {
            (block.edge, block.after.unwrap_or(here))
        } else {
            (block.span.end, here)
        };
        let name = if carried { block.name.as_deref() } else { block.name_after.as_deref() };
        self.dispatch(&block, name, end, End::Missing, out);
        let name = if carried { block.name_after.take() } else { None };
        self.recycle(block);
        Block { name, ..Block::new(opening, mem::take(&mut self.spare)) }
    }

    fn dispatch<S: FrameSink>(
        &mut self,
        block: &Block,
        name: Option<&[u8]>,
        end: u64,
        why: End,
        out: &mut Emitter<S>,
    ) {
        if block.too_large.is_some() {
            out.too_large(Span { end, ..block.span }, self.limit);
        } else if block.lines == 0 {
            // Without data there is no event.
        } else if trim(&block.data) == b"[DONE]" {
            out.sink.done();
        } else {
            let missing = why == End::Missing && !mem::replace(&mut self.missing_seen, true);
            out.sink.frame(Frame {
                data: &block.data,
                name: name.filter(|name| !name.is_empty()),
                offset: block.span.start,
                end,
                line: block.span.line,
                kind: FrameKind::Payload,
                missing_blank_line: missing,
                unfinished: why == End::Source,
                checked: None,
                members: out.members,
            });
        }
    }

    fn new_block(&mut self, span: Span) -> Block {
        Block::new((span.start, span.line), mem::take(&mut self.spare))
    }

    fn recycle(&mut self, block: Block) {
        if block.data.capacity() <= SPARE {
            self.spare = block.data;
            self.spare.clear();
        }
    }
}

//! The elements of a top-level JSON array of objects, found while the array arrives.
//!
//! This module matches brackets; each element is checked later, as an event. A line break inside a string, which JSON does
//! not allow, ends the array, so that a damaged array does not consume the rest of the source. After a syntax error between
//! two elements, the framer reads the rest as text.

use std::mem;
use std::ops::Range;

use memchr::memchr2;

use super::output::over;
use crate::diagnostics::Span;

/// A prefix longer than twice the limit and this number of bytes is a line of text.
const MAX_PREFIX: u64 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only the bracket and blanks so far.
    Undecided,
    First,
    Value,
    Comma,
    Element,
    Ended,
}

/// The result of a step through a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The chunk is consumed.
    More,
    /// The text is an array of objects, not a line of text like `[INFO] ready`.
    Accepted,
    /// The text is a line of text that begins with a bracket; `prefix` has its bytes so far.
    Rejected,
    /// An element is complete; [`Array::element`] returns its bytes, unless it is too large.
    Element { span: Span, too_large: bool },
    /// A line break inside a string ended an element.
    LineBreak(Span),
    /// The array has ended; the next byte is not part of it.
    Ended,
}

/// An open array. The framer passes it chunk after chunk until a step ends or rejects it.
#[derive(Debug)]
pub(super) struct Array {
    /// The position of its bracket, and the end of its last element.
    pub start: Span,
    pub last_end: Span,
    /// The line, from 1, of the next byte.
    pub line: u64,
    /// The bytes before it was accepted as an array.
    pub prefix: Vec<u8>,
    state: State,
    limit: Option<u64>,
    /// The start of the open element.
    opening: Span,
    /// The bytes of the open element from earlier chunks, and its range in this chunk.
    buffered: Vec<u8>,
    in_chunk: Range<usize>,
    element_size: u64,
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// The last byte that was read outside of strings.
    last_byte: u8,
}

impl Array {
    /// An array whose bracket is at `start`.
    pub fn new(start: Span, limit: Option<u64>) -> Self {
        Self {
            start,
            last_end: start,
            line: start.line,
            prefix: Vec::new(),
            state: State::Undecided,
            limit,
            opening: start,
            buffered: Vec::new(),
            in_chunk: 0..0,
            element_size: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            last_byte: b'[',
        }
    }

    pub fn is_accepted(&self) -> bool {
        self.state != State::Undecided
    }

    /// The span of the open element up to `end`.
    pub fn open_element(&self, end: u64) -> Option<Span> {
        (self.state == State::Element).then_some(Span { end, ..self.opening })
    }

    /// Whether the array ended inside a line.
    pub fn ends_inside_line(&self) -> bool {
        !matches!(self.last_byte, b'\r' | b'\n')
    }

    /// The bytes of the element that the last step completed in this chunk.
    pub fn element<'a>(&'a self, chunk: &'a [u8]) -> &'a [u8] {
        if self.buffered.is_empty() {
            chunk.get(self.in_chunk.clone()).unwrap_or_default()
        } else {
            &self.buffered
        }
    }

    /// Reads the chunk from `at` on; `shift` is the offset of the chunk in the source.
    pub fn step(&mut self, chunk: &[u8], at: &mut usize, shift: u64) -> Step {
        while self.state != State::Ended {
            let Some(&byte) = chunk.get(*at) else { return Step::More };
            let step = match self.state {
                State::Undecided => self.decide(chunk, at),
                State::Element => self.continue_element(chunk, at, shift),
                _ => self.between_elements(byte, at, shift),
            };
            if let Some(step) = step {
                return step;
            }
        }
        Step::Ended
    }

    /// Accepts or rejects the array by the first byte after the bracket and blanks.
    fn decide(&mut self, chunk: &[u8], at: &mut usize) -> Option<Step> {
        let rest = chunk.get(*at..).unwrap_or_default();
        let bracket = usize::from(self.prefix.is_empty());
        let blanks = rest.iter().skip(bracket).take_while(|byte| matches!(byte, b' ' | b'\t'));
        let size = (bracket + blanks.count()).min(rest.len());
        self.prefix.extend_from_slice(rest.get(..size).unwrap_or_default());
        *at += size;
        let bound = self.limit.map(|limit| limit.saturating_mul(2).saturating_add(MAX_PREFIX));
        if over(bound, self.prefix.len() as u64) {
            return Some(Step::Rejected);
        }
        if !matches!(rest.get(size)?, b'{' | b']' | b'\r' | b'\n') {
            return Some(Step::Rejected);
        }
        self.state = State::First;
        Some(Step::Accepted)
    }

    /// Reads one byte between elements.
    fn between_elements(&mut self, byte: u8, at: &mut usize, shift: u64) -> Option<Step> {
        match (byte, self.state) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => self.count_line(byte),
            (b'{', State::First | State::Value) => {
                self.state = State::Element;
                self.opening = Span::at(*at as u64 + shift, self.line);
                self.buffered.clear();
                self.element_size = 0;
                return None;
            }
            (b',', State::Comma) => self.state = State::Value,
            (b']', State::First | State::Comma) => self.state = State::Ended,
            _ => {
                self.state = State::Ended;
                return None;
            }
        }
        self.last_byte = byte;
        *at += 1;
        None
    }

    /// Continues to the end of the open element, or of the chunk.
    fn continue_element(&mut self, chunk: &[u8], at: &mut usize, shift: u64) -> Option<Step> {
        let start = *at;
        let line_broke = self.skip_element(chunk, at);
        self.element_size += (*at - start) as u64;
        self.in_chunk = start..*at;
        let too_large = over(self.limit, self.element_size);
        let span = Span { end: *at as u64 + shift, ..self.opening };
        if line_broke {
            self.state = State::Ended;
            return Some(Step::LineBreak(span));
        }
        let complete = self.depth == 0;
        if too_large {
            self.buffered = Vec::new();
        } else if !complete || !self.buffered.is_empty() {
            self.buffered.extend_from_slice(chunk.get(start..*at).unwrap_or_default());
        }
        if complete {
            self.state = State::Comma;
            self.last_end = Span::at(span.end, self.line);
            return Some(Step::Element { span, too_large });
        }
        None
    }

    /// Moves after the bracket that closes the element, or to the end of the chunk; returns true at a line break that ends
    /// the element.
    fn skip_element(&mut self, chunk: &[u8], at: &mut usize) -> bool {
        while *at < chunk.len() {
            if self.in_string && !self.escaped {
                let rest = chunk.get(*at..).unwrap_or_default();
                let size = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                if let Some(size) = rest.get(..size).and_then(|text| memchr2(b'\r', b'\n', text)) {
                    *at += size;
                    return true;
                }
                *at += size;
            }
            let Some(&byte) = chunk.get(*at) else { return false };
            if self.in_string {
                if matches!(byte, b'\r' | b'\n') {
                    return true;
                }
                let escaped = mem::replace(&mut self.escaped, false);
                self.escaped = byte == b'\\' && !escaped;
                self.in_string = byte != b'"' || escaped;
            } else {
                self.count_line(byte);
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            *at += 1;
            if self.depth == 0 {
                return false;
            }
        }
        false
    }

    /// Counts a line break outside of strings.
    fn count_line(&mut self, byte: u8) {
        if byte == b'\r' || (byte == b'\n' && self.last_byte != b'\r') {
            self.line += 1;
        }
        self.last_byte = byte;
    }
}

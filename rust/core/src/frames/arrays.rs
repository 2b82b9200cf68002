//! The elements of a top-level JSON array of objects, found while the array arrives.
//!
//! Brackets are matched here and little else is checked: each element is checked as an event later. A line break inside a
//! string, which JSON does not have, ends the array, so that a torn one does not take all that follows with it. The rest of
//! an array that is broken between two elements is left to the framer as text.

use std::mem;
use std::ops::Range;

use memchr::memchr2;

use super::output::over;
use crate::diagnostics::Span;

/// Bytes beyond twice the limit from which on a beginning is a line of text, whatever follows.
const LINE: u64 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only the bracket and blanks came.
    Unknown,
    First,
    Value,
    Comma,
    Element,
    Ended,
}

/// FrameKind a step through a chunk came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The chunk is used up.
    More,
    /// It is an array of objects, not a line of text such as `[INFO] ready`.
    Accepted,
    /// An ordinary line that begins with a bracket; `head` holds what was taken of it.
    Rejected,
    /// An element is complete; [`Array::element`] gives its bytes, unless it was too large.
    Element { span: Span, too_large: bool },
    /// The line ended inside a string of an element.
    Torn(Span),
    /// The array is over; what follows is not its own.
    Ended,
}

/// An open array, handed chunk after chunk until a step ends or rejects it.
#[derive(Debug)]
pub(crate) struct Array {
    /// Where its bracket stands, and the end of its last element.
    pub start: Span,
    pub edge: Span,
    /// The 1-based line at the end of what was taken.
    pub line: u64,
    /// FrameKind came before it was known to be an array.
    pub head: Vec<u8>,
    state: State,
    limit: Option<u64>,
    /// Where the open element begins.
    opening: Span,
    /// The open element's bytes in chunks before this one; those in this one.
    held: Vec<u8>,
    here: Range<usize>,
    size: u64,
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// The last byte that was taken, of those outside strings.
    last: u8,
}

impl Array {
    /// An array whose bracket is at this place.
    pub fn new(start: Span, limit: Option<u64>) -> Self {
        Self {
            start,
            edge: start,
            line: start.line,
            head: Vec::new(),
            state: State::Unknown,
            limit,
            opening: start,
            held: Vec::new(),
            here: 0..0,
            size: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            last: b'[',
        }
    }

    pub fn is_accepted(&self) -> bool {
        self.state != State::Unknown
    }

    /// The element that has not ended, up to `end`.
    pub fn open_element(&self, end: u64) -> Option<Span> {
        (self.state == State::Element).then_some(Span { end, ..self.opening })
    }

    /// FrameKind comes next is the rest of the line that was begun.
    pub fn inline(&self) -> bool {
        !matches!(self.last, b'\r' | b'\n')
    }

    /// The bytes of the element that the last step completed in this chunk.
    pub fn element<'a>(&'a self, chunk: &'a [u8]) -> &'a [u8] {
        if self.held.is_empty() {
            chunk.get(self.here.clone()).unwrap_or_default()
        } else {
            &self.held
        }
    }

    /// Takes bytes of the chunk from `at` on; `shift` is the offset of the chunk's first byte in the source.
    pub fn step(&mut self, chunk: &[u8], at: &mut usize, shift: u64) -> Step {
        while self.state != State::Ended {
            let Some(&byte) = chunk.get(*at) else { return Step::More };
            let step = match self.state {
                State::Unknown => self.decide(chunk, at),
                State::Element => self.go_on(chunk, at, shift),
                _ => self.between(byte, at, shift),
            };
            if let Some(step) = step {
                return step;
            }
        }
        Step::Ended
    }

    /// Looks at what follows the bracket on its line.
    fn decide(&mut self, chunk: &[u8], at: &mut usize) -> Option<Step> {
        let rest = chunk.get(*at..).unwrap_or_default();
        let bracket = usize::from(self.head.is_empty());
        let blanks = rest.iter().skip(bracket).take_while(|byte| matches!(byte, b' ' | b'\t'));
        let size = (bracket + blanks.count()).min(rest.len());
        self.head.extend_from_slice(rest.get(..size).unwrap_or_default());
        *at += size;
        let bound = self.limit.map(|limit| limit.saturating_mul(2).saturating_add(LINE));
        if over(bound, self.head.len() as u64) {
            return Some(Step::Rejected);
        }
        if !matches!(rest.get(size)?, b'{' | b']' | b'\r' | b'\n') {
            return Some(Step::Rejected);
        }
        self.state = State::First;
        Some(Step::Accepted)
    }

    fn between(&mut self, byte: u8, at: &mut usize, shift: u64) -> Option<Step> {
        match (byte, self.state) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => self.count(byte),
            (b'{', State::First | State::Value) => {
                self.state = State::Element;
                self.opening = Span::at(*at as u64 + shift, self.line);
                self.held.clear();
                self.size = 0;
                return None;
            }
            (b',', State::Comma) => self.state = State::Value,
            (b']', State::First | State::Comma) => self.state = State::Ended,
            _ => {
                self.state = State::Ended;
                return None;
            }
        }
        self.last = byte;
        *at += 1;
        None
    }

    /// Goes on to the end of the open element, or of the chunk.
    fn go_on(&mut self, chunk: &[u8], at: &mut usize, shift: u64) -> Option<Step> {
        let start = *at;
        let torn = self.find_end(chunk, at);
        self.size += (*at - start) as u64;
        self.here = start..*at;
        let too_large = over(self.limit, self.size);
        let span = Span { end: *at as u64 + shift, ..self.opening };
        if torn {
            self.state = State::Ended;
            return Some(Step::Torn(span));
        }
        let whole = self.depth == 0;
        if too_large {
            self.held = Vec::new();
        } else if !whole || !self.held.is_empty() {
            self.held.extend_from_slice(chunk.get(start..*at).unwrap_or_default());
        }
        if whole {
            self.state = State::Comma;
            self.edge = Span::at(span.end, self.line);
            return Some(Step::Element { span, too_large });
        }
        None
    }

    /// Moves behind the bracket that closes the element, or to the chunk's end; true at a break that tears it.
    fn find_end(&mut self, chunk: &[u8], at: &mut usize) -> bool {
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
                self.count(byte);
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

    /// Counts the line breaks of what is taken.
    fn count(&mut self, byte: u8) {
        if byte == b'\r' || (byte == b'\n' && self.last != b'\r') {
            self.line += 1;
        }
        self.last = byte;
    }
}

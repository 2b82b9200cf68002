//! The grammar of nested values, without recursion. A check can pause at the end of a line and continue with the next.

use super::lexer::{self, SyntaxError};
use super::limits::DEPTH_LIMIT;
use super::strings::utf8_ok;
use super::types::Kind;

/// Remembers checked values, so that equal ones are skipped. `()` remembers none.
pub(super) trait Cache {
    /// The string that begins at `at`, if it is cached.
    fn string(&mut self, text: &[u8], at: usize) -> Option<lexer::Token>;
    /// The end of the array or object that begins at `at`, and an upper bound of its nesting, if it is cached. `depth` is
    /// the number of levels around it.
    fn brackets(&mut self, text: &[u8], at: usize, depth: usize) -> Option<(usize, usize)>;
    /// Reads an object that is the value of the top-level member `key`, if the cache reads objects of this key member by
    /// member; returns the position after it.
    fn object(
        &mut self,
        text: &[u8],
        key: &[u8],
        at: usize,
        grammar: &mut Grammar,
    ) -> Option<Result<usize, SyntaxError>>;
}

impl Cache for () {
    #[inline]
    fn string(&mut self, _: &[u8], _: usize) -> Option<lexer::Token> {
        None
    }

    #[inline]
    fn brackets(&mut self, _: &[u8], _: usize, _: usize) -> Option<(usize, usize)> {
        None
    }

    #[inline]
    fn object(
        &mut self,
        _: &[u8],
        _: &[u8],
        _: usize,
        _: &mut Grammar,
    ) -> Option<Result<usize, SyntaxError>> {
        None
    }
}

/// The open levels: one bit per level, 1 for an object.
#[derive(Clone, Debug, Default)]
struct OpenLevels {
    /// Up to 64 innermost levels; the lowest bit is the innermost one.
    word: u64,
    /// Full words of the levels around them.
    outer: Vec<u64>,
    depth: usize,
}

impl OpenLevels {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.word >>= 1;
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.word = self.outer.pop().unwrap_or_default();
        }
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.word & 1 == 1
    }
}

/// The token that may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    Value,
    FirstValue,
    Key,
    FirstKey,
    Colon,
    Separator,
    End,
}

/// A check of one value, with its findings.
#[derive(Clone, Debug)]
pub(super) struct Grammar {
    open: OpenLevels,
    expects: Expects,
    /// The number of open levels around the value, which the caller reads itself.
    pub outer_depth: usize,
    pub over_limit: bool,
    pub lone_surrogate: bool,
    /// A string is not valid UTF-8.
    pub bad_utf8: bool,
    /// The deepest level so far, including the levels around the value.
    pub deepest: usize,
}

impl Grammar {
    pub fn new() -> Self {
        Self {
            open: OpenLevels::default(),
            expects: Expects::Value,
            outer_depth: 0,
            over_limit: false,
            lone_surrogate: false,
            bad_utf8: false,
            deepest: 0,
        }
    }

    /// Whether the value is complete.
    #[inline]
    pub fn ended(&self) -> bool {
        self.expects == Expects::End
    }

    /// Reads one whole value; returns the position after it.
    pub fn value<R: Cache>(
        &mut self,
        text: &[u8],
        at: usize,
        cache: &mut R,
    ) -> Result<usize, SyntaxError> {
        self.expects = Expects::Value;
        let end = self.run(text, at, cache)?;
        if self.ended() { Ok(end) } else { Err(SyntaxError) }
    }

    /// Continues to the end of the value, or to the end of the text; returns that position.
    pub fn run<R: Cache>(
        &mut self,
        text: &[u8],
        mut at: usize,
        cache: &mut R,
    ) -> Result<usize, SyntaxError> {
        let mut expects = self.expects;
        while expects != Expects::End {
            (at, expects) = self.scan_scalars(text, lexer::skip_space(text, at), expects, cache)?;
            if expects == Expects::End {
                break;
            }
            at = lexer::skip_space(text, at);
            if at >= text.len() {
                break;
            }
            (at, expects) = match expects {
                Expects::FirstValue if text[at] == b']' => self.close(at),
                Expects::Value | Expects::FirstValue => self.begin_value(text, at, cache)?,
                Expects::FirstKey if text[at] == b'}' => self.close(at),
                Expects::FirstKey | Expects::Key => self.key(text, at)?,
                Expects::Colon if text[at] == b':' => (at + 1, Expects::Value),
                Expects::Separator => self.separator(text[at], at)?,
                Expects::Colon | Expects::End => return Err(SyntaxError),
            };
        }
        self.expects = expects;
        Ok(at)
    }

    /// Reads consecutive scalars, or short keys with scalars, without white space, in one tight loop: most tokens of an
    /// event are of this form. [`Self::run`] handles all others.
    #[inline]
    fn scan_scalars<R: Cache>(
        &mut self,
        text: &[u8],
        mut at: usize,
        mut expects: Expects,
        cache: &mut R,
    ) -> Result<(usize, Expects), SyntaxError> {
        loop {
            match expects {
                Expects::Key | Expects::FirstKey if lexer::byte(text, at) == b'"' => {
                    let Some(end) = lexer::short_string(text, at + 1) else { break };
                    if lexer::byte(text, end + 1) != b':' {
                        break;
                    }
                    (at, expects) = (end + 2, Expects::Value);
                }
                Expects::Value => {}
                _ => break,
            }
            let first = lexer::byte(text, at);
            if !matches!(first, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') {
                break;
            }
            let (token, _) = self.scalar(text, at, first, cache)?;
            (at, expects) = self.after_scalar(text, token.end);
        }
        Ok((at, expects))
    }

    /// Records the findings of a string whose contents begin at `start`.
    #[inline]
    pub fn record_string(&mut self, text: &[u8], start: usize, string: lexer::Token) {
        self.lone_surrogate |= string.lone_surrogate;
        if string.non_ascii {
            self.bad_utf8 |= !utf8_ok(text.get(start..string.end - 1).unwrap_or_default());
        }
    }

    #[inline]
    fn begin_value<R: Cache>(
        &mut self,
        text: &[u8],
        at: usize,
        cache: &mut R,
    ) -> Result<(usize, Expects), SyntaxError> {
        match text[at] {
            first @ (b'{' | b'[') => {
                let depth = self.open.depth + self.outer_depth;
                match cache.brackets(text, at, depth) {
                    Some((end, nesting)) => {
                        self.deepest = self.deepest.max(depth + nesting);
                        Ok(self.after_scalar(text, end))
                    }
                    None if first == b'[' && depth < DEPTH_LIMIT => {
                        let empty = lexer::byte(text, at + 1) == b']';
                        let end = if empty { Some(at + 2) } else { None };
                        if let Some(end) = end.or_else(|| lexer::small_integers(text, at + 1)) {
                            self.deepest = self.deepest.max(depth + 1);
                            return Ok(self.after_scalar(text, end));
                        }
                        Ok((at + 1, self.open(false)))
                    }
                    None => Ok((at + 1, self.open(first == b'{'))),
                }
            }
            first => {
                let (token, _) = self.scalar(text, at, first, cache)?;
                Ok(self.after_scalar(text, token.end))
            }
        }
    }

    /// Reads a string, number or literal.
    #[inline]
    pub fn scalar<R: Cache>(
        &mut self,
        text: &[u8],
        at: usize,
        first: u8,
        cache: &mut R,
    ) -> Result<(lexer::Token, Kind), SyntaxError> {
        match first {
            b'"' => {
                if let Some(token) = cache.string(text, at) {
                    return Ok((token, Kind::String));
                }
                if let Some(end) = lexer::short_string(text, at + 1) {
                    return Ok((lexer::Token::plain(end + 1), Kind::String));
                }
                let token = lexer::string(text, at + 1)?;
                self.record_string(text, at + 1, token);
                Ok((token, Kind::String))
            }
            b'-' | b'0'..=b'9' => {
                let (token, too_many_digits) = lexer::number(text, at)?;
                self.over_limit |= too_many_digits;
                Ok((token, Kind::Number))
            }
            _ => lexer::literal(text, at),
        }
    }

    fn key(&mut self, text: &[u8], at: usize) -> Result<(usize, Expects), SyntaxError> {
        if text[at] != b'"' {
            return Err(SyntaxError);
        }
        let token = lexer::string(text, at + 1)?;
        self.record_string(text, at + 1, token);
        if lexer::byte(text, token.end) == b':' {
            return Ok((token.end + 1, Expects::Value));
        }
        Ok((token.end, Expects::Colon))
    }

    /// Reads the separator or bracket after a value too, if it follows without white space.
    #[inline]
    fn after_scalar(&mut self, text: &[u8], at: usize) -> (usize, Expects) {
        if self.open.depth == 0 {
            return (at, Expects::End);
        }
        match (lexer::byte(text, at), self.open.in_object()) {
            (b',', true) => (at + 1, Expects::Key),
            (b',', false) => (at + 1, Expects::Value),
            (b'}', true) | (b']', false) => self.close(at),
            _ => (at, Expects::Separator),
        }
    }

    #[inline]
    fn separator(&mut self, mark: u8, at: usize) -> Result<(usize, Expects), SyntaxError> {
        match (mark, self.open.in_object()) {
            (b',', true) => Ok((at + 1, Expects::Key)),
            (b',', false) => Ok((at + 1, Expects::Value)),
            (b'}', true) | (b']', false) => Ok(self.close(at)),
            _ => Err(SyntaxError),
        }
    }

    #[inline]
    fn open(&mut self, object: bool) -> Expects {
        self.open.push(object);
        self.deepest = self.deepest.max(self.open.depth + self.outer_depth);
        self.over_limit |= self.deepest > DEPTH_LIMIT;
        if object { Expects::FirstKey } else { Expects::FirstValue }
    }

    #[inline]
    fn close(&mut self, at: usize) -> (usize, Expects) {
        self.open.pop();
        (at + 1, self.after_value())
    }

    #[inline]
    fn after_value(&self) -> Expects {
        if self.open.depth == 0 { Expects::End } else { Expects::Separator }
    }

    /// The brackets that would close all open levels, innermost first.
    pub fn closers(&self) -> Vec<u8> {
        let mut open = self.open.clone();
        let mut closers = Vec::with_capacity(open.depth);
        while open.depth > 0 {
            closers.push(if open.in_object() { b'}' } else { b']' });
            open.pop();
        }
        closers
    }
}

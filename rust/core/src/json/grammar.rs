//! The grammar of nested values without recursion. It can stop at the end of a line and go on with the next.

use super::lexer::{self, Bad};
use super::strings::utf8_ok;
use super::types::{DEPTH_LIMIT, Kind};

/// What is known of values that may come again. `()` knows nothing.
pub(super) trait Cache {
    /// The string that begins here, if it is known.
    fn string(&mut self, text: &[u8], at: usize) -> Option<lexer::Token>;
    /// The end of the list or object that begins here, at this depth, if it is known; and how deep it nests at most.
    fn brackets(&mut self, text: &[u8], at: usize, depth: usize) -> Option<(usize, usize)>;
    /// Passes an object that is the value of a top-level member, if it is one of those that are known by their members.
    fn object(
        &mut self,
        text: &[u8],
        key: &[u8],
        at: usize,
        grammar: &mut Grammar,
    ) -> Option<Result<usize, Bad>>;
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
    ) -> Option<Result<usize, Bad>> {
        None
    }
}

/// What is open: a bit a level, 1 for an object.
#[derive(Clone, Debug, Default)]
struct Open {
    /// The innermost levels, up to 64; the lowest bit is the innermost.
    word: u64,
    /// Full words of the levels outside.
    outer: Vec<u64>,
    depth: usize,
}

impl Open {
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

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    Value,
    FirstValue,
    Key,
    FirstKey,
    Colon,
    Next,
    End,
}

/// A check of one value, and what it has met on the way.
#[derive(Clone, Debug)]
pub(super) struct Grammar {
    open: Open,
    expects: Expects,
    /// Levels that are open around the value, which the caller has passed itself.
    pub outer_depth: usize,
    pub over_limit: bool,
    pub lone_surrogate: bool,
    /// Some string is not UTF-8.
    pub bad_utf8: bool,
    /// The deepest level that was opened, with those around.
    pub deepest: usize,
}

impl Grammar {
    pub fn new() -> Self {
        Self {
            open: Open::default(),
            expects: Expects::Value,
            outer_depth: 0,
            over_limit: false,
            lone_surrogate: false,
            bad_utf8: false,
            deepest: 0,
        }
    }

    /// The value is complete.
    #[inline]
    pub fn ended(&self) -> bool {
        self.expects == Expects::End
    }

    /// Passes one whole value; gives the position right after it.
    pub fn value<R: Cache>(&mut self, text: &[u8], at: usize, cache: &mut R) -> Result<usize, Bad> {
        self.expects = Expects::Value;
        let end = self.run(text, at, cache)?;
        if self.ended() { Ok(end) } else { Err(Bad) }
    }

    /// Goes on with the value to its end, else to the end of the text; gives the position there.
    pub fn run<R: Cache>(
        &mut self,
        text: &[u8],
        mut at: usize,
        cache: &mut R,
    ) -> Result<usize, Bad> {
        let mut expects = self.expects;
        while expects != Expects::End {
            (at, expects) = self.stretch(text, lexer::skip_space(text, at), expects, cache)?;
            if expects == Expects::End {
                break;
            }
            at = lexer::skip_space(text, at);
            if at >= text.len() {
                break;
            }
            (at, expects) = match expects {
                Expects::FirstValue if text[at] == b']' => self.close(at),
                Expects::Value | Expects::FirstValue => self.begin(text, at, cache)?,
                Expects::FirstKey if text[at] == b'}' => self.close(at),
                Expects::FirstKey | Expects::Key => self.key(text, at)?,
                Expects::Colon if text[at] == b':' => (at + 1, Expects::Value),
                Expects::Next => self.separate(text[at], at)?,
                Expects::Colon | Expects::End => return Err(Bad),
            };
        }
        self.expects = expects;
        Ok(at)
    }

    /// Goes on in one loop as long as scalars follow each other, or short keys with scalars, without white space: that is
    /// most of what there is. What it leaves is for [`Self::run`] to look at.
    #[inline]
    fn stretch<R: Cache>(
        &mut self,
        text: &[u8],
        mut at: usize,
        mut expects: Expects,
        cache: &mut R,
    ) -> Result<(usize, Expects), Bad> {
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

    /// Notes what a string has in it, which begins behind the quote at `start`.
    #[inline]
    pub fn take(&mut self, text: &[u8], start: usize, string: lexer::Token) {
        self.lone_surrogate |= string.odd;
        if string.high {
            self.bad_utf8 |= !utf8_ok(text.get(start..string.end - 1).unwrap_or_default());
        }
    }

    #[inline]
    fn begin<R: Cache>(
        &mut self,
        text: &[u8],
        at: usize,
        cache: &mut R,
    ) -> Result<(usize, Expects), Bad> {
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

    /// Passes a string, number or word.
    #[inline]
    pub fn scalar<R: Cache>(
        &mut self,
        text: &[u8],
        at: usize,
        first: u8,
        cache: &mut R,
    ) -> Result<(lexer::Token, Kind), Bad> {
        match first {
            b'"' => {
                if let Some(token) = cache.string(text, at) {
                    return Ok((token, Kind::String));
                }
                if let Some(end) = lexer::short_string(text, at + 1) {
                    return Ok((lexer::Token::plain(end + 1), Kind::String));
                }
                let token = lexer::string(text, at + 1)?;
                self.take(text, at + 1, token);
                Ok((token, Kind::String))
            }
            b'-' | b'0'..=b'9' => {
                let token = lexer::number(text, at)?;
                self.over_limit |= token.odd;
                Ok((token, Kind::Number))
            }
            _ => lexer::word(text, at),
        }
    }

    fn key(&mut self, text: &[u8], at: usize) -> Result<(usize, Expects), Bad> {
        if text[at] != b'"' {
            return Err(Bad);
        }
        let token = lexer::string(text, at + 1)?;
        self.take(text, at + 1, token);
        if lexer::byte(text, token.end) == b':' {
            return Ok((token.end + 1, Expects::Value));
        }
        Ok((token.end, Expects::Colon))
    }

    /// Passes what stands right behind a scalar too, if it is what is expected.
    #[inline]
    fn after_scalar(&mut self, text: &[u8], at: usize) -> (usize, Expects) {
        if self.open.depth == 0 {
            return (at, Expects::End);
        }
        match (lexer::byte(text, at), self.open.in_object()) {
            (b',', true) => (at + 1, Expects::Key),
            (b',', false) => (at + 1, Expects::Value),
            (b'}', true) | (b']', false) => self.close(at),
            _ => (at, Expects::Next),
        }
    }

    #[inline]
    fn separate(&mut self, mark: u8, at: usize) -> Result<(usize, Expects), Bad> {
        match (mark, self.open.in_object()) {
            (b',', true) => Ok((at + 1, Expects::Key)),
            (b',', false) => Ok((at + 1, Expects::Value)),
            (b'}', true) | (b']', false) => Ok(self.close(at)),
            _ => Err(Bad),
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
        if self.open.depth == 0 { Expects::End } else { Expects::Next }
    }

    /// The brackets that would close what is open, innermost first.
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

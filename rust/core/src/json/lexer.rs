//! The tokens: white space, strings, numbers, words. Each function takes the text and a position, and gives the
//! position after the token.
//!
//! Strings are most of the bytes. They are searched a block at a time for what ends or breaks a run: a quote, a backslash
//! or a control character.

use super::types::{DIGIT_LIMIT, Kind};
use crate::simd;

/// A syntax error.
#[derive(Debug)]
pub(super) struct Bad;

/// A token that has been passed.
#[derive(Clone, Copy)]
pub(super) struct Token {
    pub end: usize,
    /// A string: it has a backslash.
    pub escaped: bool,
    /// A string: it has half a surrogate pair. A number: it is an integer of too many digits.
    pub odd: bool,
    /// A string: it has bytes that are not ASCII.
    pub high: bool,
}

impl Token {
    #[inline]
    pub fn plain(end: usize) -> Self {
        Self { end, escaped: false, odd: false, high: false }
    }
}

/// The byte at a position, 0 behind the end: no token contains a 0.
#[inline]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

#[inline]
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// The position of the next quote, backslash or control character, else the end of the text.
#[inline]
pub(super) fn special(text: &[u8], at: usize) -> usize {
    run(text, at).0
}

/// As [`special`], and whether a byte before that position is not ASCII.
#[inline]
fn run(text: &[u8], at: usize) -> (usize, bool) {
    let rest = text.get(at..).unwrap_or_default();
    let Some(block) = rest.first_chunk() else { return run_at_end(text, at, false) };
    let marks = simd::marks(block);
    if marks.special == 0 {
        return run_far(text, at + 16, marks.high != 0);
    }
    let size = marks.special.trailing_zeros();
    (at + size as usize, marks.high << (31 - size) << 1 != 0)
}

fn run_far(text: &[u8], mut at: usize, mut high: bool) -> (usize, bool) {
    let (blocks, _) = text.get(at..).unwrap_or_default().as_chunks::<16>();
    for block in blocks {
        let marks = simd::marks(block);
        if marks.special != 0 {
            let size = marks.special.trailing_zeros();
            return (at + size as usize, high || marks.high << (31 - size) << 1 != 0);
        }
        high |= marks.high != 0;
        at += 16;
    }
    run_at_end(text, at, high)
}

/// The last bytes of a text, too few for a block.
fn run_at_end(text: &[u8], at: usize, high: bool) -> (usize, bool) {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(block) = text.last_chunk::<16>().filter(|_| !rest.is_empty()) {
        let (marks, passed) = (simd::marks(block), 16 - rest.len());
        let special = marks.special >> passed;
        let size = special.trailing_zeros().min(rest.len() as u32);
        let seen = marks.high >> passed & !(u32::MAX << size);
        return (at + size as usize, high || seen != 0);
    }
    let found = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
    let size = found.unwrap_or(rest.len());
    (at + size, high || !rest[..size].is_ascii())
}

/// The position of the closing quote of a string that begins before `start`, if it is ASCII without escapes and shorter
/// than a block.
#[inline]
pub(super) fn short_string(text: &[u8], start: usize) -> Option<usize> {
    let block = text.get(start..)?.first_chunk::<16>()?;
    let size = simd::stops(block).trailing_zeros() as usize;
    // What stops a plain string is its quote.
    (block.get(size) == Some(&b'"')).then_some(start + size)
}

/// Passes a string, from the byte after its opening quote.
#[inline]
pub(super) fn string(text: &[u8], start: usize) -> Result<Token, Bad> {
    let (at, high) = run(text, start);
    if byte(text, at) == b'"' {
        return Ok(Token { high, ..Token::plain(at + 1) });
    }
    string_with_escapes(text, at, high)
}

fn string_with_escapes(text: &[u8], mut at: usize, mut high: bool) -> Result<Token, Bad> {
    let mut odd = false;
    while byte(text, at) == b'\\' {
        let escape = escape(text, at)?;
        odd |= escape.odd;
        let (end, more) = run(text, escape.end);
        (at, high) = (end, high | more);
    }
    // The caller came here because of a backslash, or else there is no quote now.
    let token = Token { end: at + 1, escaped: true, odd, high };
    if byte(text, at) == b'"' { Ok(token) } else { Err(Bad) }
}

fn escape(text: &[u8], at: usize) -> Result<Token, Bad> {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(Token::plain(at + 2)),
        b'u' => {
            let unit = code_unit(text, at + 2).ok_or(Bad)?;
            let high = (0xD800..0xDC00).contains(&unit);
            if high && low_surrogate(text, at + 6).is_some() {
                return Ok(Token::plain(at + 12));
            }
            Ok(Token { odd: (0xD800..0xE000).contains(&unit), ..Token::plain(at + 6) })
        }
        _ => Err(Bad),
    }
}

/// The low surrogate whose escape begins here, if one does.
fn low_surrogate(text: &[u8], at: usize) -> Option<u16> {
    if byte(text, at) != b'\\' || byte(text, at + 1) != b'u' {
        return None;
    }
    code_unit(text, at + 2).filter(|unit| (0xDC00..0xE000).contains(unit))
}

/// The value of four hexadecimal digits.
pub(super) fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..)?.first_chunk::<4>()?;
    let values = digits.map(|digit| HEX[usize::from(digit)]);
    let unit = values.iter().fold(0, |unit, value| unit << 4 | u16::from(value & 0xF));
    (values.iter().all(|value| *value < 16)).then_some(unit)
}

/// The value of each hexadecimal digit; 255 for what is none.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Passes a number.
#[inline]
pub(super) fn number(text: &[u8], start: usize) -> Result<Token, Bad> {
    let whole = start + usize::from(byte(text, start) == b'-');
    let end = match byte(text, whole) {
        b'0' => whole + 1,
        b'1'..=b'9' => digits(text, whole + 1),
        _ => return Err(Bad),
    };
    if matches!(byte(text, end), b'.' | b'e' | b'E') {
        return fraction(text, end);
    }
    Ok(Token { odd: end - whole > DIGIT_LIMIT, ..Token::plain(end) })
}

fn fraction(text: &[u8], mut at: usize) -> Result<Token, Bad> {
    if byte(text, at) == b'.' {
        at = some_digits(text, at + 1)?;
    }
    if matches!(byte(text, at), b'e' | b'E') {
        let signed = matches!(byte(text, at + 1), b'+' | b'-');
        at = some_digits(text, at + 1 + usize::from(signed))?;
    }
    Ok(Token::plain(at))
}

#[inline]
fn digits(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        // A digit is 0 to 9 with the bits of '0' off; a high bit marks what is more.
        let values = u64::from_le_bytes(*chunk) ^ (ONES * 0x30);
        let carried = (values & (ONES * 0x7F)) + ONES * 0x76;
        let others = (carried | values) & (ONES * 0x80);
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// Passes the rest of a list of integers of few digits without white space, as the bytes of tokens come, from behind its
/// bracket; None for any other.
#[inline]
pub(super) fn small_integers(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let start = at;
        while byte(text, at).is_ascii_digit() && at < start + 4 {
            at += 1;
        }
        if at == start || (byte(text, start) == b'0' && at > start + 1) {
            return None;
        }
        match byte(text, at) {
            b',' => at += 1,
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn some_digits(text: &[u8], at: usize) -> Result<usize, Bad> {
    let end = digits(text, at);
    if end > at { Ok(end) } else { Err(Bad) }
}

/// Passes `true`, `false` or `null`.
#[inline]
pub(super) fn word(text: &[u8], start: usize) -> Result<(Token, Kind), Bad> {
    let (word, kind): (&[u8], Kind) = match byte(text, start) {
        b't' => (b"true", Kind::True),
        b'f' => (b"false", Kind::False),
        b'n' => (b"null", Kind::Null),
        _ => return Err(Bad),
    };
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with(word) { Ok((Token::plain(start + word.len()), kind)) } else { Err(Bad) }
}

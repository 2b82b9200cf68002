//! Tokens: white space, strings, numbers, literals. Each function takes the text and a position, and returns the position
//! after the token.
//!
//! Most bytes of an event are in strings. They are searched in blocks of 16 bytes for a special byte: a quote, a backslash
//! or a control character.

use super::limits::DIGIT_LIMIT;
use super::types::Kind;
use crate::simd;

/// A syntax error.
#[derive(Debug)]
pub(super) struct SyntaxError;

/// A token that was read.
#[derive(Clone, Copy)]
pub(super) struct Token {
    pub end: usize,
    /// A string with a backslash.
    pub escaped: bool,
    /// A string with half of a surrogate pair.
    pub lone_surrogate: bool,
    /// A string with bytes that are not ASCII.
    pub non_ascii: bool,
}

impl Token {
    #[inline]
    pub fn plain(end: usize) -> Self {
        Self { end, escaped: false, lone_surrogate: false, non_ascii: false }
    }
}

/// The byte at a position, or 0 after the end of the text. No token contains a 0 byte.
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

/// The position of the next quote, backslash or control character, or the end of the text.
#[inline]
pub(super) fn next_special(text: &[u8], at: usize) -> usize {
    find_special(text, at).0
}

/// As [`next_special`]; also returns whether a byte before that position is not ASCII.
#[inline]
fn find_special(text: &[u8], at: usize) -> (usize, bool) {
    let rest = text.get(at..).unwrap_or_default();
    let Some(block) = rest.first_chunk() else { return find_special_at_end(text, at, false) };
    let marks = simd::marks(block);
    if marks.special == 0 {
        return find_special_far(text, at + 16, marks.non_ascii != 0);
    }
    let size = marks.special.trailing_zeros();
    (at + size as usize, marks.non_ascii << (31 - size) << 1 != 0)
}

/// Continues [`find_special`] after the first block.
fn find_special_far(text: &[u8], mut at: usize, mut non_ascii: bool) -> (usize, bool) {
    let (blocks, _) = text.get(at..).unwrap_or_default().as_chunks::<16>();
    for block in blocks {
        let marks = simd::marks(block);
        if marks.special != 0 {
            let size = marks.special.trailing_zeros();
            return (at + size as usize, non_ascii || marks.non_ascii << (31 - size) << 1 != 0);
        }
        non_ascii |= marks.non_ascii != 0;
        at += 16;
    }
    find_special_at_end(text, at, non_ascii)
}

/// Continues [`find_special`] in the last bytes of a text, which are too few for a block.
fn find_special_at_end(text: &[u8], at: usize, non_ascii: bool) -> (usize, bool) {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(block) = text.last_chunk::<16>().filter(|_| !rest.is_empty()) {
        let (marks, passed) = (simd::marks(block), 16 - rest.len());
        let special = marks.special >> passed;
        let size = special.trailing_zeros().min(rest.len() as u32);
        let non_ascii_before = marks.non_ascii >> passed & !(u32::MAX << size);
        return (at + size as usize, non_ascii || non_ascii_before != 0);
    }
    let found = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
    let size = found.unwrap_or(rest.len());
    (at + size, non_ascii || !rest[..size].is_ascii())
}

/// The position of the closing quote of a string whose contents begin at `start`, if the string is ASCII without escapes
/// and shorter than a block.
#[inline]
pub(super) fn short_string(text: &[u8], start: usize) -> Option<usize> {
    let block = text.get(start..)?.first_chunk::<16>()?;
    let size = simd::special_or_non_ascii(block).trailing_zeros() as usize;
    (block.get(size) == Some(&b'"')).then_some(start + size)
}

/// Reads a string, from the byte after its opening quote.
#[inline]
pub(super) fn string(text: &[u8], start: usize) -> Result<Token, SyntaxError> {
    let (at, non_ascii) = find_special(text, start);
    if byte(text, at) == b'"' {
        return Ok(Token { non_ascii, ..Token::plain(at + 1) });
    }
    string_with_escapes(text, at, non_ascii)
}

fn string_with_escapes(
    text: &[u8],
    mut at: usize,
    mut non_ascii: bool,
) -> Result<Token, SyntaxError> {
    let mut lone_surrogate = false;
    while byte(text, at) == b'\\' {
        let escape = escape(text, at)?;
        lone_surrogate |= escape.lone_surrogate;
        let (end, more) = find_special(text, escape.end);
        (at, non_ascii) = (end, non_ascii | more);
    }
    // Without a backslash the loop did not run, and the byte here is no quote: the caller has compared it.
    let token = Token { end: at + 1, escaped: true, lone_surrogate, non_ascii };
    if byte(text, at) == b'"' { Ok(token) } else { Err(SyntaxError) }
}

fn escape(text: &[u8], at: usize) -> Result<Token, SyntaxError> {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(Token::plain(at + 2)),
        b'u' => {
            let unit = code_unit(text, at + 2).ok_or(SyntaxError)?;
            let is_high = (0xD800..0xDC00).contains(&unit);
            if is_high && low_surrogate(text, at + 6).is_some() {
                return Ok(Token::plain(at + 12));
            }
            Ok(Token { lone_surrogate: (0xD800..0xE000).contains(&unit), ..Token::plain(at + 6) })
        }
        _ => Err(SyntaxError),
    }
}

/// The low surrogate whose escape begins at this position, if there is one.
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

/// The value of each hexadecimal digit; 255 for other bytes.
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

/// Reads a number; also returns whether it is an integer of more than [`DIGIT_LIMIT`] digits.
#[inline]
pub(super) fn number(text: &[u8], start: usize) -> Result<(Token, bool), SyntaxError> {
    let whole = start + usize::from(byte(text, start) == b'-');
    let end = match byte(text, whole) {
        b'0' => whole + 1,
        b'1'..=b'9' => digits(text, whole + 1),
        _ => return Err(SyntaxError),
    };
    if matches!(byte(text, end), b'.' | b'e' | b'E') {
        return Ok((fraction(text, end)?, false));
    }
    Ok((Token::plain(end), end - whole > DIGIT_LIMIT))
}

fn fraction(text: &[u8], mut at: usize) -> Result<Token, SyntaxError> {
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
        // Without the bits of '0', a digit is 0 to 9. Adding 0x76 sets the high bit of larger values.
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

/// Reads an array of integers of at most four digits without white space, from the byte after its bracket; `None` for any
/// other array. Lists of token bytes look like this.
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

fn some_digits(text: &[u8], at: usize) -> Result<usize, SyntaxError> {
    let end = digits(text, at);
    if end > at { Ok(end) } else { Err(SyntaxError) }
}

/// Reads `true`, `false` or `null`.
#[inline]
pub(super) fn literal(text: &[u8], start: usize) -> Result<(Token, Kind), SyntaxError> {
    let (literal, kind): (&[u8], Kind) = match byte(text, start) {
        b't' => (b"true", Kind::True),
        b'f' => (b"false", Kind::False),
        b'n' => (b"null", Kind::Null),
        _ => return Err(SyntaxError),
    };
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with(literal) {
        Ok((Token::plain(start + literal.len()), kind))
    } else {
        Err(SyntaxError)
    }
}

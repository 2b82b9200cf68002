//! The tokens: white space, strings, numbers, words. Each function takes the text and a position, and gives the
//! position after the token.
//!
//! Strings are most of the bytes. They are searched a machine word at a time for what ends or breaks a run: a quote, a
//! backslash or a control character.

use super::{DIGIT_LIMIT, Kind};

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
}

impl Token {
    #[inline]
    fn plain(end: usize) -> Self {
        Self { end, escaped: false, odd: false }
    }
}

const LOW_BITS: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = LOW_BITS << 7;

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

/// Marks the high bit of each byte that is a quote, a backslash or below 0x20. Bits above the lowest may be false.
#[inline]
fn marks(word: u64) -> u64 {
    // 0x22 ^ 0x02 is 0x20, and the control characters stay among themselves: one comparison finds both.
    let quotes_and_controls = (word ^ (LOW_BITS * 0x02)).wrapping_sub(LOW_BITS * 0x21);
    let backslashes = (word ^ (LOW_BITS * 0x5C)).wrapping_sub(LOW_BITS);
    (quotes_and_controls | backslashes) & !word & HIGH_BITS
}

#[inline]
fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// The position of the next quote, backslash or control character, else the end of the text.
#[inline]
pub(super) fn special(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk::<8>() {
        let found = marks(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + first(found);
        }
        if let Some(chunk) = rest[8..].first_chunk::<8>() {
            let found = marks(u64::from_le_bytes(*chunk));
            if found != 0 {
                return at + 8 + first(found);
            }
            return special_far(text, at + 16);
        }
    }
    special_near_end(text, at)
}

fn special_far(text: &[u8], mut at: usize) -> usize {
    let (blocks, _) = text.get(at..).unwrap_or_default().as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        if words.iter().fold(0, |all, word| all | marks(u64::from_le_bytes(*word))) != 0 {
            break;
        }
        at += 32;
    }
    let (words, _) = text.get(at..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return at + first(found);
        }
        at += 8;
    }
    special_near_end(text, at)
}

fn special_near_end(text: &[u8], at: usize) -> usize {
    let found = text.iter().skip(at).position(|&b| b < 0x20 || b == b'"' || b == b'\\');
    found.map_or(text.len(), |offset| at + offset)
}

/// Passes a string, from the byte after its opening quote.
#[inline]
pub(super) fn string(text: &[u8], start: usize) -> Result<Token, Bad> {
    let at = special(text, start);
    if byte(text, at) == b'"' { Ok(Token::plain(at + 1)) } else { string_with_escapes(text, at) }
}

fn string_with_escapes(text: &[u8], mut at: usize) -> Result<Token, Bad> {
    let mut odd = false;
    while byte(text, at) == b'\\' {
        let escape = escape(text, at)?;
        odd |= escape.odd;
        at = special(text, escape.end);
    }
    // The caller came here because of a backslash, or else there is no quote now.
    if byte(text, at) == b'"' { Ok(Token { end: at + 1, escaped: true, odd }) } else { Err(Bad) }
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
            Ok(Token { end: at + 6, escaped: true, odd: (0xD800..0xE000).contains(&unit) })
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
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | (digit as char).to_digit(16)? as u16))
}

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
    Ok(Token { end, escaped: false, odd: end - whole > DIGIT_LIMIT })
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
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    at
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

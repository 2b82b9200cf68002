//! Decodes and writes JSON strings.
//!
//! Two deltas may split a surrogate pair. The text of deltas is therefore collected in WTF-8, which is UTF-8 that may
//! contain a lone surrogate as three bytes (`ED A0 80` to `ED BF BF`, never valid UTF-8). [`finish_wtf8`] converts the
//! complete text to UTF-8.

use std::borrow::Cow;

use simdutf8::basic::from_utf8;

use super::lexer;
use crate::simd::same;
use crate::work::work;

const REPLACEMENT: &str = "\u{FFFD}";

/// Whether the text is valid UTF-8.
pub fn utf8_ok(text: &[u8]) -> bool {
    work(text.len());
    text.is_ascii() || from_utf8(text).is_ok()
}

/// The text of a valid quoted string; lone surrogates and invalid UTF-8 become U+FFFD. Borrows if nothing changes.
pub fn decode_str(quoted: &[u8]) -> Cow<'_, str> {
    decode_body(unquote(quoted))
}

/// As [`decode_str`], without the quotes.
pub(super) fn decode_body(body: &[u8]) -> Cow<'_, str> {
    work(body.len());
    if memchr::memchr(b'\\', body).is_none() {
        return lossy(body);
    }
    let mut out = Vec::with_capacity(body.len());
    unescape(body, &mut out);
    match String::from_utf8(out) {
        Ok(text) => Cow::Owned(text),
        Err(error) => Cow::Owned(finish_wtf8(error.as_bytes()).into_owned()),
    }
}

/// Appends the text of a valid quoted string in WTF-8.
///
/// Invalid UTF-8 becomes U+FFFD, a pair of surrogate escapes becomes its character. Lone surrogates are preserved; a low
/// one at the start of the string joins a high one at the end of `out`.
pub fn decode_wtf8(quoted: &[u8], out: &mut Vec<u8>) {
    unescape(unquote(quoted), out);
}

/// As [`decode_wtf8`], without the quotes.
pub fn decode_wtf8_body(body: &[u8], out: &mut Vec<u8>) {
    unescape(body, out);
}

fn unquote(quoted: &[u8]) -> &[u8] {
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    inner.strip_suffix(b"\"").unwrap_or(inner)
}

/// Whether a valid quoted string decodes to this text. May return false for equal texts with lone surrogates or invalid
/// UTF-8; the caller then compares decoded texts.
pub fn reads_as(quoted: &[u8], wtf8: &[u8]) -> bool {
    let mut rest = unquote(quoted);
    let mut text = wtf8;
    if text.len() > rest.len() {
        return false;
    }
    let mut escape = Vec::new();
    while let Some(run) = next_escape(rest) {
        if text.len() <= run || !same(&rest[..run], &text[..run]) {
            return false;
        }
        let after = &text[run..];
        if let Some(byte) = short_escape(lexer::byte(rest, run + 1)) {
            if after[0] != byte {
                return false;
            }
            (text, rest) = (&after[1..], &rest[run + 2..]);
            continue;
        }
        escape.clear();
        let mut used = push_escape(&rest[run..], &mut escape);
        // Two surrogate escapes may be one character: decode them together.
        if escape.first_chunk::<3>().copied().and_then(surrogate).is_some()
            && lexer::byte(rest, run + used) == b'\\'
        {
            used += push_escape(&rest[run + used..], &mut escape);
        }
        let Some(after) = after.strip_prefix(&escape[..]) else { return false };
        (text, rest) = (after, rest.get(run + used..).unwrap_or_default());
    }
    work(wtf8.len());
    // Lone surrogates and invalid UTF-8 need a comparison of decoded texts.
    text == rest && utf8_ok(wtf8)
}

/// The position of the next escape. Escapes are often adjacent, as in escaped text of non-Latin scripts.
#[inline]
fn next_escape(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'\\') { Some(0) } else { memchr::memchr(b'\\', text) }
}

/// Appends the decoded string. Valid UTF-8, the common case, is checked once and copied from escape to escape.
fn unescape(body: &[u8], out: &mut Vec<u8>) {
    work(body.len());
    let Some(first) = memchr::memchr(b'\\', body) else { return push_lossy(body, out) };
    if !utf8_ok(body) {
        return unescape_lossy(body, out);
    }
    out.reserve(body.len());
    out.extend_from_slice(&body[..first]);
    let mut at = first;
    while at < body.len() {
        let end = if body[at] == b'\\' {
            if let Some(byte) = short_escape(lexer::byte(body, at + 1)) {
                out.push(byte);
                at + 2
            } else {
                at + push_escape(&body[at..], out)
            }
        } else {
            // Quotes and control characters are not part of a valid string; they are copied.
            let end = lexer::next_special(body, at).max(at + 1);
            out.extend_from_slice(&body[at..end]);
            end
        };
        at = end;
    }
}

fn unescape_lossy(body: &[u8], out: &mut Vec<u8>) {
    let mut rest = body;
    while let Some(run) = memchr::memchr(b'\\', rest) {
        push_lossy(&rest[..run], out);
        let used = push_escape(&rest[run..], out);
        rest = rest.get(run + used..).unwrap_or_default();
    }
    push_lossy(rest, out);
}

/// The bytes as text, with U+FFFD for invalid UTF-8. Valid text, the common case, costs one fast check.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn push_lossy(run: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(lossy(run).as_bytes());
}

/// The byte that a two-byte escape means, by its second byte.
#[inline]
fn short_escape(mark: u8) -> Option<u8> {
    Some(match mark {
        b'"' | b'\\' | b'/' => mark,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// Appends the text of an escape; returns the length of the escape. An invalid escape becomes U+FFFD.
fn push_escape(escape: &[u8], out: &mut Vec<u8>) -> usize {
    let mark = lexer::byte(escape, 1);
    if let Some(byte) = short_escape(mark) {
        out.push(byte);
        return 2;
    }
    if mark != b'u' {
        out.extend_from_slice(REPLACEMENT.as_bytes());
        return 1;
    }
    if let Some(unit) = lexer::code_unit(escape, 2) {
        push_unit(unit, out);
        return 6;
    }
    out.extend_from_slice(REPLACEMENT.as_bytes());
    2
}

/// Appends a UTF-16 code unit. Each branch appends a constant size, so that no copy is a function call.
#[inline]
fn push_unit(unit: u16, out: &mut Vec<u8>) {
    let last = 0x80 | (unit & 0x3F) as u8;
    if unit < 0x80 {
        out.push(unit as u8);
    } else if unit < 0x800 {
        out.extend_from_slice(&[0xC0 | (unit >> 6) as u8, last]);
    } else if let Some(character) = join_pair(out, unit) {
        out.truncate(out.len() - 3);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.extend_from_slice(&[0xE0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3F) as u8, last]);
    }
}

/// The character of a surrogate pair: `out` ends with its first half, `low` is the second.
fn join_pair(out: &[u8], low: u16) -> Option<char> {
    if !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    let high = surrogate(*out.last_chunk::<3>()?).filter(|high| *high < 0xDC00)?;
    char::decode_utf16([high, low]).next()?.ok()
}

/// The surrogate that these WTF-8 bytes encode, if they encode one.
fn surrogate(bytes: [u8; 3]) -> Option<u16> {
    match bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF] => {
            Some(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F))
        }
        _ => None,
    }
}

/// Converts WTF-8 to text: a pair of surrogates becomes its character, a lone one U+FFFD. Borrows if there are none.
pub fn finish_wtf8(wtf8: &[u8]) -> Cow<'_, str> {
    work(wtf8.len());
    let mut rest = wtf8;
    let mut out = String::new();
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, after) = rest.split_at(error.valid_up_to());
        out.push_str(&String::from_utf8_lossy(valid));
        let (character, used) = leading_surrogate(after);
        out.push(character);
        let used = used.unwrap_or(error.error_len().unwrap_or(after.len()));
        rest = after.get(used..).unwrap_or_default();
    }
    if out.is_empty() {
        return lossy(rest);
    }
    out.push_str(&lossy(rest));
    Cow::Owned(out)
}

/// The character of the surrogate or surrogate pair at the start, and its size in bytes; U+FFFD without a size if the bytes
/// do not begin with a surrogate.
fn leading_surrogate(bytes: &[u8]) -> (char, Option<usize>) {
    let unit = |at: usize| bytes.get(at..)?.first_chunk::<3>().copied().and_then(surrogate);
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, None) };
    let pair = unit(3).filter(|low| first < 0xDC00 && *low >= 0xDC00);
    let character = pair.and_then(|low| char::decode_utf16([first, low]).next()?.ok());
    character.map_or((char::REPLACEMENT_CHARACTER, Some(3)), |joined| (joined, Some(6)))
}

/// Appends the canonical quoted form: only required escapes, each in its shortest form.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut start = 0;
    loop {
        let at = lexer::next_special(bytes, start);
        out.extend_from_slice(&bytes[start..at]);
        let Some(&byte) = bytes.get(at) else { break };
        write_escape(byte, out);
        start = at + 1;
    }
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit & 15)];
            out.extend([b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

/// The value of an integer literal that fits 64 bits; `None` for other texts, also those with a fraction or exponent.
pub fn parse_index(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = digits == b"0" || !digits.starts_with(b"0");
    if !canonical || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut number = 0_i64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    // The sum is negative, because the range has one more negative number than positive ones.
    if digits.len() < text.len() { Some(number) } else { number.checked_neg() }
}

/// The text without the white space around it.
pub fn trim(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(start, |last| last + 1);
    work(start + text.len() - end);
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined_text(parts: &[&str]) -> String {
        let mut out = Vec::new();
        for part in parts {
            decode_wtf8(format!("\"{part}\"").as_bytes(), &mut out);
        }
        finish_wtf8(&out).into_owned()
    }

    #[test]
    fn strings_decode() {
        let rows: &[(&[u8], &str)] = &[
            (b"\"\"", ""),
            (b"\"plain\"", "plain"),
            (br#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (br#""\u0041\u00E9\uffff""#, "A\u{e9}\u{ffff}"),
            (br#""\ud83d\ude00""#, "\u{1f600}"),
            (br#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (b"\"\xff\\n\xe2\x82\"", "\u{fffd}\n\u{fffd}"),
            (b"\"\xed\xa0\xbd\\ude00\"", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        ];
        for (quoted, text) in rows {
            assert_eq!(decode_str(quoted), *text, "{}", quoted.escape_ascii());
            let mut out = Vec::new();
            decode_wtf8(quoted, &mut out);
            assert_eq!(finish_wtf8(&out), *text, "{}", quoted.escape_ascii());
        }
        assert!(matches!(decode_str(b"\"plain\""), Cow::Borrowed("plain")));
    }

    #[test]
    fn invalid_strings_decode_without_panic() {
        for quoted in [&b""[..], b"\"", b"\\", b"\"\\\"", b"\"\\u12\"", b"\"\\x\"", b"\\u"] {
            decode_str(quoted);
        }
    }

    #[test]
    fn split_surrogate_pairs_join() {
        assert_eq!(joined_text(&[r"a\ud83d", r"\ude00b"]), "a\u{1f600}b");
        assert_eq!(joined_text(&[r"\ud83d", "", r"\ude00"]), "\u{1f600}");
        assert_eq!(joined_text(&[r"\ud83d", "x", r"\ude00"]), "\u{fffd}x\u{fffd}");
        assert_eq!(joined_text(&[r"\ud83d", r"\ud83d\ude00"]), "\u{fffd}\u{1f600}");
        assert_eq!(joined_text(&[r"\ude00", r"\ud83d"]), "\u{fffd}\u{fffd}");
        assert_eq!(finish_wtf8(b"\xed\xa0\xbd\xed\xb8\x80"), "\u{1f600}");
        assert!(matches!(finish_wtf8("é".as_bytes()), Cow::Borrowed("é")));
    }

    #[test]
    fn written_strings_decode_to_the_same_text() {
        let mut out = Vec::new();
        write_str("a\"\\/\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}é😀", &mut out);
        let expected = "\"a\\\"\\\\/\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}é😀\"";
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
        assert_eq!(decode_str(&out), "a\"\\/\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}é😀");
    }

    #[test]
    fn indexes_parse() {
        let rows: &[(&[u8], Option<i64>)] = &[
            (b"0", Some(0)),
            (b"-0", Some(0)),
            (b"65535", Some(65535)),
            (b"-9223372036854775808", Some(i64::MIN)),
            (b"9223372036854775808", None),
            (b"1.0", None),
            (b"1e2", None),
            (b"01", None),
            (b"+1", None),
            (b"-", None),
            (b"", None),
            (b"\"1\"", None),
        ];
        for (text, index) in rows {
            assert_eq!(parse_index(text), *index, "{}", text.escape_ascii());
        }
    }
}

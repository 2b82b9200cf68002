//! Checks a text in one pass and locates the members of the top-level object.

use super::grammar::{Cache, Grammar};
use super::lexer::{self, SyntaxError};
use super::limits::SIZE_LIMIT;
use super::types::{Checked, Fault, Kind, Member, Range32};
use crate::work::work;

/// Checks a whole text and, when it is an object, locates its top-level members in order, duplicates included.
///
/// `members` is cleared first; it stays empty for other values and for invalid texts. Members of a text over a depth or
/// digit limit are located. Allocates only if `members` must grow or nesting exceeds 64 levels.
pub fn check(text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
    check_with(text, members, &mut ()).0
}

/// As [`check`], with a cache of checked values; also returns the deepest nesting.
pub(super) fn check_with<R: Cache>(
    text: &[u8],
    members: &mut Vec<Member>,
    cache: &mut R,
) -> (Result<Checked, Fault>, usize) {
    work(text.len());
    members.clear();
    let mut grammar = Grammar::new();
    let result = whole_text(text, &mut grammar, members, cache);
    if result.is_err() || text.len() > SIZE_LIMIT {
        members.clear();
    }
    let checked = match result {
        Err(SyntaxError) => Err(Fault::Bad),
        Ok(_) if grammar.over_limit || text.len() > SIZE_LIMIT => Err(Fault::Limit),
        Ok(kind) => Ok(Checked {
            kind,
            lone_surrogate: grammar.lone_surrogate,
            bad_utf8: grammar.bad_utf8,
            recognised: false,
            serial: 0,
        }),
    };
    (checked, grammar.deepest)
}

#[inline]
fn whole_text<R: Cache>(
    text: &[u8],
    grammar: &mut Grammar,
    members: &mut Vec<Member>,
    cache: &mut R,
) -> Result<Kind, SyntaxError> {
    let start = lexer::skip_space(text, 0);
    let kind = Kind::of(lexer::byte(text, start)).ok_or(SyntaxError)?;
    let end = if kind == Kind::Object {
        grammar.outer_depth = 1;
        object(text, start + 1, grammar, members, cache)?
    } else {
        grammar.value(text, start, cache)?
    };
    if lexer::skip_space(text, end) == text.len() { Ok(kind) } else { Err(SyntaxError) }
}

/// Reads the top-level object, from the byte after its opening brace.
#[inline]
fn object<R: Cache>(
    text: &[u8],
    start: usize,
    grammar: &mut Grammar,
    members: &mut Vec<Member>,
    cache: &mut R,
) -> Result<usize, SyntaxError> {
    let mut at = lexer::skip_space(text, start);
    if lexer::byte(text, at) == b'}' {
        return Ok(at + 1);
    }
    loop {
        let member = member(text, at, grammar, cache)?;
        members.push(member.0);
        at = lexer::skip_space(text, member.1);
        match lexer::byte(text, at) {
            b',' => at = lexer::skip_space(text, at + 1),
            b'}' => return Ok(at + 1),
            _ => return Err(SyntaxError),
        }
    }
}

/// Reads a key, a colon and a value; returns the member and the position after it.
#[inline]
pub(super) fn member<R: Cache>(
    text: &[u8],
    at: usize,
    grammar: &mut Grammar,
    cache: &mut R,
) -> Result<(Member, usize), SyntaxError> {
    if lexer::byte(text, at) != b'"' {
        return Err(SyntaxError);
    }
    let key = if let Some(end) = lexer::short_string(text, at + 1) {
        lexer::Token::plain(end + 1)
    } else {
        let key = lexer::string(text, at + 1)?;
        grammar.record_string(text, at + 1, key);
        key
    };
    let colon = lexer::skip_space(text, key.end);
    if lexer::byte(text, colon) != b':' {
        return Err(SyntaxError);
    }
    let start = lexer::skip_space(text, colon + 1);
    let name = Range32::new(at + 1, key.end - 1);
    let (end, kind, escaped) = value(text, start, name.of(text), grammar, cache)?;
    let (start, end) = (start as u32, end as u32);
    let member = Member { key: name, key_escaped: key.escaped, start, end, kind, escaped };
    Ok((member, end as usize))
}

#[inline]
fn value<R: Cache>(
    text: &[u8],
    at: usize,
    key: &[u8],
    grammar: &mut Grammar,
    cache: &mut R,
) -> Result<(usize, Kind, bool), SyntaxError> {
    match lexer::byte(text, at) {
        b'[' if lexer::byte(text, at + 1) == b']' => Ok((at + 2, Kind::Array, false)),
        b'[' => Ok((grammar.value(text, at, cache)?, Kind::Array, false)),
        b'{' => {
            let cached_end = cache.object(text, key, at, grammar);
            let end = cached_end.unwrap_or_else(|| grammar.value(text, at, cache))?;
            Ok((end, Kind::Object, false))
        }
        first => {
            let (token, kind) = grammar.scalar(text, at, first, cache)?;
            Ok((token.end, kind, token.escaped))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{DEPTH_LIMIT, DIGIT_LIMIT};
    use super::super::locate::{find, locate};
    use super::*;

    fn kind_of(text: &str) -> Result<Kind, Fault> {
        check(text.as_bytes(), &mut Vec::new()).map(|checked| checked.kind)
    }

    fn nested(depth: usize, innermost: &str) -> String {
        "[".repeat(depth) + innermost + &"]".repeat(depth)
    }

    #[test]
    fn nesting_is_limited() {
        for outer in ["", "{\"a\":"] {
            let (extra, close) = (outer.len().min(1), &"}"[..outer.len().min(1)]);
            let text = |depth| format!("{outer}{}{close}", nested(depth - extra, ""));
            assert!(kind_of(&text(DEPTH_LIMIT)).is_ok());
            assert_eq!(kind_of(&text(DEPTH_LIMIT + 1)), Err(Fault::Limit));
            assert_eq!(kind_of(&text(100_000)), Err(Fault::Limit));
        }
        assert_eq!(kind_of(&nested(100_000, "x")), Err(Fault::Bad));
        assert_eq!(kind_of(&"[".repeat(100_000)), Err(Fault::Bad));
        assert_eq!(kind_of(&(nested(100_000, "") + "]")), Err(Fault::Bad));
        assert_eq!(kind_of(&"{\"a\":".repeat(100_000)), Err(Fault::Bad));
    }

    #[test]
    fn digits_are_limited() {
        let digits = |count| "7".repeat(count);
        assert!(kind_of(&digits(DIGIT_LIMIT)).is_ok());
        assert!(kind_of(&format!("-{}", digits(DIGIT_LIMIT))).is_ok());
        assert_eq!(kind_of(&digits(DIGIT_LIMIT + 1)), Err(Fault::Limit));
        assert!(kind_of(&format!("{}.5", digits(5000))).is_ok());
        assert!(kind_of(&format!("{}e5", digits(5000))).is_ok());
        assert_eq!(kind_of(&format!("[{},]", digits(5000))), Err(Fault::Bad));
    }

    #[test]
    fn members_over_the_limits_are_located() {
        let text = format!("{{\"a\":{},\"b\":1}}", nested(300, ""));
        let (mut checked, mut located) = (Vec::new(), Vec::new());
        assert_eq!(check(text.as_bytes(), &mut checked), Err(Fault::Limit));
        assert!(locate(text.as_bytes(), &mut located));
        assert_eq!((checked.len(), &checked), (2, &located));
    }

    #[test]
    fn find_returns_the_last_of_equal_keys() {
        let text =
            br#" { "a" : 1 , "\u0061" : "x\n" , "b":[ ] , "\u00ff":true, "a\u0000": null } "#;
        let mut members = Vec::new();
        assert!(check(text, &mut members).is_ok());
        let value = |key| find(text, &members, key).map(|member| member.value(text));
        assert_eq!(value("a"), Some(&br#""x\n""#[..]));
        assert_eq!(value("b"), Some(&b"[ ]"[..]));
        assert_eq!(value("\u{ff}"), Some(&b"true"[..]));
        assert_eq!(value("a\0"), Some(&b"null"[..]));
        assert_eq!(value("c"), None);
    }

    #[test]
    fn lone_surrogates_are_reported() {
        let lone = |text: &str| check(text.as_bytes(), &mut Vec::new()).map(|s| s.lone_surrogate);
        for text in [r#""\ud800""#, r#"{"\udc00":1}"#, r#"{"a":[["\ud83d\ud83d\ude00"]]}"#] {
            assert_eq!(lone(text), Ok(true), "{text}");
        }
        for text in [r#""\ud83d\ude00""#, r#"{"a":"\\ud800"}"#, r#"["\\\\udc00"]"#] {
            assert_eq!(lone(text), Ok(false), "{text}");
        }
    }

    /// Each special byte at each offset, so that it has each position in a block.
    #[test]
    fn special_bytes_are_found_at_every_offset() {
        for length in 0..80 {
            for at in 0..length {
                let mut text = vec![b'"'; length + 2];
                text[1..=length].fill(0xFF);
                assert!(check(&text, &mut Vec::new()).is_ok());
                for wrong in [0, 0x1F, b'"', b'\\'] {
                    text[at + 1] = wrong;
                    let found = check(&text, &mut Vec::new());
                    assert_eq!(found, Err(Fault::Bad), "{wrong:#x} at {at} of {length}");
                }
                text[at + 1] = b'!';
                assert!(check(&text, &mut Vec::new()).is_ok());
            }
        }
    }
}

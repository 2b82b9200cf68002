//! One pass over a text: the verdict, and where the members of the top-level object are.

use super::grammar::{Cache, Grammar};
use super::lexer::{self, Bad};
use super::types::{Checked, Fault, Kind, Member, Range32, SIZE_LIMIT};
use crate::work::work;

/// Checks a whole text and, when it is an object, locates its top-level members in order, duplicates included.
///
/// `members` is emptied first; it stays empty for other values and for bad texts. Where a text is over a limit they are
/// located still. Allocates only if `members` must grow or nesting passes 64 levels.
pub fn check(text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
    check_with(text, members, &mut ()).0
}

/// The same with what is known of values that the text may have again; tells the deepest nesting too.
pub(super) fn check_with<R: Cache>(
    text: &[u8],
    members: &mut Vec<Member>,
    cache: &mut R,
) -> (Result<Checked, Fault>, usize) {
    work(text.len());
    members.clear();
    let mut grammar = Grammar::new();
    let found = whole(text, &mut grammar, members, cache);
    if found.is_err() || text.len() > SIZE_LIMIT {
        members.clear();
    }
    let scanned = match found {
        Err(Bad) => Err(Fault::Bad),
        Ok(_) if grammar.over_limit || text.len() > SIZE_LIMIT => Err(Fault::Limit),
        Ok(kind) => Ok(Checked {
            kind,
            lone_surrogate: grammar.lone_surrogate,
            bad_utf8: grammar.bad_utf8,
            recognised: false,
            serial: 0,
        }),
    };
    (scanned, grammar.deepest)
}

#[inline]
fn whole<R: Cache>(
    text: &[u8],
    grammar: &mut Grammar,
    members: &mut Vec<Member>,
    cache: &mut R,
) -> Result<Kind, Bad> {
    let start = lexer::skip_space(text, 0);
    let kind = Kind::of(lexer::byte(text, start)).ok_or(Bad)?;
    let end = if kind == Kind::Object {
        grammar.outer_depth = 1;
        object(text, start + 1, grammar, members, cache)?
    } else {
        grammar.value(text, start, cache)?
    };
    if lexer::skip_space(text, end) == text.len() { Ok(kind) } else { Err(Bad) }
}

/// Passes the top-level object, from the byte after its opening brace.
#[inline]
fn object<R: Cache>(
    text: &[u8],
    start: usize,
    grammar: &mut Grammar,
    members: &mut Vec<Member>,
    cache: &mut R,
) -> Result<usize, Bad> {
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
            _ => return Err(Bad),
        }
    }
}

/// Passes a key, a colon and a value; gives the position right after the value too.
#[inline]
pub(super) fn member<R: Cache>(
    text: &[u8],
    at: usize,
    grammar: &mut Grammar,
    cache: &mut R,
) -> Result<(Member, usize), Bad> {
    if lexer::byte(text, at) != b'"' {
        return Err(Bad);
    }
    let key = if let Some(end) = lexer::short_string(text, at + 1) {
        lexer::Token::plain(end + 1)
    } else {
        let key = lexer::string(text, at + 1)?;
        grammar.take(text, at + 1, key);
        key
    };
    let colon = lexer::skip_space(text, key.end);
    if lexer::byte(text, colon) != b':' {
        return Err(Bad);
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
) -> Result<(usize, Kind, bool), Bad> {
    match lexer::byte(text, at) {
        b'[' if lexer::byte(text, at + 1) == b']' => Ok((at + 2, Kind::Array, false)),
        b'[' => Ok((grammar.value(text, at, cache)?, Kind::Array, false)),
        b'{' => {
            let passed = cache.object(text, key, at, grammar);
            let end = passed.unwrap_or_else(|| grammar.value(text, at, cache))?;
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
    use super::super::locate::{find, locate};
    use super::super::types::{DEPTH_LIMIT, DIGIT_LIMIT};
    use super::*;

    fn verdict(text: &str) -> Result<Kind, Fault> {
        check(text.as_bytes(), &mut Vec::new()).map(|scan| scan.kind)
    }

    fn nested(depth: usize, inside: &str) -> String {
        "[".repeat(depth) + inside + &"]".repeat(depth)
    }

    #[test]
    fn nesting_is_limited() {
        for outer in ["", "{\"a\":"] {
            let (extra, close) = (outer.len().min(1), &"}"[..outer.len().min(1)]);
            let text = |depth| format!("{outer}{}{close}", nested(depth - extra, ""));
            assert!(verdict(&text(DEPTH_LIMIT)).is_ok());
            assert_eq!(verdict(&text(DEPTH_LIMIT + 1)), Err(Fault::Limit));
            assert_eq!(verdict(&text(100_000)), Err(Fault::Limit));
        }
        assert_eq!(verdict(&nested(100_000, "x")), Err(Fault::Bad));
        assert_eq!(verdict(&"[".repeat(100_000)), Err(Fault::Bad));
        assert_eq!(verdict(&(nested(100_000, "") + "]")), Err(Fault::Bad));
        assert_eq!(verdict(&"{\"a\":".repeat(100_000)), Err(Fault::Bad));
    }

    #[test]
    fn digits_are_limited() {
        let digits = |count| "7".repeat(count);
        assert!(verdict(&digits(DIGIT_LIMIT)).is_ok());
        assert!(verdict(&format!("-{}", digits(DIGIT_LIMIT))).is_ok());
        assert_eq!(verdict(&digits(DIGIT_LIMIT + 1)), Err(Fault::Limit));
        assert!(verdict(&format!("{}.5", digits(5000))).is_ok());
        assert!(verdict(&format!("{}e5", digits(5000))).is_ok());
        assert_eq!(verdict(&format!("[{},]", digits(5000))), Err(Fault::Bad));
    }

    #[test]
    fn members_over_the_limits_are_located() {
        let text = format!("{{\"a\":{},\"b\":1}}", nested(300, ""));
        let (mut scanned, mut located) = (Vec::new(), Vec::new());
        assert_eq!(check(text.as_bytes(), &mut scanned), Err(Fault::Limit));
        assert!(locate(text.as_bytes(), &mut located));
        assert_eq!((scanned.len(), &scanned), (2, &located));
    }

    #[test]
    fn the_last_of_equal_keys_is_found() {
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
    fn lone_surrogates_are_seen() {
        let lone = |text: &str| check(text.as_bytes(), &mut Vec::new()).map(|s| s.lone_surrogate);
        for text in [r#""\ud800""#, r#"{"\udc00":1}"#, r#"{"a":[["\ud83d\ud83d\ude00"]]}"#] {
            assert_eq!(lone(text), Ok(true), "{text}");
        }
        for text in [r#""\ud83d\ude00""#, r#"{"a":"\\ud800"}"#, r#"["\\\\udc00"]"#] {
            assert_eq!(lone(text), Ok(false), "{text}");
        }
    }

    /// Each special byte at each offset, so that it falls on each place of a word and of a block.
    #[test]
    fn special_bytes_are_seen_anywhere() {
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

//! Writes canonical JSON: no white space, only required escapes, unchanged numbers, one member per key.
//!
//! Of duplicate keys, the first position and the last value remain. The text is read once; only objects with duplicate keys
//! are written twice. The writer recurses into nested values, whose depth the check of the input limits.

use super::strings;
use crate::work::work;

/// In objects of more members than this, duplicate keys are found by sorting.
const MAX_PAIRWISE: usize = 16;

/// Appends the canonical form of a valid JSON value.
pub fn write(value: &[u8], out: &mut Vec<u8>) {
    work(value.len());
    out.reserve(value.len());
    Writer { text: value, at: 0, out, members: Vec::new() }.value();
}

/// The position of a member in the output.
#[derive(Clone, Copy)]
struct MemberPosition {
    key: usize,
    colon: usize,
    end: usize,
}

struct Writer<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    /// The members written so far of all open objects.
    members: Vec<MemberPosition>,
}

impl Writer<'_> {
    fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn value(&mut self) {
        match self.peek() {
            b'"' => self.string(),
            b'[' => self.array(),
            b'{' => self.object(),
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.out.extend_from_slice(&rest[..length]);
        self.at += length;
    }

    fn string(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (length, escaped) = string_length(rest);
        let string = &rest[..length];
        if !escaped && strings::utf8_ok(string) {
            self.out.extend_from_slice(string);
        } else {
            strings::write_str(&strings::decode_str(string), self.out);
        }
        self.at += length;
    }

    fn array(&mut self) {
        self.at += 1;
        self.out.push(b'[');
        let mut first = true;
        while !matches!(self.peek(), b']' | 0) {
            if !first {
                self.at += usize::from(self.byte() == b',');
                self.out.push(b',');
            }
            first = false;
            let before = self.at;
            self.value();
            self.at += usize::from(self.at == before);
        }
        self.at += 1;
        self.out.push(b']');
    }

    fn object(&mut self) {
        let (start, base) = (self.out.len(), self.members.len());
        self.at += 1;
        self.out.push(b'{');
        loop {
            match self.peek() {
                b'"' => self.member(start),
                b',' => self.at += 1,
                _ => break,
            }
        }
        self.at += 1;
        if has_duplicates(self.out, &self.members[base..]) {
            merge_duplicates(self.out, start, &self.members[base..]);
        }
        self.members.truncate(base);
        self.out.push(b'}');
    }

    fn member(&mut self, start: usize) {
        if self.out.len() > start + 1 {
            self.out.push(b',');
        }
        let key = self.out.len();
        self.string();
        let colon = self.out.len();
        self.out.push(b':');
        if self.peek() == b':' {
            self.at += 1;
        }
        self.value();
        self.members.push(MemberPosition { key, colon, end: self.out.len() });
    }
}

/// The length of the quoted string at the start, and whether it has a backslash.
fn string_length(text: &[u8]) -> (usize, bool) {
    let (mut at, mut escaped) = (1, false);
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return (at + 1, escaped);
        }
        escaped = true;
        at += 2;
    }
    (text.len(), escaped)
}

fn has_duplicates(out: &[u8], members: &[MemberPosition]) -> bool {
    let key = |member: &MemberPosition| &out[member.key..member.colon];
    if members.len() <= MAX_PAIRWISE {
        let is_duplicate =
            |(place, member)| members[..place].iter().any(|other| key(other) == key(member));
        return members.iter().enumerate().any(is_duplicate);
    }
    let mut keys: Vec<&[u8]> = members.iter().map(key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// Rewrites the members of the last object of the output, each key once.
fn merge_duplicates(out: &mut Vec<u8>, start: usize, members: &[MemberPosition]) {
    let old = out.split_off(start);
    work(old.len());
    let key = |member: &MemberPosition| &old[member.key - start..member.colon - start];
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&place| key(&members[place])); // stable: equal keys stay in their order
    let mut last = vec![None; members.len()];
    for duplicates in order.chunk_by(|&a, &b| key(&members[a]) == key(&members[b])) {
        last[duplicates[0]] = duplicates.last().copied();
    }
    let mut comma = b'{';
    for (place, last) in last.iter().enumerate() {
        let Some(last) = *last else { continue };
        out.push(comma);
        out.extend_from_slice(key(&members[place]));
        out.extend_from_slice(&old[members[last].colon - start..members[last].end - start]);
        comma = b',';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &[u8]) -> String {
        let mut out = Vec::new();
        write(text, &mut out);
        String::from_utf8(out).expect("canonical JSON is UTF-8")
    }

    #[test]
    fn values_are_written_in_canonical_form() {
        let rows: &[(&[u8], &str)] = &[
            (b"{}", "{}"),
            (b" [ ] ", "[]"),
            (b"[ 1 , -0, 1.50E+3,true ,null ]", "[1,-0,1.50E+3,true,null]"),
            (
                br#"{ "a" : [ {"b":"\u0041\/\n"} ] , "c":"" }"#,
                "{\"a\":[{\"b\":\"A/\\n\"}],\"c\":\"\"}",
            ),
            (br#"{"a":1,"b":2,"\u0061":{"x":1,"x":[]}}"#, r#"{"a":{"x":[]},"b":2}"#),
            (br#"{"a":"\ud83d"}"#, "{\"a\":\"\u{fffd}\"}"),
            (b"\"\xff\"", "\"\u{fffd}\""),
        ];
        for (text, expected) in rows {
            assert_eq!(canonical(text), *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn duplicate_keys_merge_in_large_objects() {
        let text: Vec<String> = (0..100).map(|n| format!("\"{}\":{n}", n % 40)).collect();
        let text = format!("{{{}}}", text.join(","));
        let expected: Vec<String> =
            (0..40).map(|n| format!("\"{n}\":{}", if n < 20 { n + 80 } else { n + 40 })).collect();
        assert_eq!(canonical(text.as_bytes()), format!("{{{}}}", expected.join(",")));
    }

    #[test]
    fn invalid_json_is_written_without_panic() {
        for text in [
            &b""[..],
            b"{",
            b"[",
            b"[1",
            b"{\"a",
            b"{\"a\"",
            b"{\"a\":",
            b"[}",
            b"{]",
            b"[:::",
            b"\"\\",
        ] {
            write(text, &mut Vec::new());
        }
    }
}

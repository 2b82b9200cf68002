//! What a source without responses looks like by its first bytes, and what to do about it.

use std::fmt::Write;

use crate::json::trim;

/// The maximum number of bytes of a source that are examined.
pub const SAMPLE: usize = 16384;
/// The message about a source that has events, but no response. It is not a diagnostic: a live stream may begin like that.
pub const UNUSED_EVENTS: &str =
    "0 responses; the source has only events that belong to no response";

const DATA: [&[u8]; 6] = [
    b"data: {\"type\"",
    b"data:{\"type\"",
    b"data: {\"id\"",
    b"data:{\"id\"",
    b"data: {\"choices\"",
    b"data:{\"choices\"",
];
const JSON_LINES: [&[u8]; 2] = [b"{\"type\":\"response.", b"{\"type\": \"response."];
/// The maximum size of a line prefix in bytes.
const PREFIX: usize = 200;
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// What a source looks like, as the end of a sentence. `head`: its first bytes, at most [`SAMPLE`].
pub fn appearance(head: &[u8]) -> String {
    if let Some(encoding) = utf16(head) {
        return format!("this looks like UTF-16; use `--encoding {encoding}`");
    }
    if head.contains(&0) {
        return "this looks like binary data".to_owned();
    }
    let text = trim(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    let first = lines.first().copied().unwrap_or_default();
    if text.is_empty() {
        return "the source is empty".to_owned();
    }
    if let Some(found) = lines.iter().find_map(|line| behind_prefix(line)) {
        return found;
    }
    without_prefix(text, first, lines.get(1).copied().unwrap_or_default()).to_owned()
}

/// What recordings without responses look like; `format` is "har" or "vcr".
pub fn recording_appearance(format: &str) -> String {
    let name = if format == "har" { "HAR file" } else { "VCR cassette" };
    format!("the {name} has no stream of a response")
}

fn without_prefix(text: &[u8], first: &[u8], second: &[u8]) -> &'static str {
    if text.starts_with(b"{") && find(first, b"\"MESSAGE\"").is_some() {
        "this looks like JSON of journald; write the messages alone with `jq -r .MESSAGE`"
    } else if text.starts_with(b"{") && are_adjacent_objects(first) {
        "this looks like JSON objects without line breaks between them; pass each to `Decoder.message`"
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        "this looks like JSON without events of a response; if a field contains the stream, name it with `--field`"
    } else if text.starts_with(b"<") {
        "this looks like HTML or XML"
    } else if is_csv(first, second) {
        "this looks like CSV; extract the column that contains the stream"
    } else if [&b"data:"[..], b"event:", b"id:", b":"].iter().any(|start| text.starts_with(start)) {
        "this looks like SSE without events of a response"
    } else {
        "this looks like text without SSE fields"
    }
}

/// Whether a line has several JSON objects without anything between them, as joined messages have.
pub fn are_adjacent_objects(line: &[u8]) -> bool {
    // Valid JSON never contains this.
    memchr::memmem::find_iter(line, b"}{\"")
        .any(|at| line.get(at + 3).is_some_and(u8::is_ascii_alphabetic))
}

/// The kind of UTF-16: by its byte order mark, or if every other byte of the beginning is zero.
fn utf16(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("utf-16");
    }
    let pairs = head.get(..64).unwrap_or(head).chunks(2);
    let (mut first, mut second, mut whole) = (0, 0, 0);
    for pair in pairs {
        first += usize::from(pair.first() == Some(&0));
        second += usize::from(pair.get(1) == Some(&0));
        whole += usize::from(pair.len() == 2);
    }
    if whole < 4 || first.min(second) > 0 || first.max(second) < whole {
        return None;
    }
    Some(if first > 0 { "utf-16-be" } else { "utf-16-le" })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Whether the first two lines have the same number of separators.
fn is_csv(first: &[u8], second: &[u8]) -> bool {
    let parts = |line: &[u8], sign| line.split(|byte| *byte == sign).count();
    let is_separator =
        |sign: &u8| parts(first, *sign) > 1 && parts(first, *sign) == parts(second, *sign);
    b",;\t".iter().any(is_separator)
}

// -- line prefixes -----------------------------------------------------------------------------------------------------

/// The description of a stream behind a prefix of a line, if the line looks like that.
fn behind_prefix(line: &[u8]) -> Option<String> {
    let places = [("SSE", field(line)), ("JSON Lines", first_of(line, &JSON_LINES))];
    let (what, place) =
        places.into_iter().find_map(|(what, place)| Some((what, place.filter(|at| *at > 0)?)))?;
    let prefix = line.get(..place)?;
    let shown: String = prefix
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect();
    let pattern = prefix_pattern(prefix);
    Some(format!(
        "this looks like {what} behind a line prefix `{shown}`; use `--strip-prefix '{pattern}'`"
    ))
}

/// The position of an SSE field of an event in a line, near its start.
fn field(line: &[u8]) -> Option<usize> {
    event_line(line.get(..2 * PREFIX).unwrap_or(line))
        .filter(|place| *place <= PREFIX)
        .or_else(|| first_of(line, &DATA))
}

/// The position of `event: response.…` that extends to the end of the line.
fn event_line(line: &[u8]) -> Option<usize> {
    let is_name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    let name = line.len() - line.iter().rev().take_while(|byte| is_name(byte)).count();
    let more = line.get(name..)?.strip_prefix(b"response.")?;
    let before = line.get(..name)?;
    let before = before.strip_suffix(b" ").unwrap_or(before).strip_suffix(b"event:")?;
    (!more.is_empty()).then_some(before.len())
}

fn first_of(line: &[u8], starts: &[&[u8]]) -> Option<usize> {
    let searched = line.get(..PREFIX + 20).unwrap_or(line);
    let places = starts.iter().filter_map(|start| find(searched, start));
    places.filter(|place| *place <= PREFIX).min()
}

/// A regular expression for a prefix and for those of other lines, in single quotes of a shell.
///
/// Times may differ: in words that begin with a digit and look like one, each number stands for any number. Other numbers may
/// be those of processes, whose lines are not mixed. Blanks at the end may be missing.
fn prefix_pattern(prefix: &[u8]) -> String {
    let size = prefix.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    let (mut body, blanks) = prefix.split_at(size);
    let mut found = String::new();
    if let Some(rest) = after_month(body) {
        found.push_str(r"[A-Z][a-z]{2} +\d+");
        body = rest;
    }
    while let [first, ..] = body {
        let (word, rest) = body.split_at(run(body, is_word).max(1));
        if first.is_ascii_digit() && is_time(word) {
            push_time(word, &mut found);
        } else {
            for byte in word {
                push_escaped(*byte, &mut found);
            }
        }
        body = rest;
    }
    match blanks.len() {
        0 => {}
        1 => found.push_str(" ?"),
        count => drop(write!(found, " {{0,{count}}}")),
    }
    found
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b',' | b':' | b'/' | b'-')
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// The length of the run of bytes of a class at the beginning of a text.
fn run(text: &[u8], class: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| class(**byte)).count()
}

/// What follows the day of a date that begins with the name of a month.
fn after_month(text: &[u8]) -> Option<&[u8]> {
    let rest = MONTHS.iter().find_map(|name| text.strip_prefix(*name))?;
    let day = rest.get(run(rest, |byte| byte == b' ')..)?;
    let digits = run(day, is_digit);
    (day.len() < rest.len() && digits > 0).then(|| day.get(digits..)).flatten()
}

/// Whether a word begins like a date, a time, or seconds since the epoch.
fn is_time(word: &[u8]) -> bool {
    let digits = run(word, is_digit);
    let next = (word.get(digits), word.get(digits + 1));
    digits >= 9 || matches!(next, (Some(b':' | b'/' | b'-'), Some(digit)) if digit.is_ascii_digit())
}

fn push_time(mut word: &[u8], found: &mut String) {
    while let [first, after @ ..] = word {
        let digits = run(word, is_digit);
        if digits > 0 {
            found.push_str(r"\d+");
            word = word.get(digits..).unwrap_or_default();
        } else {
            push_escaped(*first, found);
            word = after;
        }
    }
}

fn push_escaped(byte: u8, found: &mut String) {
    match byte {
        b'.' | b'^' | b'$' | b'*' | b'+' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}'
        | b'|' | b'\\' => found.extend(['\\', char::from(byte)]),
        b' '..=b'~' if byte != b'\'' => found.push(char::from(byte)),
        // Writing to a string cannot fail.
        _ => drop(write!(found, "\\x{byte:02x}")),
    }
}

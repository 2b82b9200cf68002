//! What a source without responses looks like by its first bytes, and what to do about it.

use crate::json::trim;

/// The maximum number of bytes of a source that are examined.
pub const SAMPLE: usize = 16384;

const STREAM: [&[u8]; 6] = [
    b"event: response.",
    b"event:response.",
    b"data: {\"type\"",
    b"data:{\"type\"",
    b"data: {\"id\"",
    b"data: {\"choices\"",
];
/// The maximum size of a line prefix in bytes.
const PREFIX: usize = 200;

/// What a source looks like, as the end of a sentence. `head`: its first bytes, at most [`SAMPLE`].
pub fn appearance(head: &[u8]) -> String {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || is_utf16(head) {
        return "this looks like UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`".to_owned();
    }
    if head.contains(&0) {
        return "this looks like binary data".to_owned();
    }
    let text = trim(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    let first = lines.first().copied().unwrap_or_default();
    if text.is_empty() {
        "the source is empty".to_owned()
    } else if text.starts_with(b"{") && find(first, b"\"MESSAGE\"").is_some() {
        "this looks like JSON of journald; write the messages alone with `jq -r .MESSAGE`"
            .to_owned()
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        "this looks like JSON without events of a response; if a field contains the stream, name it with `--field`"
            .to_owned()
    } else if let Some(prefix) = lines.iter().find_map(|line| line_prefix(line)) {
        behind(prefix)
    } else if text.starts_with(b"<") {
        "this looks like HTML or XML".to_owned()
    } else if is_csv(first, lines.get(1).copied().unwrap_or_default()) {
        "this looks like CSV; extract the column that contains the stream".to_owned()
    } else if [&b"data:"[..], b"event:", b"id:", b":"].iter().any(|start| text.starts_with(start)) {
        "this looks like SSE without events of a response".to_owned()
    } else {
        "this looks like text without SSE fields".to_owned()
    }
}

/// Whether every other byte of the beginning is zero.
fn is_utf16(head: &[u8]) -> bool {
    let pairs = head.get(..64).unwrap_or(head).chunks(2);
    let (mut first, mut second, mut whole) = (0, 0, 0);
    for pair in pairs {
        first += usize::from(pair.first() == Some(&0));
        second += usize::from(pair.get(1) == Some(&0));
        whole += usize::from(pair.len() == 2);
    }
    whole >= 4 && first.min(second) == 0 && first.max(second) == whole
}

/// The bytes before the SSE field of a line that has one behind a prefix.
fn line_prefix(line: &[u8]) -> Option<&[u8]> {
    let searched = line.get(..PREFIX + 16).unwrap_or(line);
    let places = STREAM.iter().filter_map(|start| find(searched, start));
    line.get(..places.filter(|place| *place > 0).min()?)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn behind(prefix: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => char::REPLACEMENT_CHARACTER,
    };
    let (shown, size) = (prefix.iter().map(shown).collect::<String>(), prefix.len());
    format!(
        "this looks like SSE behind a line prefix `{shown}`; remove the first {size} bytes of each line, for example with `cut -b {}-`",
        size + 1
    )
}

/// Whether the first two lines have the same number of separators.
fn is_csv(first: &[u8], second: &[u8]) -> bool {
    let parts = |line: &[u8], sign| line.split(|byte| *byte == sign).count();
    let is_separator =
        |sign: &u8| parts(first, *sign) > 1 && parts(first, *sign) == parts(second, *sign);
    b",;\t".iter().any(is_separator)
}

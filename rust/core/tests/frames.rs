//! Tests the framer: examples, generated sources in all pairs of chunks, the fast path against the slow path, large sources.

mod common;

use common::Random;
use respstream_core::diagnostics::Code;
use respstream_core::diagnostics::{Note, Value};
use respstream_core::frames::{Form, Frame, FrameSink, Framer, OnEof, Options};
use respstream_core::json;

/// The output of a framer, with owned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Frame {
        data: Vec<u8>,
        name: Option<Vec<u8>>,
        at: (u64, u64, u64),
        kind: &'static str,
        flag: &'static str,
        keys: Option<usize>,
    },
    Note(Note),
    Done,
}

#[derive(Default)]
struct Items(Vec<Item>);

impl FrameSink for Items {
    fn frame(&mut self, frame: Frame<'_>) {
        let keys = frame.checked.map(|checked| {
            let mut members = Vec::new();
            assert_eq!(checked, json::check(frame.data, &mut members));
            assert_eq!(frame.members, &members);
            members.len()
        });
        self.0.push(Item::Frame {
            data: frame.data.to_vec(),
            name: frame.name.map(<[u8]>::to_vec),
            at: (frame.offset, frame.end, frame.line),
            kind: frame.kind.name(),
            flag: match (frame.missing_blank_line, frame.unfinished) {
                (true, _) => "missing",
                (_, true) => "unfinished",
                _ => "",
            },
            keys,
        });
    }

    fn note(&mut self, note: Note) {
        self.0.push(Item::Note(note));
    }

    fn done(&mut self) {
        self.0.push(Item::Done);
    }
}

fn run<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, options: Options, slow: bool) -> Vec<Item> {
    let mut framer = Framer::new(options);
    framer.force_slow = slow;
    let mut items = Items::default();
    for chunk in chunks {
        framer.feed(chunk, &mut items);
    }
    framer.finish(&mut items);
    items.0
}

fn frame(
    data: &str,
    name: &str,
    at: (u64, u64, u64),
    kind: &'static str,
    keys: Option<usize>,
) -> Item {
    let name = (!name.is_empty()).then(|| name.as_bytes().to_vec());
    Item::Frame { data: data.as_bytes().to_vec(), name, at, kind, flag: "", keys }
}

fn with_flag(item: Item, flag: &'static str) -> Item {
    match item {
        Item::Frame { data, name, at, kind, keys, .. } => {
            Item::Frame { data, name, at, kind, flag, keys }
        }
        other => other,
    }
}

fn note(
    code: Code,
    (offset, length, line): (u64, u64, u64),
    key: &'static str,
    value: Value,
) -> Item {
    Item::Note(Note { code, offset, length, line, detail: vec![(key, value)] })
}

/// Frames a source as one chunk, as two chunks with every boundary, and byte by byte, on both paths. Checks that all
/// results are equal and returns the result.
fn frames_of_all_chunkings(source: &[u8], options: Options) -> Vec<Item> {
    let whole = run([source], options, true);
    let context = |cut| format!("{options:?}, cut {cut}: {}", source.escape_ascii());
    for slow in [false, true] {
        assert_eq!(run([source], options, slow), whole, "{}", context(0));
        assert_eq!(run(source.chunks(1), options, slow), whole, "{}", context(1));
        for cut in 0..=source.len() {
            assert_eq!(
                run([&source[..cut], &source[cut..]], options, slow),
                whole,
                "{}",
                context(cut)
            );
        }
    }
    whole
}

fn auto(source: &str) -> Vec<Item> {
    frames_of_all_chunkings(source.as_bytes(), Options::default())
}

#[test]
fn blocks_and_lines() {
    assert_eq!(
        auto("\u{feff}event: a\ndata: {}\n\ndata:{\"b\":1}\n\n{\"c\":2}\n\n[DONE]\n"),
        [
            frame("{}", "a", (3, 20, 1), "payload", None),
            frame("{\"b\":1}", "", (22, 34, 4), "payload", None),
            frame("{\"c\":2}", "", (36, 43, 6), "line", Some(1)),
            Item::Done,
        ]
    );
    assert_eq!(
        auto("data: 1\r\ndata\r\revent: x\rdata: {\r\n"),
        [
            frame("1\n", "", (0, 13, 1), "payload", None),
            with_flag(frame("{", "x", (15, 31, 4), "payload", None), "unfinished"),
        ]
    );
}

#[test]
fn blocks_without_blank_lines() {
    assert_eq!(
        auto("event: a\ndata: {}\nevent: b\ndata: {}\n\n"),
        [
            with_flag(frame("{}", "a", (0, 17, 1), "payload", None), "missing"),
            frame("{}", "b", (18, 35, 3), "payload", None),
        ]
    );
    assert_eq!(
        auto("data: {}\nevent: a\ndata: {}\nevent: b\n\n"),
        [
            with_flag(frame("{}", "a", (0, 17, 1), "payload", None), "missing"),
            frame("{}", "b", (18, 35, 3), "payload", None),
        ]
    );
}

#[test]
fn arrays() {
    let bad_element = |offset, length, line| {
        note(Code::BadJson, (offset, length, line), "what", "array element".into())
    };
    assert_eq!(
        auto("[{\"a\":[1]},\n {\"]\\\"\":{}}]\nx"),
        [
            frame("{\"a\":[1]}", "", (1, 10, 1), "array element", None),
            frame("{\"]\\\"\":{}}", "", (13, 23, 2), "array element", None),
            note(Code::StrayText, (25, 1, 3), "length", Value::Int(1)),
        ]
    );
    assert_eq!(
        auto("[{\"a\n{}"),
        [bad_element(1, 3, 1), frame("{}", "", (5, 7, 2), "line", Some(0))]
    );
    assert_eq!(auto("[\n{"), [bad_element(2, 1, 2)]);
    assert_eq!(auto("[INFO] x\n[ "), [note(Code::StrayText, (0, 11, 1), "length", Value::Int(11))]);
}

#[test]
fn error_bodies() {
    let body = |length| {
        let text = |text: &str| Value::Text(text.to_owned());
        let detail = vec![
            ("code", text("5")),
            ("message", text("m\u{fffd}")),
            ("type", Value::Null),
            ("param", Value::Null),
        ];
        Item::Note(Note { code: Code::ErrorBody, offset: 0, length, line: 1, detail })
    };
    let open = r#"{"error": {"message": "m\ud800", "code": 5"#;
    assert_eq!(auto(open), [body(open.len() as u64)]);
    let sse = Options { form: Form::Sse, ..Options::default() };
    let closed = format!("{open}}}}}");
    assert_eq!(frames_of_all_chunkings(closed.as_bytes(), sse), [body(closed.len() as u64)]);
}

#[test]
fn limits_and_ends() {
    let limited = Options { limit: Some(6), ..Options::default() };
    let source = b"data: {\"a\":1}\n\ndata: {}\n\n{\"aaa\":1}\n{}\n";
    assert_eq!(
        frames_of_all_chunkings(source, limited),
        [
            note(Code::EventTooLarge, (0, 13, 1), "limit", Value::Int(6)),
            frame("{}", "", (15, 23, 3), "payload", None),
            note(Code::EventTooLarge, (25, 9, 5), "limit", Value::Int(6)),
            frame("{}", "", (35, 37, 6), "line", Some(0)),
        ]
    );
    let discard = Options { on_eof: OnEof::Discard, ..Options::default() };
    assert_eq!(
        frames_of_all_chunkings(b"data: {}", discard),
        [note(Code::UnfinishedBlock, (0, 8, 1), "what", "was discarded".into())]
    );
}

const FRAGMENTS: [&str; 34] = [
    "data:",
    "data: ",
    "event: a",
    "event:",
    "id: 1",
    "retry",
    ":c",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\u{feff}",
    "{}",
    "{\"a\":1}",
    "{\"a\":",
    "[",
    "]",
    "}",
    "{",
    "\"",
    "\\",
    ",",
    " ",
    "[DONE]",
    "data: [DONE]\n\n",
    "text",
    "{\"error\":{\"code\":5}}",
    "event: b\ndata: {\"b\":[]}\n\n",
    "{\"type\":\"x\"}\n",
    "[{\"a\":[1]}, {}]",
    "                                             ",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
];

#[test]
fn generated_sources_do_not_depend_on_chunks_and_path() {
    let mut random = Random(1);
    for _ in 0..3000 {
        let parts = 1 + random.below(12);
        let mut source: Vec<u8> =
            (0..parts).flat_map(|_| random.pick(&FRAGMENTS).bytes()).collect();
        if random.below(4) == 0 {
            let place = random.below(source.len());
            source[place] = random.below(256) as u8;
        }
        let options = Options {
            form: [Form::Auto, Form::Auto, Form::Sse, Form::Jsonl][random.below(4)],
            on_eof: [OnEof::Flush, OnEof::Discard][random.below(2)],
            limit: [None, None, Some(0), Some(3), Some(12), Some(30)][random.below(6)],
        };
        frames_of_all_chunkings(&source, options);
    }
}

#[test]
fn regular_sources_take_the_fast_path() {
    let block =
        b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\"}\n\n";
    let line = b"{\"type\":\"response.output_text.delta\"}\n";
    for (unit, size) in [(&block[..], 1000), (&line[..], 1000)] {
        let source = unit.repeat(size);
        let mut framer = Framer::new(Options::default());
        framer.feed(&source, &mut Items::default());
        assert_eq!((framer.hits, framer.misses), (size as u64, 0));
    }
}

/// Takes hours if the framer reads bytes repeatedly.
#[test]
fn large_sources_in_small_chunks() {
    let long = format!("data: {{\"a\":\"{}\"}}\n\n", "x".repeat(8 << 20));
    assert_eq!(run(long.as_bytes().chunks(64), Options::default(), false).len(), 1);
    let lines = format!("data: [\n{}data: 0]\n\n", "data: 0,\n".repeat(1_000_000));
    assert_eq!(run(lines.as_bytes().chunks(64), Options::default(), false).len(), 1);
    let text = format!("{{\"a\":[\n{}0]}}\n", "0,\n".repeat(1_000_000));
    assert_eq!(run(text.as_bytes().chunks(64), Options::default(), false).len(), 1);
    let blanks = format!("[{}x\n", " ".repeat(1 << 20));
    assert_eq!(run(blanks.as_bytes().chunks(1), Options::default(), false).len(), 1);
    let array = format!("[{{\"a\":\"{}\"}}]", "x".repeat(1 << 20));
    assert_eq!(run(array.as_bytes().chunks(1), Options::default(), false).len(), 1);
}

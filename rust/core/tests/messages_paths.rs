//! The fast paths of Anthropic Messages return the same results as the general path, for random valid and odd streams.

mod common;

use std::fmt::Write as _;

use common::Random;
use respstream_core::decoder::{Counters, Decoder, EventSink, Ignore};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::Response as _;
use respstream_core::protocols::messages::{Event, Messages};

/// Records every field of each event as text.
#[derive(Default)]
struct EventLog(String);

impl EventSink<Messages> for EventLog {
    fn event(&mut self, event: &Event<'_>) {
        let parsed = event.parsed;
        let (kind, offset, end, response) =
            (&parsed.kind, parsed.offset, parsed.end, parsed.response.map(<[u8]>::escape_ascii));
        let known =
            event.route.map(|route| (route.entry.ty, route.index, route.is_valid, route.is_loose));
        let raw = parsed.raw.escape_ascii();
        let _ = writeln!(self.0, "{kind} {offset} {end} {response:?} {known:?} {raw}");
        for member in parsed.members.iter() {
            let _ = writeln!(self.0, "  {member:?}");
        }
    }
}

/// Decodes a source that arrives in these chunks; returns its responses and diagnostics as text. `fast`: whether the fast paths
/// are taken.
fn decode<S: EventSink<Messages>>(
    chunks: &[&[u8]],
    fast: bool,
    now: Option<f64>,
    sink: &mut S,
) -> (String, Counters) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: Some(5_000) };
    let mut decoder = Decoder::<Messages>::new(options, false);
    if !fast {
        decoder.force_slow();
    }
    for chunk in chunks {
        decoder.feed(chunk, now, sink);
    }
    decoder.finish(now, sink);
    let mut result = format!("{:#?}\n", decoder.store().kept);
    for response in decoder.lanes_mut().take_ended() {
        let (json, texts) = (response.json(), response.texts());
        let _ = writeln!(result, "{}\n{texts:?} {:?}", json.escape_ascii(), response.status());
        let _ = writeln!(result, "{:?} {:?}", response.tool_calls(), response.item_rows());
        let _ = writeln!(result, "{:?}", response.tracking);
    }
    (result, decoder.counters())
}

fn decode_events(chunks: &[&[u8]], fast: bool, now: Option<f64>) -> (String, Counters) {
    let mut log = EventLog::default();
    let (result, counters) = decode(chunks, fast, now, &mut log);
    (log.0 + &result, counters)
}

/// Decodes the source in both ways, at once and in chunks; returns how often each path was taken.
fn compare(bytes: &[u8], size: usize, now: Option<f64>) -> [u64; 4] {
    let (slow, counters) = decode_events(&[bytes], false, now);
    assert_eq!((counters.recognised, counters.appended, counters.in_runs), (0, 0, 0));
    let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
    let (whole, counters) = decode_events(&[bytes], true, now);
    assert_eq!(whole, slow, "{}", bytes.escape_ascii());
    let (cut, _) = decode_events(&chunks, true, now);
    assert_eq!(cut, slow, "{size}: {}", bytes.escape_ascii());
    let mut in_runs = 0;
    for chunks in [&[bytes][..], &chunks] {
        let (responses, counters) = decode(chunks, true, now, &mut Ignore);
        assert!(slow.ends_with(&responses), "{size}: {}\n{responses}", bytes.escape_ascii());
        in_runs += counters.in_runs;
    }
    [counters.framed, counters.recognised, counters.appended, in_runs]
}

const TEXTS: [&str; 10] = [
    "",
    "a",
    "a word",
    r"\n",
    r"\ud83d\ude00",
    r"\ud83d",
    r"\ude00",
    "\u{e9}",
    r#"{\"a\":"#,
    "a text of more than sixteen bytes",
];
const DELTAS: [&str; 14] = [
    r#"{"type":"text_delta","text":"@"}"#,
    r#"{"type":"text_delta","text":"@"}"#,
    r#"{"type":"thinking_delta","thinking":"@"}"#,
    r#"{"thinking":"@","type":"thinking_delta","estimated_tokens":3}"#,
    r#"{"type":"input_json_delta","partial_json":"@"}"#,
    r#"{"type":"input_json_delta","partial_json":"@"}"#,
    r#"{"type":"signature_delta","signature":"@"}"#,
    r#"{"type":"citations_delta","citation":{"cited_text":"@"}}"#,
    r#"{"type":"note_delta","text":"@"}"#,
    r#"{"text":"@"}"#,
    r#"{"type":"text_delta","text":"@","text":"@"}"#,
    r#"{"type":"text_delta","text":["@"]}"#,
    r#"{"type":"text_delta","t\u0065xt":"@"}"#,
    r#"{"type":"compaction_delta","content":"@"}"#,
];
const EVENTS: [&str; 8] = [
    r#"{"type":"content_block_delta","index":0,"delta":@}"#,
    r#"{"type":"content_block_delta","index":0,"delta":@}"#,
    r#"{"type":"content_block_delta","index":1,"delta":@}"#,
    r#"{"delta":@,"index":0,"type":"content_block_delta"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":@,"p":"abc"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":@,"p":"abcdefgh"}"#,
    r#"{"type":"content_block_delta","delta":@}"#,
    r#"{"type":"content_block_delta","index":"1","delta":@}"#,
];
const OTHERS: [&str; 12] = [
    r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[]}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"\ud83d"}}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"text"}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#,
    r#"{"type":"message_stop"}"#,
    r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
];

/// Deltas of one shape, or of two that alternate.
fn run(random: &mut Random, out: &mut Vec<String>) {
    let shapes: Vec<[&str; 2]> =
        (0..=random.below(2)).map(|_| [random.pick(&DELTAS), random.pick(&EVENTS)]).collect();
    for number in 0..=random.below(9) {
        let [delta, event] = shapes[number % shapes.len()];
        out.push(event.replace('@', &delta.replace('@', random.pick(&TEXTS))));
    }
}

fn source(random: &mut Random) -> Vec<u8> {
    let mut events = Vec::new();
    for start in OTHERS.iter().take(2 + random.below(2)) {
        events.push((*start).to_owned());
    }
    for _ in 0..=random.below(8) {
        run(random, &mut events);
        if random.chance(60) {
            events.push(random.pick(&OTHERS).to_owned());
        }
    }
    let (lines, named) = (random.chance(40), random.chance(80));
    let mut bytes = Vec::new();
    for event in events {
        let kind = event.split("\"type\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let kind = if random.chance(2) { "ping" } else { kind.unwrap_or_default() };
        let kind = if event.contains("content_block_delta") { "content_block_delta" } else { kind };
        let framed = match (lines, named) {
            (true, _) => format!("{event}\n"),
            (_, true) => format!("event: {kind}\ndata: {event}\n\n"),
            (_, false) => format!("data: {event}\n\n"),
        };
        bytes.extend_from_slice(framed.as_bytes());
    }
    bytes
}

#[test]
fn all_paths_return_the_same_results() {
    let mut random = Random(1);
    let mut sum = [0; 4];
    for round in 0..300 {
        let bytes = source(&mut random);
        let size = 1 + random.below(bytes.len().max(1));
        let taken = compare(&bytes, size, (round % 3 == 0).then_some(1.5));
        sum.iter_mut().zip(taken).for_each(|(sum, taken)| *sum += taken);
    }
    // The comparison is meaningless unless the fast paths were taken.
    assert!(sum[0] > 500 && sum[1] > 250 && sum[2] > 120 && sum[3] > 50, "{sum:?}");
}

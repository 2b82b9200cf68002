//! The fast paths of Chat Completions return the same results as the general path, for random valid and odd streams.

mod common;

use std::fmt::Write as _;

use common::Random;
use respstream_core::decoder::{Counters, Decoder, EventSink, Ignore};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::Response as _;
use respstream_core::protocols::chat::{Chat, Event};

/// Records every field of each event as text.
#[derive(Default)]
struct EventLog(String);

impl EventSink<Chat> for EventLog {
    fn event(&mut self, event: &Event<'_>) {
        let parsed = event.parsed;
        let (kind, offset, end, response) =
            (&parsed.kind, parsed.offset, parsed.end, parsed.response.map(<[u8]>::escape_ascii));
        let known = event.route.map(|route| (route.delta, route.ends, route.index));
        let raw = parsed.raw.escape_ascii();
        let _ = writeln!(self.0, "{kind} {offset} {end} {response:?} {known:?} {raw}");
        for member in parsed.members.iter() {
            let _ = writeln!(self.0, "  {member:?}");
        }
    }
}

/// Decodes a source that arrives in these chunks; returns its responses and diagnostics as text. `fast`: whether the fast paths
/// are taken.
fn decode<S: EventSink<Chat>>(
    chunks: &[&[u8]],
    fast: bool,
    now: Option<f64>,
    sink: &mut S,
) -> (String, Counters) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: Some(5_000) };
    let mut decoder = Decoder::<Chat>::new(options, false);
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

const TEXTS: [&str; 9] = [
    "",
    "a",
    "a word",
    r"\n",
    r"\ud83d\ude00",
    r"\ud83d",
    r"\ude00",
    "\u{e9}",
    "a text of more than sixteen bytes",
];
const DELTAS: [&str; 27] = [
    r#"{"content":"@"}"#,
    r#"{"role":"assistant","content":"@"}"#,
    r#"{"content":"@","refusal":null}"#,
    r#"{"content":null,"reasoning_content":"@"}"#,
    r#"{"content":"","reasoning":"@","role":"assistant"}"#,
    r#"{"reasoning":"@","reasoning_details":[{"type":"reasoning.text","text":"@","index":0}]}"#,
    r#"{"content":"","reasoning":"@","reasoning_details":[{"index":1,"text":"@","signature":null}]}"#,
    r#"{"reasoning":"@","reasoning_details":[{"type":"reasoning.summary","summary":"^","index":0}]}"#,
    r#"{"reasoning":"@","reasoning_details":[{"text":"@","index":0,"data":"^"}]}"#,
    r#"{"refusal":"@"}"#,
    r#"{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}"#,
    r#"{"tool_calls":[{"index":1,"type":"function","function":{"arguments":"@"}}]}"#,
    r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"@"}}]}"#,
    r#"{"tool_calls":[{"index":1,"id":null,"function":{"name":null,"arguments":"@"}}]}"#,
    r#"{"content":"@","audio":{"data":"YQ=="}}"#,
    r#"{"content":[{"type":"text","text":"@"},{"type":"thinking","thinking":[{"type":"text","text":"@"}]}]}"#,
    r#"{"function_call":{"arguments":"@"}}"#,
    r#"{"content":"@","content":"@"}"#,
    r#"{"content":"@","role":1}"#,
    r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"@"}]}]}"#,
    r#"{"content":[{"thinking":"@","type":"thinking"}]}"#,
    r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"@","x":1}]}]}"#,
    r#"{"content":[{"type":"thinking","thinking":["@"]}]}"#,
    r#"{"content":[{"type":"thinking","thinking":"@"}],"reasoning_content":"^"}"#,
    r#"{"content":[{"type":"text","text":"@"}]}"#,
    r#"{"token_id":#,"role":"assistant","content":"@"}"#,
    r#"{"token_id":#,"content":"@","other":#}"#,
];
const CHOICES: [&str; 14] = [
    r#"[{"index":0,"delta":@,"logprobs":null,"finish_reason":null}]"#,
    r#"[{"index":1,"delta":@,"finish_reason":null}]"#,
    r#"[{"delta":@,"index":0,"finish_reason":""}]"#,
    r#"[{"delta":@,"index":0,"content_filter_results":{"hate":{"filtered":false}}}]"#,
    r#"[{"index":0,"delta":@,"logprobs":{"content":[{"token":"a"}]}}]"#,
    r#"[{"index":0,"delta":@,"logprobs":{"content":[{"token":"^"}],"refusal":null},"finish_reason":null}]"#,
    r#"[{"logprobs":{"content":["^",#]},"delta":@,"index":0}]"#,
    r#"[{"index":0,"delta":@,"logprobs":{"content":[#],"refusal":[]}}]"#,
    r#"[{"delta":@}]"#,
    r#"[{"index":0,"text":"^","logprobs":null,"finish_reason":null,"seed":null,"delta":@}]"#,
    r#"[{"text":"^","index":0,"logprobs":null,"finish_reason":null}]"#,
    r#"[{"index":0,"text":"^","delta":null}]"#,
    r#"[{"index":0,"delta":@,"finish_reason":"stop"}]"#,
    "[]",
];
const ENDS: [&str; 12] = [
    "}",
    "}",
    r#","obfuscation":"#,
    r#","obfuscation":"#,
    r#","p":"#,
    r#","usage":null}"#,
    r#","usage":{"total_tokens":5}}"#,
    r#","usage":{"total_tokens":#}}"#,
    r#","usage":{"total_tokens":#,"list":[#]},"obfuscation":"#,
    r#","system_fingerprint":"a"}"#,
    r#","system_fingerprint":"b","citations":["x"]}"#,
    r#","provider":"c"}"#,
];

/// Chunks of one shape, or of two that alternate.
fn run(random: &mut Random, out: &mut Vec<String>) {
    let id = random.pick(&["r1", "r1", "r1", "r2", ""]);
    let shapes: Vec<[&str; 3]> = (0..=random.below(2))
        .map(|_| [random.pick(&DELTAS), random.pick(&CHOICES), random.pick(&ENDS)])
        .collect();
    let times: Vec<&str> = random.pick(&["7", "7", "0 8 9", "8 9 10"]).split(' ').collect();
    for number in 0..=random.below(9) {
        let [delta, choices, end] = shapes[number % shapes.len()];
        let delta = delta.replace('@', random.pick(&TEXTS));
        let choices = choices.replace('@', &delta);
        let created = random.pick(&times);
        let mut chunk = format!(
            r#"{{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":"m","choices":{choices}{end}"#
        );
        chunk = chunk.replace('^', random.pick(&TEXTS));
        chunk = chunk.replace('#', random.pick(&["0", "7", "12", "-1.5"]));
        if !chunk.ends_with('}') {
            let _ = write!(chunk, "\"{}\"}}", random.pick(&["", "abc", "abcdefgh"]));
        }
        out.push(chunk);
    }
}

fn source(random: &mut Random) -> Vec<u8> {
    let mut chunks = Vec::new();
    for _ in 0..=random.below(8) {
        run(random, &mut chunks);
    }
    let lines = random.chance(40);
    let mut bytes = Vec::new();
    for chunk in chunks {
        if random.chance(2) {
            bytes.extend_from_slice(if lines { b"[DONE]\n" } else { b"data: [DONE]\n\n" });
        } else if random.chance(2) && !lines {
            bytes.extend_from_slice(b"event: message\n");
        }
        let framed = if lines { format!("{chunk}\n") } else { format!("data: {chunk}\n\n") };
        bytes.extend_from_slice(framed.as_bytes());
    }
    bytes
}

#[test]
fn all_paths_return_the_same_results() {
    let mut random = Random(1);
    let mut sum = [0; 4];
    for round in 0..400 {
        let bytes = source(&mut random);
        let size = 1 + random.below(bytes.len().max(1));
        let taken = compare(&bytes, size, (round % 3 == 0).then_some(1.5));
        sum.iter_mut().zip(taken).for_each(|(sum, taken)| *sum += taken);
    }
    // The comparison is meaningless unless the fast paths were taken.
    assert!(sum[0] > 1300 && sum[1] > 600 && sum[2] > 300 && sum[3] > 100, "{sum:?}");
}

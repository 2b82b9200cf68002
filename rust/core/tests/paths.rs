//! The fast paths return the same results as the general path, for random valid and broken sources.

mod common;

use std::fmt::Write as _;

use common::Random;
use respstream_core::decoder::{Counters, Decoder, EventSink, Ignore};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::ParsedEvent;
use respstream_core::protocols::responses::Event;
use respstream_core::protocols::responses::Responses;

/// Records every field of each event as text.
#[derive(Default)]
struct EventLog(String);

impl EventSink<Responses> for EventLog {
    fn event(&mut self, parsed: &Event<'_>) {
        let ParsedEvent { kind, offset, end, line, lane, named, invalid_utf8, sequence, .. } =
            parsed.parsed;
        let indexes = parsed.indexes();
        let raw = parsed.raw.escape_ascii();
        let _ = writeln!(
            self.0,
            "{kind} {offset} {end} {line} {lane:?} {named} {invalid_utf8} {sequence:?} {indexes:?} {raw}"
        );
        for member in parsed.members.iter() {
            let _ = writeln!(self.0, "  {member:?}");
        }
    }
}

/// Whether whole blocks are framed at once, events are recognised, and values are cached.
type Paths = (bool, bool, bool);

const ALL: Paths = (true, true, true);
const NONE: Paths = (false, false, false);
const SOME: [Paths; 5] =
    [ALL, (true, false, true), (false, true, false), (true, true, false), (false, false, true)];

/// Decodes a source that arrives in these chunks; returns its events and responses as text.
fn decode_events(chunks: &[&[u8]], paths: Paths, now: Option<f64>) -> (String, Counters) {
    let mut log = EventLog::default();
    let (result, counters) = decode_responses(chunks, paths, now, &mut log);
    (log.0 + &result, counters)
}

/// Decodes a source and returns only its responses and diagnostics as text.
fn decode_responses<S: EventSink<Responses>>(
    chunks: &[&[u8]],
    paths: Paths,
    now: Option<f64>,
    sink: &mut S,
) -> (String, Counters) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: Some(5_000) };
    let mut decoder = Decoder::<Responses>::new(options, false);
    let (whole_blocks, recognise, cache_values) = paths;
    decoder.choose_paths(whole_blocks, recognise, cache_values);
    for chunk in chunks {
        decoder.feed(chunk, now, sink);
    }
    decoder.finish(now, sink);
    let mut result = String::new();
    let _ = writeln!(result, "{:#?}", decoder.store().kept);
    let _ = writeln!(result, "{:?}", decoder.lanes().last_sequence);
    for response in decoder.lanes_mut().take_ended() {
        let _ = writeln!(result, "{}", response.json().escape_ascii());
        let _ = writeln!(
            result,
            "{:?} {} {} {} {} {:?} {:?} {:?} {:?} {:?}",
            response.tracking.lane,
            response.tracking.events,
            response.tracking.deltas,
            response.tracking.byte_end,
            response.tracking.version,
            response.tracking.first_sequence,
            response.tracking.last_sequence,
            response.tracking.first_delta_at,
            response.tracking.ended_at,
            response.tracking.diagnostics,
        );
    }
    (result, decoder.counters())
}

const KINDS: [&str; 4] = ["output_text", "refusal", "function_call_arguments", "reasoning_text"];
const VALUES: [&str; 24] = [
    r#""a""#,
    r#""""#,
    r#""\n""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83d\ude00""#,
    "\"é\"",
    "\"\u{1f600}\"",
    "1",
    "01",
    "-1",
    "1.5",
    "1e3",
    "1234567890123456789012",
    "null",
    "true",
    "[]",
    "{}",
    r#"[{"token":"a","bytes":[97],"logprob":-0.5}]"#,
    r#"[{"a":"\ud800"}]"#,
    "[1,]",
    "[ ]",
    r#""x" ,"item_id":"k""#,
    "",
];

/// The members of a delta event, in some order.
fn members(random: &mut Random, kind: &str) -> Vec<(&'static str, String)> {
    let mut members = vec![
        ("type", format!("\"response.{kind}.delta\"")),
        ("sequence_number", "0".to_owned()),
        ("item_id", format!("\"item_{}\"", random.below(2))),
        ("output_index", random.below(2).to_string()),
        ("content_index", "0".to_owned()),
        ("delta", "\"a\"".to_owned()),
        ("logprobs", random.pick(&["[]", r#"[{"token":"b","bytes":[98]}]"#]).to_owned()),
    ];
    if random.chance(50) {
        members.push(("obfuscation", "\"\"".to_owned()));
    }
    if random.chance(30) {
        members.push(("stream_id", format!("\"lane{}\"", random.below(3))));
    }
    if random.chance(40) {
        let other = random.below(members.len());
        members.rotate_left(other);
    }
    members
}

/// A run of events of one template, most of them valid.
fn run(random: &mut Random, sequence: &mut u64, out: &mut Vec<String>) {
    let kind = random.pick(&KINDS);
    let mut members = members(random, kind);
    for _ in 0..=random.below(9) {
        *sequence += u64::from(!random.chance(4));
        let mut event = members.clone();
        for (name, value) in &mut event {
            match *name {
                "sequence_number" => *value = sequence.to_string(),
                "obfuscation" => *value = format!("\"{}\"", "o".repeat(random.below(20))),
                "delta" => {
                    *value =
                        format!("\"{}\"", random.pick(&["b", " word", "\\u00e9", "é", "\\\\"]));
                }
                _ => {}
            }
        }
        if random.chance(12) {
            let place = random.below(event.len());
            random.pick(&VALUES).clone_into(&mut event[place].1);
        }
        if random.chance(3) {
            let place = random.below(event.len());
            let copy = event[place].clone();
            event.push(copy);
        }
        let space = if random.chance(4) { " " } else { "" };
        let parts: Vec<_> =
            event.iter().map(|(name, value)| format!("\"{name}\":{space}{value}")).collect();
        out.push(format!("{{{}}}", parts.join(",")));
    }
    if random.chance(10) {
        members.swap(0, 1);
    }
}

/// Events of several responses, lanes and items, in one of the input formats.
fn source(random: &mut Random) -> Vec<u8> {
    let mut events = Vec::new();
    let mut sequence = [0, 0, 5, 96, 998, 999_990][random.below(6)];
    for _ in 0..=random.below(6) {
        if random.chance(40) {
            let lane = random.pick(&["", r#","stream_id":"lane0""#, r#","stream_id":"lane1""#]);
            let kind = random.pick(&["created", "created", "completed"]);
            events.push(format!(
                r#"{{"type":"response.{kind}","sequence_number":{sequence},"response":{{"id":"r","output":[]}}{lane}}}"#
            ));
        }
        if random.chance(30) {
            let done = r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"bb"}"#;
            events.push(done.to_owned());
        }
        run(random, &mut sequence, &mut events);
    }
    if random.chance(20) {
        // Interleaves lanes and items.
        events.sort_by_key(|event| event.len() % 3);
    }
    let form = random.below(4);
    let mut text = String::new();
    for event in events {
        let kind = event.split('"').nth(3).unwrap_or("x").to_owned();
        let _ = match form {
            0 => writeln!(text, "{event}"),
            1 => write!(text, "data: {event}\n\n"),
            2 => write!(text, "event: {kind}\ndata: {event}\n\n"),
            _ if random.chance(3) => write!(text, "event:{kind}\r\ndata:{event}\r\n\r\n"),
            _ => write!(text, "event: response.output_text.delta\ndata: {event}\n\n"),
        };
    }
    let mut bytes = text.into_bytes();
    if random.chance(30) && !bytes.is_empty() {
        for _ in 0..=random.below(3) {
            let place = random.below(bytes.len());
            bytes[place] = b"\"\\{}[],:\n\r x0\xff\x00"[random.below(15)];
        }
    }
    bytes
}

/// Decodes the source with each combination of paths, at once and in chunks; returns how often each path was taken.
fn compare(bytes: &[u8], size: usize, now: Option<f64>) -> Counters {
    let mut sum = Counters::default();
    let (slow, counters) = decode_events(&[bytes], NONE, now);
    assert_eq!(
        (counters.framed, counters.recognised, counters.appended, counters.cached_values),
        (0, 0, 0, 0)
    );
    let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
    for paths in SOME {
        let (whole, counters) = decode_events(&[bytes], paths, now);
        assert_eq!(whole, slow, "{paths:?}: {}", bytes.escape_ascii());
        sum.framed += counters.framed;
        sum.recognised += counters.recognised;
        sum.appended += counters.appended;
        sum.cached_values += counters.cached_values;
        let (cut, _) = decode_events(&chunks, paths, now);
        assert_eq!(cut, slow, "{paths:?} {size}: {}", bytes.escape_ascii());
        for chunks in [&[bytes][..], &chunks] {
            let (responses, counters) = decode_responses(chunks, paths, now, &mut Ignore);
            assert!(slow.ends_with(&responses), "{paths:?} {size}: {}", bytes.escape_ascii());
            sum.in_runs += counters.in_runs;
        }
    }
    sum
}

fn add(sum: &mut Counters, more: Counters) {
    sum.framed += more.framed;
    sum.recognised += more.recognised;
    sum.appended += more.appended;
    sum.in_runs += more.in_runs;
    sum.cached_values += more.cached_values;
}

#[test]
fn all_paths_return_the_same_results() {
    let mut random = Random(1);
    let mut sum = Counters::default();
    for round in 0..300 {
        let bytes = source(&mut random);
        let size = 1 + random.below(bytes.len().max(1));
        add(&mut sum, compare(&bytes, size, (round % 3 == 0).then_some(1.5)));
    }
    // The comparison is meaningless unless the fast paths were taken.
    assert!(sum.framed > 2_000 && sum.recognised > 2_000 && sum.appended > 500, "{sum:?}");
    assert!(sum.in_runs > 200, "{sum:?}");
}

const TEXTS: [&str; 5] = [
    "a text that is long enough to be remembered when it comes again",
    "one that has \\n\\\"escapes\\\" in it and \\ud83d\\ude00 and is long enough too",
    "é\u{1f600} one that is not ASCII, and long enough to be remembered",
    "half a pair \\ud83d in a text that is long enough to be remembered",
    "short",
];
const INSTRUCTIONS: [&str; 3] =
    ["null", "\"be brief, and then be briefer still, and no more\"", "[[[1]]]"];
const NUMBERS: [&str; 5] = ["1", "12", "1.5", "1e3", "-0"];

/// A response object with an output. Sometimes members change, move, repeat or are missing.
fn response(random: &mut Random, id: usize, output: &str) -> String {
    let mut members = vec![
        format!("\"id\":\"resp_{id:040}\""),
        "\"object\":\"response\"".to_owned(),
        format!("\"created_at\":{}", random.pick(&NUMBERS)),
        format!("\"status\":\"{}\"", random.pick(&["in_progress", "completed"])),
        format!("\"instructions\":{}", random.pick(&INSTRUCTIONS)),
        format!("\"output\":{output}"),
        format!("\"temperature\":{}", random.pick(&NUMBERS)),
        "\"text\":{\"format\":{\"type\":\"text\"}}".to_owned(),
        format!("\"top_p\":{}", random.pick(&NUMBERS)),
    ];
    match random.below(12) {
        0 => members.swap(2, 6),
        1 => drop(members.remove(random.below(8))),
        2 => members.push(members[random.below(9)].clone()),
        3 => members.insert(4, "\"\\u0069d\":1".to_owned()),
        4 => members.push(" ".to_owned()),
        _ => {}
    }
    let comma = if random.chance(5) { " , " } else { "," };
    format!("{{{}}}", members.join(comma))
}

/// Responses that repeat most values several times, as real ones do; sometimes with small differences.
fn repetitive_source(random: &mut Random) -> Vec<u8> {
    let mut out = String::new();
    for id in 0..=random.below(3) {
        let mut events = Vec::new();
        let opening = response(random, id, "[]");
        for kind in ["created", "in_progress"] {
            let object =
                if random.chance(70) { opening.clone() } else { response(random, id, "[]") };
            events.push(format!("\"type\":\"response.{kind}\",\"response\":{object}"));
        }
        let mut items = Vec::new();
        for item in 0..=random.below(2) {
            let text = random.pick(&TEXTS);
            let at = format!("\"output_index\":{item},\"content_index\":0");
            let part =
                format!("{{\"type\":\"output_text\",\"annotations\":[],\"text\":\"{text}\"}}");
            let whole = format!("{{\"type\":\"message\",\"id\":\"m{item}\",\"content\":[{part}]}}");
            let delta = "\"type\":\"response.output_text.delta\"";
            events.push(format!("{delta},{at},\"delta\":\"{text}\""));
            events.push(format!("\"type\":\"response.output_text.done\",{at},\"text\":\"{text}\""));
            events.push(format!("\"type\":\"response.content_part.done\",{at},\"part\":{part}"));
            events.push(format!("\"type\":\"response.output_item.done\",{at},\"item\":{whole}"));
            items.push(whole);
        }
        let last = response(random, id, &format!("[{}]", items.join(",")));
        events.push(format!("\"type\":\"response.completed\",\"response\":{last}"));
        for event in events {
            let _ = write!(out, "data: {{{event}}}\n\n");
        }
    }
    let mut bytes = out.into_bytes();
    for _ in 0..random.below(3) {
        let place = random.below(bytes.len());
        bytes[place] = b"\"\\{}[],:1\r x0\xff\x00"[random.below(15)];
    }
    bytes
}

#[test]
fn cached_values_do_not_change_the_results() {
    let mut random = Random(2);
    let mut sum = Counters::default();
    for _ in 0..200 {
        let bytes = repetitive_source(&mut random);
        let size = 1 + random.below(bytes.len());
        add(&mut sum, compare(&bytes, size, None));
    }
    assert!(sum.cached_values > 5_000, "{sum:?}");
}

/// A template with line breaks, or a list over several lines, must not consume the next line.
#[test]
fn a_recognised_event_ends_on_its_line() {
    let event = |list: &str| {
        format!("{{\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"logprobs\":{list}}}")
    };
    let (good, open) = (event("[1]"), event("[1,\n2]"));
    let broken = "data: {\"type\":\"response.output_text.delta\",\ndata: \"delta\":\"a\"}\n\n";
    let raw = "data: {\"type\":\"response.output_text.delta\",\n\"delta\":\"a\"}\n\n";
    for text in [
        format!("data: {good}\n\ndata: {good}\n\ndata: {open}\n\ndata: {good}\n\n"),
        format!("{good}\n{good}\n{open}\n{good}\n"),
        format!("data: {good}\n\n{broken}{broken}{raw}{broken}"),
    ] {
        let (slow, _) = decode_events(&[text.as_bytes()], NONE, None);
        assert_eq!(decode_events(&[text.as_bytes()], ALL, None).0, slow, "{text}");
    }
}

/// Time is linear if each line opens a list that the following lines continue.
#[test]
fn lists_that_never_end_are_not_scanned_twice() {
    let good = "{\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"logprobs\":[1]}\n";
    let open = "{\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"logprobs\":[1,\n";
    let text = format!("{good}{good}{}", open.repeat(20_000));
    let (result, counters) = decode_events(&[text.as_bytes()], ALL, None);
    assert!(!result.is_empty() && counters.recognised >= 1);
}

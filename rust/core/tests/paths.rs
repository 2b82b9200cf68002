//! The fast paths against the slow ones: a wrong guess may cost time, and never truth.

use std::fmt::Write as _;

use respstream_core::decoder::{Counters, Decoder, Ignore, Sink};
use respstream_core::events::Parsed;
use respstream_core::frames::{Form, OnEof, Options};

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Writes down everything that is known of each event.
#[derive(Default)]
struct Notes(String);

impl Sink for Notes {
    fn event(&mut self, parsed: &Parsed<'_>) {
        let Parsed { kind, offset, end, line, lane, named, odd, sequence_number, indexes, .. } =
            parsed;
        let raw = parsed.raw.escape_ascii();
        let _ = writeln!(
            self.0,
            "{kind} {offset} {end} {line} {lane:?} {named} {odd} {sequence_number:?} {indexes:?} {raw}"
        );
        for member in parsed.members.iter() {
            let _ = writeln!(self.0, "  {member:?}");
        }
    }
}

/// All that a decoder tells of a source that comes in these pieces: of its events, and of its responses.
fn told(pieces: &[&[u8]], plain: bool, predict: bool, now: Option<f64>) -> (String, Counters) {
    let mut notes = Notes::default();
    let (told, counters) = folded(pieces, plain, predict, now, &mut notes);
    (notes.0 + &told, counters)
}

/// What a decoder tells of the responses alone.
fn folded<S: Sink>(
    pieces: &[&[u8]],
    plain: bool,
    predict: bool,
    now: Option<f64>,
    sink: &mut S,
) -> (String, Counters) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: Some(5_000) };
    let mut decoder = Decoder::new(options, false);
    decoder.choose_paths(plain, predict);
    for piece in pieces {
        decoder.feed(piece, now, sink);
    }
    decoder.finish(now, sink);
    let mut told = String::new();
    let _ = writeln!(told, "{:#?}", decoder.store().kept);
    let _ = writeln!(told, "{:?}", decoder.lanes().last_sequence_number);
    for folded in decoder.lanes_mut().take_ended() {
        let _ = writeln!(told, "{}", folded.json().escape_ascii());
        let _ = writeln!(
            told,
            "{:?} {} {} {} {} {:?} {:?} {:?} {:?} {:?}",
            folded.lane,
            folded.events,
            folded.deltas,
            folded.byte_end,
            folded.version,
            folded.first_sequence,
            folded.last_sequence,
            folded.first_delta_at,
            folded.ended_at,
            folded.diagnostics,
        );
    }
    (told, decoder.counters())
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
fn members(numbers: &mut Numbers, kind: &str) -> Vec<(&'static str, String)> {
    let mut members = vec![
        ("type", format!("\"response.{kind}.delta\"")),
        ("sequence_number", "0".to_owned()),
        ("item_id", format!("\"item_{}\"", numbers.below(2))),
        ("output_index", numbers.below(2).to_string()),
        ("content_index", "0".to_owned()),
        ("delta", "\"a\"".to_owned()),
        ("logprobs", numbers.pick(&["[]", r#"[{"token":"b","bytes":[98]}]"#]).to_owned()),
    ];
    if numbers.chance(30) {
        members.push(("stream_id", format!("\"lane{}\"", numbers.below(3))));
    }
    if numbers.chance(40) {
        let other = numbers.below(members.len());
        members.rotate_left(other);
    }
    members
}

/// A run of events of one template, most of them good.
fn run(numbers: &mut Numbers, sequence: &mut u64, out: &mut Vec<String>) {
    let kind = numbers.pick(&KINDS);
    let mut members = members(numbers, kind);
    for _ in 0..=numbers.below(9) {
        *sequence += u64::from(!numbers.chance(4));
        let mut event = members.clone();
        for (name, value) in &mut event {
            match *name {
                "sequence_number" => *value = sequence.to_string(),
                "delta" => {
                    *value =
                        format!("\"{}\"", numbers.pick(&["b", " word", "\\u00e9", "é", "\\\\"]));
                }
                _ => {}
            }
        }
        if numbers.chance(12) {
            let place = numbers.below(event.len());
            numbers.pick(&VALUES).clone_into(&mut event[place].1);
        }
        if numbers.chance(3) {
            let place = numbers.below(event.len());
            let twin = event[place].clone();
            event.push(twin);
        }
        let space = if numbers.chance(4) { " " } else { "" };
        let parts: Vec<_> =
            event.iter().map(|(name, value)| format!("\"{name}\":{space}{value}")).collect();
        out.push(format!("{{{}}}", parts.join(",")));
    }
    if numbers.chance(10) {
        members.swap(0, 1);
    }
}

/// Events of several responses, lanes and items, as text in one of the forms.
fn source(numbers: &mut Numbers) -> Vec<u8> {
    let (mut events, mut sequence) = (Vec::new(), 0);
    for _ in 0..=numbers.below(6) {
        if numbers.chance(40) {
            let lane = numbers.pick(&["", r#","stream_id":"lane0""#, r#","stream_id":"lane1""#]);
            let kind = numbers.pick(&["created", "created", "completed"]);
            events.push(format!(
                r#"{{"type":"response.{kind}","sequence_number":{sequence},"response":{{"id":"r","output":[]}}{lane}}}"#
            ));
        }
        if numbers.chance(30) {
            let done = r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"bb"}"#;
            events.push(done.to_owned());
        }
        run(numbers, &mut sequence, &mut events);
    }
    if numbers.chance(20) {
        // Lanes and items take turns.
        events.sort_by_key(|event| event.len() % 3);
    }
    let form = numbers.below(4);
    let mut text = String::new();
    for event in events {
        let kind = event.split('"').nth(3).unwrap_or("x").to_owned();
        let _ = match form {
            0 => writeln!(text, "{event}"),
            1 => write!(text, "data: {event}\n\n"),
            2 => write!(text, "event: {kind}\ndata: {event}\n\n"),
            _ if numbers.chance(3) => write!(text, "event:{kind}\r\ndata:{event}\r\n\r\n"),
            _ => write!(text, "event: response.output_text.delta\ndata: {event}\n\n"),
        };
    }
    let mut bytes = text.into_bytes();
    if numbers.chance(30) && !bytes.is_empty() {
        for _ in 0..=numbers.below(3) {
            let place = numbers.below(bytes.len());
            bytes[place] = b"\"\\{}[],:\n\r x0\xff\x00"[numbers.below(15)];
        }
    }
    bytes
}

#[test]
fn every_path_tells_the_same() {
    let mut numbers = Numbers(1);
    let mut sum = Counters::default();
    for round in 0..500 {
        let bytes = source(&mut numbers);
        let now = (round % 3 == 0).then_some(1.5);
        let (slow, counters) = told(&[&bytes], false, false, now);
        assert_eq!((counters.framed, counters.recognised, counters.appended), (0, 0, 0));
        let size = 1 + numbers.below(bytes.len().max(1));
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        for (plain, predict) in [(true, true), (true, false), (false, true)] {
            let (whole, counters) = told(&[&bytes], plain, predict, now);
            assert_eq!(whole, slow, "{plain} {predict}: {}", bytes.escape_ascii());
            sum.framed += counters.framed;
            sum.recognised += counters.recognised;
            sum.appended += counters.appended;
            let (cut, _) = told(&pieces, plain, predict, now);
            assert_eq!(cut, slow, "{plain} {predict} {size}: {}", bytes.escape_ascii());
            for pieces in [&[&bytes[..]][..], &pieces] {
                let (silent, counters) = folded(pieces, plain, predict, now, &mut Ignore);
                assert!(slow.ends_with(&silent), "{plain} {predict}: {}", bytes.escape_ascii());
                sum.in_runs += counters.in_runs;
            }
        }
    }
    // The test is worth nothing unless the paths were taken.
    assert!(
        sum.framed > 3_000 && sum.recognised > 3_000 && sum.appended > 800 && sum.in_runs > 300,
        "{sum:?}"
    );
}

/// A template that has line breaks in it, or a list that is open over several lines, must not swallow the next line.
#[test]
fn a_known_event_ends_on_its_line() {
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
        let (slow, _) = told(&[text.as_bytes()], false, false, None);
        assert_eq!(told(&[text.as_bytes()], true, true, None).0, slow, "{text}");
    }
}

/// Work is linear where each line opens lists that the next ones go on with.
#[test]
fn lists_that_never_end_are_not_read_twice() {
    let good = "{\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"logprobs\":[1]}\n";
    let open = "{\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"logprobs\":[1,\n";
    let text = format!("{good}{good}{}", open.repeat(20_000));
    let (told, counters) = told(&[text.as_bytes()], true, true, None);
    assert!(!told.is_empty() && counters.recognised >= 1);
}

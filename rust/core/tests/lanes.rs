//! Lanes: where responses begin and end, which events and diagnostics belong to them, their times, and strict mode.

#[path = "common/responses.rs"]
mod support;

use std::fmt::Write as _;

use respstream_core::decoder::{Decoder, EventSink, Ignore};
use respstream_core::diagnostics::Code;
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::lanes::OPEN_LANES;
use respstream_core::protocols::Response as _;
use respstream_core::protocols::responses::{Assembled, Event, Responses};
use respstream_core::records::RecordSpan;
use support::{assemble_all, decoder, describe, event, feed};

/// An event of the lane `lane`, or of the lane without a name if `lane` is empty.
fn in_lane(lane: &str, kind: &str, members: &str) -> String {
    let mut all = members.to_owned();
    if !lane.is_empty() {
        let comma = if all.is_empty() { "" } else { "," };
        let _ = write!(all, "{comma}\"stream_id\":\"{lane}\"");
    }
    event(kind, &all)
}

/// A lifecycle event with a response of this id; `number` is its sequence number.
fn lifecycle(lane: &str, kind: &str, id: &str, number: u64) -> String {
    let members = format!(r#""sequence_number":{number},"response":{{"id":"{id}"}}"#);
    in_lane(lane, kind, &members)
}

fn delta(lane: &str, number: u64, text: &str) -> String {
    let members = format!(
        r#""sequence_number":{number},"output_index":0,"content_index":0,"delta":"{text}""#
    );
    in_lane(lane, "output_text.delta", &members)
}

/// Lane, id, number of events and deltas, text, and diagnostics of a response.
fn summary(response: &Assembled) -> String {
    let tracking = response.tracking();
    let mut line = format!(
        "{} {} {}/{} {:?}",
        tracking.lane.as_deref().unwrap_or("-"),
        response.id().as_deref().unwrap_or("-"),
        tracking.events,
        tracking.deltas,
        response.texts().output_text,
    );
    // These tests have terminal responses without output; `fold.rs` tests the recovery.
    let relevant = |code| code != Code::OutputRecovered;
    for diagnostic in tracking.diagnostics.iter().filter(|found| relevant(found.code)) {
        assert_eq!(diagnostic.response_id.as_deref(), response.id().as_deref());
        let _ = write!(line, "; {}", describe(diagnostic));
    }
    line
}

/// A name, the lines of the source, and the summary of each response in the order of ending.
type Case<'a> = (&'a str, Vec<String>, &'a [&'a str]);

fn check_all(cases: Vec<Case<'_>>) {
    for (name, lines, expected) in cases {
        let responses = assemble_all(&lines);
        let found: Vec<_> = responses.iter().map(summary).collect();
        assert_eq!(found, expected, "{name}: {lines:#?}");
        for (index, response) in responses.iter().enumerate() {
            assert_eq!(response.tracking.stream_index, Some(index as u64), "{name}");
        }
    }
}

#[test]
fn a_response_begins() {
    let created = || lifecycle("", "created", "r", 0);
    let completed = |number| lifecycle("", "completed", "r", number);
    let keepalive = || r#"{"type":"keepalive"}"#.to_owned();
    let added = r#""sequence_number":7,"item":{"type":"message"}"#;
    check_all(vec![
        ("with created", vec![created(), completed(1)], &["- r 2/0 \"\""]),
        (
            "with in_progress, in a resumed stream",
            vec![lifecycle("", "in_progress", "r", 5), delta("", 6, "a"), completed(7)],
            &["- r 3/1 \"a\""],
        ),
        (
            "with queued, in a resumed stream",
            vec![lifecycle("", "queued", "r", 0), completed(1)],
            &["- r 2/0 \"\""],
        ),
        (
            "with a delta",
            vec![delta("", 6, "a"), completed(7)],
            &["- r 2/1 \"a\"; no_created type=response.output_text.delta"],
        ),
        (
            "with an item",
            vec![event("output_item.added", added)],
            &["- - 1/0 \"\"; no_created type=response.output_item.added; no_terminal"],
        ),
        (
            "with an error",
            vec![r#"{"type":"error","code":"c"}"#.to_owned()],
            &["- - 1/0 \"\"; no_created type=error; no_terminal"],
        ),
        (
            "with a terminal event",
            vec![completed(3)],
            &["- r 1/0 \"\"; no_created type=response.completed"],
        ),
        (
            "not with events of the stream, or of an unknown type",
            vec![keepalive(), event("rate_limits.updated", ""), event("unknown", "")],
            &[],
        ),
        (
            "with created, although another one is open",
            vec![created(), delta("", 1, "a"), lifecycle("", "created", "s", 0), completed(1)],
            &["- r 2/1 \"a\"; no_terminal", "- r 2/0 \"\"; response_id_changed previous=s got=r"],
        ),
    ]);
}

#[test]
fn a_response_ends() {
    let created = |id| lifecycle("", "created", id, 0);
    let terminal = |kind| lifecycle("", kind, "r", 1);
    let keepalive = r#"{"type":"keepalive"}"#.to_owned();
    check_all(vec![
        (
            "each terminal event ends it",
            vec![
                created("r"),
                terminal("completed"),
                created("r"),
                terminal("incomplete"),
                created("r"),
                terminal("failed"),
                created("r"),
                terminal("cancelled"),
                created("r"),
                terminal("done"),
            ],
            &["- r 2/0 \"\""; 5],
        ),
        ("the source ends", vec![created("r"), delta("", 1, "a")], &["- r 2/1 \"a\"; no_terminal"]),
        (
            "an end mark ends it, and the next event begins another",
            vec![created("r"), "[DONE]".into(), delta("", 1, "a")],
            &[
                "- r 1/0 \"\"; no_terminal",
                "- - 1/1 \"a\"; no_created type=response.output_text.delta; no_terminal",
            ],
        ),
        (
            "unknown, error and further terminal events after the end are reported and not applied",
            vec![
                created("r"),
                terminal("completed"),
                event("unknown", r#""sequence_number":2"#),
                r#"{"type":"error","code":"c","sequence_number":3}"#.to_owned(),
                lifecycle("", "failed", "s", 4),
            ],
            &[
                "- r 5/0 \"\"; unknown_event type=response.unknown; after_terminal type=response.unknown; \
               after_terminal type=error; after_terminal type=response.failed",
            ],
        ),
        (
            "events of the stream after the end are not reported",
            vec![created("r"), terminal("completed"), keepalive],
            &["- r 3/0 \"\""],
        ),
        (
            "deltas after the end begin another",
            vec![created("r"), terminal("completed"), delta("", 2, "a")],
            &[
                "- r 2/0 \"\"",
                "- - 1/1 \"a\"; no_created type=response.output_text.delta; no_terminal",
            ],
        ),
    ]);
}

#[test]
fn lanes_are_independent() {
    let created = |lane, id| lifecycle(lane, "created", id, 0);
    let completed = |lane, id, number| lifecycle(lane, "completed", id, number);
    check_all(vec![
        (
            "two lanes interleave, and are in the order of ending",
            vec![
                created("a", "r"),
                created("b", "s"),
                delta("a", 1, "A"),
                delta("b", 1, "B"),
                delta("b", 2, "B"),
                delta("a", 2, "A"),
                completed("b", "s", 3),
                created("b", "t"),
                completed("a", "r", 3),
                created("a", "u"),
            ],
            &[
                "b s 4/2 \"BB\"",
                "a r 4/2 \"AA\"",
                "b t 1/0 \"\"; no_terminal",
                "a u 1/0 \"\"; no_terminal",
            ],
        ),
        (
            "responses that are open at the end are in the order of beginning",
            vec![created("b", "s"), created("a", "r"), created("", "u"), delta("b", 1, "x")],
            &[
                "b s 2/1 \"x\"; no_terminal",
                "a r 1/0 \"\"; no_terminal",
                "- u 1/0 \"\"; no_terminal",
            ],
        ),
        (
            "sequence numbers are compared within a lane",
            vec![created("a", "r"), created("b", "s"), delta("a", 2, "x"), delta("b", 1, "y")],
            &[
                "a r 2/1 \"x\"; sequence_gap got=2 previous=0; no_terminal",
                "b s 2/1 \"y\"; no_terminal",
            ],
        ),
        (
            "the end mark ends the responses of all lanes",
            vec![created("a", "r"), created("", "s"), "[DONE]".into(), delta("a", 1, "x")],
            &[
                "a r 1/0 \"\"; no_terminal",
                "- s 1/0 \"\"; no_terminal",
                "a - 1/1 \"x\"; no_created type=response.output_text.delta; no_terminal",
            ],
        ),
    ]);
}

#[test]
fn sequence_numbers_are_compared_with_the_previous_event() {
    let created = || lifecycle("", "created", "r", 0);
    let in_progress = |number| lifecycle("", "in_progress", "r", number);
    let without_number = || event("output_text.delta", r#""content_index":0,"delta":"x""#);
    check_all(vec![
        (
            "a gap",
            vec![created(), delta("", 1, "a"), delta("", 3, "b"), delta("", 4, "c")],
            &["- r 4/3 \"abc\"; sequence_gap got=3 previous=1; no_terminal"],
        ),
        (
            "a number that goes back",
            vec![created(), delta("", 1, "a"), delta("", 0, "b")],
            &["- r 3/2 \"ab\"; sequence_gap got=0 previous=1; no_terminal"],
        ),
        (
            "an event that is repeated is not applied twice",
            vec![created(), delta("", 1, "a"), delta("", 1, "a"), delta("", 2, "b")],
            &["- r 4/2 \"ab\"; sequence_repeat got=1; no_terminal"],
        ),
        (
            "another event with the same number is applied",
            vec![created(), delta("", 1, "a"), delta("", 1, "b"), delta("", 2, "c")],
            &["- r 4/3 \"abc\"; sequence_repeat got=1; no_terminal"],
        ),
        (
            "a repeated event after another one is applied",
            vec![created(), delta("", 1, "a"), in_progress(2), delta("", 1, "a")],
            &["- r 4/2 \"aa\"; sequence_gap got=1 previous=2; no_terminal"],
        ),
        (
            "an event without a number is not compared, nor is the next",
            vec![created(), without_number(), delta("", 5, "a")],
            &["- r 3/2 \"xa\"; no_terminal"],
        ),
    ]);
    let responses = assemble_all(&[in_progress(3), delta("", 4, "a"), without_number()]);
    let tracking = responses[0].tracking();
    assert_eq!((tracking.first_sequence, tracking.last_sequence), (Some(3), Some(4)));
}

#[test]
fn a_response_object_is_a_response_without_events() {
    let object = |id: &str, status: &str| {
        format!(r#"{{"object":"response","id":"{id}","status":"{status}","output":[]}}"#)
    };
    let lines = [object("r", "completed"), object("s", "queued"), lifecycle("", "created", "t", 0)];
    let responses = assemble_all(&lines);
    let found: Vec<_> = responses.iter().map(summary).collect();
    assert_eq!(found, ["- r 0/0 \"\"", "- s 0/0 \"\"", "- t 1/0 \"\"; no_terminal"]);
    assert_eq!(responses[0].json(), lines[0].as_bytes());
    let complete: Vec<_> = responses.iter().map(Assembled::complete).collect();
    assert_eq!(complete, [true, false, false]);
    let spans: Vec<_> = responses
        .iter()
        .map(|response| (response.tracking.byte_start, response.tracking.byte_end))
        .collect();
    let first = lines[0].len() as u64;
    let second = first + 1 + lines[1].len() as u64;
    let third = second + 1 + lines[2].len() as u64;
    assert_eq!(spans, [(0, first), (first + 1, second), (second + 1, third)]);
}

#[test]
fn the_oldest_lane_is_closed_at_the_limit() {
    let mut decoder = decoder(false);
    for lane in 0..=OPEN_LANES {
        feed(&mut decoder, &lifecycle(&format!("{lane}"), "created", "r", 0), None);
    }
    assert_eq!(decoder.lanes().ordinals().len(), OPEN_LANES + 1);
    let closed = decoder.lanes_mut().take_ended();
    let found: Vec<_> = closed.iter().map(summary).collect();
    assert_eq!(found, ["0 r 1/0 \"\"; limit_exceeded what=open lanes limit=100000; no_terminal"]);
    assert!(decoder.lanes().open_in(Some("0")).is_none());
    assert!(decoder.lanes().open_in(Some("1")).is_some());
    decoder.finish(None, &mut Ignore);
    assert_eq!(decoder.lanes_mut().take_ended().len(), OPEN_LANES);
}

/// Diagnostics of no event belong to the response if they are between two of its events.
#[test]
fn diagnostics_between_two_events_belong_to_their_response() {
    let created = |id| lifecycle("", "created", id, 0);
    let bad = || "{]".to_owned();
    let broken = "bad_json what=line";
    check_all(vec![
        (
            "before the first event",
            vec![bad(), created("r"), delta("", 1, "a")],
            &["- r 2/1 \"a\"; no_terminal"],
        ),
        (
            "between two events",
            vec![created("r"), bad(), delta("", 1, "a")],
            &[&format!("- r 2/1 \"a\"; {broken}; no_terminal")],
        ),
        (
            "between two deltas",
            vec![created("r"), delta("", 1, "a"), delta("", 2, "b"), bad(), delta("", 3, "c")],
            &[&format!("- r 4/3 \"abc\"; {broken}; no_terminal")],
        ),
        (
            "after the last event",
            vec![created("r"), delta("", 1, "a"), bad()],
            &["- r 2/1 \"a\"; no_terminal"],
        ),
        (
            "between two responses",
            vec![created("r"), bad(), created("s")],
            &["- r 1/0 \"\"; no_terminal", "- s 1/0 \"\"; no_terminal"],
        ),
        (
            "never to a named lane",
            vec![lifecycle("a", "created", "r", 0), bad(), delta("a", 1, "x")],
            &["a r 2/1 \"x\"; no_terminal"],
        ),
    ]);
    let mut decoder = decoder(false);
    for line in [created("r"), bad(), delta("", 1, "a"), bad()] {
        feed(&mut decoder, &line, None);
    }
    decoder.finish(None, &mut Ignore);
    let kept = decoder.store().kept.iter();
    let found: Vec<_> = kept
        .map(|found| (found.code, found.line, found.response_id.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(
        found,
        [(Code::BadJson, 2, "r"), (Code::BadJson, 4, "-"), (Code::NoTerminal, 1, "r")]
    );
}

#[test]
fn times_are_those_of_the_events() {
    let lines = [
        (lifecycle("", "created", "r", 0), 10.0),
        (delta("", 1, "a"), 11.0),
        (delta("", 2, "b"), 12.5),
        // The clock goes back by one second.
        (delta("", 3, "c"), 11.5),
        (lifecycle("", "completed", "r", 4), 14.0),
    ];
    let mut decoder = decoder(false);
    for (line, now) in &lines {
        feed(&mut decoder, line, Some(*now));
    }
    decoder.finish(Some(20.0), &mut Ignore);
    let response = decoder.lanes_mut().take_ended().pop().expect("one response");
    assert_eq!(summary(&response), "- r 5/3 \"abc\"; time_reversed by=1000000");
    let tracking = response.tracking();
    assert_eq!(
        (tracking.started_at, tracking.first_delta_at, tracking.ended_at),
        (Some(10.0), Some(11.0), Some(14.0))
    );
    assert_eq!(tracking.delta_times, [11.0, 12.5, 12.5]);
}

/// The time of the request is that of the record; a whole response in one record has no times of its deltas.
#[test]
fn a_record_has_the_time_of_its_request() {
    let rows = [
        (vec![lifecycle("", "in_progress", "r", 1), delta("", 2, "a")], Some(3.0), vec![3.0]),
        (vec![delta("", 1, "a"), lifecycle("", "completed", "r", 2)], None, vec![]),
    ];
    for (lines, first_delta_at, delta_times) in rows {
        let mut decoder = decoder(false);
        let data = lines.join("\n");
        let end = data.len() as u64;
        let span = RecordSpan { offset: 0, end, line: 1, time: Some(3.0), requested_at: Some(2.0) };
        decoder.record(data.as_bytes(), span, true, None, &mut Ignore);
        decoder.finish(None, &mut Ignore);
        let response = decoder.lanes_mut().take_ended().pop().expect("one response");
        let tracking = response.tracking();
        assert_eq!((tracking.started_at, tracking.ended_at), (Some(2.0), Some(3.0)), "{data}");
        assert_eq!(tracking.first_delta_at, first_delta_at, "{data}");
        assert_eq!(tracking.delta_times, delta_times, "{data}");
    }
}

/// In strict mode the first error stops the decoder: the event in which it is found is the last one.
#[test]
fn strict_mode_stops_at_the_first_error() {
    let created = || lifecycle("", "created", "r", 0);
    let gap = || delta("", 5, "a");
    let rows = [
        ("a warning does not stop it", vec![created(), gap()], None, 1),
        ("bad JSON", vec![created(), "{]".into(), gap()], Some((Code::BadJson, 2)), 0),
        (
            "a member of the wrong kind",
            vec![created(), event("output_text.delta", r#""delta":5"#), gap()],
            Some((Code::BadField, 2)),
            0,
        ),
    ];
    for (name, lines, failure, warnings) in rows {
        let mut decoder = decoder(true);
        for line in &lines {
            feed(&mut decoder, line, None);
        }
        let failed = decoder.store().failed.as_ref().map(|found| (found.code, found.line));
        assert_eq!(failed, failure, "{name}");
        assert_eq!(decoder.store().counts[Code::SequenceGap as usize], warnings, "{name}");
        decoder.finish(None, &mut Ignore);
        let ended = decoder.lanes_mut().take_ended().len();
        assert_eq!(ended, usize::from(failure.is_none()), "{name}");
    }
}

/// The response of a lane can be read at any time, by its ordinal too.
#[test]
fn responses_are_found_by_lane_and_by_ordinal() {
    let mut decoder = decoder(false);
    for line in [lifecycle("a", "created", "r", 0), lifecycle("", "created", "s", 0)] {
        feed(&mut decoder, &line, None);
    }
    feed(&mut decoder, &lifecycle("a", "created", "t", 0), None);
    let lanes = decoder.lanes_mut();
    let id = |response: Option<&Assembled>| {
        response.and_then(|it| it.id().map(std::borrow::Cow::into_owned))
    };
    assert_eq!(lanes.ordinals(), [0, 1, 2]);
    assert_eq!(lanes.latest_ordinal, Some(2));
    assert_eq!(id(lanes.open_in(Some("a"))).as_deref(), Some("t"));
    assert_eq!(id(lanes.get(0)).as_deref(), Some("r"));
    assert_eq!(lanes.take_ended().len(), 1);
    assert!(lanes.get(0).is_none());
    assert_eq!(id(lanes.get(1)).as_deref(), Some("s"));
    assert_eq!(lanes.ordinals(), [1, 2]);
}

/// Deltas that continue a text are applied directly. Splitting the source must not change the result.
#[test]
fn runs_of_deltas_are_counted_like_single_events() {
    let mut source = format!("data: {}\n\n", lifecycle("", "created", "r", 0));
    for number in 1..=200 {
        let _ = write!(source, "data: {}\n\n", delta("", number, "x"));
    }
    for size in [source.len(), 1, 77, 300] {
        let options = Options { form: Form::Sse, on_eof: OnEof::Flush, limit: None };
        let mut decoder = Decoder::<Responses>::new(options, false);
        for chunk in source.as_bytes().chunks(size) {
            decoder.feed(chunk, None, &mut Ignore);
        }
        decoder.finish(None, &mut Ignore);
        assert_eq!(decoder.lanes().last_sequence, Some(200));
        let response = decoder.lanes_mut().take_ended().pop().expect("one response");
        let expected = format!("- r 201/200 \"{}\"; no_terminal", "x".repeat(200));
        assert_eq!(summary(&response), expected, "{size}");
        let tracking = response.tracking();
        assert_eq!((tracking.first_sequence, tracking.last_sequence), (Some(0), Some(200)));
        assert_eq!(tracking.byte_end, source.len() as u64 - 2, "{size}");
    }
}

/// Collects the indexes of events.
struct IndexCollector(Vec<Option<u32>>);

impl EventSink<Responses> for IndexCollector {
    fn event(&mut self, event: &Event<'_>) {
        self.0.push(event.indexes().and_then(|indexes| indexes.values[0]));
    }
}

#[test]
fn events_of_unknown_types_have_indexes() {
    let source = b"{\"type\":\"response.verse.delta\",\"output_index\":3}\n";
    let mut decoder = Decoder::<Responses>::new(Options::default(), false);
    let mut sink = IndexCollector(Vec::new());
    decoder.feed(source, None, &mut sink);
    assert_eq!(sink.0, [Some(3)]);
}

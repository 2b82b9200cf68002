//! Anthropic Messages: blocks and their deltas, inputs of tools, token counts, and errors.

use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::Response as _;
use respstream_core::protocols::messages::{Assembled, Messages};

const START: &str = r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":2,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

/// The messages of a source, and the codes of its diagnostics.
fn read(source: &str) -> (Vec<Assembled>, Vec<&'static str>) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: None };
    let mut decoder = Decoder::<Messages>::new(options, false);
    decoder.feed(source.as_bytes(), None, &mut Ignore);
    decoder.finish(None, &mut Ignore);
    let codes = decoder.store().kept.iter().map(|found| found.code.kind().code).collect();
    (decoder.lanes_mut().take_ended(), codes)
}

fn lines(events: &[&str]) -> String {
    events.iter().map(|event| (*event).to_owned() + "\n").collect()
}

/// The only message with these events between its first and its last, and the codes.
fn assemble(events: &[&str]) -> (Assembled, Vec<&'static str>) {
    let (mut found, codes) = read(&lines(&[&[START][..], events, &[STOP]].concat()));
    (found.pop().expect("one message"), codes)
}

fn block(index: u32, members: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{{members}}}}}"#)
}

fn delta(index: u32, members: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{{members}}}}}"#)
}

fn text(index: u32, text: &str) -> String {
    delta(index, &format!(r#""type":"text_delta","text":"{text}""#))
}

fn input(index: u32, json: &str) -> String {
    delta(index, &format!(r#""type":"input_json_delta","partial_json":"{json}""#))
}

fn content(response: &Assembled) -> String {
    String::from_utf8_lossy(&response.member("content").expect("the content")).into_owned()
}

const TEXT: &str = r#""type":"text","text":"""#;
const TOOL: &str = r#""type":"tool_use","id":"t","name":"f","input":{}"#;

#[test]
fn blocks_are_ordered_by_index() {
    let (response, codes) = assemble(&[
        &block(5, TEXT),
        &text(5, "c"),
        &block(0, r#""type":"thinking","thinking":"a""#),
        &text(5, "d"),
        &delta(0, r#""type":"thinking_delta","thinking":"b""#),
        &delta(0, r#""type":"signature_delta","signature":"s""#),
    ]);
    assert_eq!((codes, response.items()), (vec![], 2));
    let texts = response.texts();
    assert_eq!((&*texts.output_text, &*texts.reasoning_text), ("cd", "ab"));
    let expected =
        r#"[{"type":"thinking","thinking":"ab","signature":"s"},{"type":"text","text":"cd"}]"#;
    assert_eq!(content(&response), expected);
}

#[test]
fn a_delta_goes_to_the_block_that_it_fits() {
    for (events, expected, code) in [
        (vec![text(0, "a")], r#"[{"type":"text","text":"a"}]"#, "no_block_start"),
        (
            vec![
                block(0, TEXT),
                delta(0, r#""type":"thinking_delta","thinking":"a""#),
                text(0, "b"),
            ],
            r#"[{"type":"text","text":"b"},{"type":"thinking","thinking":"a"}]"#,
            "no_block_start",
        ),
        (
            vec![block(0, TEXT), text(0, "a"), block(0, TEXT), text(0, "b")],
            r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#,
            "index_reused",
        ),
        (
            vec![block(0, TEXT), r#"{"type":"content_block_stop","index":0}"#.into(), text(0, "a")],
            r#"[{"type":"text","text":"a"}]"#,
            "delta_after_stop",
        ),
        (
            vec![block(0, TEXT), delta(0, r#""text":"a""#)],
            r#"[{"type":"text","text":"a"}]"#,
            "loose_value",
        ),
    ] {
        let (response, codes) = assemble(&events.iter().map(|event| &**event).collect::<Vec<_>>());
        assert_eq!((&*content(&response), &codes[..]), (expected, &[code][..]), "{events:?}");
    }
}

#[test]
fn deltas_of_unknown_types_are_merged() {
    let odd = |members: &str| delta(0, &format!(r#""type":"note_delta",{members}"#));
    let (response, codes) = assemble(&[
        &block(0, r#""type":"note","note":"a","list":[1]"#),
        &odd(r#""note":"b","list":[2],"n":1"#),
        &odd(r#""note":"c","list":[],"n":2,"null":null"#),
    ]);
    assert_eq!(codes, [""; 0]);
    assert_eq!(
        content(&response),
        r#"[{"type":"note","note":"abc","list":[1,2],"n":2,"null":null}]"#
    );
}

#[test]
fn the_streamed_input_is_parsed_when_its_block_is_written() {
    for (pieces, json, arguments, codes) in [
        (vec![r#"{\"a\": "#, "1.50}"], r#"{"a":1.50}"#, r#"{"a": 1.50}"#, vec![]),
        (vec![""], "{}", "{}", vec![]),
        (vec![r#"{\"a\""#], r#""{\"a\"""#, r#"{"a""#, vec!["bad_input"]),
        (vec!["1],[2"], r#""1],[2""#, "1],[2", vec!["bad_input"]),
    ] {
        let mut events = vec![block(0, TOOL)];
        events.extend(pieces.iter().map(|piece| input(0, piece)));
        let (response, found) = assemble(&events.iter().map(|event| &**event).collect::<Vec<_>>());
        assert_eq!(found, codes);
        let expected = format!(r#"[{{"type":"tool_use","id":"t","name":"f","input":{json}}}]"#);
        assert_eq!(content(&response), expected);
        let calls = response.tool_calls();
        assert_eq!(calls[0].arguments.as_deref(), Some(arguments));
        assert_eq!((calls[0].call_id.as_deref(), calls[0].name.as_deref()), (Some("t"), Some("f")));
    }
}

#[test]
fn an_input_may_be_deep_only_as_far_as_the_message_allows() {
    for (depth, expected) in [(253, vec![]), (254, vec!["bad_input"])] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        let (_, codes) = assemble(&[&block(0, TOOL), &input(0, &deep)]);
        assert_eq!(codes, expected, "{depth}");
    }
}

#[test]
fn the_input_of_a_start_counts_without_deltas() {
    let given = TOOL.replace("{}", r#"{"a": [1]}"#);
    let (response, codes) = assemble(&[&block(0, &given)]);
    assert_eq!((response.call_arguments(0).as_deref(), codes), (Some(r#"{"a":[1]}"#), vec![]));
    let (response, _) = assemble(&[&block(0, &given), &input(0, "{}")]);
    assert_eq!(response.call_arguments(0).as_deref(), Some("{}"));
}

#[test]
fn arguments_are_read_as_they_grow() {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: None };
    let mut decoder = Decoder::<Messages>::new(options, false);
    let (mut from, mut seen) = (None, Vec::new());
    for event in
        [START, &block(0, TOOL), &input(0, r"\ud83d"), &input(0, r"\ude00"), &input(0, "a")]
    {
        decoder.feed((event.to_owned() + "\n").as_bytes(), None, &mut Ignore);
        let response = decoder.lanes().open_in(None).expect("the message");
        let found = (!response.calls().is_empty()).then(|| response.arguments_since(0, from));
        if let Some((text, next)) = found.flatten() {
            seen.push(text);
            from = Some(next);
        }
    }
    assert_eq!(seen, ["", "\u{1f600}", "a"]);
}

#[test]
fn the_last_counts_that_are_not_null_count() {
    let usage = |members: &str| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"max_tokens"}},"usage":{{{members}}}}}"#
        )
    };
    let (response, codes) = assemble(&[
        &usage(r#""output_tokens":7,"input_tokens":null,"cache_read_input_tokens":3"#),
        &usage(r#""output_tokens":9"#),
    ]);
    let tokens = response.tokens();
    assert_eq!((tokens.input, tokens.output, tokens.cached), (Some(2), Some(9), Some(3)));
    assert_eq!((tokens.total, codes), (Some(14), vec![]));
    assert_eq!(response.status().as_deref(), Some("incomplete"));
    assert_eq!(response.incomplete_reason().as_deref(), Some("max_tokens"));
}

#[test]
fn an_error_ends_the_message() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error"},"request_id":"r"}"#;
    let (found, codes) = read(&lines(&[START, &block(0, TEXT), &text(0, "a"), error]));
    assert_eq!(codes, [""; 0]);
    assert_eq!(found[0].status().as_deref(), Some("failed"));
    assert_eq!(found[0].texts().output_text, "a");
    let expected = r#"{"type":"overloaded_error","request_id":"r"}"#;
    assert_eq!(found[0].error_json().as_deref(), Some(expected.as_bytes()));
}

#[test]
fn a_message_may_come_whole() {
    let whole = r#"{"type":"message","id":"m","model":"x","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}"#;
    let (found, codes) = read(whole);
    assert_eq!((found.len(), codes), (1, vec![]));
    assert_eq!(found[0].json(), whole.as_bytes());
    assert_eq!(found[0].call_arguments(0).as_deref(), Some(r#"{"a":1}"#));
}

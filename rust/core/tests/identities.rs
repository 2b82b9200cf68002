//! The identity of items, and recovered values: which item an event is about, and that no text disappears.

#[path = "common/responses.rs"]
mod support;

use support::check;

const TEXT: &str = "output_text.delta";

/// Two calls at one index, with their events in turn.
#[test]
fn items_at_one_index_are_told_apart_by_their_ids() {
    const ARGUMENTS: &str = "function_call_arguments.delta";
    let call = |id: &str, arguments: &str| {
        format!(
            r#"{{"id":"{id}","type":"function_call","call_id":"c{id}","arguments":"{arguments}"}}"#
        )
    };
    for index in [r#""output_index":0,"#, ""] {
        let add = |id: &str| format!(r#"{index}"item":{}"#, call(id, ""));
        let delta = |id: &str, text: &str| format!(r#"{index}"item_id":"{id}","delta":"{text}""#);
        let found: &[&str] = match index {
            "" => &[],
            _ => &["index_reused output_index=0 what=function_call cb"],
        };
        check(
            &[
                ("output_item.added", &add("a")),
                (ARGUMENTS, &delta("a", "1")),
                ("output_item.added", &add("b")),
                (ARGUMENTS, &delta("b", "2")),
                (ARGUMENTS, &delta("a", "3")),
                (ARGUMENTS, &delta("b", "4")),
                (ARGUMENTS, &delta("b", "5")),
            ],
            &format!("[{},{}]", call("a", "13"), call("b", "245")),
            found,
        );
    }
}

#[test]
fn empty_final_values_do_not_replace_streamed_ones() {
    let item = |text: &str| {
        format!(r#"{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}"#)
    };
    let recovered = "value_recovered what=content[0].text output_index=0";
    let delta = (TEXT, r#""output_index":0,"content_index":0,"delta":"4""#);
    let empty = r#"{"type":"message","content":[]}"#;
    for (kind, members) in [
        ("output_text.done", r#""output_index":0,"content_index":0,"text":"""#.to_owned()),
        (
            "content_part.done",
            r#""output_index":0,"content_index":0,"part":{"type":"output_text","text":""}"#.into(),
        ),
        ("output_item.done", format!(r#""output_index":0,"item":{}"#, item(""))),
        ("output_item.done", format!(r#""output_index":0,"item":{empty}"#)),
        ("completed", format!(r#""response":{{"id":"r","output":[{empty}]}}"#)),
    ] {
        check(&[delta, (kind, &members)], &format!("[{}]", item("4")), &[recovered]);
    }
}

#[test]
fn deltas_of_a_finished_item_are_reported_once() {
    let item = r#"{"type":"message","content":[]}"#;
    let done = format!(r#""output_index":0,"item":{item}"#);
    let delta = (TEXT, r#""output_index":0,"content_index":0,"delta":"4""#);
    check(
        &[("output_item.done", &done), delta, delta],
        &format!("[{item}]"),
        &["late_delta output_index=0"],
    );
}

#[test]
fn values_of_other_types_are_read() {
    let call = r#"{"type":"function_call","call_id":"c","arguments":"{\"x\":1}"}"#;
    let loose = "loose_value field=arguments got=an object read=its JSON text";
    check(
        &[(
            "output_item.done",
            r#""output_index":0,"item":{"type":"function_call","call_id":"c","arguments":{"x": 1}}"#,
        )],
        &format!("[{call}]"),
        &[loose],
    );
    check(
        &[
            (TEXT, r#""output_index":"0","content_index":0,"delta":"a""#),
            (TEXT, r#""output_index":"1","content_index":0,"delta":"b""#),
            (TEXT, r#""output_index":"1","content_index":0,"delta":{"type":"text","text":"c"}"#),
        ],
        r#"[{"type":"message","content":[{"type":"output_text","text":"a"}]},{"type":"message","content":[{"type":"output_text","text":"bc"}]}]"#,
        &[
            "loose_value field=output_index got=a string of digits read=a number",
            "loose_value field=delta got=an object read=its text",
        ],
    );
}

/// Items of several types at one index, or without an index and ids: each event finds an item of its type.
#[test]
fn items_are_told_apart_by_their_types() {
    let call = r#"{"type":"function_call","call_id":"c","arguments":"{}"}"#;
    let message = r#"{"type":"message","content":[{"type":"output_text","text":"ab"}]}"#;
    for (index, found) in [
        (r#""output_index":0,"#, &["index_reused output_index=0 what=function_call c"][..]),
        ("", &[]),
    ] {
        let with_index = |members: &str| format!("{index}{members}");
        check(
            &[
                ("output_item.added", &with_index(r#""item":{"type":"message","content":[]}"#)),
                (
                    "output_item.added",
                    &with_index(r#""item":{"type":"function_call","call_id":"c"}"#),
                ),
                (TEXT, &with_index(r#""content_index":0,"delta":"a""#)),
                ("function_call_arguments.delta", &with_index(r#""delta":"{}""#)),
                (TEXT, &with_index(r#""content_index":0,"delta":"b""#)),
                ("output_item.done", &with_index(&format!(r#""item":{message}"#))),
                ("output_item.done", &with_index(&format!(r#""item":{call}"#))),
            ],
            &format!("[{message},{call}]"),
            found,
        );
    }
}

#[test]
fn an_item_added_behind_a_finished_one_is_new_unless_they_share_an_id() {
    let item = |id: &str, text: &str| {
        format!(r#"{{"type":"message"{id},"content":[{{"type":"output_text","text":"{text}"}}]}}"#)
    };
    let events = |id: &str| {
        let done = format!(r#""output_index":0,"item":{}"#, item(id, "a"));
        (done, format!(r#""output_index":0,"item":{{"type":"message"{id},"content":[]}}"#))
    };
    let delta = (TEXT, r#""output_index":0,"content_index":0,"delta":"b""#);
    let (done, added) = events("");
    check(
        &[("output_item.done", &done), ("output_item.added", &added), delta],
        &format!("[{},{}]", item("", "a"), item("", "b")),
        &["index_reused output_index=0 what=message"],
    );
    let id = r#","id":"m""#;
    let (done, added) = events(id);
    check(
        &[("output_item.done", &done), ("output_item.added", &added), delta],
        &format!("[{}]", item(id, "b")),
        &["text_mismatch what=content[0].text output_index=0"],
    );
}

/// Each recovery of a whole item copies its texts, so their number is limited.
#[test]
fn an_item_is_recovered_a_limited_number_of_times() {
    let delta = (TEXT, r#""output_index":0,"content_index":0,"delta":"a""#);
    let items: Vec<_> = (0..20)
        .map(|number| format!(r#""output_index":0,"item":{{"type":"message","n":{number}}}"#))
        .collect();
    let mut events = vec![delta];
    events.extend(items.iter().map(|item| ("output_item.done", item.as_str())));
    check(
        &events,
        r#"[{"type":"message","n":15,"content":[{"type":"output_text","text":"a"}]}]"#,
        &["value_recovered what=content[0].text output_index=0"],
    );
}

#[test]
fn a_terminal_output_in_another_order_and_with_other_ids_is_no_difference() {
    let item = |id: &str, text: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","content":[{{"type":"output_text","text":"{text}"}}]}}"#
        )
    };
    let output = format!("[{},{}]", item("x", "2"), item("y", "1"));
    let done = |index: u32, item: &str| format!(r#""output_index":{index},"item":{item}"#);
    let (first, second) = (done(0, &item("a", "1")), done(1, &item("b", "2")));
    let terminal = format!(r#""response":{{"id":"r","output":{output}}}"#);
    check(
        &[("output_item.done", &first), ("output_item.done", &second), ("completed", &terminal)],
        &output,
        &[],
    );
}

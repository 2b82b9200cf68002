//! The fold: events assembled into a response, with the diagnostics, for any order of events and in linear time.

#[path = "common/responses.rs"]
mod support;

use respstream_core::protocols::responses::Assembled;
use respstream_core::protocols::responses::catalogue::{EVENTS, Entry, INDEX_FIELDS, Op, Phase};
use respstream_core::protocols::rows::ResponseRow;
use serde_json::Value as Json;
use support::{assemble, check, created, diagnostics, event};

fn json(response: &Assembled) -> String {
    String::from_utf8(response.json()).expect("UTF-8")
}

const TEXT: &str = "output_text.delta";

#[test]
fn deltas_are_appended() {
    check(
        &[
            (
                TEXT,
                r#""item_id":"m","output_index":0,"content_index":0,"delta":"a\ud83d","logprobs":[]"#,
            ),
            (
                TEXT,
                r#""item_id":"m","output_index":0,"content_index":0,"delta":"\ude00b","logprobs":[1.0]"#,
            ),
            (
                TEXT,
                r#""item_id":"m","output_index":0,"content_index":0,"delta":"é","logprobs":[2, 3]"#,
            ),
            (TEXT, r#""item_id":"m","output_index":0,"content_index":2,"delta":"\"""#),
        ],
        "[{\"id\":\"m\",\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a😀bé\",\"logprobs\":[1.0,2,3]},\
         {\"type\":\"output_text\",\"text\":\"\\\"\"}]}]",
        &["bad_utf8", "bad_utf8"],
    );
}

#[test]
fn a_done_event_replaces_the_deltas() {
    check(
        &[
            (
                "output_item.added",
                r#""output_index":0,"item":{"type":"message","n":1E2,"content":[]}"#,
            ),
            (
                "content_part.added",
                r#""output_index":0,"content_index":0,"part":{"type":"output_text","text":""}"#,
            ),
            (TEXT, r#""output_index":0,"content_index":0,"delta":"ab""#),
            ("output_text.done", r#""output_index":0,"content_index":0,"text":"abc""#),
            (TEXT, r#""output_index":0,"content_index":0,"delta":"d""#),
            (
                "content_part.done",
                r#""output_index":0,"content_index":0,"part":{"type":"output_text","text":"abc"}"#,
            ),
            ("output_text.done", r#""output_index":0,"content_index":0,"text":"late""#),
        ],
        r#"[{"type":"message","n":1E2,"content":[{"type":"output_text","text":"abc"}]}]"#,
        &["text_mismatch what=content[0].text output_index=0"],
    );
}

#[test]
fn a_final_item_replaces_its_deltas() {
    check(
        &[
            ("function_call_arguments.delta", r#""item_id":"f","delta":"{\"a""#),
            ("function_call_arguments.delta", r#""item_id":"g","delta":"\":1}""#),
            ("output_item.done", r#""item":{"type":"function_call","id":"g", "arguments":"{}"}"#),
            ("function_call_arguments.delta", r#""item_id":"f","delta":"x""#),
        ],
        r#"[{"type":"function_call","id":"g", "arguments":"{}"}]"#,
        &[
            "item_id_changed output_index=0 previous=f got=g",
            "text_mismatch what=arguments output_index=0",
            "late_delta output_index=0",
        ],
    );
}

#[test]
fn a_status_is_set_and_makes_an_item_canonical() {
    let added = (
        "output_item.added",
        r#""item":{"type":"web_search_call", "status":"x","a":"\u0041","a":[ ]}"#,
    );
    check(&[added], r#"[{"type":"web_search_call", "status":"x","a":"\u0041","a":[ ]}]"#, &[]);
    let output = r#"[{"type":"web_search_call","status":"searching","a":[]}]"#;
    check(&[added, ("web_search_call.searching", r#""output_index":0"#)], output, &[]);
}

#[test]
fn shell_commands_and_outputs_are_assembled() {
    check(
        &[
            ("shell_call_command.added", r#""command_index":3,"command":"l""#),
            ("shell_call_command.delta", r#""command_index":3,"delta":"s""#),
            ("shell_call_command.done", r#""command_index":1,"command":"cd""#),
            (
                "shell_call_output_content.delta",
                r#""output_index":1,"command_index":0,"delta":{"stdout":"a","n":1}"#,
            ),
            (
                "shell_call_output_content.delta",
                r#""output_index":1,"command_index":0,"delta":{"stdout":"b"}"#,
            ),
            (
                "shell_call_output_content.done",
                r#""output_index":1,"command_index":0,"output":[{"stdout":"a"}]"#,
            ),
        ],
        r#"[{"type":"shell_call","action":{"commands":["cd","ls"]}},{"type":"shell_call_output","output":[{"stdout":"a"}]}]"#,
        &["text_mismatch what=output[0].stdout output_index=1"],
    );
}

#[test]
fn members_of_the_wrong_kind_have_no_effect() {
    check(
        &[
            (TEXT, r#""delta":5"#),
            ("output_item.done", r#""item":[]"#),
            ("content_part.done", r#""content_index":0"#),
            (TEXT, r#""content_index":-1,"delta":"x""#),
        ],
        "[]",
        &[
            "bad_field field=delta expected=a string",
            "bad_field field=item expected=an object",
            "bad_field field=part expected=an object",
            "bad_field field=content_index expected=an integer from 0 to 65535",
        ],
    );
}

#[test]
fn the_terminal_output_replaces_the_streamed_items() {
    let added = (
        "output_item.added",
        r#""item":{"type":"message","content":[{"type":"output_text","text":"a"}]}"#,
    );
    let done =
        |output: &str| format!("\"response\":{{\"id\":\"q\",\"status\":\"completed\"{output}}}");
    let item = r#"{"type":"message","content":[{"type":"output_text","text":"b"}]}"#;
    let rows: [(String, String, &[&str]); 4] = [
        (done(""), format!("[{}]", &added.1[7..]), &["output_recovered count=1"]),
        (done(",\"output\":\"x\""), format!("[{}]", &added.1[7..]), &["output_recovered count=1"]),
        (
            done(&format!(",\"output\":[{item}]")),
            format!("[{item}]"),
            &["text_mismatch what=content[0].text output_index=0"],
        ),
        (
            done(",\"output\":[ 5]"),
            "[ 5]".into(),
            &["output_differs got=1 streamed=1 what=message at 0"],
        ),
    ];
    for (rest, output, found) in rows {
        let mut expected = vec!["response_id_changed previous=r got=q"];
        expected.extend(found);
        check(&[added, ("completed", &rest)], &output, &expected);
    }
}

#[test]
fn a_response_has_texts_and_a_row() {
    let item = |kind: &str, rest: &str| {
        event("output_item.done", &format!("\"output_index\":{rest},\"type\":\"{kind}\"}}"))
    };
    let response = assemble(&[
        created(),
        item(
            "reasoning",
            r#"0,"item":{"content":[{"text":"t"}],"summary":[{"text":"s1"},{"text":"s2"}]"#,
        ),
        item(
            "message",
            r#"1,"item":{"content":[{"type":"output_text","text":"o"},{"type":"refusal","refusal":"r"}]"#,
        ),
        item("custom_tool_call", r#"2,"item":{"input":"i","name":"n","call_id":"c""#),
        event(
            "failed",
            r#""response":{"id":"r","usage":{"total_tokens":7},"created_at":1.5,"error":{"code":"e"},"metadata":{ }}"#,
        ),
    ]);
    assert_eq!(diagnostics(&response), ["output_recovered count=3"]);
    assert!(json(&response).starts_with(r#"{"id":"r","usage":{"total_tokens":7},"created_at":1.5,"error":{"code":"e"},"metadata":{ },"output":[{"#));
    assert_eq!(response.keys(), ["id", "usage", "created_at", "error", "metadata", "output"]);
    let row = ResponseRow::new(&response, "x", None);
    assert_eq!((row.output_text(), row.refusal()), (Some("o"), Some("r")));
    assert_eq!((row.reasoning_text(), row.reasoning_summary()), (Some("t"), Some("s1\n\ns2")));
    assert_eq!((row.tokens().total, row.time("created_at")), (Some(7), Some(1_500_000)));
    assert_eq!((row.error("code").as_deref(), row.metadata().as_deref()), (Some("e"), Some("{ }")));
    assert_eq!((response.output_len(), response.tracking.terminal), (3, Some("response.failed")));
    assert_eq!(row.tool_calls()[0].arguments.as_deref(), Some("i"));
}

/// Quadratic time in any step would take minutes.
#[test]
fn time_is_linear() {
    let backwards = (0..65_536_u32).rev().step_by(2).map(|index| {
        event(
            TEXT,
            &format!(
                "\"output_index\":{},\"content_index\":{index},\"delta\":\"x\"",
                index % 7 * 9_000
            ),
        )
    });
    let response = assemble(&std::iter::once(created()).chain(backwards).collect::<Vec<_>>());
    assert_eq!(response.texts().output_text.len(), 32_768);
    let wide: Vec<String> = (0..50_000).map(|key| format!("\"k{key}\":\"\"")).collect();
    let wide = format!("\"item\":{{\"type\":\"message\",{},\"content\":[]}}", wide.join(","));
    let delta =
        |index: usize| event(TEXT, &format!("\"content_index\":{},\"delta\":\"x\"", index % 2));
    let deltas = (0..50_000).map(delta);
    let lines: Vec<_> =
        [created(), event("output_item.added", &wide)].into_iter().chain(deltas).collect();
    assert_eq!(assemble(&lines).texts().output_text.len(), 50_000);
    let logprobs = event(TEXT, r#""delta":"","logprobs":[1]"#);
    let lines: Vec<_> =
        std::iter::once(created()).chain(std::iter::repeat_n(logprobs, 50_000)).collect();
    assert!(json(&assemble(&lines)).len() > 100_000);
}

/// Events after `response.created`, the expected output, and the expected diagnostics.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

fn check_all(cases: &[Case<'_>]) {
    for (name, events, output, expected) in cases {
        println!("{name}");
        check(events, output, expected);
    }
}

const ITEM: (&str, &str) =
    ("output_item.added", r#""output_index":0,"item":{"type":"message","content":[]}"#);
const DELTA: (&str, &str) = (TEXT, r#""output_index":0,"content_index":0,"delta":"ab""#);
const PART_DONE: (&str, &str) =
    ("content_part.done", r#""content_index":0,"part":{"type":"output_text","text":"ab"}"#);
const ITEM_DONE: (&str, &str) = (
    "output_item.done",
    r#""item":{"type":"message","content":[{"type":"output_text","text":"ab"}]}"#,
);
const MESSAGE: &str = r#"[{"type":"message","content":[{"type":"output_text","text":"ab"}]}]"#;
const MISMATCH: &str = "text_mismatch what=content[0].text output_index=0";

#[test]
fn items_and_parts_are_added_and_replaced() {
    check_all(&[
        (
            "an added item is kept as raw JSON",
            &[("output_item.added", r#""output_index":0,"item":{"type":"message", "n":1E2}"#)],
            r#"[{"type":"message", "n":1E2}]"#,
            &[],
        ),
        (
            "an empty item that is added again keeps the text of the first",
            &[ITEM, DELTA, ITEM],
            MESSAGE,
            &["value_recovered what=content[0].text output_index=0"],
        ),
        (
            "gaps in the indexes are closed",
            &[
                ("output_item.added", r#""output_index":7,"item":{"type":"b"}"#),
                ("output_item.added", r#""output_index":3,"item":{"type":"a"}"#),
            ],
            r#"[{"type":"a"},{"type":"b"}]"#,
            &[],
        ),
        (
            "a part creates its item",
            &[(
                "content_part.added",
                r#""content_index":0,"part":{"type":"output_text","text":""}"#,
            )],
            r#"[{"type":"message","content":[{"type":"output_text","text":""}]}]"#,
            &[],
        ),
        (
            "a part of reasoning text creates a reasoning item",
            &[(
                "content_part.added",
                r#""item_id":"x","content_index":0,"part":{"type":"reasoning_text","text":""}"#,
            )],
            r#"[{"id":"x","type":"reasoning","content":[{"type":"reasoning_text","text":""}]}]"#,
            &[],
        ),
        (
            "parts of a summary have indexes of their own",
            &[
                (
                    "reasoning_summary_part.added",
                    r#""summary_index":0,"part":{"type":"summary_text","text":"a"}"#,
                ),
                (
                    "reasoning_summary_part.done",
                    r#""summary_index":1,"part":{"type":"summary_text","text":"b"}"#,
                ),
            ],
            r#"[{"type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}]}]"#,
            &[],
        ),
    ]);
}

#[test]
fn missing_indexes_select_the_last_item_or_a_new_part() {
    let added = |kind| ("output_item.added", kind);
    let part = ("content_part.added", r#""part":{"type":"output_text","text":"a"}"#);
    check_all(&[
        (
            "each added item without an index is new",
            &[added(r#""item":{"type":"a"}"#), added(r#""item":{"type":"b"}"#)],
            r#"[{"type":"a"},{"type":"b"}]"#,
            &[],
        ),
        (
            "a final item without an index replaces the last written item",
            &[
                added(r#""output_index":1,"item":{"type":"b"}"#),
                added(r#""output_index":0,"item":{"type":"a"}"#),
                ("output_item.done", r#""item":{"type":"a","n":1}"#),
            ],
            r#"[{"type":"a","n":1},{"type":"b"}]"#,
            &[],
        ),
        (
            "a delta without an index belongs to the last written item",
            &[
                added(r#""output_index":4,"item":{"type":"function_call"}"#),
                ("function_call_arguments.delta", r#""delta":"x""#),
            ],
            r#"[{"type":"function_call","arguments":"x"}]"#,
            &[],
        ),
        (
            "each added part without an index is new, and deltas belong to the last part",
            &[part, part, (TEXT, r#""delta":"b""#)],
            r#"[{"type":"message","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"ab"}]}]"#,
            &[],
        ),
        (
            "indexes that are null are missing",
            &[(TEXT, r#""output_index":null,"content_index":null,"delta":"ab""#)],
            MESSAGE,
            &[],
        ),
    ]);
}

#[test]
fn annotations_are_put_into_their_list() {
    let at = |index: &str| format!("\"content_index\":0{index},\"annotation\":{{\"n\":1}}");
    let (first, third, next) =
        (at(",\"annotation_index\":0"), at(",\"annotation_index\":2"), at(""));
    let put = "output_text.annotation.added";
    let list = |count| {
        let annotations = vec![r#"{"n":1}"#; count].join(",");
        format!(
            r#"[{{"type":"message","content":[{{"type":"output_text","annotations":[{annotations}]}}]}}]"#
        )
    };
    check_all(&[
        ("by index, with a gap", &[(put, &third), (put, &first)], &list(2), &[]),
        ("an index is replaced", &[(put, &first), (put, &first)], &list(1), &[]),
        ("without an index at the end", &[(put, &first), (put, &next)], &list(2), &[]),
        ("null is ignored", &[(put, r#""content_index":0,"annotation":null"#)], "[]", &[]),
        (
            // The list is created on the way to its element, and remains empty.
            "not into a final part",
            &[ITEM, PART_DONE, (put, &first)],
            r#"[{"type":"message","content":[{"type":"output_text","text":"ab","annotations":[]}]}]"#,
            &[],
        ),
    ]);
}

#[test]
fn a_value_of_higher_precedence_is_not_changed() {
    let late = (TEXT, r#""content_index":0,"delta":"late""#);
    let empty = (TEXT, r#""content_index":0,"delta":"""#);
    let done = ("output_text.done", r#""content_index":0,"text":"ab""#);
    let search = r#""output_index":0,"item":{"type":"web_search_call","status":"completed"}"#;
    let other = ("output_text.done", r#""content_index":0,"text":"other""#);
    check_all(&[
        (
            "a delta after the final text is reported once",
            &[ITEM, DELTA, done, late, late],
            MESSAGE,
            &[MISMATCH],
        ),
        (
            "an empty delta after the final text is not reported",
            &[ITEM, DELTA, done, empty],
            MESSAGE,
            &[],
        ),
        ("a delta after the final part", &[ITEM, DELTA, PART_DONE, late], MESSAGE, &[MISMATCH]),
        ("a text after the final part", &[ITEM, DELTA, PART_DONE, other], MESSAGE, &[MISMATCH]),
        ("the same text after the final part", &[ITEM, DELTA, PART_DONE, done], MESSAGE, &[]),
        (
            "deltas, texts, parts after the final item",
            &[ITEM, DELTA, ITEM_DONE, late, other],
            MESSAGE,
            &["late_delta output_index=0"],
        ),
        ("a part after the final item", &[ITEM, ITEM_DONE, PART_DONE], MESSAGE, &[]),
        (
            "a status after the final item",
            &[("output_item.done", search), ("web_search_call.searching", r#""output_index":0"#)],
            r#"[{"type":"web_search_call","status":"completed"}]"#,
            &[],
        ),
        ("a final text replaces another", &[ITEM, DELTA, other, done], MESSAGE, &[MISMATCH]),
    ]);
}

#[test]
fn each_text_that_differs_is_reported_once() {
    let call =
        |item: &str| format!("\"output_index\":0,\"item\":{{\"type\":\"function_call\",{item}}}");
    let (same, other) = (call(r#""arguments":"{\u0022a\u0022:1}""#), call(r#""arguments":"{}""#));
    let arguments = [("function_call_arguments.delta", r#""delta":"{\"a\":1}""#)];
    check_all(&[
        (
            "equal texts in another notation",
            &[arguments[0], ("output_item.done", &same)],
            r#"[{"type":"function_call","arguments":"{\u0022a\u0022:1}"}]"#,
            &[],
        ),
        (
            "other arguments",
            &[arguments[0], ("output_item.done", &other), ("output_item.done", &same)],
            r#"[{"type":"function_call","arguments":"{\u0022a\u0022:1}"}]"#,
            &["text_mismatch what=arguments output_index=0"],
        ),
        (
            "a missing text",
            &[arguments[0], ("output_item.done", r#""item":{"type":"function_call"}"#)],
            r#"[{"type":"function_call","arguments":"{\"a\":1}"}]"#,
            &["value_recovered what=arguments output_index=0"],
        ),
        (
            "texts of parts",
            &[
                DELTA,
                (TEXT, r#""content_index":4,"delta":"c""#),
                ("refusal.delta", r#""content_index":4,"delta":"d""#),
                ("output_item.done", r#""item":{"type":"message","content":[{"text":"ab"}]}"#),
            ],
            r#"[{"type":"message","content":[{"text":"ab"}]}]"#,
            &[
                "text_mismatch what=content[1].text output_index=0",
                "text_mismatch what=content[1].refusal output_index=0",
            ],
        ),
        (
            "a diff and a command",
            &[
                ("apply_patch_call_operation_diff.delta", r#""output_index":0,"delta":"-a""#),
                ("shell_call_command.delta", r#""output_index":1,"command_index":0,"delta":"ls""#),
                ("output_item.done", r#""output_index":0,"item":{"operation":{"diff":"+a"}}"#),
                ("output_item.done", r#""output_index":1,"item":{"action":{"commands":["cd"]}}"#),
            ],
            r#"[{"operation":{"diff":"+a"}},{"action":{"commands":["cd"]}}]"#,
            &[
                "text_mismatch what=operation.diff output_index=0",
                "text_mismatch what=action.commands[0] output_index=1",
            ],
        ),
        (
            "item ids are compared once per item",
            &[
                (TEXT, r#""item_id":"a","delta":"a""#),
                (TEXT, r#""item_id":"b","delta":"b""#),
                (TEXT, r#""item_id":"c","delta":"c""#),
                (TEXT, r#""delta":"d""#),
            ],
            r#"[{"id":"a","type":"message","content":[{"type":"output_text","text":"abcd"}]}]"#,
            &["item_id_changed output_index=0 previous=a got=b"],
        ),
    ]);
}

#[test]
fn log_probabilities_are_appended_and_replaced() {
    let delta = |list: &str| format!("\"content_index\":0,\"delta\":\"a\",\"logprobs\":{list}");
    let (one, two, empty, null) = (delta("[1]"), delta("[ 2 ]"), delta("[ ]"), delta("null"));
    let done = |list: &str| format!("\"content_index\":0,\"text\":\"aa\"{list}");
    let (replaced, removed, kept) = (done(",\"logprobs\":[3]"), done(",\"logprobs\":[]"), done(""));
    let expected = |text: &str, list: &str| {
        format!(
            r#"[{{"type":"message","content":[{{"type":"output_text","text":"{text}"{list}}}]}}]"#
        )
    };
    let finished = "output_text.done";
    check_all(&[
        (
            "lists are joined",
            &[(TEXT, &one), (TEXT, &two), (TEXT, &empty), (TEXT, &one)],
            &expected("aaaa", ",\"logprobs\":[1,2,1]"),
            &[],
        ),
        (
            "empty lists and null are ignored",
            &[(TEXT, &empty), (TEXT, &null)],
            &expected("aa", ""),
            &[],
        ),
        (
            "a final list replaces them",
            &[(TEXT, &one), (TEXT, &two), (finished, &replaced)],
            &expected("aa", ",\"logprobs\":[3]"),
            &[],
        ),
        (
            "a final empty list replaces them",
            &[(TEXT, &one), (TEXT, &two), (finished, &removed)],
            &expected("aa", ",\"logprobs\":[]"),
            &[],
        ),
        (
            "without a final list they are kept",
            &[(TEXT, &one), (TEXT, &two), (finished, &kept)],
            &expected("aa", ",\"logprobs\":[1,2]"),
            &[],
        ),
    ]);
}

#[test]
fn missing_items_of_the_terminal_output_are_recovered() {
    let call = |id: &str| format!(r#"{{"type":"function_call","call_id":"{id}","arguments":""}}"#);
    let (a, b, c) = (call("a"), call("b"), call("c"));
    let streamed: Vec<_> = [&a, &b]
        .iter()
        .enumerate()
        .map(|(index, item)| format!("\"output_index\":{index},\"item\":{item}"))
        .collect();
    let rows: [(&str, String, String, &[&str]); 7] = [
        ("all", format!("[{a},{b}]"), format!("[{a},{b}]"), &[]),
        ("none", "[ ]".into(), format!("[{a},{b}]"), &["output_recovered count=2"]),
        ("the first", format!("[{a}]"), format!("[{a},{b}]"), &["output_recovered count=1"]),
        (
            "the last",
            format!("[{b}]"),
            format!("[{b},{a}]"),
            &["output_differs got=1 streamed=2 what=function_call a", "output_recovered count=1"],
        ),
        ("another order", format!("[{b},{a}]"), format!("[{b},{a}]"), &[]),
        ("more", format!("[{a},{b},{c}]"), format!("[{a},{b},{c}]"), &[]),
        (
            "others",
            format!("[{c},{a}]"),
            format!("[{c},{a},{b}]"),
            &["output_differs got=2 streamed=2 what=function_call b", "output_recovered count=1"],
        ),
    ];
    for (name, terminal, output, expected) in rows {
        println!("{name}");
        let done = format!(r#""response":{{"id":"r","status":"completed","output":{terminal}}}"#);
        check(
            &[
                ("output_item.done", &streamed[0]),
                ("output_item.done", &streamed[1]),
                ("completed", &done),
            ],
            &output,
            expected,
        );
    }
}

/// The events after `response.created`; the expected status, and whether the response is complete.
#[test]
fn lifecycle_events_set_the_status() {
    let object = |status: &str| format!(r#""response":{{"id":"r","status":"{status}"}}"#);
    let rows = [
        ("queued", object("queued"), "queued", false),
        ("in_progress", object("in_progress"), "in_progress", false),
        ("completed", object("completed"), "completed", true),
        ("incomplete", object("incomplete"), "incomplete", true),
        ("failed", object("failed"), "failed", true),
        ("cancelled", object("cancelled"), "cancelled", true),
        ("done", object("completed"), "completed", true),
        ("failed", String::new(), "failed", true),
        ("done", String::new(), "in_progress", true),
    ];
    for (kind, members, status, complete) in rows {
        let response = assemble(&[created(), event(kind, &members)]);
        assert_eq!(response.status().as_deref(), Some(status), "{kind} {members}");
        assert_eq!(response.complete(), complete, "{kind} {members}");
        let expected: &[&str] =
            if members.is_empty() { &["bad_field field=response expected=an object"] } else { &[] };
        assert_eq!(diagnostics(&response), expected, "{kind} {members}");
    }
}

#[test]
fn the_error_is_that_of_the_response_or_of_an_error_event() {
    let flat = r#"{"type":"error","sequence_number":3,"code":"c","message":"\u0041"}"#;
    let nested = r#"{"type":"error","error":{"code": "n"},"code":"ignored"}"#;
    let failed = event("failed", r#""response":{"id":"r","error":{"code":"own"}}"#);
    let null = event("failed", r#""response":{"id":"r","error":null}"#);
    let rows = [
        (vec![created()], None),
        (vec![created(), flat.to_owned()], Some(r#"{"code":"c","message":"\u0041"}"#)),
        (vec![flat.to_owned()], Some(r#"{"code":"c","message":"\u0041"}"#)),
        (vec![created(), flat.to_owned(), nested.to_owned()], Some(r#"{"code": "n"}"#)),
        (vec![created(), nested.to_owned(), failed], Some(r#"{"code":"own"}"#)),
        (vec![created(), nested.to_owned(), null], Some(r#"{"code": "n"}"#)),
    ];
    for (lines, expected) in rows {
        let error = assemble(&lines).error_json().map(|raw| String::from_utf8(raw).expect("UTF-8"));
        assert_eq!(error.as_deref(), expected, "{lines:#?}");
    }
}

/// Follows the path of a catalogue entry from an item; each list has one element.
fn at_path<'j>(item: &'j Json, entry: &Entry) -> &'j Json {
    entry.steps.iter().fold(item, |value, step| {
        let member = &value[step.member];
        if step.index.is_some() { &member[0] } else { member }
    })
}

fn indexes() -> String {
    INDEX_FIELDS.map(|field| format!("\"{field}\":0")).join(",")
}

/// The event of a catalogue entry with this value.
fn event_of(entry: &Entry, value: &str) -> String {
    let (ty, indexes, name) = (entry.ty, indexes(), entry.value);
    let value = if name.is_empty() { String::new() } else { format!(",\"{name}\":{value}") };
    format!("{{\"type\":\"{ty}\",{indexes}{value}}}")
}

fn entries(op: Op) -> impl Iterator<Item = &'static Entry> {
    EVENTS.iter().filter(move |entry| entry.op == op)
}

fn output(lines: &[String]) -> Json {
    let output = assemble(lines).member("output").expect("an output").into_owned();
    serde_json::from_slice(&output).expect("valid JSON")
}

#[test]
fn every_text_event_of_the_catalogue_writes_to_its_path() {
    for entry in entries(Op::Text) {
        let lines = [created(), event_of(entry, "\"a\""), event_of(entry, "\"b\"")];
        let output = output(&lines);
        assert_eq!(output[0]["type"], entry.item, "{}", entry.ty);
        let expected = match entry.phase {
            Phase::Delta => "ab",
            // Indexes of added values are given, so the second one replaces the first.
            _ => "b",
        };
        assert_eq!(at_path(&output[0], entry), expected, "{}", entry.ty);
    }
}

#[test]
fn every_status_event_of_the_catalogue_sets_the_status() {
    for entry in entries(Op::Status) {
        let output = output(&[created(), event_of(entry, "")]);
        let expected = serde_json::json!([{"type": entry.item, "status": entry.status}]);
        assert_eq!(output, expected, "{}", entry.ty);
    }
}

#[test]
fn other_events_of_the_catalogue_do_not_change_the_output() {
    for entry in EVENTS.iter().filter(|entry| matches!(entry.op, Op::Side | Op::Quiet | Op::None)) {
        let response = assemble(&[created(), event_of(entry, "\"a\"")]);
        assert_eq!(json(&response), r#"{"id":"r","status":"in_progress","output":[]}"#);
        assert_eq!(response.tracking.events, 2, "{}", entry.ty);
        assert!(diagnostics(&response).is_empty(), "{}", entry.ty);
    }
}

/// Text is continued at the cursor of the previous delta; any event in between must not change where it goes.
#[test]
fn interleaved_deltas_go_to_their_own_texts() {
    let delta = |item: usize, part: usize| {
        event(
            TEXT,
            &format!(
                "\"output_index\":{item},\"content_index\":{part},\"delta\":\"{item}{part} \""
            ),
        )
    };
    let orders: [&[(usize, usize)]; 3] = [
        &[(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 0)],
        &[(0, 0), (0, 1), (1, 0), (0, 0), (0, 1), (1, 0)],
        &[(1, 0), (0, 1), (0, 0), (0, 0), (0, 1), (1, 0)],
    ];
    for order in orders {
        let deltas = order.iter().map(|(item, part)| delta(*item, *part));
        let output = output(&std::iter::once(created()).chain(deltas).collect::<Vec<_>>());
        for (item, part) in [(0, 0), (0, 1), (1, 0)] {
            let expected = format!("{item}{part} ").repeat(2);
            assert_eq!(output[item]["content"][part]["text"], expected, "{order:?}");
        }
    }
}

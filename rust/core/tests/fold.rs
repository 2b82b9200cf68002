//! Events folded into responses: what comes out, and that no order of events and no size does harm.

use std::fmt::Write as _;

use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::diagnostics::Value;
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::responses::Assembled;
use respstream_core::protocols::responses::Responses;
use respstream_core::protocols::responses::columns::ResponseRow;

fn assemble(lines: &[String]) -> Assembled {
    let options = Options { form: Form::Jsonl, on_eof: OnEof::Flush, limit: None };
    let mut decoder = Decoder::<Responses>::new(options, false);
    for line in lines {
        decoder.feed(line.as_bytes(), None, &mut Ignore);
        decoder.feed(b"\n", None, &mut Ignore);
    }
    decoder.finish(None, &mut Ignore);
    decoder.lanes_mut().take_ended().pop().expect("one response")
}

fn event(kind: &str, rest: &str) -> String {
    format!("{{\"type\":\"response.{kind}\",{rest}}}")
}

fn created() -> String {
    event("created", r#""response":{"id":"r","status":"in_progress","output":[]}"#)
}

fn json(folded: &Assembled) -> String {
    String::from_utf8(folded.json()).expect("UTF-8")
}

/// The diagnostics but `no_terminal`, as `code key=value`.
fn codes_and_details(folded: &Assembled) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &folded.tracking.diagnostics {
        let mut line = found.code.kind().code.to_owned();
        for (key, value) in &found.detail {
            let _ = match value {
                Value::Null => write!(line, " {key}=null"),
                Value::Int(number) => write!(line, " {key}={number}"),
                Value::Text(text) => write!(line, " {key}={text}"),
            };
        }
        lines.push(line);
    }
    lines.retain(|line| line != "no_terminal");
    lines
}

/// Folds `events` after a `response.created`; compares the output and the diagnostics.
fn check(events: &[(&str, &str)], output: &str, diagnostics: &[&str]) {
    let mut lines = vec![created()];
    lines.extend(events.iter().map(|(kind, rest)| event(kind, rest)));
    let folded = assemble(&lines);
    let found = folded.member("output").expect("an output");
    assert_eq!(String::from_utf8_lossy(&found), output, "{lines:#?}");
    assert_eq!(codes_and_details(&folded), diagnostics, "{lines:#?}");
}

const TEXT: &str = "output_text.delta";

#[test]
fn deltas_add_up() {
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
fn what_is_done_stands() {
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
fn a_whole_item_replaces_all() {
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
        ],
    );
}

#[test]
fn a_status_makes_an_item_canonical() {
    let added = (
        "output_item.added",
        r#""item":{"type":"web_search_call", "status":"x","a":"\u0041","a":[ ]}"#,
    );
    check(&[added], r#"[{"type":"web_search_call", "status":"x","a":"\u0041","a":[ ]}]"#, &[]);
    let output = r#"[{"type":"web_search_call","status":"searching","a":[]}]"#;
    check(&[added, ("web_search_call.searching", r#""output_index":0"#)], output, &[]);
}

#[test]
fn shell_output_and_commands() {
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
fn bad_members_have_no_effect() {
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
fn the_terminal_response_decides() {
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
        (done(",\"output\":[ 5]"), "[ 5]".into(), &["output_differs got=1 streamed=1"]),
    ];
    for (rest, output, found) in rows {
        let mut expected = vec!["response_id_changed previous=r got=q"];
        expected.extend(found);
        check(&[added, ("completed", &rest)], &output, &expected);
    }
}

#[test]
fn a_response_reads() {
    let item = |kind: &str, rest: &str| {
        event("output_item.done", &format!("\"output_index\":{rest},\"type\":\"{kind}\"}}"))
    };
    let folded = assemble(&[
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
    assert_eq!(codes_and_details(&folded), ["output_recovered count=3"]);
    assert!(json(&folded).starts_with(r#"{"id":"r","usage":{"total_tokens":7},"created_at":1.5,"error":{"code":"e"},"metadata":{ },"output":[{"#));
    assert_eq!(folded.keys(), ["id", "usage", "created_at", "error", "metadata", "output"]);
    let row = ResponseRow::new(&folded, "x", None);
    assert_eq!((row.output_text(), row.refusal()), (Some("o"), Some("r")));
    assert_eq!((row.reasoning_text(), row.reasoning_summary()), (Some("t"), Some("s1\n\ns2")));
    assert_eq!((row.tokens("total_tokens"), row.time("created_at")), (Some(7), Some(1_500_000)));
    assert_eq!((row.error("code").as_deref(), row.metadata().as_deref()), (Some("e"), Some("{ }")));
    assert_eq!((folded.output_len(), folded.tracking.terminal), (3, Some("response.failed")));
    assert_eq!(row.tool_calls()[0].arguments.as_deref(), Some("i"));
}

/// Each would take minutes if any step looked at all that is there.
#[test]
fn work_is_linear() {
    let backwards = (0..65_536_u32).rev().step_by(2).map(|index| {
        event(
            TEXT,
            &format!(
                "\"output_index\":{},\"content_index\":{index},\"delta\":\"x\"",
                index % 7 * 9_000
            ),
        )
    });
    let folded = assemble(&std::iter::once(created()).chain(backwards).collect::<Vec<_>>());
    assert_eq!(folded.texts().output_text.len(), 32_768);
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

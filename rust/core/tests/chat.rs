//! Chat Completions: assembly of choices, tool calls, reasoning and lists, and where completions begin and end.

use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::Response as _;
use respstream_core::protocols::chat::{Assembled, Chat};

/// The completions of a source, and the codes of its diagnostics.
fn read(source: &str) -> (Vec<Assembled>, Vec<&'static str>) {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: None };
    let mut decoder = Decoder::<Chat>::new(options, false);
    decoder.feed(source.as_bytes(), None, &mut Ignore);
    decoder.finish(None, &mut Ignore);
    let codes = decoder.store().kept.iter().map(|found| found.code.kind().code).collect();
    (decoder.lanes_mut().take_ended(), codes)
}

/// A chunk of one choice with index 0.
fn chunk(id: &str, delta: &str, finish: &str) -> String {
    let choice = format!(r#"{{"index":0,"delta":{delta},"finish_reason":{finish}}}"#);
    format!(r#"{{"id":"{id}","object":"chat.completion.chunk","choices":[{choice}]}}"#)
}

fn lines(chunks: &[String]) -> String {
    chunks.iter().map(|chunk| chunk.clone() + "\n").collect()
}

fn events(chunks: &[String]) -> String {
    chunks.iter().flat_map(|chunk| ["data: ", chunk, "\n\n"]).collect()
}

/// The only completion of chunks with these deltas, and the codes except for the missing end.
fn assemble(deltas: &[&str]) -> (Assembled, Vec<&'static str>) {
    let chunks: Vec<_> = deltas.iter().map(|delta| chunk("r", delta, "null")).collect();
    let (mut found, mut codes) = read(&events(&chunks));
    codes.retain(|code| *code != "no_terminal");
    (found.pop().expect("one completion"), codes)
}

/// Name and arguments of each call.
fn calls(response: &Assembled) -> Vec<(String, String)> {
    let calls = response.tool_calls().into_iter();
    calls.map(|call| (call.name.unwrap_or_default(), call.arguments.unwrap_or_default())).collect()
}

fn call(members: &str) -> String {
    format!(r#"{{"tool_calls":[{{{members}}}]}}"#)
}

#[test]
fn calls_are_told_apart_by_index_and_id() {
    let first = call(r#""index":0,"id":"a","function":{"name":"f","arguments":"1"}"#);
    let piece = call(r#""index":0,"function":{"arguments":"2"}"#);
    let reused = call(r#""index":0,"id":"b","function":{"name":"g","arguments":"3"}"#);
    let late = call(r#""id":"a","function":{"arguments":"4"}"#);
    let latest = call(r#""function":{"arguments":"5"}"#);
    let (response, codes) = assemble(&[&first, &piece, &reused, &late, &latest]);
    let expected = [("f", "1245"), ("g", "3")].map(|(name, text)| (name.into(), text.into()));
    assert_eq!((calls(&response), codes), (expected.to_vec(), vec!["index_reused"]));
}

#[test]
fn arguments_may_be_an_object_or_null() {
    let object = call(r#""index":0,"id":"a","function":{"name":"f","arguments":{"x": 1.50}}"#);
    let null = call(r#""index":0,"function":{"arguments":null}"#);
    let (response, codes) = assemble(&[&object, &null]);
    assert_eq!(calls(&response), [("f".to_owned(), r#"{"x":1.50}"#.to_owned())]);
    assert_eq!(codes, ["loose_value"]);
}

#[test]
fn two_spellings_of_one_reasoning_count_once() {
    let both = r#"{"reasoning":"a","reasoning_details":[{"index":0,"text":"a"}]}"#;
    let other = r#"{"reasoning_content":"b"}"#;
    let parts = r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"c"}]},"d"]}"#;
    for (deltas, expected) in [
        (vec![both, both], "aa"),
        (vec![other, other], "bb"),
        (vec![other, both, other], "bab"),
        (vec![other, parts], "bc"),
    ] {
        let (response, codes) = assemble(&deltas);
        assert_eq!(response.texts().reasoning_text, expected, "{deltas:?}");
        assert_eq!(codes, [""; 0]);
    }
}

#[test]
fn half_of_a_surrogate_pair_waits_for_the_other() {
    let (response, _) = assemble(&[r#"{"content":"\ud83d"}"#, r#"{"content":"\ude00"}"#]);
    assert_eq!(response.texts().output_text, "\u{1f600}");
}

/// The number of events that were appended without merging them, for chunks with these parts from the choices on.
fn appended(chunks: &[&str]) -> u64 {
    let options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: None };
    let mut decoder = Decoder::<Chat>::new(options, false);
    let head = r#"{"id":"r","object":"chat.completion.chunk","created"#;
    let chunks: Vec<_> = chunks.iter().map(|rest| format!("{head}{rest}")).collect();
    decoder.feed(events(&chunks).as_bytes(), None, &mut Ignore);
    decoder.counters().appended
}

#[test]
fn forms_of_single_servers_are_appended_without_merging_them() {
    let forms = [
        r#"":1,"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"@"}]}]}}]}"#,
        r#"":1,"choices":[{"index":0,"text":"@","delta":{"token_id":#,"content":"@"}}],"usage":null}"#,
        r#"":1,"choices":[{"text":"@","index":0,"logprobs":null,"finish_reason":null}]}"#,
        r#"":#,"choices":[{"index":0,"delta":{"content":"@"}}]}"#,
    ];
    for form in forms {
        let chunks: Vec<_> = (1..=6)
            .map(|number| {
                form.replace('@', &format!(" {number}")).replace('#', &number.to_string())
            })
            .collect();
        let chunks: Vec<_> = chunks.iter().map(String::as_str).collect();
        assert!(appended(&chunks) >= 3, "{form}: {}", appended(&chunks));
        let (response, codes) = read(&events(
            &chunks.iter().map(|rest| format!(r#"{{"id":"r","created{rest}"#)).collect::<Vec<_>>(),
        ));
        let texts = response[0].texts();
        let text = [texts.output_text, texts.reasoning_text].concat();
        let json = String::from_utf8(response[0].json()).expect("JSON");
        assert!(text == " 1 2 3 4 5 6" || json.contains(r#""text":" 1 2 3 4 5 6""#), "{json}");
        assert!(!json.contains("token_id") || json.contains(r#""token_id":6"#), "{json}");
        assert_eq!(codes, ["no_terminal"]);
    }
}

#[test]
fn a_list_in_a_repeated_chunk_counts_towards_the_depth_limit() {
    // Four levels are around the list.
    let chunk = |depth: usize| {
        let list = "[".repeat(depth) + &"]".repeat(depth);
        let logprobs = format!(r#"{{"logprobs":{{"content":{list}}},"#);
        chunk("r", r#"{"content":"x"}"#, "null")
            .replace(r#"{"index":0,"#, &(logprobs + r#""index":0,"#))
    };
    for (depth, expected) in
        [(252, vec!["no_terminal"]), (253, vec!["limit_exceeded", "no_terminal"])]
    {
        let chunks: Vec<_> = [2, 2, 2, depth].into_iter().map(chunk).collect();
        assert_eq!(read(&events(&chunks)).1, expected, "{depth}");
    }
}

#[test]
fn a_list_that_chunks_repeat_is_kept_once() {
    let with = |list: &str| {
        chunk("r", "{}", "null")
            .replace("\"choices\"", &format!("\"citations\":{list},\"choices\""))
    };
    for (lists, expected) in [
        (vec![r#"["a"]"#, r#"["a","b"]"#, r#"["a"]"#], r#"["a","b"]"#),
        (vec![r#"["a"]"#, r#"["b"]"#], r#"["a","b"]"#),
        (vec![r#"[{"u":1,"v":[2]}]"#, r#"[{"v": [2], "u": 1}, 3]"#], r#"[{"v":[2],"u":1},3]"#),
        (vec!["[12]", "[1]"], "[12,1]"),
        (vec!["[]", r#"["a"]"#, "[]"], r#"["a"]"#),
    ] {
        let chunks: Vec<_> = lists.iter().map(|list| with(list)).collect();
        let (found, _) = read(&events(&chunks));
        let citations = found[0].member("citations").expect("the list");
        assert_eq!(String::from_utf8_lossy(&citations), expected, "{lists:?}");
    }
}

#[test]
fn a_completion_ends_where_another_id_follows_its_end() {
    let text = |id| chunk(id, r#"{"content":"x"}"#, "null");
    let end = |id| chunk(id, "{}", "\"stop\"");
    let ids = |source: &str| -> Vec<(String, String)> {
        let text = |one: &Assembled| one.texts().output_text;
        let id = |one: &Assembled| one.id().unwrap_or_default().into_owned();
        read(source).0.iter().map(|one| (id(one), text(one))).collect()
    };
    let found = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
    };
    let in_turn = [text("a"), end("a"), text("b"), text("b"), end("b")];
    assert_eq!(ids(&events(&in_turn)), found(&[("a", "x"), ("b", "xx")]));
    assert_eq!(ids(&lines(&in_turn)), found(&[("a", "x"), ("b", "xx")]));
    let interleaved = [text("a"), text("b"), text("a"), text("b"), text("b"), end("b"), end("a")];
    assert_eq!(ids(&lines(&interleaved)), found(&[("a", "xx"), ("b", "xxx")]));
    let new_ids = [text("a"), text("b"), text("c"), end("d")];
    assert_eq!(ids(&events(&new_ids)), found(&[("a", "xxx")]));
}

#[test]
fn the_end_mark_ends_a_completion() {
    let text = chunk("a", r#"{"content":"x"}"#, "null");
    let (found, codes) = read(&format!("data: {text}\n\ndata: [DONE]\n\ndata: {text}\n\n"));
    let terminals: Vec<_> = found.iter().map(|one| one.tracking.terminal).collect();
    assert_eq!(terminals, [Some("[DONE]"), None]);
    assert_eq!(codes, ["no_terminal"]);
    assert_eq!(found[0].status().as_deref(), Some("completed"));
}

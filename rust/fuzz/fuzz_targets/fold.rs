//! The fold: generated streams, compared with an oracle after each event; every getter may be read at any time.
//! It is always clear about which item an event is; the target `identities` has streams where it is not.
#![no_main]

use libfuzzer_sys::fuzz_target;

use respstream_core::decoder::Ignore;
use respstream_core::frames::Options;
use respstream_core::json::write_canonical;
use respstream_core::protocols::responses::Responses;
use respstream_core::protocols::view::Texts;
use respstream_fuzz::oracle::Oracle;
use respstream_fuzz::outputs::{Decoder, ReadOptions, Response, read, responses};
use respstream_fuzz::script::Script;
use serde_json::{Value, json};

fuzz_target!(|script: Script| {
    let script = script.unambiguous();
    let mut oracle = Oracle::default();
    let mut decoder = Decoder::<Responses>::new(Options::default(), false);
    let created =
        script.framed("response.created", ",\"response\":{\"id\":\"r\",\"output\":[]}", 0);
    decoder.feed(&created, None, &mut Ignore);
    let mut source = created;
    for (number, step) in script.steps.iter().enumerate() {
        let event = script.event(step, number + 1);
        for repeat in 0..=usize::from(step.twice) {
            decoder.feed(&event, None, &mut Ignore);
            source.extend_from_slice(&event);
            if repeat == 0 || !script.numbered {
                oracle.apply(step);
            }
        }
        check_response(&decoder, &oracle.output(), false);
    }
    let expected = feed_terminal(&script, &oracle, &mut decoder, &mut source);
    check_response(&decoder, &expected, script.terminal.is_some());
    decoder.finish(None, &mut Ignore);
    let (first, second) = source.split_at(source.len() / 2);
    let slow = ReadOptions { slow: true, ..ReadOptions::default() };
    let again = read::<Responses>(slow, [first, second].into_iter());
    assert_eq!(again.responses, responses(&decoder));
});

/// Feeds the terminal event, if there is one; returns the output expected after it.
fn feed_terminal(
    script: &Script,
    oracle: &Oracle,
    decoder: &mut Decoder<Responses>,
    source: &mut Vec<u8>,
) -> Vec<Value> {
    let Some(output) = script.terminal else { return oracle.output() };
    let (sent, expected) = oracle.terminal_output(output, script.ids);
    let mut response = json!({"id": "r", "status": "completed"});
    if let Some(sent) = sent {
        response["output"] = sent;
    }
    let number = script.steps.len() + 1;
    let event = script.framed("response.completed", &format!(",\"response\":{response}"), number);
    decoder.feed(&event, None, &mut Ignore);
    source.extend_from_slice(&event);
    expected
}

/// The response equals that of the oracle.
fn check_response(decoder: &Decoder<Responses>, output: &[Value], complete: bool) {
    let [response] = &responses(decoder)[..] else { panic!("one response is expected") };
    // Unchanged items keep their text, including lone surrogates, which serde_json rejects; the canonical form has none.
    let mut json = Vec::new();
    write_canonical(&response.json, &mut json);
    let whole: Value = serde_json::from_slice(&json).expect("a response is JSON");
    // Without streamed items the response may have no output.
    let none = Vec::new();
    let found = whole["output"].as_array().unwrap_or(&none).iter().map(compared);
    let found: Vec<Value> = found.collect();
    assert_eq!(found, output);
    assert_eq!(response.texts, texts(output));
    assert_eq!(response.ended.0, complete);
    check_calls(response, output);
}

/// An item without the members that the oracle does not model.
fn compared(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(members) = item.as_object_mut() {
        members.remove("id");
        members.remove("logprobs");
        for key in ["content", "summary"] {
            let parts = members.get_mut(key).and_then(Value::as_array_mut);
            for part in parts.into_iter().flatten().filter_map(Value::as_object_mut) {
                part.remove("logprobs");
            }
        }
    }
    item
}

fn texts(output: &[Value]) -> Texts {
    let mut texts = Texts::default();
    let mut summaries = Vec::new();
    for item in output {
        let parts = |key: &str| item[key].as_array().cloned().unwrap_or_default();
        let reasoning = item["type"] == "reasoning";
        for part in parts("content") {
            let text = part["text"].as_str();
            match part["type"].as_str() {
                _ if reasoning => texts.reasoning_text.push_str(text.unwrap_or_default()),
                Some("output_text") if item["type"] == "message" => {
                    texts.output_text.push_str(text.unwrap_or_default());
                }
                Some("refusal") if item["type"] == "message" => {
                    if let Some(text) = part["refusal"].as_str() {
                        texts.refusal.get_or_insert_default().push_str(text);
                    }
                }
                _ => {}
            }
        }
        let texts = parts("summary").into_iter().filter(|_| reasoning);
        summaries.extend(texts.filter_map(|part| part["text"].as_str().map(str::to_owned)));
    }
    texts.reasoning_summary = summaries.join("\n\n");
    texts
}

fn check_calls(response: &Response, output: &[Value]) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let expected = output.iter().filter_map(|item| {
        let field = match item["type"].as_str()? {
            "function_call" | "mcp_call" => "arguments",
            "custom_tool_call" => "input",
            _ => return None,
        };
        Some((text(&item["type"]), text(&item["call_id"]), text(&item["name"]), text(&item[field])))
    });
    let found = response.tool_calls.iter().map(|call| {
        (
            Some(call.kind.clone().into_owned()),
            call.call_id.clone(),
            call.name.clone(),
            call.arguments.clone(),
        )
    });
    assert!(found.eq(expected), "{:?}", response.tool_calls);
}

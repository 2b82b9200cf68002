//! Sources of the Responses API, and readable results, for tests of the fold and of the lanes.

#![allow(dead_code, reason = "each test uses a part")]

use std::fmt::Write as _;

use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::diagnostics::{Diagnostic, Value};
use respstream_core::frames::{Form, OnEof, Options};
use respstream_core::protocols::responses::{Assembled, Responses};

/// A decoder of JSON Lines.
pub fn decoder(strict: bool) -> Decoder<Responses> {
    Decoder::new(Options { form: Form::Jsonl, on_eof: OnEof::Flush, limit: None }, strict)
}

pub fn feed(decoder: &mut Decoder<Responses>, line: &str, now: Option<f64>) {
    decoder.feed(line.as_bytes(), now, &mut Ignore);
    decoder.feed(b"\n", now, &mut Ignore);
}

/// The responses of these lines, in the order of ending.
pub fn assemble_all(lines: &[String]) -> Vec<Assembled> {
    let mut decoder = decoder(false);
    for line in lines {
        feed(&mut decoder, line, None);
    }
    decoder.finish(None, &mut Ignore);
    decoder.lanes_mut().take_ended()
}

/// The last response of these lines.
pub fn assemble(lines: &[String]) -> Assembled {
    assemble_all(lines).pop().expect("one response")
}

/// An event `response.<kind>` with the given members.
pub fn event(kind: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!("{{\"type\":\"response.{kind}\"{comma}{members}}}")
}

pub fn created() -> String {
    event("created", r#""response":{"id":"r","status":"in_progress","output":[]}"#)
}

/// A diagnostic as `code key=value`.
pub fn describe(diagnostic: &Diagnostic) -> String {
    let mut line = diagnostic.code.kind().code.to_owned();
    for (key, value) in &diagnostic.detail {
        let _ = match value {
            Value::Null => write!(line, " {key}=null"),
            Value::Int(number) => write!(line, " {key}={number}"),
            Value::Text(text) => write!(line, " {key}={text}"),
        };
    }
    line
}

/// The diagnostics of a response, except `no_terminal`.
pub fn diagnostics(response: &Assembled) -> Vec<String> {
    let lines = response.tracking.diagnostics.iter().map(describe);
    lines.filter(|line| line != "no_terminal").collect()
}

/// Assembles `events` after a `response.created`; compares the output and the diagnostics.
pub fn check(events: &[(&str, &str)], output: &str, expected: &[&str]) {
    let mut lines = vec![created()];
    lines.extend(events.iter().map(|(kind, members)| event(kind, members)));
    let response = assemble(&lines);
    let found = response.member("output").expect("an output");
    assert_eq!(String::from_utf8_lossy(&found), output, "{lines:#?}");
    assert_eq!(diagnostics(&response), expected, "{lines:#?}");
}

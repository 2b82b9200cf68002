//! JSON: the verdicts, members and strings equal those of `serde_json`; the limits are computed separately.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::json::{
    self, DEPTH_LIMIT, DIGIT_LIMIT, Fault, Kind, LineCheck, Member, State,
};
use respstream_core::work;
use respstream_fuzz::outputs::check;
use respstream_fuzz::{WORK, expand_repeats};
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let text = expand_repeats(input);
    work::take();
    let (verdict, members) = check(&text);
    check_lines(&text);
    let count = work::take();
    assert!(count <= WORK * (text.len() as u64 + 64), "{count} bytes read for {}", text.len());
    // `IgnoredAny` checks only the grammar of strings, and needs no stack.
    let grammar = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
    assert_eq!(grammar, verdict != Err(Fault::Bad));
    if !grammar {
        json::locate(&text, &mut Vec::new());
        json::elements(&text, &mut Vec::new());
        return;
    }
    assert_eq!(over_limits(&text), verdict == Err(Fault::Limit));
    let Ok(scan) = verdict else { return };
    check_located(&text, scan.kind, &members);
    let utf8 = std::str::from_utf8(&text).is_ok();
    assert_eq!(json::utf8_ok(&text), utf8);
    let shallow = depth(&text) < 120; // the limit of serde_json is 128
    match serde_json::from_slice::<Value>(&text) {
        Ok(value) => {
            assert!(!scan.lone_surrogate);
            check_members(&text, &members, &value);
            check_canonical(&text, &value);
        }
        // Only the content of strings can still be invalid.
        Err(error) => assert!(!shallow || scan.lone_surrogate || !utf8, "{error}"),
    }
});

/// The incremental check of lines agrees with the check of the whole text.
fn check_lines(text: &[u8]) {
    let mut check = LineCheck::new();
    let mut joined = Vec::new();
    for (number, line) in text.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        let before = check.state();
        let state = check.push(line);
        assert!(before != State::Broken || state == State::Broken);
        joined.extend_from_slice(if number > 0 { b"\n" } else { b"" });
        joined.extend_from_slice(line);
    }
    let whole = serde_json::from_slice::<IgnoredAny>(&joined).is_ok();
    assert_eq!(check.state() == State::Whole, whole);
    if whole {
        assert_eq!(check.is_object(), joined.trim_ascii_start().first() == Some(&b'{'));
        assert!(check.closers().is_empty());
    }
}

/// Calls `take` with the offset and depth of each byte outside of strings.
fn bytes_outside_strings(text: &[u8], mut take: impl FnMut(usize, usize)) {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += 1;
                while text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        take(at, depth);
        at += 1;
    }
}

fn depth(text: &[u8]) -> usize {
    let mut deepest = 0;
    bytes_outside_strings(text, |_, depth| deepest = deepest.max(depth));
    deepest
}

fn over_limits(text: &[u8]) -> bool {
    let mut longest = 0;
    bytes_outside_strings(text, |at, _| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let inside = before.is_some_and(|byte| byte.is_ascii_digit() || b".eE+".contains(byte));
        let exponent = before == Some(&b'-') && at > 1 && b"eE".contains(&text[at - 2]);
        if text[at].is_ascii_digit() && !inside && !exponent {
            let rest = &text[at..];
            let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            if !rest.get(end).is_some_and(|byte| b".eE".contains(byte)) {
                longest = longest.max(end);
            }
        }
    });
    depth(text) > DEPTH_LIMIT || longest > DIGIT_LIMIT
}

/// The search without a check finds the same members as the check.
fn check_located(text: &[u8], kind: Kind, members: &[Member]) {
    let mut found = Vec::new();
    assert_eq!(json::locate(text, &mut found), kind == Kind::Object);
    assert_eq!(found, members);
    let mut elements = Vec::new();
    assert_eq!(json::elements(text, &mut elements), kind == Kind::Array);
}

fn check_members(text: &[u8], members: &[Member], value: &Value) {
    let Some(object) = value.as_object() else { return };
    for (key, value) in object {
        let member = json::find(text, members, key).expect("serde_json found the member");
        let raw = member.value(text);
        assert_eq!(serde_json::from_slice::<Value>(raw).as_ref().ok(), Some(value));
        if let Some(expected) = value.as_str() {
            assert_eq!(json::decode_str(raw), expected);
            let mut wtf8 = Vec::new();
            json::decode_wtf8(raw, &mut wtf8);
            assert_eq!(json::finish_wtf8(&wtf8), expected);
        }
        let number = (member.kind == Kind::Number).then(|| json::parse_index(raw)).flatten();
        assert_eq!(number, value.as_i64());
    }
    let keys = members.iter().map(|member| json::decode_key(text, member));
    assert!(keys.into_iter().all(|key| object.contains_key(key.as_ref())));
}

fn check_canonical(text: &[u8], value: &Value) {
    let mut out = Vec::new();
    json::write_canonical(text, &mut out);
    assert_eq!(serde_json::from_slice::<Value>(&out).as_ref().ok(), Some(value));
    let mut again = Vec::new();
    json::write_canonical(&out, &mut again);
    assert_eq!(out, again);
}

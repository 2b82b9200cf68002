//! Compares `json` with `serde_json` on generated and damaged texts.

mod common;

use common::Random;
use respstream_core::json::{
    Fault, Kind, LineCheck, Member, State, check, decode_str, elements, find, locate,
};
use serde_json::Value;

const STRING_PARTS: &[&str] = &[
    "a",
    "type",
    "delta",
    " ",
    "é",
    "漢字",
    "😀",
    "\\n",
    "\\\"",
    "\\\\",
    "\\/",
    "\\u0041",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00",
    "0123456789abcdef",
    "a longer run of plain text, without any escape",
];
const NUMBERS: &[&str] =
    &["0", "-0", "1", "-12", "3.25", "1e5", "1E-2", "-0.5e+3", "123456789012345678901234567890"];
const WHITE_SPACE: &[&str] = &["", "", "", " ", "\n", "\r\n\t "];
const NOISE: &[u8] = b"{}[],:\"\\ntfu0e.-+1 \n\x00\x1f\xff\xc3a";

fn string(random: &mut Random, out: &mut String) {
    out.push('"');
    for _ in 0..random.below(4) {
        out.push_str(random.pick(STRING_PARTS));
    }
    out.push('"');
}

fn value(random: &mut Random, depth: usize, out: &mut String) {
    out.push_str(random.pick(WHITE_SPACE));
    match random.below(if depth < 6 { 9 } else { 6 }) {
        0 | 1 => string(random, out),
        2 | 3 => out.push_str(random.pick(NUMBERS)),
        4 => out.push_str(random.pick(&["true", "false", "null"])),
        5 => out.push_str(random.pick(&["[]", "{}", "[ ]", "{ }"])),
        6 => array(random, depth, out),
        _ => object(random, depth, out),
    }
    out.push_str(random.pick(WHITE_SPACE));
}

fn array(random: &mut Random, depth: usize, out: &mut String) {
    out.push('[');
    for index in 0..random.below(4) {
        out.push_str(if index > 0 { "," } else { "" });
        value(random, depth + 1, out);
    }
    out.push(']');
}

fn object(random: &mut Random, depth: usize, out: &mut String) {
    out.push('{');
    for index in 0..random.below(5) {
        out.push_str(if index > 0 { "," } else { "" });
        out.push_str(random.pick(WHITE_SPACE));
        string(random, out);
        out.push_str(random.pick(WHITE_SPACE));
        out.push(':');
        value(random, depth + 1, out);
    }
    out.push('}');
}

fn document(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    if random.below(4) == 0 {
        value(random, 0, &mut text);
    } else {
        object(random, 0, &mut text);
    }
    text.into_bytes()
}

fn damage(random: &mut Random, text: &mut Vec<u8>) {
    let at = random.below(text.len().max(1));
    let noise = NOISE[random.below(NOISE.len())];
    match random.below(4) {
        0 => text.truncate(at),
        1 => text.insert(at.min(text.len()), noise),
        _ if text.is_empty() => text.push(noise),
        2 => text[at] = noise,
        _ => drop(text.remove(at)),
    }
}

/// Whether `serde_json` accepts a text; `None` if it rejects a lone surrogate or a huge exponent, which are valid JSON.
fn is_valid(text: &[u8]) -> Option<bool> {
    match serde_json::from_str::<Value>(&String::from_utf8_lossy(text)) {
        Ok(_) => Some(true),
        Err(error) => {
            let message = error.to_string();
            let strict = message.contains("hex escape") || message.contains("out of range");
            (!strict).then_some(false)
        }
    }
}

#[test]
fn check_agrees_with_serde_json() {
    let (mut random, mut members) = (Random(1), Vec::new());
    let mut valid = 0;
    for _ in 0..60_000 {
        let mut text = document(&mut random);
        for _ in 0..random.below(3) {
            damage(&mut random, &mut text);
        }
        let Some(expected) = is_valid(&text) else { continue };
        let found = check(&text, &mut members);
        assert_eq!(found.is_ok(), expected, "{:?}", String::from_utf8_lossy(&text));
        assert_ne!(found, Err(Fault::Limit));
        valid += usize::from(expected);
    }
    assert!((10_000..50_000).contains(&valid), "{valid}");
}

#[test]
fn members_agree_with_serde_json() {
    let (mut random, mut members, mut located) = (Random(2), Vec::new(), Vec::new());
    let mut compared = 0;
    for _ in 0..30_000 {
        let text = document(&mut random);
        let checked = check(&text, &mut members).expect("a generated text is valid");
        assert_eq!(locate(&text, &mut located), checked.kind == Kind::Object);
        assert_eq!(members, located);
        if checked.lone_surrogate {
            continue;
        }
        if let Ok(Value::Object(object)) = serde_json::from_slice(&text) {
            compared += object.len();
            for (key, expected) in &object {
                let member = find(&text, &members, key).expect("serde_json found this key");
                check_value(&text, member, expected);
            }
            let is_expected =
                |member: &Member| object.contains_key(&*decode_str(quoted_key(&text, member)));
            assert!(members.iter().all(is_expected));
        }
    }
    assert!(compared > 10_000, "{compared}");
}

fn quoted_key<'t>(text: &'t [u8], member: &Member) -> &'t [u8] {
    &text[member.key.start as usize - 1..=member.key.end as usize]
}

fn check_value(text: &[u8], member: &Member, expected: &Value) {
    let raw = member.value(text);
    let found: Value = serde_json::from_slice(raw).expect("a value");
    assert_eq!(&found, expected);
    let mut parts = Vec::new();
    match expected {
        Value::String(string) => {
            assert_eq!(decode_str(raw), *string);
            assert_eq!(member.escaped, raw.contains(&b'\\'));
        }
        Value::Array(array) => {
            assert!(elements(raw, &mut parts));
            assert_eq!(parts.len(), array.len());
            for ((start, end, _), element) in parts.iter().zip(array) {
                let found: Value = serde_json::from_slice(&raw[*start..*end]).expect("an element");
                assert_eq!(&found, element);
            }
        }
        _ => assert!(!elements(raw, &mut parts)),
    }
}

#[test]
fn locate_accepts_any_bytes() {
    let (mut random, mut members, mut parts) = (Random(3), Vec::new(), Vec::new());
    for _ in 0..60_000 {
        let mut text = document(&mut random);
        for _ in 0..4 {
            damage(&mut random, &mut text);
        }
        locate(&text, &mut members);
        elements(&text, &mut parts);
        for member in &members {
            assert!(member.start <= member.end && member.end as usize <= text.len());
            decode_str(member.value(&text));
        }
    }
}

#[test]
fn line_check_agrees_with_check() {
    let (mut random, mut members) = (Random(4), Vec::new());
    for _ in 0..40_000 {
        let mut text = document(&mut random);
        text.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b' ');
        for _ in 0..random.below(2) {
            damage(&mut random, &mut text);
        }
        let mut lines = LineCheck::new();
        for line in text.split(|&byte| byte == b'\n') {
            lines.push(line);
        }
        let whole = check(&text, &mut members).is_ok();
        assert_eq!(lines.state() == State::Whole, whole, "{:?}", String::from_utf8_lossy(&text));
        if lines.state() == State::Open && lines.is_object() {
            assert!(!lines.closers().is_empty());
        }
    }
}

#[test]
fn no_prefix_of_a_valid_text_is_broken() {
    let mut random = Random(5);
    for _ in 0..5_000 {
        let text = document(&mut random);
        let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
        let mut check = LineCheck::new();
        let states: Vec<_> = lines.iter().map(|line| check.push(line)).collect();
        assert_eq!(states.last(), Some(&State::Whole));
        assert!(!states.contains(&State::Broken));
    }
}

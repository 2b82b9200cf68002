//! Events: type, lane and numbers of a payload equal those that `serde_json` reads; whole and cut sources yield the same event.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use respstream_core::frames::{Frame, FrameKind};
use respstream_core::protocols::responses::events::INDEX_LIMIT;
use respstream_core::protocols::responses::{Event as ParsedEvent, Responses};
use respstream_core::protocols::{Classified, Reader};
use respstream_fuzz::outputs::{Event, ReadOptions, check, read};
use serde_json::{Map, Value};

const INDEXES: [&str; 5] =
    ["output_index", "content_index", "summary_index", "command_index", "annotation_index"];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    name: Option<&'a str>,
    cut: u8,
    payload: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let name = input.name.filter(|name| !name.is_empty() && !name.contains(['\r', '\n']));
    let payload = input.payload;
    let unchecked = event(payload, name, false);
    assert_eq!(unchecked, event(payload, name, true));
    if let (Some(event), Ok(value)) = (&unchecked, serde_json::from_slice::<Value>(payload)) {
        check_event(event, value.as_object().expect("events are objects"), name);
    }
    check_as_block(payload, name, input.cut, unchecked);
});

/// The event of a payload; `checked`: the frame contains the verdict of the grammar check.
fn event(payload: &[u8], name: Option<&str>, checked: bool) -> Option<Event> {
    let (verdict, mut members) = check(payload);
    let mut frame = Frame {
        data: payload,
        name: name.map(str::as_bytes),
        offset: 0,
        end: payload.len() as u64,
        line: 1,
        kind: FrameKind::Payload,
        single: false,
        missing_blank_line: false,
        unfinished: false,
        checked: checked.then_some(verdict),
        members: &mut members,
    };
    match Reader::<Responses>::new(None).classify(&mut frame, None, &mut Vec::new()) {
        Classified::Event(parsed, route) => {
            let event = ParsedEvent { route, parsed: &parsed };
            read_eager_fields(&event);
            Some((&event).into())
        }
        Classified::NonStreamed(_) | Classified::NotAnEvent => None,
    }
}

/// Reads the fields that a binding decodes for each event.
fn read_eager_fields(event: &ParsedEvent<'_>) {
    for field in event.entry().map_or(&[][..], |entry| entry.eager) {
        if let Some(member) = event.member(field) {
            respstream_core::json::decode_str(event.bytes(&member));
        }
    }
}

fn check_event(event: &Event, object: &Map<String, Value>, name: Option<&str>) {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let kind = text("type").filter(|kind| !kind.is_empty());
    assert_eq!(Some(event.kind.as_str()), kind.or(name));
    assert_eq!(event.flags.0, kind.is_none());
    assert_eq!(event.lane.as_deref(), text("stream_id"));
    let number = |key: &str| object.get(key).and_then(Value::as_i64);
    assert_eq!(event.sequence_number, number("sequence_number"));
    let values: Vec<_> =
        INDEXES.iter().map(|key| object.get(*key).filter(|v| !v.is_null())).collect();
    let limit = i64::from(INDEX_LIMIT);
    let valid = |value: &Value| value.as_i64().filter(|index| (0..=limit).contains(index));
    match event.indexes {
        Some(indexes) => {
            let expected = values.iter().map(|value| value.and_then(valid));
            assert!(indexes.values.iter().map(|v| v.map(i64::from)).eq(expected));
        }
        None => assert!(values.iter().flatten().any(|value| valid(value).is_none())),
    }
}

/// The same payload as an SSE block, cut in two chunks, yields the same event.
fn check_as_block(payload: &[u8], name: Option<&str>, cut: u8, expected: Option<Event>) {
    if payload.first() != Some(&b'{') || payload.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return;
    }
    let name = name.map_or(String::new(), |name| format!("event: {name}\n"));
    let source = [name.as_bytes(), b"data: ", payload, b"\n\n"].concat();
    let whole = read(ReadOptions::default(), [&source[..]].into_iter());
    let at = usize::from(cut) % source.len();
    let cut = read(ReadOptions::default(), [&source[..at], &source[at..]].into_iter());
    assert_eq!(whole, cut);
    if expected.is_none() {
        return; // a payload that is no event may be a row that contains events
    }
    let mut events = whole.events.into_iter();
    let found = events.next().map(|event| Event { span: (0, payload.len() as u64, 1), ..event });
    assert_eq!((found, events.next()), (expected, None));
}

//! Events: type, lane and numbers of a payload equal those that `serde_json` reads; whole and cut sources yield the same event.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use respstream_core::frames::{Frame, FrameKind};
use respstream_core::protocols::messages::Messages;
use respstream_core::protocols::responses::Responses;
use respstream_core::protocols::responses::events::INDEX_LIMIT;
use respstream_core::protocols::{Classified, Protocol, Reader, RoutedEvent};
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
    check_api::<Responses>(payload, name, input.cut, check_event);
    check_api::<Messages>(payload, name, input.cut, check_message_event);
});

fn check_api<P: Protocol>(
    payload: &[u8],
    name: Option<&str>,
    cut: u8,
    check: impl Fn(&Event, &Map<String, Value>, Option<&str>),
) {
    let unchecked = event::<P>(payload, name, false);
    assert_eq!(unchecked, event::<P>(payload, name, true));
    if let (Some(event), Ok(value)) = (&unchecked, serde_json::from_slice::<Value>(payload)) {
        check(event, value.as_object().expect("events are objects"), name);
    }
    check_as_block::<P>(payload, name, cut, unchecked);
}

/// The event of a payload; `checked`: the frame contains the verdict of the grammar check.
fn event<P: Protocol>(payload: &[u8], name: Option<&str>, checked: bool) -> Option<Event> {
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
    match Reader::<P>::new(None).classify(&mut frame, None, &mut Vec::new()) {
        Classified::Event(parsed, route) => {
            Some(Event::of::<P>(&RoutedEvent { route, parsed: &parsed }))
        }
        Classified::NonStreamed(_) | Classified::NotAnEvent => None,
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

/// The type and the index of an event of Messages.
fn check_message_event(event: &Event, object: &Map<String, Value>, name: Option<&str>) {
    let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    assert_eq!(Some(event.kind.as_str()), text("type").or(name));
    assert_eq!(event.flags.0, text("type").is_none());
    let index = object.get("index").filter(|_| event.kind.starts_with("content_block_"));
    let number = index.and_then(|index| match index {
        Value::String(digits) => digits.parse().ok().filter(|_| digits.len() <= 5),
        index => index.as_i64(),
    });
    let found = event.indexes.and_then(|indexes| indexes.values[0]).map(i64::from);
    assert_eq!(found, number.filter(|index| event.known && (0..=65_535).contains(index)));
}

/// The same payload as an SSE block, cut in two chunks, yields the same event.
fn check_as_block<P: Protocol>(
    payload: &[u8],
    name: Option<&str>,
    cut: u8,
    expected: Option<Event>,
) {
    if payload.first() != Some(&b'{') || payload.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return;
    }
    let name = name.map_or(String::new(), |name| format!("event: {name}\n"));
    let source = [name.as_bytes(), b"data: ", payload, b"\n\n"].concat();
    let whole = read::<P>(ReadOptions::default(), [&source[..]].into_iter());
    let at = usize::from(cut) % source.len();
    let cut = read::<P>(ReadOptions::default(), [&source[..at], &source[at..]].into_iter());
    assert_eq!(whole, cut);
    if expected.is_none() {
        return; // a payload that is no event may be a row that contains events
    }
    let mut events = whole.events.into_iter();
    let found = events.next().map(|event| Event { span: (0, payload.len() as u64, 1), ..event });
    assert_eq!((found, events.next()), (expected, None));
}

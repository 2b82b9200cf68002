//! Detects the fields of rows: the stream, its timestamp and its lane (stream key).
//!
//! Known formats need no options. In other rows, the first field that looks like a stream is used, and tried first in the
//! next rows.

use std::borrow::Cow;
use std::collections::HashMap;

use super::encoding::{Encoding, decode_field};
use super::pointer::{Steps, resolve, to_text};
use super::timestamps::read_time;
use crate::diagnostics::{Code, Issue};
use crate::json::{self, Member, trim};
use crate::sse::BOM;

/// Fields that may contain a timestamp, in order of preference.
const TIME_FIELDS: [&str; 16] = [
    "timestamp",
    "time",
    "ts",
    "timestamp_ns",
    "timestamp_us",
    "timestamp_ms",
    "time_ns",
    "time_us",
    "time_ms",
    "received_at",
    "recorded_at",
    "created_at",
    "started_at",
    "datetime",
    "date",
    "__REALTIME_TIMESTAMP",
];
/// Fields that may contain a lane, in order of preference, after `lane` and the [`Signature::lane_field`].
const LANE_FIELDS: [&str; 5] = ["stream", "connection_id", "connection", "request_id", "trace_id"];
/// The number of bytes at the start of a text that are examined for a stream.
const SNIFFED_BYTES: usize = 4096;
/// The members of a recorded message.
const MESSAGE_MEMBERS: [&str; 4] = ["t", "lane", "message", "sent"];
/// The maximum depth of a detected field.
const MAX_DEPTH: usize = 3;

/// How to detect the streams of an API.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Whether an object with its members is an event.
    pub is_event: fn(&[u8], &[Member]) -> bool,
    /// Whether an object with its members is a response that was not streamed.
    pub is_response: fn(&[u8], &[Member]) -> bool,
    /// Whether a line begins the first event of a response.
    pub begins_response: fn(&[u8]) -> bool,
    /// The member of an event that names its lane.
    pub lane_field: &'static str,
}

/// The content of a part of a row: a payload, or stream text in an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Event,
    Encoded(Encoding),
}

/// A payload with its event name, or stream text.
#[derive(Debug)]
pub(super) struct RowPart<'r> {
    pub content: Content,
    pub data: Cow<'r, [u8]>,
    pub name: Option<Cow<'r, [u8]>>,
}

/// The parts of one row in order, with its lane and its time in seconds since the epoch.
#[derive(Debug, Default)]
pub struct Row<'r> {
    pub(super) parts: Vec<RowPart<'r>>,
    pub(super) lane: Option<Cow<'r, str>>,
    pub(super) time: Option<f64>,
    /// The row records the request of the lane's stream.
    pub(super) begins: bool,
    /// The row records the end of the lane's stream.
    pub(super) ends: bool,
    pub issues: Vec<Issue>,
}

impl<'r> Row<'r> {
    fn push(&mut self, content: Content, data: Cow<'r, [u8]>, name: Option<Cow<'r, [u8]>>) {
        self.parts.push(RowPart { content, data, name });
    }
}

/// Finds the stream, the time and the lane in the rows of one source: by pointers, else by detection.
pub(super) struct RowDetector {
    signature: &'static Signature,
    field: Option<Steps>,
    time: Option<Steps>,
    lane: Option<Steps>,
    detected: Option<Steps>,
    members: Vec<Member>,
}

impl RowDetector {
    pub fn new(
        signature: &'static Signature,
        field: Option<Steps>,
        time: Option<Steps>,
        lane: Option<Steps>,
    ) -> Self {
        Self { signature, field, time, lane, detected: None, members: Vec::new() }
    }

    /// Reads a valid object as a row; `None` if it contains no stream.
    pub fn find<'r>(&mut self, raw: &'r [u8]) -> Option<Row<'r>> {
        let mut members = Vec::new();
        json::locate(raw, &mut members);
        let mut row = Row::default();
        if let Some(steps) = self.field.take() {
            self.read_field(raw, &steps, &mut row);
            self.field = Some(steps);
        } else if !read_recording(raw, &members, &mut row)
            && !self.read_batch(raw, &members, &mut row)
            && !self.read_detected(raw, &mut row)
        {
            return None;
        }
        self.read_time(raw, &members, &mut row);
        self.read_lane(raw, &members, &mut row);
        Some(row)
    }

    fn read_field<'r>(&mut self, raw: &'r [u8], steps: &[String], row: &mut Row<'r>) {
        match resolve(raw, steps, &mut self.members) {
            None => row.issues.push(missing_field(steps)),
            Some(value) => {
                if !read_value(value, self.signature, row) {
                    row.issues.push(bad_field(steps, "a string, an object or a list of these"));
                }
            }
        }
    }

    /// Reads a row of the Batch API's output: `custom_id`, and a whole response or an error body at `/response/body`.
    fn read_batch<'r>(&self, raw: &'r [u8], members: &[Member], row: &mut Row<'r>) -> bool {
        let body = json::find(raw, members, "custom_id").and_then(|_| {
            let response = json::find(raw, members, "response")?;
            member_of(response.value(raw), "body")
        });
        body.filter(|body| matches!(body.first(), Some(b'{' | b'"')))
            .is_some_and(|body| read_value(body, self.signature, row))
    }

    /// Reads a row of an unknown format: the field that was detected before, else one that looks like a stream.
    fn read_detected<'r>(&mut self, raw: &'r [u8], row: &mut Row<'r>) -> bool {
        if is_event(raw, self.signature) {
            row.push(Content::Event, Cow::Borrowed(raw), None);
            return true;
        }
        if read_named_event(raw, row) {
            return true;
        }
        if let Some(steps) = &self.detected
            && let Some(value) = resolve(raw, steps, &mut self.members)
            && read_value(value, self.signature, row)
        {
            return true;
        }
        let steps = detect_field(raw, |value| looks_like_stream(value, self.signature))
            .or_else(|| detect_field(raw, |value| is_response(value, self.signature)));
        let Some(steps) = steps else { return false };
        let value = resolve(raw, &steps, &mut self.members);
        if !value.is_some_and(|value| read_value(value, self.signature, row)) {
            return false;
        }
        self.detected = Some(steps);
        true
    }

    fn read_time(&mut self, raw: &[u8], members: &[Member], row: &mut Row<'_>) {
        let Some(steps) = &self.time else {
            let recorded = json::find(raw, members, "t")
                .filter(|_| json::find(raw, members, "lane").is_some());
            row.time = match recorded {
                Some(member) => read_time(member.value(raw)),
                None => TIME_FIELDS
                    .iter()
                    .find_map(|name| read_time(json::find(raw, members, name)?.value(raw))),
            };
            return;
        };
        match resolve(raw, steps, &mut self.members) {
            None => row.issues.push(missing_field(steps)),
            Some(value) => {
                row.time = read_time(value);
                if row.time.is_none() {
                    row.issues.push(bad_field(steps, "a time"));
                }
            }
        }
    }

    fn read_lane<'r>(&mut self, raw: &'r [u8], members: &[Member], row: &mut Row<'r>) {
        let Some(steps) = &self.lane else {
            row.lane = ["lane", self.signature.lane_field]
                .iter()
                .chain(&LANE_FIELDS)
                .find_map(|name| read_lane(json::find(raw, members, name)?.value(raw)));
            return;
        };
        match resolve(raw, steps, &mut self.members) {
            None => row.issues.push(missing_field(steps)),
            Some(value) => {
                row.lane = read_lane(value);
                if row.lane.is_none() && value != b"null" {
                    row.issues.push(bad_field(steps, "a string or an integer"));
                }
            }
        }
    }
}

fn missing_field(steps: &[String]) -> Issue {
    bad_field(steps, "in this row")
}

fn bad_field(steps: &[String], expected: &'static str) -> Issue {
    (Code::BadField, vec![("field", to_text(steps).into()), ("expected", expected.into())])
}

/// The lane of a value: a string, or an integer as its text.
fn read_lane(value: &[u8]) -> Option<Cow<'_, str>> {
    if value.starts_with(b"\"") {
        return Some(json::decode_str(value));
    }
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let whole = (1..20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    whole.then(|| String::from_utf8_lossy(value))
}

/// Reads a row of a respstream recording: `t`, `lane`, and `begin`, `chunk`, `b64`, `message` or `end`.
fn read_recording<'r>(raw: &'r [u8], members: &[Member], row: &mut Row<'r>) -> bool {
    let value = |name| json::find(raw, members, name).map(|member| member.value(raw));
    if value("t").is_none() || value("lane").is_none() {
        return false;
    }
    if let Some(message) = value("message").filter(|value| value.starts_with(b"\""))
        && members.iter().all(|member| MESSAGE_MEMBERS.contains(&&*json::decode_key(raw, member)))
    {
        row.push(Content::Event, decoded_bytes(message), None);
        return true;
    }
    let (chunk, b64) = (value("chunk"), value("b64"));
    let encoding = if chunk.is_some() { Encoding::Bytes } else { Encoding::Base64 };
    let (begins, ends) = (value("begin").is_some(), value("end").is_some());
    match chunk.or(b64).filter(|value| value.starts_with(b"\"")) {
        Some(text) => row.push(Content::Encoded(encoding), decoded_bytes(text), None),
        None if !begins && !ends => return false,
        None => {}
    }
    (row.begins, row.ends) = (begins, ends);
    true
}

/// Adds the value of the stream field to the row; returns false if it cannot contain a stream.
fn read_value<'r>(value: &'r [u8], signature: &Signature, row: &mut Row<'r>) -> bool {
    match value.first() {
        Some(b'"') => row.push(Content::Encoded(Encoding::Text), decoded_bytes(value), None),
        Some(b'{') => {
            if !read_named_event(value, row) {
                row.push(Content::Event, Cow::Borrowed(value), None);
            }
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            json::elements(value, &mut elements);
            let parts: Vec<_> =
                elements.iter().filter_map(|(start, end, _)| value.get(*start..*end)).collect();
            if !parts.iter().all(|part| matches!(part.first(), Some(b'"' | b'{'))) {
                return false;
            }
            for part in parts {
                read_element(part, signature, row);
            }
        }
        _ => return false,
    }
    true
}

/// Adds an element of a list: as [`read_value`], and the event in an object that wraps it.
fn read_element<'r>(value: &'r [u8], signature: &Signature, row: &mut Row<'r>) {
    if !value.starts_with(b"{") {
        read_value(value, signature, row);
    } else if !read_named_event(value, row) {
        let event = wrapped_event(value, signature).unwrap_or(Cow::Borrowed(value));
        row.push(Content::Event, event, None);
    }
}

/// Reads an event with its name: `{"event": "…", "data": {…}}`, or the data as text.
fn read_named_event<'r>(raw: &'r [u8], row: &mut Row<'r>) -> bool {
    let mut members = Vec::new();
    json::locate(raw, &mut members);
    let value = |name| json::find(raw, &members, name).map(|member| member.value(raw));
    let (Some(name), Some(data)) = (value("event"), value("data")) else { return false };
    if !name.starts_with(b"\"") {
        return false;
    }
    let payload = match data.first() {
        Some(b'{') => Cow::Borrowed(data),
        Some(b'"') => {
            let text = decoded_bytes(data);
            if !is_object(&text, &mut members) && trim(&text) != b"[DONE]" {
                return false;
            }
            text
        }
        _ => return false,
    };
    row.push(Content::Event, payload, Some(decoded_bytes(name)).filter(|name| !name.is_empty()));
    true
}

fn decoded_bytes(quoted: &[u8]) -> Cow<'_, [u8]> {
    match json::decode_str(quoted) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The pointer to the first field, level by level, that `accepts` takes.
fn detect_field(raw: &[u8], accepts: impl Fn(&[u8]) -> bool) -> Option<Steps> {
    let mut level: Vec<(Vec<String>, &[u8])> = vec![(Vec::new(), raw)];
    for _ in 0..MAX_DEPTH {
        let mut deeper = Vec::new();
        for (steps, object) in level {
            for (name, value) in members_in_order(object) {
                let mut steps = steps.clone();
                steps.push(name);
                if accepts(value) {
                    return Some(steps.into());
                }
                if value.starts_with(b"{") {
                    deeper.push((steps, value));
                }
            }
        }
        level = deeper;
    }
    None
}

/// The members of an object. Of duplicate names, the first position and the last value count.
fn members_in_order(object: &[u8]) -> Vec<(String, &[u8])> {
    let mut members = Vec::new();
    json::locate(object, &mut members);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut ordered: Vec<(String, &[u8])> = Vec::with_capacity(members.len());
    for member in &members {
        let (name, value) = (json::decode_key(object, member).into_owned(), member.value(object));
        let place = *places.entry(name.clone()).or_insert(ordered.len());
        match ordered.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => ordered.push((name, value)),
        }
    }
    ordered
}

fn looks_like_stream(value: &[u8], signature: &Signature) -> bool {
    match value.first() {
        Some(b'"') => {
            let text = decoded_bytes(value);
            if text.starts_with(b"{") {
                return is_event(&text, signature);
            }
            decode_field(&text, Encoding::Text, false).is_some_and(|(plain, encoded)| {
                looks_like_sse(&plain) || (encoded && is_event(&plain, signature))
            })
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            json::elements(value, &mut elements);
            let first = elements.first().and_then(|(start, end, _)| value.get(*start..*end));
            first.is_some_and(|first| {
                matches!(first.first(), Some(b'"' | b'{'))
                    && (looks_like_stream(first, signature)
                        || wrapped_event(first, signature).is_some())
            })
        }
        _ => is_event(value, signature) || is_named_event(value, signature),
    }
}

fn is_named_event(value: &[u8], signature: &Signature) -> bool {
    let mut row = Row::default();
    value.starts_with(b"{")
        && read_named_event(value, &mut row)
        && row.parts.first().is_some_and(|part| is_event(trim(&part.data), signature))
}

/// Whether a value is a response that was not streamed, as an object or as text.
fn is_response(value: &[u8], signature: &Signature) -> bool {
    let mut members = Vec::new();
    if value.starts_with(b"\"") {
        let text = decoded_bytes(value);
        return text.starts_with(b"{")
            && is_object(&text, &mut members)
            && (signature.is_response)(&text, &members);
    }
    if !value.starts_with(b"{") {
        return false;
    }
    json::locate(value, &mut members);
    (signature.is_response)(value, &members)
}

/// The event in a member of an object that is not an event itself: `{"time": …, "data": {…}}`, or the event as text.
fn wrapped_event<'r>(value: &'r [u8], signature: &Signature) -> Option<Cow<'r, [u8]>> {
    if !value.starts_with(b"{") {
        return None;
    }
    let mut members = Vec::new();
    json::locate(value, &mut members);
    if (signature.is_event)(value, &members) {
        return None;
    }
    members_in_order(value).into_iter().find_map(|(_, inner)| {
        let found =
            if inner.starts_with(b"\"") { decoded_bytes(inner) } else { Cow::Borrowed(inner) };
        is_event(&found, signature).then_some(found)
    })
}

/// The value of a member of an object.
fn member_of<'r>(object: &'r [u8], name: &str) -> Option<&'r [u8]> {
    if !object.starts_with(b"{") {
        return None;
    }
    let mut members = Vec::new();
    json::locate(object, &mut members);
    json::find(object, &members, name).map(|member| member.value(object))
}

/// Whether a text begins like an SSE stream: with a named event, or with JSON data.
fn looks_like_sse(text: &[u8]) -> bool {
    let line = first_line(text);
    line.starts_with(b"event:")
        || line.strip_prefix(b"data:").is_some_and(|data| {
            let data = data.iter().find(|byte| **byte != b' ');
            matches!(data, Some(b'{' | b'['))
        })
}

/// The first line that is not a comment, id or retry field, within [`SNIFFED_BYTES`]; else empty.
fn first_line(text: &[u8]) -> &[u8] {
    let start = text.get(..SNIFFED_BYTES).unwrap_or(text);
    let start = start.strip_prefix(BOM).unwrap_or(start);
    let skipped: [&[u8]; 3] = [b":", b"id:", b"retry:"];
    start
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .find(|line| !line.is_empty() && !skipped.iter().any(|field| line.starts_with(field)))
        .unwrap_or_default()
}

/// Whether a value is an event of the API.
fn is_event(value: &[u8], signature: &Signature) -> bool {
    let mut members = Vec::new();
    value.starts_with(b"{")
        && is_object(value, &mut members)
        && (signature.is_event)(value, &members)
}

/// Whether a text is one JSON object; locates its members in `members`.
pub(super) fn is_object(text: &[u8], members: &mut Vec<Member>) -> bool {
    trim(text).starts_with(b"{")
        && json::check(text, members).is_ok_and(|checked| checked.kind == json::Kind::Object)
}

/// Whether a text may be one line of an SSE stream, without its end. `whole`: data must be one JSON object.
pub(super) fn is_line(text: &[u8], whole: bool, members: &mut Vec<Member>) -> bool {
    let fields: [&[u8]; 5] = [b"event:", b"data:", b"id:", b"retry:", b":"];
    fields.iter().any(|field| text.starts_with(field))
        && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
        && (!whole
            || text
                .strip_prefix(b"data:")
                .is_none_or(|data| trim(data) == b"[DONE]" || is_object(data, members)))
}

/// Whether a text begins with the first event of a response, so that the previous stream of its lane has ended.
pub(super) fn begins_response(text: &[u8], signature: &Signature) -> bool {
    (signature.begins_response)(first_line(text))
}

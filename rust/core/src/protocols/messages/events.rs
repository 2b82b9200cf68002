//! Classifies payloads of Anthropic Messages: events, messages that were not streamed, and anything else.
//!
//! For an event, the type and the index of its block are read here.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{DeltaRule, Entry, EventOp, lookup};
use super::merge::text_of;
use super::response::{CONTENT, ERROR, WHOLE};
use crate::assemble::Indexes;
use crate::diagnostics::{Code, Detail, Issue, clip, error_detail, error_object};
use crate::frames::Frame;
use crate::json::{self, Checked, Fault, Kind, Member};
use crate::predict::Members;
use crate::protocols::api::Api;
use crate::protocols::parsed_event::{
    Classified, ParsedEvent, RoutedEvent, frame_issues, is_invalid_utf8, lossy, type_mismatch,
};
use crate::protocols::payload_reader::PayloadReader;

const LIMITS: &str = "256 levels or 4300 digits";
/// The maximum number of distinct unknown types that are remembered.
const UNKNOWN_TYPES: usize = 10_000;
/// The member with the index of a block.
pub const INDEX: &str = "index";
/// The largest index of a block.
const INDEX_LIMIT: u32 = 65_535;
const INDEX_DIGITS: usize = 5;
/// Members of which a message that was not streamed has one; items of the Responses API, whose type is the same, have none.
pub const WHOLE_MEMBERS: [&str; 2] = ["stop_reason", "model"];
/// Members of errors of other APIs.
const NEVER: [&str; 4] = ["code", "param", "event_id", "sequence_number"];
const CHAT: [&str; 2] = ["chat.completion", "text_completion"];
const RESPONSES: &str = "response";

/// The type and the index of an event; events that repeat one another share them.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub entry: &'static Entry,
    pub index: Option<u32>,
    /// Whether the index is valid, or missing; the event has no effect otherwise.
    pub is_valid: bool,
    /// Whether the index is a string of digits.
    pub is_loose: bool,
    /// The rule of the text that events grow which repeat this one.
    pub grows: Option<&'static DeltaRule>,
}

impl Route {
    const fn of(entry: &'static Entry) -> Self {
        Self { entry, index: None, is_valid: true, is_loose: false, grows: None }
    }
}

/// An event of Messages.
pub type Event<'a> = RoutedEvent<'a, Route>;

/// The unknown types and other APIs of a source that were reported.
#[derive(Default)]
pub struct Source {
    unknown: HashSet<String>,
    foreign: bool,
}

type Found<'a> = Classified<'a, Route>;
type Reader<'r> = PayloadReader<'r, Source>;

impl Source {
    #[cold]
    fn unknown_once(&mut self, kind: &str, issues: &mut Vec<Issue>) {
        if kind.strip_prefix(RESPONSES).is_some_and(|rest| rest.starts_with('.')) {
            self.foreign_once("Responses", issues);
        } else if self.unknown.len() < UNKNOWN_TYPES && self.unknown.insert(kind.to_owned()) {
            issues.push((Code::UnknownEvent, vec![("type", clip(kind).into())]));
        }
    }

    fn foreign_once(&mut self, protocol: &str, issues: &mut Vec<Issue>) {
        if !std::mem::replace(&mut self.foreign, true) {
            issues.push((Code::ForeignStream, vec![("protocol", protocol.into())]));
        }
    }
}

/// Whether the events of an entry are those of no other API.
const fn is_own(entry: &Entry) -> bool {
    !matches!(entry.op, EventOp::Quiet | EventOp::Error)
}

/// Whether a quoted string, the type of an event, is that of an event of no other API.
pub fn has_own_type(quoted: &[u8]) -> bool {
    // The types of other APIs differ in their first letter.
    matches!(quoted.get(1), Some(b'm' | b'c' | b'\\')) && entry_of(quoted).is_some_and(is_own)
}

/// The entry of a type that is a quoted string. Most are known, and have no escape.
fn entry_of(quoted: &[u8]) -> Option<&'static Entry> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    lookup(inner).or_else(|| {
        let is_escaped = inner.contains(&b'\\');
        is_escaped.then(|| lookup(json::decode_str(quoted).as_bytes())).flatten()
    })
}

/// The type of an object, if it has one that is not empty.
fn type_of<'r>(object: &'r [u8], members: &[Member]) -> Option<Cow<'r, str>> {
    let kind = json::find(object, members, "type").filter(|kind| kind.kind == Kind::String)?;
    let quoted = kind.value(object);
    if let Some(entry) = entry_of(quoted) {
        return Some(Cow::Borrowed(entry.ty));
    }
    (quoted.len() > 2).then(|| json::decode_str(quoted))
}

/// Whether a payload is certainly of this API: a message, or an event that has its type in the event line alone.
pub fn claims(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool {
    match json::find(object, members, "type").filter(|kind| kind.kind == Kind::String) {
        Some(kind) if kind.end - kind.start > 2 => {
            let quoted = kind.value(object);
            has_own_type(quoted) || is_whole(&json::decode_str(quoted), object, members)
        }
        _ => {
            let is_named = name.and_then(lookup).is_some_and(is_own);
            is_named
                && json::find(object, members, "object")
                    .is_none_or(|object| object.kind != Kind::String)
        }
    }
}

/// Whether a payload is an error as this API sends it, in a stream or as the body of an answer, and others do not.
pub fn suggests(object: &[u8], members: &[Member]) -> bool {
    let is_error = text_of(object, members, "type").is_some_and(|kind| kind == ERROR);
    let Some(error) = json::find(object, members, ERROR).filter(|_| is_error) else { return false };
    if error.kind != Kind::Object || has_any(object, members, &NEVER) {
        return false;
    }
    let error = error.value(object);
    let mut inner = Vec::new();
    json::locate(error, &mut inner);
    text_of(error, &inner, "type").is_some_and(|kind| kind.ends_with("_error"))
        && !has_any(error, &inner, &NEVER)
}

fn has_any(object: &[u8], members: &[Member], names: &[&str]) -> bool {
    names.iter().any(|name| json::find(object, members, name).is_some())
}

/// Whether an object is a message that was not streamed. `kind`: its type.
fn is_whole(kind: &str, object: &[u8], members: &[Member]) -> bool {
    let has = |name: &str| json::find(object, members, name).is_some();
    kind == WHOLE
        && json::find(object, members, CONTENT).is_some_and(|content| content.kind == Kind::Array)
        && WHOLE_MEMBERS.iter().any(|name| has(name))
}

/// Classifies a frame that repeats no cached event.
pub fn classify<'a>(
    reader: &mut Reader<'_>,
    frame: &'a mut Frame<'_>,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    let checked = frame.checked.unwrap_or_else(|| reader.values.check(frame.data, frame.members));
    let frame = &*frame;
    match checked {
        Err(Fault::Limit) => over_limits(reader, frame, issues),
        Ok(checked) if checked.kind == Kind::Object => object(reader, frame, checked, issues),
        other => {
            let invalid_utf8 =
                other.is_ok_and(|checked| checked.lone_surrogate || checked.bad_utf8);
            frame_issues(frame, invalid_utf8, issues);
            issues.push((Code::BadJson, vec![("what", frame.kind.name().into())]));
            Classified::NotAnEvent
        }
    }
}

/// Classifies an object by its type, or without one by the name of its event line.
fn object<'a>(
    reader: &mut Reader<'_>,
    frame: &'a Frame<'_>,
    checked: Checked,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    let (data, members) = (frame.data, frame.members.as_slice());
    let invalid_utf8 = checked.lone_surrogate || checked.bad_utf8;
    let Some(kind) = type_of(data, members) else {
        return untyped(reader, frame, checked, issues);
    };
    if is_whole(&kind, data, members) {
        frame_issues(frame, invalid_utf8, issues);
        return Classified::NonStreamed(Api::Messages);
    }
    let other = frame.name.filter(|name| *name != kind.as_bytes());
    let invalid_utf8 = invalid_utf8 || other.is_some_and(is_invalid_utf8);
    frame_issues(frame, invalid_utf8, issues);
    if let Some(name) = other {
        type_mismatch(name, &kind, issues);
    }
    event(reader.source, frame, checked, (kind, false), invalid_utf8, issues)
}

fn untyped<'a>(
    reader: &mut Reader<'_>,
    frame: &'a Frame<'_>,
    checked: Checked,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    let (data, members) = (frame.data, frame.members.as_slice());
    let invalid_utf8 = checked.lone_surrogate || checked.bad_utf8;
    let named = text_of(data, members, "object").unwrap_or_default();
    let is_chat = CHAT.iter().any(|name| named.starts_with(name));
    if is_chat || named.starts_with(RESPONSES) {
        frame_issues(frame, invalid_utf8, issues);
        let protocol = if is_chat { "Chat Completions" } else { "Responses" };
        reader.source.foreign_once(protocol, issues);
        return Classified::NotAnEvent;
    }
    if let Some(name) = frame.name.filter(|name| !name.is_empty()) {
        let invalid_utf8 = invalid_utf8 || is_invalid_utf8(name);
        frame_issues(frame, invalid_utf8, issues);
        return event(reader.source, frame, checked, (lossy(name), true), invalid_utf8, issues);
    }
    frame_issues(frame, invalid_utf8, issues);
    issues.push(match error_detail(data, members) {
        Some(detail) => {
            *reader.error = error_object(data, members);
            (Code::ErrorBody, detail)
        }
        None => (Code::NoType, Detail::new()),
    });
    Classified::NotAnEvent
}

/// Makes the event of an object, whose frame was reported on. `named`: the type is the name of the event line.
fn event<'a>(
    source: &mut Source,
    frame: &'a Frame<'_>,
    checked: Checked,
    (kind, named): (Cow<'a, str>, bool),
    invalid_utf8: bool,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    let entry = lookup(kind.as_bytes());
    let mut route = entry.map(Route::of);
    match &mut route {
        None => source.unknown_once(&kind, issues),
        Some(route) if route.entry.op.is_of_block() => read_index(frame, route, issues),
        Some(_) => {}
    }
    let repeatable = !named && !invalid_utf8 && issues.is_empty();
    let parsed = ParsedEvent {
        api: Api::Messages,
        raw: frame.data,
        members: Members::Parsed(frame.members),
        unrouted_indexes: Some(Indexes::default()),
        kind: entry.map_or(kind, |entry| Cow::Borrowed(entry.ty)),
        offset: frame.offset,
        end: frame.end,
        line: frame.line,
        lane: None,
        response: None,
        named,
        invalid_utf8,
        sequence: None,
        time: None,
        located: None,
        checked,
        inner_members: &[],
        value: None,
        repeatable,
        learned: None,
    };
    Classified::Event(parsed, route)
}

/// Reads the index of a block; an invalid one leaves the event without effect.
fn read_index(frame: &Frame<'_>, route: &mut Route, issues: &mut Vec<Issue>) {
    let Some(member) = json::find(frame.data, frame.members, INDEX) else { return };
    let value = member.value(frame.data);
    let index = match member.kind {
        Kind::Null => return,
        Kind::Number => json::parse_index(value),
        Kind::String => digits(&json::decode_str(value)),
        _ => None,
    };
    let index = index.and_then(|index| u32::try_from(index).ok());
    route.index = index.filter(|index| *index <= INDEX_LIMIT);
    route.is_valid = route.index.is_some();
    route.is_loose = route.is_valid && member.kind == Kind::String;
    if !route.is_valid {
        let expected = format!("an integer from 0 to {INDEX_LIMIT}");
        issues.push((Code::BadField, vec![("field", INDEX.into()), ("expected", expected.into())]));
    }
}

/// The number in a string of digits.
fn digits(text: &str) -> Option<i64> {
    let is_short = (1..=INDEX_DIGITS).contains(&text.len());
    text.parse().ok().filter(|_| is_short && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An event whose payload is JSON over the limits: it is kept raw and has no effect.
fn over_limits<'a>(
    reader: &mut Reader<'_>,
    frame: &'a Frame<'_>,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    frame_issues(frame, false, issues);
    let detail = vec![("what", "nesting or digits".into()), ("limit", LIMITS.into())];
    issues.push((Code::LimitExceeded, detail));
    let mut members = Vec::new();
    json::locate(frame.data, &mut members);
    let own = text_of(frame.data, &members, "type");
    let named = own.is_none();
    let kind = own.or_else(|| frame.name.map(lossy)).filter(|kind| !kind.is_empty());
    let Some(kind) = kind else { return Classified::NotAnEvent };
    if lookup(kind.as_bytes()).is_none() {
        reader.source.unknown_once(&kind, &mut Vec::new());
    }
    let checked = Checked::RECOGNISED;
    let mut ignored = Vec::new();
    let found = event(reader.source, frame, checked, (kind, named), false, &mut ignored);
    match found {
        Classified::Event(event, _) => Classified::Event(
            ParsedEvent { members: Members::Parsed(&[]), repeatable: false, ..event },
            None,
        ),
        other => other,
    }
}

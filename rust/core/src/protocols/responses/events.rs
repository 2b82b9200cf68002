//! Payloads of the Responses API to events: type, indexes, lane, and problems.
//!
//! The types are those of the catalogue. Frames that are not events (an error body, a response object, another protocol) are
//! classified here too.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{EVENTS, Entry, INDEX_FIELDS, Op, Phase, lookup};
use crate::assemble::{INDEX_SLOTS, Indexes};
use crate::diagnostics::{Code, Detail, Issue, clip, error_detail, error_object, is_error_object};
use crate::frames::Frame;
use crate::json::{self, Checked, Fault, Kind, Member, ValueCache};
use crate::predict::{Members, Roles};
use crate::protocols::api::Api;
use crate::protocols::parsed_event::{
    Classified, ParsedEvent, RoutedEvent, frame_issues, is_invalid_utf8, lossy, type_mismatch,
};
use crate::protocols::payload_reader::PayloadReader;
use crate::work::work;

/// The largest index.
pub const INDEX_LIMIT: u32 = 65_535;
/// The maximum number of distinct unknown types that are remembered.
const UNKNOWN_TYPES: usize = 10_000;
const LIMITS: &str = "256 levels or 4300 digits";
const MESSAGES_TYPES: [&str; 6] = [
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
];
/// The beginnings of the types that only the Realtime API has.
const REALTIME_TYPES: [&str; 10] = [
    "session.",
    "transcription_session.",
    "conversation.",
    "input_audio_buffer.",
    "output_audio_buffer.",
    "rate_limits.",
    "response.text.",
    "response.audio_transcript.",
    "response.output_audio.",
    "response.output_audio_transcript.",
];
const ASSISTANTS_TYPES: &str = "thread.";
/// The beginning of the types of this API.
const PREFIX: &str = "response.";
const QUOTED_PREFIX: &[u8] = b"\"response.";
/// The member whose values are cached with their members, and the members that are located inside of other values.
pub const CACHED_VALUES: (&str, &[&str]) = ("response", &["item", "part"]);

/// The type and the indexes of an event; events that repeat one another share them. The indexes are `None` if one is bad.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub entry: &'static Entry,
    pub indexes: Option<Indexes>,
    /// Which indexes are strings of digits, as bits.
    pub loose: u8,
}

/// A parsed event of the Responses API.
pub type Event<'a> = RoutedEvent<'a, Route>;

impl Event<'_> {
    /// The entry of the catalogue; `None` for an unknown type.
    pub fn entry(&self) -> Option<&'static Entry> {
        self.route.map(|route| route.entry)
    }

    /// The indexes; `None` if one of a known type is bad.
    pub fn indexes(&self) -> Option<Indexes> {
        self.route.map_or(self.unrouted_indexes, |route| route.indexes)
    }
}

/// The part of a reader that classifies payloads of this API.
type EventReader<'r> = PayloadReader<'r, Source>;

/// Attaches the cached members of the response, item or part in an event.
pub fn attach_cached<'a>(event: &mut ParsedEvent<'a>, entry: &Entry, values: &'a ValueCache) {
    let Some(value) = event.value() else { return };
    match entry.op {
        Op::Response => event.located = values.object(event.bytes(&value)),
        Op::Item | Op::Part => event.inner_members = values.inside(event.checked, value.start),
        _ => {}
    }
}

/// The unknown types and foreign protocols of a source that were reported.
#[derive(Default)]
pub struct Source {
    unknown: HashSet<String>,
    foreign: bool,
    /// An event of the Realtime API was seen.
    realtime: bool,
}

impl Source {
    #[cold]
    fn unknown_once(&mut self, kind: &str, issues: &mut Vec<Issue>) {
        if MESSAGES_TYPES.contains(&kind) {
            self.foreign_once("Anthropic Messages", issues);
        } else if REALTIME_TYPES.iter().any(|prefix| kind.starts_with(prefix)) {
            self.realtime = true;
            self.foreign_once("Realtime", issues);
        } else if kind.starts_with(ASSISTANTS_TYPES) {
            self.foreign_once("Assistants", issues);
        } else if self.unknown.len() < UNKNOWN_TYPES && self.unknown.insert(kind.to_owned()) {
            issues.push((Code::UnknownEvent, vec![("type", clip(kind).into())]));
        }
    }

    /// The other API whose event has the type of an event of this one.
    #[inline]
    fn look_alike(
        &mut self,
        data: &[u8],
        members: &[Member],
        fields: &RoutingFields<'_>,
        found: (Option<&Entry>, Option<&Member>),
    ) -> Option<&'static str> {
        let is_ordinary = fields.object.is_none() && fields.event_id.is_none() && found.1.is_some();
        if is_ordinary { None } else { self.other_api(data, members, fields, found) }
    }

    #[cold]
    fn other_api(
        &mut self,
        data: &[u8],
        members: &[Member],
        fields: &RoutingFields<'_>,
        (entry, value): (Option<&Entry>, Option<&Member>),
    ) -> Option<&'static str> {
        if fields.object.is_some_and(|object| is_string(data, object, "event")) {
            return Some("webhooks");
        }
        let entry = entry.filter(|_| fields.searched)?;
        if entry.op == Op::Response
            && value.is_none()
            && json::find(data, members, "data").is_some_and(|member| has_only_id(data, member))
        {
            return Some("webhooks");
        }
        if fields.sequence.is_some() || fields.event_id?.kind != Kind::String {
            return None;
        }
        self.realtime |= json::find(data, members, "response_id")
            .is_some_and(|member| member.kind == Kind::String);
        if let Some(value) = value.filter(|member| member.kind == Kind::Object) {
            let (value, mut inner) = (value.value(data), Vec::new());
            json::locate(value, &mut inner);
            let object = json::find(value, &inner, "object");
            self.realtime |= object.is_some_and(|object| {
                object.kind == Kind::String
                    && json::decode_str(object.value(value)).starts_with("realtime.")
            });
        }
        self.realtime.then_some("Realtime")
    }

    fn foreign_once(&mut self, protocol: &str, issues: &mut Vec<Issue>) {
        if !std::mem::replace(&mut self.foreign, true) {
            issues.push((Code::ForeignStream, vec![("protocol", protocol.into())]));
        }
    }
}

/// Whether an object is certainly of this API, or of one that [`Source`] recognises as foreign.
#[inline]
pub fn claims(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool {
    let begins_with_type = members.first().is_some_and(|first| {
        first.raw_key(object) == b"type" && first.value(object).starts_with(QUOTED_PREFIX)
    });
    if begins_with_type && !members[1..].iter().any(may_be_type) {
        return true;
    }
    let kind = json::find(object, members, "type").filter(|kind| kind.kind == Kind::String);
    match kind.map(|kind| (kind, kind.value(object))) {
        Some((kind, quoted)) if quoted.len() > 2 => {
            (!kind.escaped && quoted[1..].starts_with(PREFIX.as_bytes()))
                || claims_type(&json::decode_str(quoted), object, members)
        }
        _ => claims_untyped(object, members, name),
    }
}

/// Whether a member may have the key `type`.
#[inline]
fn may_be_type(member: &Member) -> bool {
    member.key_escaped || member.key.end.wrapping_sub(member.key.start) == 4
}

#[cold]
fn claims_type(kind: &str, object: &[u8], members: &[Member]) -> bool {
    kind.starts_with(PREFIX)
        || kind.starts_with(ASSISTANTS_TYPES)
        || REALTIME_TYPES.iter().any(|prefix| kind.starts_with(prefix))
        || json::find(object, members, "object")
            .is_some_and(|member| is_string(object, member, "event"))
}

fn claims_untyped(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool {
    let found = json::find(object, members, "object").filter(|found| found.kind == Kind::String);
    let found = found.map(|found| json::decode_str(found.value(object)));
    found.is_some_and(|found| found == "response" || found.starts_with(ASSISTANTS_TYPES))
        || name.is_some_and(|name| name.starts_with(PREFIX.as_bytes()))
}

/// Classifies a frame that repeats no cached event.
pub fn classify<'a>(
    reader: &mut EventReader<'_>,
    frame: &'a mut Frame<'_>,
    issues: &mut Vec<Issue>,
) -> Classified<'a, Route> {
    let checked = frame.checked.unwrap_or_else(|| reader.values.check(frame.data, frame.members));
    let frame = &*frame;
    match checked {
        Err(Fault::Limit) => over_limits(reader, frame, issues),
        Ok(checked) if checked.kind == Kind::Object => {
            let invalid_utf8 = checked.lone_surrogate
                || checked.bad_utf8
                || frame.name.is_some_and(is_invalid_utf8);
            let mut found = object(reader, frame, invalid_utf8, issues);
            if let Classified::Event(event, route) = &mut found {
                event.checked = checked;
                if let Some(route) = route.filter(|_| !invalid_utf8) {
                    cache_values(reader.values, event, route.entry);
                }
            }
            found
        }
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
    reader: &mut EventReader<'_>,
    frame: &'a Frame<'_>,
    invalid_utf8: bool,
    issues: &mut Vec<Issue>,
) -> Classified<'a, Route> {
    let fields = RoutingFields::of(frame.data, frame.members);
    if let Some(kind) = fields.kind.filter(|member| member.kind == Kind::String) {
        let quoted = kind.value(frame.data);
        if quoted.len() > 2 {
            let kind = type_of(quoted, kind.escaped || invalid_utf8);
            if fields.object.is_some()
                && lookup(kind.as_bytes()).is_none()
                && is_error_object(frame.data, frame.members)
            {
                return untyped(reader, frame, &fields, None, invalid_utf8, issues);
            }
            return event(reader, frame, &fields, (kind, false), invalid_utf8, issues);
        }
    }
    let name = frame.name.map(lossy);
    match name {
        Some(name) if lookup(name.as_bytes()).is_some() => {
            event(reader, frame, &fields, (name, true), invalid_utf8, issues)
        }
        name => untyped(reader, frame, &fields, name, invalid_utf8, issues),
    }
}

/// Caches the values that later events of the response are likely to repeat.
fn cache_values(values: &mut ValueCache, event: &ParsedEvent<'_>, entry: &Entry) {
    let Some(value) = event.value().filter(|_| entry.phase != Phase::Delta) else { return };
    if matches!(entry.op, Op::Response | Op::Item | Op::Part | Op::Text) {
        values.keep(event.raw, event.checked, &value);
        if !entry.extend.is_empty()
            && let Some(list) = event.member(entry.extend)
        {
            values.keep(event.raw, event.checked, &list);
        }
    }
}

/// Classifies an object without a known type.
fn untyped<'a>(
    reader: &mut EventReader<'_>,
    frame: &'a Frame<'_>,
    fields: &RoutingFields<'_>,
    name: Option<Cow<'a, str>>,
    invalid_utf8: bool,
    issues: &mut Vec<Issue>,
) -> Classified<'a, Route> {
    let data = frame.data;
    let object = fields.object.filter(|member| member.kind == Kind::String);
    let object = object.map(|member| json::decode_str(member.value(data)));
    let object = object.as_deref().unwrap_or_default();
    if object == "response" {
        frame_issues(frame, invalid_utf8, issues);
        return Classified::NonStreamed(Api::Responses);
    }
    let foreign = if object.starts_with("chat.completion") || object.starts_with("text_completion")
    {
        Some("Chat Completions")
    } else {
        (name.is_none() && object.starts_with(ASSISTANTS_TYPES)).then_some("Assistants")
    };
    if let Some(protocol) = foreign {
        frame_issues(frame, invalid_utf8, issues);
        reader.source.foreign_once(protocol, issues);
        return Classified::NotAnEvent;
    }
    if let Some(name) = name {
        return event(reader, frame, fields, (name, true), invalid_utf8, issues);
    }
    frame_issues(frame, invalid_utf8, issues);
    issues.push(match error_detail(data, frame.members) {
        Some(detail) => {
            *reader.error = error_object(data, frame.members);
            (Code::ErrorBody, detail)
        }
        None => (Code::NoType, Detail::new()),
    });
    Classified::NotAnEvent
}

/// Makes the event of an object. `named`: the type is the name of the event line.
fn event<'a>(
    reader: &mut EventReader<'_>,
    frame: &'a Frame<'_>,
    fields: &RoutingFields<'_>,
    (kind, named): (Cow<'a, str>, bool),
    invalid_utf8: bool,
    issues: &mut Vec<Issue>,
) -> Classified<'a, Route> {
    frame_issues(frame, invalid_utf8, issues);
    if let Some(name) = frame.name.filter(|name| *name != kind.as_bytes()) {
        type_mismatch(name, &kind, issues);
    }
    let before = issues.len();
    let mut entry = lookup(kind.as_bytes()).and_then(|index| EVENTS.get(usize::from(index)));
    let data = frame.data;
    let mut value = entry.and_then(|entry| json::find(data, frame.members, entry.value)).copied();
    let found = (entry, value.as_ref());
    if let Some(protocol) = reader.source.look_alike(data, frame.members, fields, found) {
        (entry, value) = (None, None);
        reader.source.foreign_once(protocol, issues);
    } else if entry.is_none() {
        reader.source.unknown_once(&kind, issues);
    }
    let sequence = integer(data, fields.sequence, "sequence_number", issues);
    let lane = lane(data, fields.lane, invalid_utf8, issues);
    let (indexes, loose) = indexes(data, fields, entry.is_some(), issues);
    let route = entry.map(|entry| Route { entry, indexes, loose });
    // Strings of digits would be holes of the cached event.
    // An event over the limits has no routing fields, and is not cached: its repetitions are over the limits too.
    // Nor is an event that may turn out to be of another API.
    let regular = !invalid_utf8 && !named && fields.kind.is_some() && issues.len() == before;
    let regular = regular && loose == 0 && fields.object.is_none() && fields.event_id.is_none();
    let parsed = ParsedEvent {
        api: Api::Responses,
        raw: data,
        members: Members::Parsed(frame.members),
        unrouted_indexes: indexes,
        kind,
        offset: frame.offset,
        end: frame.end,
        line: frame.line,
        lane,
        response: None,
        named,
        invalid_utf8,
        sequence,
        time: None,
        located: None,
        checked: Checked::RECOGNISED,
        inner_members: &[],
        value,
        repeatable: regular,
        learned: None,
    };
    Classified::Event(parsed, route)
}

/// The roles of the members of delta events.
pub fn roles(Route { entry, .. }: Route) -> Option<Roles> {
    (entry.phase == Phase::Delta).then_some(Roles {
        name: entry.ty,
        sequence: "sequence_number",
        value: entry.value,
        owner_id: "item_id",
        extend: entry.extend,
        constant: &["type", "item_id", "stream_id", "call_id"],
        eager: entry.eager,
    })
}

/// Makes an event of a payload that is JSON over the limits: it is kept raw and has no effect.
fn over_limits<'a>(
    reader: &mut EventReader<'_>,
    frame: &'a Frame<'_>,
    issues: &mut Vec<Issue>,
) -> Classified<'a, Route> {
    let data = frame.data;
    let issue =
        (Code::LimitExceeded, vec![("what", "nesting or digits".into()), ("limit", LIMITS.into())]);
    let mut members = Vec::new();
    json::locate(data, &mut members);
    let found = json::find(data, &members, "type").filter(|member| member.kind == Kind::String);
    let kind =
        found.map(|member| json::decode_str(member.value(data))).filter(|kind| !kind.is_empty());
    let named = kind.is_none();
    let Some(kind) = kind.or_else(|| frame.name.map(lossy)) else {
        frame_issues(frame, false, issues);
        issues.push(issue);
        return Classified::NotAnEvent;
    };
    let before = issues.len();
    let fields = RoutingFields::default();
    let mut found = event(reader, frame, &fields, (kind, named), false, issues);
    issues.truncate(before);
    frame_issues(frame, false, issues);
    issues.push(issue);
    if let Classified::Event(event, route) = &mut found {
        (event.members, *route) = (Members::Parsed(&[]), None);
    }
    found
}

/// The type in a quoted string: that of the catalogue, or its text.
fn type_of(quoted: &[u8], escaped: bool) -> Cow<'_, str> {
    let entry = quoted.get(1..quoted.len() - 1).filter(|_| !escaped).and_then(lookup);
    let entry = entry.and_then(|index| EVENTS.get(usize::from(index)));
    entry.map_or_else(|| text_of(quoted, escaped), |entry| Cow::Borrowed(entry.ty))
}

/// The text of a quoted string, borrowed if it has no escapes.
fn text_of(quoted: &[u8], escaped: bool) -> Cow<'_, str> {
    if escaped {
        return json::decode_str(quoted);
    }
    lossy(quoted.get(1..quoted.len() - 1).unwrap_or_default())
}

/// The members by which an event is classified and routed.
#[derive(Default)]
struct RoutingFields<'a> {
    /// False for an event over the limits, whose members are not known.
    searched: bool,
    kind: Option<&'a Member>,
    object: Option<&'a Member>,
    event_id: Option<&'a Member>,
    sequence: Option<&'a Member>,
    lane: Option<&'a Member>,
    indexes: [Option<&'a Member>; INDEX_SLOTS],
}

impl<'a> RoutingFields<'a> {
    /// Finds them in one pass over the members; the last of equal names counts.
    fn of(data: &[u8], members: &'a [Member]) -> Self {
        let mut fields = Self { searched: true, ..Self::default() };
        work(members.len());
        for member in members {
            let decoded;
            let key = if member.key_escaped {
                decoded = json::decode_key(data, member);
                decoded.as_bytes()
            } else {
                member.raw_key(data)
            };
            match key {
                b"type" => fields.kind = Some(member),
                b"object" => fields.object = Some(member),
                b"event_id" => fields.event_id = Some(member),
                b"sequence_number" => fields.sequence = Some(member),
                b"stream_id" => fields.lane = Some(member),
                b"output_index" => fields.indexes[0] = Some(member),
                b"content_index" => fields.indexes[1] = Some(member),
                b"summary_index" => fields.indexes[2] = Some(member),
                b"command_index" => fields.indexes[3] = Some(member),
                b"annotation_index" => fields.indexes[4] = Some(member),
                _ => {}
            }
        }
        fields
    }
}

/// Whether a member is this string.
fn is_string(data: &[u8], member: &Member, text: &str) -> bool {
    member.kind == Kind::String && json::decode_str(member.value(data)) == text
}

/// Whether a member is an object with an id and nothing else.
fn has_only_id(data: &[u8], member: &Member) -> bool {
    let mut inner = Vec::new();
    let object = member.value(data);
    member.kind == Kind::Object
        && json::locate(object, &mut inner)
        && !inner.is_empty()
        && inner.iter().all(|member| json::decode_key(object, member) == "id")
}

fn bad_field(field: &str, expected: &str) -> Issue {
    (Code::BadField, vec![("field", field.into()), ("expected", expected.into())])
}

fn present(member: Option<&Member>) -> Option<&Member> {
    member.filter(|member| member.kind != Kind::Null)
}

fn integer(
    data: &[u8],
    member: Option<&Member>,
    field: &str,
    issues: &mut Vec<Issue>,
) -> Option<i64> {
    let member = present(member)?;
    let number =
        (member.kind == Kind::Number).then(|| json::parse_index(member.value(data))).flatten();
    if number.is_none() {
        issues.push(bad_field(field, "an integer"));
    }
    number
}

fn lane<'a>(
    data: &'a [u8],
    member: Option<&Member>,
    invalid_utf8: bool,
    issues: &mut Vec<Issue>,
) -> Option<Cow<'a, str>> {
    let member = present(member)?;
    if member.kind == Kind::String {
        return Some(text_of(member.value(data), member.escaped || invalid_utf8));
    }
    issues.push(bad_field("stream_id", "a string"));
    None
}

/// The indexes, and which of them are strings of digits; `None` if one of a known type is bad.
fn indexes(
    data: &[u8],
    fields: &RoutingFields<'_>,
    is_known_type: bool,
    issues: &mut Vec<Issue>,
) -> (Option<Indexes>, u8) {
    let mut indexes = Indexes::default();
    let (mut good, mut loose) = (true, 0);
    for (slot, field) in INDEX_FIELDS.iter().enumerate() {
        let Some(member) = present(fields.indexes[slot]) else { continue };
        let number = match member.kind {
            Kind::Number => json::parse_index(member.value(data)),
            Kind::String => digits(&json::decode_str(member.value(data))),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| *number <= INDEX_LIMIT) {
            Some(number) => {
                indexes.values[slot] = Some(number);
                loose |= u8::from(member.kind == Kind::String) << slot;
            }
            None if is_known_type => {
                issues.push(bad_field(field, "an integer from 0 to 65535"));
                good = false;
            }
            None => {}
        }
    }
    (good.then_some(indexes), loose)
}

/// The number in a string of up to five digits.
fn digits(text: &str) -> Option<i64> {
    let valid = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| valid)
}

//! Classifies payloads of Chat Completions: chunks, completions that were not streamed, and anything else.
//!
//! What makes a chunk is its list `choices`. Here its id is read, and whether it has a part of the output or ends a choice.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{EVENTS, Entry, lookup};
use super::delta::is_streamed;
use super::merge::{
    Fields, INDEX_LIMIT, are_unique, is_empty_list, is_filled_string, text_of, value_of,
};
use super::response::{CHUNK, WHOLE};
use super::shapes::Shapes;
use crate::assemble::Indexes;
use crate::diagnostics::{Code, Detail, Issue, clip, error_detail, error_object};
use crate::frames::Frame;
use crate::json::{self, Checked, Fault, Kind, Member, ValueCache};
use crate::predict::Members;
use crate::protocols::api::Api;
use crate::protocols::parsed_event::{Classified, ParsedEvent, RoutedEvent, frame_issues, lossy};
use crate::protocols::payload_reader::PayloadReader;

/// The member that makes a chunk.
pub const CHOICES: &str = "choices";
/// The maximum number of distinct unknown types that are remembered.
const UNKNOWN_TYPES: usize = 10_000;
const ERROR: &str = "error";
const LIMITS: &str = "256 levels or 4300 digits";

/// What lanes and tables need to know of an event; events that repeat one another share it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent")]
pub struct Route {
    pub entry: &'static Entry,
    /// Whether the chunk has a part of the output.
    pub delta: bool,
    /// Whether it ends a choice.
    pub ends: bool,
    /// Whether it has no choices.
    pub is_empty: bool,
    pub has_usage: bool,
    /// Whether the keys of its members certainly differ.
    pub is_plain: bool,
    /// The index of its first choice.
    pub index: Option<u32>,
    /// The text that events grow which repeat this one.
    pub grows: Option<Grows>,
}

/// A text that a chunk grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grows {
    /// A member of the message.
    Member(&'static str),
    /// A member of the message, and the text of this name in the part with this index of a list.
    Both { own: &'static str, list: &'static str, index: u32, name: &'static str },
    /// The arguments of the tool call with this index.
    Arguments(u32),
    /// The reasoning, by a part of the content.
    Thinking,
    /// The text of the choice itself, in the API before chats.
    Text,
}

/// An event of Chat Completions.
pub type Event<'a> = RoutedEvent<'a, Route>;

/// The state of a source.
#[derive(Default)]
pub struct Source {
    /// The unknown types that were reported.
    unknown: HashSet<String>,
    shapes: Shapes<Route>,
}

impl Source {
    /// Reads a frame that was not checked, if it is a chunk of a shape that was seen: its members, first those of the chunk, whose
    /// number is returned with the route.
    pub fn read_shape(
        &mut self,
        frame: &mut Frame<'_>,
        values: &ValueCache,
    ) -> Option<(usize, Route)> {
        if frame.checked.is_some() || values.off {
            return None;
        }
        self.shapes.read(frame.data, frame.members)
    }
}

type Found<'a> = Classified<'a, Route>;

/// Whether an object is a chunk as nearly all servers write them: a search that is cheaper than [`claims`].
pub fn is_ordinary(object: &[u8], members: &[Member]) -> bool {
    let is = |name| json::find(object, members, name).map(|member| member.value(object));
    is("object") == Some(b"\"chat.completion.chunk\"")
        && is(CHOICES).is_some_and(|choices| choices.starts_with(b"[{"))
}

/// Whether a payload is certainly of this API: it has choices, or says that it is a chunk or a completion.
pub fn claims(object: &[u8], members: &[Member]) -> bool {
    has_choices(object, members) || [CHUNK, WHOLE].contains(&&*named(object, members))
}

/// The member `object`, if it is a string.
fn named<'a>(object: &'a [u8], members: &[Member]) -> Cow<'a, str> {
    let named = json::find(object, members, "object");
    named.and_then(|named| text_of(Some(named.value(object)))).unwrap_or_default()
}

/// Whether an object has a list of choices: objects, of which there may be none.
fn has_choices(object: &[u8], members: &[Member]) -> bool {
    let Some(choices) = list_of(object, members) else { return false };
    if choices.starts_with(b"[{") {
        return true;
    }
    let mut has_objects = false;
    json::each_object(choices, &mut Vec::new(), |_, _, _| has_objects = true);
    has_objects || is_empty_list(choices)
}

/// The choices, if they are a list.
fn list_of<'a>(object: &'a [u8], members: &[Member]) -> Option<&'a [u8]> {
    let choices = json::find(object, members, CHOICES);
    choices.filter(|choices| choices.kind == Kind::Array).map(|choices| choices.value(object))
}

/// The choices of a chunk; some servers send null instead of none.
pub fn choices_of<'a>(object: &'a [u8], members: &[Member]) -> &'a [u8] {
    list_of(object, members).unwrap_or(b"[]")
}

/// Whether an object is a completion that was not streamed: it says so, or has messages; and it has no deltas.
fn is_whole(object: &[u8], members: &[Member]) -> bool {
    let (choices, named) = (choices_of(object, members), named(object, members));
    if named == CHUNK || is_empty_list(choices) {
        return named == WHOLE;
    }
    let mut spans = Vec::new();
    json::elements(choices, &mut spans);
    spans.into_iter().all(|(start, end, kind)| {
        let choice = choices.get(start..end).unwrap_or_default();
        let is_object = |value: &[u8]| value.first() == Some(&b'{');
        kind == Kind::Object
            && value_of(choice, "delta").is_none()
            && value_of(choice, "message").is_some_and(is_object)
    })
}

/// The only choice of a chunk.
#[derive(Clone, Copy)]
pub struct OnlyChoice<'c> {
    text: &'c [u8],
    pub choice: &'c [Member],
    delta: &'c [Member],
}

/// Appends the members of the only choice and of its delta to those of a chunk, for all who read them; returns the number of the
/// chunk's own.
fn locate_choice(text: &[u8], members: &mut Vec<Member>) -> usize {
    let own = members.len();
    if append(text, members, own).is_none() {
        members.truncate(own);
    }
    own
}

fn append(text: &[u8], members: &mut Vec<Member>, own: usize) -> Option<()> {
    let choices = *json::find(text, members, CHOICES)?;
    if !json::inside_only_element(text, &choices, members) || !are_unique(text, &members[own..]) {
        return None;
    }
    let of_choice = members.len();
    let delta = json::find(text, &members[own..], "delta").copied();
    let Some(delta) = delta.filter(|delta| delta.kind == Kind::Object) else { return Some(()) };
    let is_located = json::inside(text, &delta, members);
    (is_located && are_unique(text, &members[of_choice..])).then_some(())
}

impl<'c> OnlyChoice<'c> {
    /// The choice with these members, `None` if there are none.
    pub fn of(text: &'c [u8], members: &'c [Member]) -> Option<Self> {
        // The members of the choice follow one another; those of its delta begin inside of one of them.
        let goes_back = |pair: &[Member]| pair[1].key.start < pair[0].end;
        let of_choice = members.windows(2).position(goes_back).map_or(members.len(), |at| at + 1);
        let (choice, delta) = members.split_at(of_choice);
        (!choice.is_empty()).then_some(Self { text, choice, delta })
    }

    /// The members of the choice.
    pub fn fields(self) -> Fields<'c> {
        Fields { text: self.text, members: self.choice.into() }
    }

    /// The members of the delta; none if it is not an object.
    pub fn delta(self) -> Fields<'c> {
        Fields { text: self.text, members: self.delta.into() }
    }
}

/// What the choices of a chunk say.
#[derive(Default)]
struct Facts {
    /// The number of choices that are objects, and of those of them that have a delta.
    objects: usize,
    deltas: usize,
    /// Whether there is a part of the output.
    delta: bool,
    /// Whether a choice ends.
    ends: bool,
    /// The index of the first choice.
    index: Option<u32>,
}

impl Facts {
    fn of(choices: &[u8]) -> Self {
        let mut facts = Self::default();
        json::each_object(choices, &mut Vec::with_capacity(8), |number, choice, members| {
            let choice = Fields { text: choice, members: members.into() };
            let delta = choice.value("delta").filter(|delta| delta.first() == Some(&b'{'));
            facts.add(number, &choice, &delta.map_or_else(Fields::none, Fields::of));
        });
        facts
    }

    fn of_only(only: OnlyChoice<'_>) -> Self {
        let mut facts = Self::default();
        facts.add(0, &only.fields(), &only.delta());
        facts
    }

    /// Adds a choice; `delta`: the members of its delta, none if that is not an object.
    fn add(&mut self, number: usize, choice: &Fields<'_>, delta: &Fields<'_>) {
        self.objects += 1;
        self.deltas += usize::from(choice.value("delta").is_some());
        self.delta = self.delta || is_streamed(delta) || is_filled_string(choice.value("text"));
        self.ends = self.ends || is_filled_string(choice.value("finish_reason"));
        if number == 0 {
            let index = choice.value("index").and_then(json::parse_index);
            let index = index.and_then(|index| u32::try_from(index).ok());
            self.index = index.filter(|index| *index <= INDEX_LIMIT);
        }
    }
}

/// Classifies a frame that repeats no cached event.
pub fn classify<'a>(
    reader: &mut PayloadReader<'_, Source>,
    frame: &'a mut Frame<'_>,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    if let Some(known) = reader.source.read_shape(frame, reader.values) {
        return classify_known(frame, known, issues);
    }
    let checked = match frame.checked {
        Some(checked) => checked,
        None => reader.values.check(frame.data, frame.members),
    };
    match checked {
        Err(Fault::Limit) => over_limits(frame, issues),
        Ok(checked) if checked.kind == Kind::Object => {
            let invalid_utf8 = checked.lone_surrogate || checked.bad_utf8;
            frame_issues(frame, invalid_utf8, issues);
            let data = frame.data;
            let own = locate_choice(data, frame.members);
            let frame = &*frame;
            let (members, inner) = frame.members.split_at(own);
            let facts = match OnlyChoice::of(data, inner) {
                Some(only) => Facts::of_only(only),
                None => Facts::of(choices_of(data, members)),
            };
            let has_choices =
                facts.objects > 0 || list_of(data, members).is_some_and(is_empty_list);
            if facts.deltas == 0 && is_whole(data, members) {
                Classified::NonStreamed(Api::Chat)
            } else if has_choices || named(data, members) == CHUNK {
                let route = route_of(data, members, &facts);
                if let Some(split) = split_of(data, (members, inner), &route)
                    && issues.is_empty()
                {
                    reader.source.shapes.learn(data, (frame.members, own), split, route);
                }
                chunk(frame, (members, inner), checked, route, issues)
            } else {
                other(reader, frame, checked, issues)
            }
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

/// Classifies a chunk of a known shape, which was read.
pub fn classify_known<'a>(
    frame: &'a mut Frame<'_>,
    (own, route): (usize, Route),
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    frame_issues(frame, false, issues);
    let frame = &*frame;
    chunk(frame, frame.members.split_at(own), Checked::OBJECT, route, issues)
}

/// Where the second part of the shape of a chunk begins: at the key of its choices. `None` if the shape is not worth keeping.
fn split_of(
    chunk: &[u8],
    (members, inner): (&[Member], &[Member]),
    route: &Route,
) -> Option<usize> {
    let choices = json::find(chunk, members, CHOICES)?;
    let is_located = match OnlyChoice::of(chunk, inner) {
        // Lists of parts and of calls are different in each chunk.
        Some(only) => only.delta.iter().all(|member| member.kind != Kind::Array),
        None => is_empty_list(choices.value(chunk)),
    };
    let split = (choices.key.start as usize).checked_sub(1)?;
    (route.is_plain && is_located).then_some(split)
}

fn route_of(data: &[u8], members: &[Member], facts: &Facts) -> Route {
    let usage = json::find(data, members, "usage");
    Route {
        entry: &EVENTS[0],
        delta: facts.delta,
        ends: facts.ends,
        is_empty: is_empty_list(choices_of(data, members)),
        has_usage: usage.is_some_and(|usage| usage.kind != Kind::Null),
        is_plain: are_unique(data, members),
        index: facts.index,
        grows: None,
    }
}

/// A chunk; `inner`: the members of its only choice.
fn chunk<'a>(
    frame: &'a Frame<'_>,
    (members, inner): (&'a [Member], &'a [Member]),
    checked: Checked,
    route: Route,
    issues: &[Issue],
) -> Found<'a> {
    let data = frame.data;
    let id = json::find(data, members, "id").filter(|id| id.kind == Kind::String);
    let mut parsed = event(frame, CHUNK.into(), checked);
    (parsed.members, parsed.inner_members) = (Members::Parsed(members), inner);
    parsed.response = frame.single.then(|| id.map_or(&b"\"\""[..], |id| id.value(data)));
    parsed.repeatable = issues.is_empty();
    Classified::Event(parsed, Some(route))
}

/// An object that is no chunk: an error, a sign of life, or unknown.
fn other<'a>(
    reader: &mut PayloadReader<'_, Source>,
    frame: &'a Frame<'_>,
    checked: Checked,
    issues: &mut Vec<Issue>,
) -> Found<'a> {
    let (data, members) = (frame.data, &*frame.members);
    let own = json::find(data, members, "type").and_then(|kind| text_of(Some(kind.value(data))));
    let named = own.is_none();
    let kind = own.or_else(|| frame.name.map(lossy)).filter(|kind| !kind.is_empty());
    let mut body = error_detail(data, members).zip(error_object(data, members));
    if body.is_none() && kind.as_deref() == Some(ERROR) {
        let whole = [&b"{\"error\":"[..], data, b"}"].concat();
        let mut members = Vec::new();
        json::locate(&whole, &mut members);
        body = error_detail(&whole, &members).zip(error_object(&whole, &members));
    }
    if let Some((detail, error)) = body {
        *reader.error = Some(error);
        issues.push((Code::ErrorBody, detail));
        return Classified::NotAnEvent;
    }
    let Some(kind) = kind else {
        issues.push((Code::NoType, Detail::new()));
        return Classified::NotAnEvent;
    };
    let entry = lookup(kind.as_bytes()).filter(|_| kind != CHUNK);
    let unknown = &mut reader.source.unknown;
    if entry.is_none() && unknown.len() < UNKNOWN_TYPES && unknown.insert(kind.clone().into_owned())
    {
        issues.push((Code::UnknownEvent, vec![("type", clip(&kind).into())]));
    }
    let route = entry.map(|entry| Route {
        entry,
        delta: false,
        ends: false,
        is_empty: true,
        has_usage: false,
        is_plain: false,
        index: None,
        grows: None,
    });
    let mut parsed = event(frame, kind, checked);
    parsed.named = named;
    Classified::Event(parsed, route)
}

/// A chunk whose payload is JSON over the limits: it is kept raw and has no effect.
fn over_limits<'a>(frame: &'a Frame<'_>, issues: &mut Vec<Issue>) -> Found<'a> {
    frame_issues(frame, false, issues);
    let detail = vec![("what", "nesting or digits".into()), ("limit", LIMITS.into())];
    issues.push((Code::LimitExceeded, detail));
    let mut members = Vec::new();
    json::locate(frame.data, &mut members);
    if list_of(frame.data, &members).is_none() {
        return Classified::NotAnEvent;
    }
    let parsed = event(frame, CHUNK.into(), Checked::RECOGNISED);
    Classified::Event(ParsedEvent { members: Members::Parsed(&[]), ..parsed }, None)
}

fn event<'a>(frame: &'a Frame<'_>, kind: Cow<'a, str>, checked: Checked) -> ParsedEvent<'a> {
    ParsedEvent {
        api: Api::Chat,
        raw: frame.data,
        members: Members::Parsed(frame.members),
        unrouted_indexes: Some(Indexes::default()),
        kind,
        offset: frame.offset,
        end: frame.end,
        line: frame.line,
        lane: None,
        response: None,
        named: false,
        invalid_utf8: checked.lone_surrogate || checked.bad_utf8,
        sequence: None,
        time: None,
        located: None,
        checked,
        inner_members: &[],
        value: None,
        repeatable: false,
        learned: None,
    }
}

/// The first choice of a chunk.
fn first_choice<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    let choices = event.member(CHOICES).filter(|choices| choices.kind == Kind::Array)?;
    let (choices, mut spans) = (event.bytes(&choices), Vec::new());
    json::elements(choices, &mut spans);
    let (start, end, _) = *spans.first()?;
    choices.get(start..end).filter(|choice| choice.first() == Some(&b'{'))
}

/// The text of the first choice's delta: the content, if that is a text.
pub fn delta_of<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    let choice = first_choice(event)?;
    let delta = value_of(choice, "delta").filter(|delta| delta.first() == Some(&b'{'))?;
    let content = value_of(delta, "content").filter(|content| content.first() == Some(&b'"'))?;
    Some(json::decode_str(content))
}

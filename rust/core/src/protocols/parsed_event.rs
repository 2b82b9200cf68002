//! Parsed events of any API, and the diagnostics of their frames.

use std::borrow::Cow;
use std::ops::Deref;

use super::api::Api;
use crate::assemble::Indexes;
use crate::diagnostics::{Code, Detail, Issue, Span, clip};
use crate::frames::Frame;
use crate::json::{self, Checked, Kind, Located, Member};
use crate::predict::{CachedEvent, Members};
use crate::simd::same;

/// A parsed event. It borrows from its frame.
pub struct ParsedEvent<'a> {
    pub api: Api,
    pub raw: &'a [u8],
    pub members: Members<'a>,
    /// The indexes of an event without a route.
    pub unrouted_indexes: Option<Indexes>,
    /// The type.
    pub kind: Cow<'a, str>,
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub lane: Option<Cow<'a, str>>,
    /// The id of the response that the event names, as JSON, `""` without an id; `None` if the events of a lane belong to one
    /// response after the other.
    pub response: Option<&'a [u8]>,
    /// Whether the name of the event line is the type, because the payload has none.
    pub named: bool,
    pub invalid_utf8: bool,
    pub sequence: Option<i64>,
    /// The time of arrival in seconds since the epoch, if a record or a clock provides it.
    pub time: Option<f64>,
    /// The response object in the event, if its members are known.
    pub located: Option<&'a Located>,
    /// The result of the check of the payload.
    pub checked: Checked,
    /// The members of the item or part in the event, as spans into the payload; empty if they are not known.
    pub inner_members: &'a [Member],
    /// The member that carries the value, if the event was parsed.
    pub value: Option<Member>,
    /// Whether the event can be cached: it was parsed without diagnostics, and events that repeat it have the same effect.
    pub repeatable: bool,
    /// The serial number of the cached event that was created from this one.
    pub learned: Option<u64>,
}

/// A parsed event with its route: the protocol's part, `None` for an unknown type.
#[derive(Clone, Copy)]
pub struct RoutedEvent<'a, R> {
    pub route: Option<R>,
    pub parsed: &'a ParsedEvent<'a>,
}

impl<'a, R> Deref for RoutedEvent<'a, R> {
    type Target = ParsedEvent<'a>;

    #[inline]
    fn deref(&self) -> &ParsedEvent<'a> {
        self.parsed
    }
}

impl<'a> ParsedEvent<'a> {
    /// The member with that name; the last of equal names counts.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.members.find(self.raw, name)
    }

    /// The serial number of the cached event that this event repeats or has become.
    #[inline]
    pub fn serial(&self) -> Option<u64> {
        self.members.serial().or(self.learned)
    }

    /// The member that carries the value.
    #[inline]
    pub fn value(&self) -> Option<Member> {
        match self.members {
            Members::Parsed(_) => self.value,
            Members::Repeated(cached) => cached.member(cached.value),
        }
    }

    /// The bytes of a member's value.
    pub fn bytes(&self, member: &Member) -> &'a [u8] {
        member.value(self.raw)
    }

    /// The text of a member that is a string.
    pub fn text(&self, member: &Member) -> Option<Cow<'a, str>> {
        if member.kind != Kind::String {
            return None;
        }
        Some(match self.bytes(member) {
            [b'"', text @ .., b'"'] if !member.escaped => lossy(text),
            quoted => json::decode_str(quoted),
        })
    }

    /// The bytes of the event in the source.
    pub fn span(&self) -> Span {
        Span { start: self.offset, end: self.end, line: self.line }
    }
}

/// The kinds of frames.
#[allow(clippy::large_enum_variant, reason = "nearly all are events, and none is stored")]
pub enum Classified<'a, R> {
    /// An event with its route.
    Event(ParsedEvent<'a>, Option<R>),
    /// A response object that was not streamed.
    NonStreamed(Api),
    /// Only diagnostics result from it.
    NotAnEvent,
}

impl<'a, R> Classified<'a, R> {
    /// The same with another type of route.
    #[inline]
    pub fn map_route<S>(self, route: impl FnOnce(R) -> S) -> Classified<'a, S> {
        match self {
            Self::Event(event, found) => Classified::Event(event, found.map(route)),
            Self::NonStreamed(api) => Classified::NonStreamed(api),
            Self::NotAnEvent => Classified::NotAnEvent,
        }
    }
}

/// The event of a frame that repeats a cached one.
#[inline]
pub fn recognised_event<'a>(
    frame: &'a Frame<'_>,
    (cached, api): (&'a CachedEvent, Api),
    issues: &mut Vec<Issue>,
) -> ParsedEvent<'a> {
    let name = frame.name.filter(|_| cached.is_named);
    let other = name.filter(|name| !same(name, cached.name.as_bytes()));
    let invalid_utf8 = other.is_some_and(is_invalid_utf8);
    if frame.missing_blank_line || frame.unfinished || invalid_utf8 {
        frame_issues(frame, invalid_utf8, issues);
    }
    if let Some(name) = other {
        type_mismatch(name, cached.name, issues);
    }
    ParsedEvent {
        api,
        raw: frame.data,
        members: Members::Repeated(cached),
        unrouted_indexes: None,
        kind: Cow::Borrowed(cached.name),
        offset: frame.offset,
        end: frame.end,
        line: frame.line,
        lane: cached.lane.as_deref().map(Cow::Borrowed),
        response: if frame.single { cached.response.as_deref() } else { None },
        named: false,
        invalid_utf8,
        sequence: cached.sequence(),
        time: None,
        located: None,
        checked: Checked::RECOGNISED,
        inner_members: &[],
        value: None,
        repeatable: false,
        learned: None,
    }
}

/// Reports that the name of the event line differs from the type of the payload.
#[cold]
pub fn type_mismatch(name: &[u8], kind: &str, issues: &mut Vec<Issue>) {
    let name = lossy(name);
    if name != kind {
        let detail = vec![("event", clip(&name).into()), ("type", clip(kind).into())];
        issues.push((Code::TypeMismatch, detail));
    }
}

/// Reports the problems of a frame that do not depend on the protocol.
pub fn frame_issues(frame: &Frame<'_>, invalid_utf8: bool, issues: &mut Vec<Issue>) {
    if frame.missing_blank_line {
        issues.push((Code::MissingBlankLine, Detail::new()));
    }
    if frame.unfinished {
        issues.push((Code::UnfinishedBlock, vec![("what", "was kept".into())]));
    }
    if invalid_utf8 {
        issues.push((Code::BadUtf8, Detail::new()));
    }
}

/// Whether a name is invalid UTF-8, or contains the replacement character.
pub fn is_invalid_utf8(name: &[u8]) -> bool {
    !name.is_ascii() && lossy(name).contains('\u{fffd}')
}

/// Decodes UTF-8; invalid sequences become U+FFFD.
pub fn lossy(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

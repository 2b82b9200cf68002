//! Anthropic Messages as a protocol.

use std::borrow::Cow;

use super::catalogue::{DeltaOp, EventOp, delta_rule};
use super::events::{self, Event, Route, Source};
use super::lifecycle_only::skips_for_lifecycle;
use super::merge::{text_of, value_of};
use super::response::{Assembled, WHOLE};
use super::rows::item_rows;
use super::{fold, repeated};
use crate::assemble::{Indexes, Text};
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{self, Kind, Member, ValueCache};
use crate::predict::{CachedEvent, InnerDelta, Members, Roles};
use crate::protocols::api::Api;
use crate::protocols::effect::{Effect, Phase};
use crate::protocols::parsed_event::{Classified, ParsedEvent, lossy};
use crate::protocols::payload_reader::PayloadReader;
use crate::protocols::protocol::{Protocol, Response};
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, ItemRow, Position, Texts, Tokens, ToolCall};
use crate::records::Signature;

/// Anthropic Messages.
pub struct Messages;

static SIGNATURE: Signature =
    Signature { is_event, is_response, begins_response, lane_field: "lane" };

/// The first events of a message as servers write them.
const FIRST: [&[u8]; 7] = [
    b"event:message_start",
    b"event: message_start",
    b"data:{\"type\":\"message_start\"",
    b"data: {\"type\":\"message_start\"",
    b"data: {\"type\": \"message_start\"",
    b"{\"type\":\"message_start\"",
    b"{\"type\": \"message_start\"",
];

/// A text that occurs in every stream, in the event that begins a message.
pub const BOUNDARY: &str = "message_start";

fn is_event(object: &[u8], members: &[Member]) -> bool {
    let kind = json::find(object, members, "type").map(|kind| kind.value(object));
    kind.is_some_and(|kind| !kind.contains(&b'\\') && events::has_own_type(kind))
}

fn is_response(object: &[u8], members: &[Member]) -> bool {
    let find = |name| json::find(object, members, name);
    let is_whole = find("type").map(|kind| kind.value(object)).is_some_and(|kind| {
        kind.strip_prefix(b"\"").and_then(|kind| kind.strip_suffix(b"\"")) == Some(WHOLE.as_bytes())
    });
    is_whole && events::WHOLE_MEMBERS.iter().any(|name| find(name).is_some())
}

fn begins_response(line: &[u8]) -> bool {
    FIRST.iter().any(|first| line.starts_with(first))
}

impl Protocol for Messages {
    type Route = Route;
    type Response = Assembled;
    type Source = Source;

    const CACHED_VALUES: (&'static str, &'static [&'static str]) = ("", &[]);

    const ROUTING_MEMBERS: &'static [&'static str] = &[];

    fn signature(_: Option<Api>) -> &'static Signature {
        &SIGNATURE
    }

    fn source(_: Option<Api>) -> Source {
        Source::default()
    }

    fn claims(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool {
        events::claims(object, members, name)
    }

    fn classify<'a>(
        reader: &mut PayloadReader<'_, Source>,
        frame: &'a mut Frame<'_>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, Route> {
        events::classify(reader, frame, issues)
    }

    fn roles(_: Route) -> Option<Roles> {
        None
    }

    fn inner_delta(event: &ParsedEvent<'_>, route: &mut Route) -> Option<InnerDelta> {
        repeated::inner_delta(event, route)
    }

    fn attach_cached<'a>(_: &mut ParsedEvent<'a>, _: Option<&Route>, _: &'a ValueCache) {}

    fn api(_: &Route) -> Api {
        Api::Messages
    }

    fn begin(_: Api) -> Assembled {
        Assembled::default()
    }

    fn effect(route: Option<&Route>) -> Effect {
        let Some(Route { entry, .. }) = route else {
            return Effect { phase: Phase::Unknown, begins: false, asks: false };
        };
        let phase = match entry.op {
            EventOp::MessageStart => Phase::Begin,
            EventOp::BlockDelta => Phase::Delta,
            EventOp::MessageStop => Phase::Terminal,
            EventOp::Error => Phase::LastError,
            EventOp::Quiet => Phase::Quiet,
            EventOp::MessageDelta | EventOp::BlockStart | EventOp::BlockStop => Phase::Update,
        };
        let begins =
            matches!(entry.op, EventOp::MessageStart | EventOp::BlockStart | EventOp::BlockDelta);
        Effect { phase, begins, asks: false }
    }

    fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
        fold::apply(response, event, issues);
    }

    fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
        repeated::continue_text(response, event)
    }

    fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
        repeated::growing_text(response, cached)
    }

    fn streams_deltas(route: &Route) -> bool {
        route.grows.is_some()
    }

    fn item_id<'a>(_: &Event<'a>) -> Option<Cow<'a, str>> {
        None
    }

    fn delta<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
        event.route.filter(|route| route.entry.op == EventOp::BlockDelta)?;
        if let Members::Repeated(cached) = event.members
            && let Some((text, false)) = cached.delta(event.raw)
        {
            return Some(lossy(text));
        }
        let delta = event.member("delta").filter(|delta| delta.kind == Kind::Object)?;
        let (delta, mut members) = (event.bytes(&delta), Vec::with_capacity(4));
        json::locate(delta, &mut members);
        let rule = delta_rule(text_of(delta, &members, "type")?.as_bytes())?;
        let is_text = matches!(rule.op, DeltaOp::Append | DeltaOp::Input);
        let text = json::find(delta, &members, rule.member).filter(|_| is_text)?;
        (text.kind == Kind::String).then(|| json::decode_str(text.value(delta)))
    }

    fn indexes(route: Option<&Route>, unrouted: Option<Indexes>) -> Option<Indexes> {
        let mut indexes = unrouted.unwrap_or_default();
        indexes.values[0] = route.and_then(|route| route.index);
        Some(indexes)
    }

    fn skips_for_lifecycle(_: Api, data: &[u8], members: &[Member]) -> bool {
        skips_for_lifecycle(data, members)
    }
}

impl Response for Assembled {
    fn api(&self) -> Api {
        Api::Messages
    }

    fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    fn tracking_mut(&mut self) -> &mut Tracking {
        &mut self.tracking
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        Self::id(self)
    }

    fn set_error(&mut self, error: Vec<u8>) {
        self.event_error = Some(error);
    }

    fn set_non_streamed(&mut self, raw: &[u8], issues: &mut Vec<Issue>) {
        fold::apply_whole(self, raw, issues);
    }

    fn status(&self) -> Option<Cow<'_, str>> {
        Some(self.status_name().into())
    }

    fn complete(&self) -> bool {
        Self::complete(self)
    }

    fn keys(&self) -> Vec<String> {
        Self::keys(self)
    }

    fn member(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        Self::member(self, name)
    }

    fn json(&self) -> Vec<u8> {
        Self::json(self)
    }

    fn error_json(&self) -> Option<Vec<u8>> {
        Self::error_json(self)
    }

    fn column(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match name {
            "model" => self.own(name).map(Cow::Owned),
            "service_tier" => Some(value_of(&self.usage()?, name)?.to_vec().into()),
            _ => None,
        }
    }

    fn error_codes(&self) -> &'static [&'static str] {
        &["code", "type"]
    }

    fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        Self::incomplete_reason(self)
    }

    fn tokens(&self) -> Tokens {
        Self::tokens(self)
    }

    fn items(&self) -> usize {
        self.content.len()
    }

    fn item_rows(&self) -> Vec<ItemRow> {
        item_rows(self)
    }

    fn texts(&self) -> Texts {
        Self::texts(self)
    }

    fn tool_calls(&self) -> Vec<ToolCall> {
        Self::tool_calls(self)
    }

    fn calls_version(&self) -> u64 {
        Self::calls_version(self)
    }

    fn calls(&self) -> Vec<Call> {
        Self::calls(self)
    }

    fn arguments_since(&self, rank: usize, from: Option<Position>) -> Option<(String, Position)> {
        Self::arguments_since(self, rank, from)
    }

    fn call_arguments(&self, rank: usize) -> Option<String> {
        Self::call_arguments(self, rank)
    }
}

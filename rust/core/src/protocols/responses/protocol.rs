//! The Responses API as a protocol.

use std::borrow::Cow;

use super::catalogue::{Entry, Op, Phase};
use super::events::{self, CACHED_VALUES, Event, Route, Source};
use super::fold;
use super::lifecycle_only::skips_for_lifecycle;
use super::response::Assembled;
use super::rows::item_rows;
use crate::assemble::{Indexes, Text};
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{self, Member, ValueCache};
use crate::predict::{CachedEvent, Members, Roles};
use crate::protocols::api::Api;
use crate::protocols::effect::{self, Effect};
use crate::protocols::parsed_event::{Classified, ParsedEvent, lossy};
use crate::protocols::payload_reader::PayloadReader;
use crate::protocols::protocol::{Protocol, Response};
use crate::protocols::rows::text_in;
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, ItemRow, Position, Texts, Tokens, ToolCall};
use crate::records::Signature;

/// The OpenAI Responses API.
pub struct Responses;

static SIGNATURE: Signature =
    Signature { is_event, is_response, begins_response, lane_field: LANE_FIELD };

/// The first events of a response as servers write them.
const FIRST: [&[u8]; 7] = [
    b"event:response.created",
    b"event: response.created",
    b"data:{\"type\":\"response.created\"",
    b"data: {\"type\":\"response.created\"",
    b"data: {\"type\": \"response.created\"",
    b"{\"type\":\"response.created\"",
    b"{\"type\": \"response.created\"",
];

/// Texts that occur in every stream, in an event that begins or ends a response.
pub const BOUNDARIES: [&str; 4] =
    ["response.created", "response.completed", "response.incomplete", "response.failed"];
/// The member that names the lane of an event.
pub const LANE_FIELD: &str = "stream_id";

fn is_event(object: &[u8], members: &[Member]) -> bool {
    json::find(object, members, "type").is_some_and(|member| {
        let kind = member.value(object);
        kind.starts_with(b"\"response.") || kind == b"\"error\"" || kind == b"\"keepalive\""
    })
}

fn is_response(object: &[u8], members: &[Member]) -> bool {
    json::find(object, members, "object")
        .is_some_and(|member| member.value(object) == b"\"response\"")
}

fn begins_response(line: &[u8]) -> bool {
    FIRST.iter().any(|first| line.starts_with(first))
}

impl Protocol for Responses {
    type Route = Route;
    type Response = Assembled;
    type Source = Source;

    const CACHED_VALUES: (&'static str, &'static [&'static str]) = CACHED_VALUES;

    const ROUTING_MEMBERS: &'static [&'static str] = &[LANE_FIELD];

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

    fn roles(route: Route) -> Option<Roles> {
        events::roles(route)
    }

    fn attach_cached<'a>(
        event: &mut ParsedEvent<'a>,
        route: Option<&Route>,
        values: &'a ValueCache,
    ) {
        if let Some(route) = route {
            events::attach_cached(event, route.entry, values);
        }
    }

    fn api(_: &Route) -> Api {
        Api::Responses
    }

    fn begin(_: Api) -> Assembled {
        Assembled::default()
    }

    fn effect(route: Option<&Route>) -> Effect {
        let Some(Route { entry, .. }) = route else {
            return Effect { phase: effect::Phase::Unknown, begins: false, asks: false };
        };
        Effect { phase: phase(entry), begins: entry.begins, asks: false }
    }

    fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
        fold::apply(response, event, issues);
    }

    fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
        fold::continue_text(response, event)
    }

    fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
        fold::growing_text(response, cached)
    }

    fn streams_deltas(route: &Route) -> bool {
        route.entry.value == "delta"
    }

    fn item_id<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
        let member = match event.members {
            Members::Repeated(cached) => cached.member(cached.owner_id),
            Members::Parsed(_) => event.member("item_id"),
        };
        event.text(&member?)
    }

    fn delta<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
        if let Members::Repeated(cached) = event.members
            && event.route.as_ref().is_some_and(Self::streams_deltas)
            && let Some((text, false)) = cached.delta(event.raw)
        {
            return Some(lossy(text));
        }
        event.text(&event.member("delta")?)
    }

    fn indexes(route: Option<&Route>, unrouted: Option<Indexes>) -> Option<Indexes> {
        route.map_or(unrouted, |route| route.indexes)
    }

    fn skips_for_lifecycle(_: Api, data: &[u8], members: &[Member]) -> bool {
        skips_for_lifecycle(data, members)
    }
}

/// The phase of a response that an event of this type belongs to.
fn phase(entry: &Entry) -> effect::Phase {
    match (entry.op, entry.phase) {
        (Op::Quiet, _) => effect::Phase::Quiet,
        (Op::Error, _) => effect::Phase::Error,
        (_, Phase::Begin) => effect::Phase::Begin,
        (_, Phase::Progress) => effect::Phase::Progress,
        (_, Phase::Terminal) => effect::Phase::Terminal,
        (_, Phase::Delta) => effect::Phase::Delta,
        (Op::None, _) => effect::Phase::Unknown,
        _ => effect::Phase::Update,
    }
}

impl Response for Assembled {
    fn api(&self) -> Api {
        Api::Responses
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

    fn set_non_streamed(&mut self, raw: &[u8], _: &mut Vec<Issue>) {
        self.set_base(raw, None);
    }

    fn status(&self) -> Option<Cow<'_, str>> {
        Self::status(self)
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
        Self::member(self, name)
    }

    fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        text_in(Self::member(self, "incomplete_details")?, "reason")
    }

    fn tokens(&self) -> Tokens {
        self.own("usage").map(Tokens::of).unwrap_or_default()
    }

    fn items(&self) -> usize {
        self.output_len()
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

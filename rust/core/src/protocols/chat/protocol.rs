//! Chat Completions as a protocol.

use std::borrow::Cow;

use super::catalogue::EventOp;
use super::events::{self, Event, Grows, Route, Source};
use super::lifecycle_only::skips_for_lifecycle;
use super::response::{Assembled, WHOLE};
use super::rows::{item_rows, items};
use super::{fold, repeated, routing};
use crate::assemble::{Indexes, Text};
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{self, Kind, Member, ValueCache};
use crate::predict::{CachedEvent, InnerDelta, Roles};
use crate::protocols::api::Api;
use crate::protocols::effect::{Effect, Phase};
use crate::protocols::parsed_event::{Classified, ParsedEvent};
use crate::protocols::payload_reader::PayloadReader;
use crate::protocols::protocol::{Protocol, Response};
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, ItemRow, Position, Texts, Tokens, ToolCall};
use crate::records::Signature;

/// OpenAI Chat Completions.
pub struct Chat;

static SIGNATURE: Signature =
    Signature { is_event, is_response, begins_response: |_| false, lane_field: "lane" };

fn is_event(object: &[u8], members: &[Member]) -> bool {
    json::find(object, members, events::CHOICES).is_some_and(|choices| choices.kind == Kind::Array)
}

fn is_response(object: &[u8], members: &[Member]) -> bool {
    let named = json::find(object, members, "object").map(|member| member.value(object));
    named.and_then(|named| named.strip_prefix(b"\"")?.strip_suffix(b"\"")) == Some(WHOLE.as_bytes())
}

impl Protocol for Chat {
    type Route = Route;
    type Response = Assembled;
    type Source = Source;

    const CACHED_VALUES: (&'static str, &'static [&'static str]) = ("", &[]);

    const ROUTING_MEMBERS: &'static [&'static str] = &[events::CHOICES];

    fn signature(_: Option<Api>) -> &'static Signature {
        &SIGNATURE
    }

    fn source(_: Option<Api>) -> Source {
        Source::default()
    }

    fn claims(object: &[u8], members: &[Member], _: Option<&[u8]>) -> bool {
        events::claims(object, members)
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
        Api::Chat
    }

    fn begin(_: Api) -> Assembled {
        Assembled::default()
    }

    fn begins(response: &Assembled, event: &Event<'_>) -> bool {
        event.route.is_some_and(|route| routing::begins(response, event, &route))
    }

    fn effect(route: Option<&Route>) -> Effect {
        let Some(route) = route else {
            return Effect { phase: Phase::Unknown, begins: false, asks: false };
        };
        let phase = match (route.delta, route.ends) {
            _ if route.entry.op == EventOp::Quiet => {
                return Effect { phase: Phase::Quiet, begins: false, asks: false };
            }
            (true, true) => Phase::LastDelta,
            (true, false) => Phase::Delta,
            (false, true) => Phase::Terminal,
            (false, false) => Phase::Update,
        };
        Effect { phase, begins: true, asks: true }
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
        route.grows == Some(Grows::Member("content"))
    }

    fn item_id<'a>(_: &Event<'a>) -> Option<Cow<'a, str>> {
        None
    }

    fn delta<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
        events::delta_of(event)
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
        Api::Chat
    }

    fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    fn tracking_mut(&mut self) -> &mut Tracking {
        &mut self.tracking
    }

    fn end(&mut self) {
        Self::end(self);
    }

    fn finished(&self) -> bool {
        Self::finished(self)
    }

    fn settled(&self) -> bool {
        Self::settled(self)
    }

    fn allows_skipping(&self) -> bool {
        false
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
            "created_at" => Self::member(self, "created"),
            "model" | "service_tier" => Self::member(self, name),
            _ => None,
        }
    }

    fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        Self::incomplete_reason(self)
    }

    fn tokens(&self) -> Tokens {
        self.usage().as_deref().map(Tokens::of).unwrap_or_default()
    }

    fn items(&self) -> usize {
        items(self)
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

//! The Responses API as a protocol.

use std::borrow::Cow;

use super::catalogue::{Entry, Op, Phase};
use super::events::{self, CACHED_VALUES, Event, EventReader, Route, Source};
use super::fold;
use super::lifecycle_only::skips_for_lifecycle;
use super::response::Assembled;
use crate::assemble::Text;
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{self, Member, ValueCache};
use crate::predict::CachedEvent;
use crate::protocols::effect::{self, Effect};
use crate::protocols::parsed_event::Classified;
use crate::protocols::protocol::{Protocol, Response};
use crate::protocols::tracking::Tracking;
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

    const SIGNATURE: &'static Signature = &SIGNATURE;
    const CACHED_VALUES: (&'static str, &'static [&'static str]) = CACHED_VALUES;

    fn classify<'a>(
        reader: &mut EventReader,
        frame: &'a mut Frame<'_>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, Route> {
        events::classify(reader, frame, issues)
    }

    fn attach_cached<'a>(event: &mut Event<'a>, values: &'a ValueCache) {
        events::attach_cached(event, values);
    }

    fn effect(route: Option<&Route>) -> Effect {
        let Some(Route { entry, .. }) = route else {
            return Effect { phase: effect::Phase::Unknown, begins: false };
        };
        Effect { phase: phase(entry), begins: entry.begins }
    }

    fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
        fold::apply(response, event, issues);
    }

    fn continue_text(response: &mut Assembled, event: &Event<'_>) -> bool {
        fold::continue_text(response, event)
    }

    fn growing_text<'r>(
        response: &'r mut Assembled,
        cached: &CachedEvent<Route>,
    ) -> Option<&'r mut Text> {
        fold::growing_text(response, cached)
    }

    fn skips_for_lifecycle(data: &[u8], members: &[Member]) -> bool {
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

    fn set_non_streamed(&mut self, raw: &[u8]) {
        self.set_base(raw, None);
    }
}

//! The interface of a protocol.

use std::borrow::Cow;
use std::fmt::Debug;

use super::api::Api;
use super::effect::Effect;
use super::parsed_event::{Classified, ParsedEvent, RoutedEvent};
use super::payload_reader::PayloadReader;
use super::tracking::Tracking;
use super::view::{Call, ItemRow, Position, Texts, Tokens, ToolCall};
use crate::assemble::{Indexes, Text};
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{Member, ValueCache};
use crate::predict::{CachedEvent, InnerDelta, Roles};
use crate::records::Signature;

/// A response while it is assembled.
pub trait Response {
    fn api(&self) -> Api;

    fn tracking(&self) -> &Tracking;

    fn tracking_mut(&mut self) -> &mut Tracking;

    /// The id of the response, if it is known.
    fn id(&self) -> Option<Cow<'_, str>>;

    /// Sets the error to that of an error body: a JSON object.
    fn set_error(&mut self, error: Vec<u8>);

    /// Sets the response object, of a response that was not streamed; `issues` receives its diagnostics.
    fn set_non_streamed(&mut self, raw: &[u8], issues: &mut Vec<Issue>);

    /// Handles the end mark.
    fn end(&mut self) {
        self.tracking_mut().ended = true;
    }

    /// Whether deltas may be skipped when only lifecycle events matter.
    fn allows_skipping(&self) -> bool {
        true
    }

    /// Whether its end was seen; later events may still belong to it.
    fn finished(&self) -> bool {
        self.tracking().ended
    }

    /// Whether no later event is expected to belong to it.
    fn settled(&self) -> bool {
        self.tracking().ended
    }

    /// The status, if it is known.
    fn status(&self) -> Option<Cow<'_, str>>;

    /// Whether the response has ended as its API ends it, or was not streamed and is not pending.
    fn complete(&self) -> bool;

    /// The names of the members of the response object.
    fn keys(&self) -> Vec<String>;

    /// A member of the response object, as JSON.
    fn member(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// The response object as JSON.
    fn json(&self) -> Vec<u8>;

    /// The error as a JSON object.
    fn error_json(&self) -> Option<Vec<u8>>;

    /// The JSON of a column of the table `responses` whose value is a member of the response object.
    fn column(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// Why the response is incomplete.
    fn incomplete_reason(&self) -> Option<Cow<'_, str>>;

    /// The members of the error that may have its code; the first one that has it counts.
    fn error_codes(&self) -> &'static [&'static str] {
        &["code"]
    }

    fn tokens(&self) -> Tokens;

    /// The number of items, and their rows in the table `items`.
    fn items(&self) -> usize;

    fn item_rows(&self) -> Vec<ItemRow>;

    fn texts(&self) -> Texts;

    fn tool_calls(&self) -> Vec<ToolCall>;

    /// A number that changes whenever the result of [`Self::calls`] may change. Deltas of known calls do not change it.
    fn calls_version(&self) -> u64;

    /// The tool calls without their arguments.
    fn calls(&self) -> Vec<Call>;

    /// The arguments of the call at a rank from a position on, and the next position. With `None` from the start.
    ///
    /// `None` if there are no arguments, or if the position is invalid because the text was replaced. Half of a surrogate pair
    /// at the end is left for the next call.
    fn arguments_since(&self, rank: usize, from: Option<Position>) -> Option<(String, Position)>;

    /// The arguments of the call at a rank, as far as they have arrived.
    fn call_arguments(&self, rank: usize) -> Option<String>;
}

/// An API: how its payloads are classified, routed and applied.
pub trait Protocol: Sized + 'static {
    /// The type and routing of an event; events that repeat one another share it.
    type Route: Copy + Debug;
    type Response: Response;
    /// The state of classification for one source.
    type Source;

    /// The members whose values are repeated by later events: one whose values are cached with their members, and those whose
    /// members are located while the payload is checked.
    const CACHED_VALUES: (&'static str, &'static [&'static str]);

    /// The members by which the events of interleaved responses are told apart.
    const ROUTING_MEMBERS: &'static [&'static str];

    /// How streams are recognised in rows. `api`: the API of all payloads, `None` if it is detected.
    fn signature(api: Option<Api>) -> &'static Signature;

    /// The state of classification for a new source.
    fn source(api: Option<Api>) -> Self::Source;

    /// Whether an object is certainly of this API, or known to it as that of an API that is not read. `name`: of its event line.
    fn claims(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool;

    /// Classifies a frame that repeats no cached event; `issues` receives its diagnostics.
    fn classify<'a>(
        reader: &mut PayloadReader<'_, Self::Source>,
        frame: &'a mut Frame<'_>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, Self::Route>;

    /// Takes note of an event of this API that repeats a cached one and is therefore not classified.
    #[inline]
    fn recognised(_: &mut Self::Source, _: Api) {}

    /// The roles of the members of events with this route; `None` if their repetitions are not recognised by them.
    fn roles(route: Self::Route) -> Option<Roles>;

    /// The delta of a parsed event whose roles are not known, if it is inside of a member and events may repeat the others. The
    /// route is completed.
    fn inner_delta(_: &ParsedEvent<'_>, _: &mut Self::Route) -> Option<InnerDelta> {
        None
    }

    /// Whether an event begins a response although one is open; asked for events whose effect says so.
    fn begins(_: &Self::Response, _: &RoutedEvent<'_, Self::Route>) -> bool {
        false
    }

    /// Attaches the cached members of the objects in an event.
    fn attach_cached<'a>(
        event: &mut ParsedEvent<'a>,
        route: Option<&Self::Route>,
        values: &'a ValueCache,
    );

    /// The API of an event with this route.
    fn api(route: &Self::Route) -> Api;

    /// A new response of this API, without any events.
    fn begin(api: Api) -> Self::Response;

    /// The effect of an event on the response of its lane.
    fn effect(route: Option<&Self::Route>) -> Effect;

    /// Applies an event to the response that it belongs to.
    fn apply(
        response: &mut Self::Response,
        event: &RoutedEvent<'_, Self::Route>,
        issues: &mut Vec<Issue>,
    );

    /// Applies a delta event that repeats the previous one except for its delta. Does nothing and returns false for any other event.
    fn continue_text(response: &mut Self::Response, event: &ParsedEvent<'_>) -> bool;

    /// The text that is continued by events that repeat the cached one, if they change nothing else.
    fn growing_text<'r>(
        response: &'r mut Self::Response,
        cached: &CachedEvent,
    ) -> Option<&'r mut Text>;

    /// Whether the deltas of a run of events with this route are the values of the column `delta`.
    fn streams_deltas(route: &Self::Route) -> bool;

    /// The columns of the table `events` that only the protocol knows.
    fn item_id<'a>(event: &RoutedEvent<'a, Self::Route>) -> Option<Cow<'a, str>>;

    fn delta<'a>(event: &RoutedEvent<'a, Self::Route>) -> Option<Cow<'a, str>>;

    /// The indexes of the output, the content and the summary. `unrouted`: those of an event without a route.
    fn indexes(route: Option<&Self::Route>, unrouted: Option<Indexes>) -> Option<Indexes>;

    /// Whether the event with these members can be skipped when only lifecycle events matter; false for deltas. `open`: the API of
    /// the running response.
    fn skips_for_lifecycle(open: Api, data: &[u8], members: &[Member]) -> bool;
}

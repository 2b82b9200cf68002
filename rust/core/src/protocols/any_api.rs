//! All APIs as one protocol: the API of each payload is detected, unless it is fixed.
//!
//! Dispatch is static: the routes, responses and states of the APIs are the variants of enums. Another API is one more variant of
//! each enum, and one more line in each `match` and in [`dispatch`].

use std::borrow::Cow;

use super::api::Api;
use super::chat::{self, Chat};
use super::effect::Effect;
use super::messages::{self, Messages};
use super::parsed_event::{Classified, ParsedEvent, RoutedEvent};
use super::payload_reader::PayloadReader;
use super::protocol::{Protocol, Response};
use super::responses::{self, Responses};
use super::tracking::Tracking;
use super::view::{Call, ItemRow, Position, Texts, Tokens, ToolCall};
use crate::assemble::{Indexes, Text};
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{self, Checked, Kind, Member, ValueCache};
use crate::predict::{CachedEvent, InnerDelta, Roles};
use crate::records::Signature;

/// Evaluates an expression for the variant that a value has: with its content, and the protocol as a type.
macro_rules! dispatch {
    ($enum:ident, $value:expr, $protocol:ident, $content:pat => $body:expr) => {
        match $value {
            $enum::Responses($content) => {
                #[allow(dead_code, reason = "not every expression names the protocol")]
                type $protocol = Responses;
                $body
            }
            $enum::Chat($content) => {
                #[allow(dead_code, reason = "not every expression names the protocol")]
                type $protocol = Chat;
                $body
            }
            $enum::Messages($content) => {
                #[allow(dead_code, reason = "not every expression names the protocol")]
                type $protocol = Messages;
                $body
            }
        }
    };
}

/// As [`dispatch`], for an event: with the event of its protocol.
macro_rules! dispatch_event {
    ($event:expr, $protocol:ident, $content:ident => $body:expr) => {{
        let AnyEvent { route, parsed } = *$event;
        match parsed.api {
            Api::Responses => {
                type $protocol = Responses;
                let $content = RoutedEvent { route: route.and_then(AnyRoute::responses), parsed };
                $body
            }
            Api::Chat => {
                type $protocol = Chat;
                let $content = RoutedEvent { route: route.and_then(AnyRoute::chat), parsed };
                $body
            }
            Api::Messages => {
                type $protocol = Messages;
                let $content = RoutedEvent { route: route.and_then(AnyRoute::messages), parsed };
                $body
            }
        }
    }};
}

/// The route of an event of any API.
#[derive(Clone, Copy, Debug)]
pub enum AnyRoute {
    Responses(responses::Route),
    Chat(chat::Route),
    Messages(messages::Route),
}

/// An event of any API.
pub type AnyEvent<'a> = RoutedEvent<'a, AnyRoute>;

impl AnyRoute {
    const fn responses(self) -> Option<responses::Route> {
        match self {
            Self::Responses(route) => Some(route),
            _ => None,
        }
    }

    const fn chat(self) -> Option<chat::Route> {
        match self {
            Self::Chat(route) => Some(route),
            _ => None,
        }
    }

    const fn messages(self) -> Option<messages::Route> {
        match self {
            Self::Messages(route) => Some(route),
            _ => None,
        }
    }
}

/// A response of any API.
#[derive(Debug)]
pub enum AnyResponse {
    Responses(responses::Assembled),
    Chat(chat::Assembled),
    Messages(messages::Assembled),
}

/// The state of reading one source: that of each API.
pub struct Sources {
    /// The API of all payloads; `None` if it is detected.
    fixed: Option<Api>,
    /// The API of the last payload that had marks of one.
    claimed: Option<Api>,
    responses: <Responses as Protocol>::Source,
    chat: <Chat as Protocol>::Source,
    messages: <Messages as Protocol>::Source,
}

/// All APIs.
pub struct AnyApi;

/// Texts that occur in every stream whose responses follow one another, in an event that begins or ends a response.
pub const BOUNDARIES: [&str; 5] = {
    let [created, completed, incomplete, failed] = responses::BOUNDARIES;
    [created, completed, incomplete, failed, messages::BOUNDARY]
};

static SIGNATURE: Signature = Signature {
    is_event: |object, members| signatures().any(|api| (api.is_event)(object, members)),
    is_response: |object, members| signatures().any(|api| (api.is_response)(object, members)),
    begins_response: |line| signatures().any(|api| (api.begins_response)(line)),
    lane_field: responses::LANE_FIELD,
};

fn signatures() -> impl Iterator<Item = &'static Signature> {
    Api::ALL.into_iter().map(|api| signature(api))
}

/// How the streams of an API are recognised in rows.
fn signature(api: Api) -> &'static Signature {
    match api {
        Api::Responses => Responses::signature(None),
        Api::Chat => Chat::signature(None),
        Api::Messages => Messages::signature(None),
    }
}

/// The API that an object claims to be of: by its type, if that is one of an API alone, else by its other members, or else by the
/// name of its event line.
fn claimed_api(object: &[u8], members: &[Member], name: Option<&[u8]>) -> Option<Api> {
    let kind = json::find(object, members, "type");
    if kind.is_none() && chat::is_ordinary(object, members) {
        return Some(Api::Chat);
    }
    let kind = kind.filter(|kind| kind.kind == Kind::String);
    if kind.is_some_and(|kind| messages::has_own_type(kind.value(object))) {
        return Some(Api::Messages);
    }
    let claimed = |name: Option<&[u8]>| {
        let claims = |api: &Api| match api {
            Api::Responses => Responses::claims(object, members, name),
            Api::Chat => Chat::claims(object, members, name),
            Api::Messages => Messages::claims(object, members, name),
        };
        Api::ALL.into_iter().find(claims)
    };
    claimed(None).or_else(|| name.and_then(|name| claimed(Some(name))))
}

impl Sources {
    /// The API of a payload. One without marks of its API is of that of the `open` response in its lane, or else of one that it
    /// suggests, or else of that of the last payload with marks.
    fn api(&mut self, frame: &Frame<'_>, open: Option<Api>) -> Api {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let object = matches!(frame.checked, Some(Ok(Checked { kind: Kind::Object, .. })));
        let claimed = object.then(|| claimed_api(frame.data, frame.members, frame.name)).flatten();
        self.claimed = claimed.or(self.claimed);
        let suggested =
            || (object && messages::suggests(frame.data, frame.members)).then_some(Api::Messages);
        claimed.or(open).or_else(suggested).or(self.claimed).unwrap_or(Api::ALL[0])
    }
}

impl Protocol for AnyApi {
    type Route = AnyRoute;
    type Response = AnyResponse;
    type Source = Sources;

    const CACHED_VALUES: (&'static str, &'static [&'static str]) = Responses::CACHED_VALUES;

    const ROUTING_MEMBERS: &'static [&'static str] =
        &[Responses::ROUTING_MEMBERS[0], Chat::ROUTING_MEMBERS[0]];

    fn signature(api: Option<Api>) -> &'static Signature {
        api.map_or(&SIGNATURE, signature)
    }

    fn source(api: Option<Api>) -> Sources {
        Sources {
            fixed: api,
            claimed: None,
            responses: Responses::source(api),
            chat: Chat::source(api),
            messages: Messages::source(api),
        }
    }

    fn claims(object: &[u8], members: &[Member], name: Option<&[u8]>) -> bool {
        claimed_api(object, members, name).is_some()
    }

    fn classify<'a>(
        reader: &mut PayloadReader<'_, Sources>,
        frame: &'a mut Frame<'_>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, AnyRoute> {
        let PayloadReader { values, source, error, open } = reader;
        if let Some(known) = source.chat.read_shape(frame, values) {
            source.claimed = Some(Api::Chat);
            return chat::classify_known(frame, known, issues).map_route(AnyRoute::Chat);
        }
        if frame.checked.is_none() {
            frame.checked = Some(values.check(frame.data, frame.members));
        }
        let (api, open) = (source.api(frame, *open), *open);
        match api {
            Api::Responses => {
                let source = &mut source.responses;
                let reader = &mut PayloadReader { values, source, error, open };
                Responses::classify(reader, frame, issues).map_route(AnyRoute::Responses)
            }
            Api::Chat => {
                let source = &mut source.chat;
                let reader = &mut PayloadReader { values, source, error, open };
                Chat::classify(reader, frame, issues).map_route(AnyRoute::Chat)
            }
            Api::Messages => {
                let source = &mut source.messages;
                let reader = &mut PayloadReader { values, source, error, open };
                Messages::classify(reader, frame, issues).map_route(AnyRoute::Messages)
            }
        }
    }

    #[inline]
    fn recognised(source: &mut Sources, api: Api) {
        source.claimed = Some(api);
    }

    #[inline]
    fn roles(route: AnyRoute) -> Option<Roles> {
        dispatch!(AnyRoute, route, P, route => P::roles(route))
    }

    fn inner_delta(event: &ParsedEvent<'_>, route: &mut AnyRoute) -> Option<InnerDelta> {
        dispatch!(AnyRoute, route, P, route => P::inner_delta(event, route))
    }

    fn begins(response: &AnyResponse, event: &AnyEvent<'_>) -> bool {
        match response {
            AnyResponse::Responses(_) | AnyResponse::Messages(_) => false,
            AnyResponse::Chat(response) => {
                let route = event.route.and_then(AnyRoute::chat);
                Chat::begins(response, &RoutedEvent { route, parsed: event.parsed })
            }
        }
    }

    #[inline]
    fn attach_cached<'a>(
        event: &mut ParsedEvent<'a>,
        route: Option<&AnyRoute>,
        values: &'a ValueCache,
    ) {
        if let Some(route) = route {
            dispatch!(AnyRoute, route, P, route => P::attach_cached(event, Some(route), values));
        }
    }

    #[inline]
    fn api(route: &AnyRoute) -> Api {
        match route {
            AnyRoute::Responses(_) => Api::Responses,
            AnyRoute::Chat(_) => Api::Chat,
            AnyRoute::Messages(_) => Api::Messages,
        }
    }

    fn begin(api: Api) -> AnyResponse {
        match api {
            Api::Responses => AnyResponse::Responses(Responses::begin(api)),
            Api::Chat => AnyResponse::Chat(Chat::begin(api)),
            Api::Messages => AnyResponse::Messages(Messages::begin(api)),
        }
    }

    #[inline]
    fn effect(route: Option<&AnyRoute>) -> Effect {
        let Some(route) = route else { return Responses::effect(None) };
        dispatch!(AnyRoute, route, P, route => P::effect(Some(route)))
    }

    #[inline]
    fn apply(
        response: &mut AnyResponse,
        event: &RoutedEvent<'_, AnyRoute>,
        issues: &mut Vec<Issue>,
    ) {
        let parsed = event.parsed;
        match (response, event.route) {
            (AnyResponse::Responses(response), Some(AnyRoute::Responses(route))) => {
                Responses::apply(response, &RoutedEvent { route: Some(route), parsed }, issues);
            }
            (AnyResponse::Chat(response), Some(AnyRoute::Chat(route))) => {
                Chat::apply(response, &RoutedEvent { route: Some(route), parsed }, issues);
            }
            (AnyResponse::Messages(response), Some(AnyRoute::Messages(route))) => {
                Messages::apply(response, &RoutedEvent { route: Some(route), parsed }, issues);
            }
            // An event of an unknown type changes no response, nor does one of another API.
            _ => {}
        }
    }

    #[inline]
    fn continue_text(response: &mut AnyResponse, event: &ParsedEvent<'_>) -> bool {
        dispatch!(AnyResponse, response, P, response => P::continue_text(response, event))
    }

    #[inline]
    fn growing_text<'r>(
        response: &'r mut AnyResponse,
        cached: &CachedEvent,
    ) -> Option<&'r mut Text> {
        dispatch!(AnyResponse, response, P, response => P::growing_text(response, cached))
    }

    fn streams_deltas(route: &AnyRoute) -> bool {
        dispatch!(AnyRoute, route, P, route => P::streams_deltas(route))
    }

    fn item_id<'a>(event: &AnyEvent<'a>) -> Option<Cow<'a, str>> {
        dispatch_event!(event, P, event => P::item_id(&event))
    }

    fn delta<'a>(event: &AnyEvent<'a>) -> Option<Cow<'a, str>> {
        dispatch_event!(event, P, event => P::delta(&event))
    }

    fn indexes(route: Option<&AnyRoute>, unrouted: Option<Indexes>) -> Option<Indexes> {
        match route {
            Some(route) => {
                dispatch!(AnyRoute, route, P, route => P::indexes(Some(route), unrouted))
            }
            None => unrouted,
        }
    }

    fn skips_for_lifecycle(open: Api, data: &[u8], members: &[Member]) -> bool {
        match open {
            Api::Responses => Responses::skips_for_lifecycle(open, data, members),
            Api::Chat => Chat::skips_for_lifecycle(open, data, members),
            Api::Messages => Messages::skips_for_lifecycle(open, data, members),
        }
    }
}

impl Response for AnyResponse {
    #[inline]
    fn api(&self) -> Api {
        match self {
            Self::Responses(_) => Api::Responses,
            Self::Chat(_) => Api::Chat,
            Self::Messages(_) => Api::Messages,
        }
    }

    fn end(&mut self) {
        dispatch!(Self, self, P, response => Response::end(response));
    }

    fn finished(&self) -> bool {
        dispatch!(Self, self, P, response => Response::finished(response))
    }

    fn settled(&self) -> bool {
        dispatch!(Self, self, P, response => Response::settled(response))
    }

    fn allows_skipping(&self) -> bool {
        dispatch!(Self, self, P, response => response.allows_skipping())
    }

    #[inline]
    fn tracking(&self) -> &Tracking {
        dispatch!(Self, self, P, response => response.tracking())
    }

    #[inline]
    fn tracking_mut(&mut self) -> &mut Tracking {
        dispatch!(Self, self, P, response => response.tracking_mut())
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        dispatch!(Self, self, P, response => response.id())
    }

    fn set_error(&mut self, error: Vec<u8>) {
        dispatch!(Self, self, P, response => response.set_error(error));
    }

    fn set_non_streamed(&mut self, raw: &[u8], issues: &mut Vec<Issue>) {
        dispatch!(Self, self, P, response => response.set_non_streamed(raw, issues));
    }

    fn status(&self) -> Option<Cow<'_, str>> {
        dispatch!(Self, self, P, response => response.status())
    }

    fn complete(&self) -> bool {
        dispatch!(Self, self, P, response => response.complete())
    }

    fn keys(&self) -> Vec<String> {
        dispatch!(Self, self, P, response => response.keys())
    }

    fn member(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        dispatch!(Self, self, P, response => response.member(name))
    }

    fn json(&self) -> Vec<u8> {
        dispatch!(Self, self, P, response => response.json())
    }

    fn error_json(&self) -> Option<Vec<u8>> {
        dispatch!(Self, self, P, response => response.error_json())
    }

    fn column(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        dispatch!(Self, self, P, response => response.column(name))
    }

    fn error_codes(&self) -> &'static [&'static str] {
        dispatch!(Self, self, P, response => response.error_codes())
    }

    fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        dispatch!(Self, self, P, response => response.incomplete_reason())
    }

    fn tokens(&self) -> Tokens {
        dispatch!(Self, self, P, response => response.tokens())
    }

    fn items(&self) -> usize {
        dispatch!(Self, self, P, response => response.items())
    }

    fn item_rows(&self) -> Vec<ItemRow> {
        dispatch!(Self, self, P, response => response.item_rows())
    }

    fn texts(&self) -> Texts {
        dispatch!(Self, self, P, response => response.texts())
    }

    fn tool_calls(&self) -> Vec<ToolCall> {
        dispatch!(Self, self, P, response => response.tool_calls())
    }

    fn calls_version(&self) -> u64 {
        dispatch!(Self, self, P, response => response.calls_version())
    }

    fn calls(&self) -> Vec<Call> {
        dispatch!(Self, self, P, response => response.calls())
    }

    fn arguments_since(&self, rank: usize, from: Option<Position>) -> Option<(String, Position)> {
        dispatch!(Self, self, P, response => response.arguments_since(rank, from))
    }

    fn call_arguments(&self, rank: usize) -> Option<String> {
        dispatch!(Self, self, P, response => response.call_arguments(rank))
    }
}

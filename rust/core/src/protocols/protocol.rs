//! The interface of a protocol.

use std::borrow::Cow;
use std::fmt::Debug;

use super::effect::Effect;
use super::parsed_event::{Classified, ParsedEvent};
use super::reader::Reader;
use super::tracking::Tracking;
use crate::assemble::Text;
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{Member, ValueCache};
use crate::predict::CachedEvent;
use crate::records::Signature;

/// A response while it is assembled.
pub trait Response: Default {
    fn tracking(&self) -> &Tracking;

    fn tracking_mut(&mut self) -> &mut Tracking;

    /// The id of the response, if it is known.
    fn id(&self) -> Option<Cow<'_, str>>;

    /// Sets the error to that of an error body: a JSON object.
    fn set_error(&mut self, error: Vec<u8>);
    /// Sets a response object that was not streamed.
    fn set_non_streamed(&mut self, raw: &[u8]);
}

/// An API: how its payloads are classified, routed and applied.
pub trait Protocol: Sized + 'static {
    /// The type and routing of an event; events that repeat one another share it.
    type Route: Copy + Debug;
    type Response: Response;
    /// The state of classification for one source.
    type Source: Default;

    /// Recognises streams of this API in rows.
    const SIGNATURE: &'static Signature;
    /// The members whose values are repeated by later events: one whose values are cached with their members, and those whose
    /// members are located while the payload is checked.
    const CACHED_VALUES: (&'static str, &'static [&'static str]);

    /// Classifies a frame that repeats no cached event; `issues` receives its diagnostics.
    fn classify<'a>(
        reader: &mut Reader<Self::Route, Self::Source>,
        frame: &'a mut Frame<'_>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, Self::Route>;

    /// Attaches the cached members of the objects in an event.
    fn attach_cached<'a>(event: &mut ParsedEvent<'a, Self::Route>, values: &'a ValueCache);

    /// The effect of an event on the response of its lane.
    fn effect(route: Option<&Self::Route>) -> Effect;

    /// Applies an event to the response that it belongs to.
    fn apply(
        response: &mut Self::Response,
        event: &ParsedEvent<'_, Self::Route>,
        issues: &mut Vec<Issue>,
    );

    /// Applies a delta event that repeats the previous one except for its delta. Does nothing and returns false for any other event.
    fn continue_text(response: &mut Self::Response, event: &ParsedEvent<'_, Self::Route>) -> bool;

    /// The text that is continued by events that repeat the cached one, if they change nothing else.
    fn growing_text<'r>(
        response: &'r mut Self::Response,
        cached: &CachedEvent<Self::Route>,
    ) -> Option<&'r mut Text>;

    /// Whether the event with these members can be skipped when only lifecycle events matter; false for deltas.
    fn skips_for_lifecycle(data: &[u8], members: &[Member]) -> bool;
}

//! The state of reading one source: the caches of events and values, and the state of the protocol.

use super::api::Api;
use super::parsed_event::Classified;
use super::payload_reader::PayloadReader;
use super::protocol::Protocol;
use crate::diagnostics::Issue;
use crate::frames::Frame;
use crate::json::{Checked, Fault, Member, ValueCache};
use crate::predict::{EventCache, Members};

/// Reads the frames of one source.
pub struct Reader<P: Protocol> {
    pub events: EventCache<P::Route>,
    pub values: ValueCache,
    /// The state of the protocol.
    pub source: P::Source,
    /// The error of the frame that was read last, as a JSON object, if the frame is an error body.
    pub error: Option<Vec<u8>>,
}

impl<P: Protocol> Reader<P> {
    /// A reader of a new source. `api`: the API of all payloads, `None` if it is detected.
    pub fn new(api: Option<Api>) -> Self {
        let (cached, located) = P::CACHED_VALUES;
        Self {
            events: EventCache::default(),
            values: ValueCache::of(cached, located),
            source: P::source(api),
            error: None,
        }
    }

    /// Checks a payload, unless it repeats a cached event.
    pub fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        if self.events.recognises(text) {
            Ok(Checked::RECOGNISED)
        } else {
            self.values.check(text, members)
        }
    }

    /// Whether a frame repeats a cached event, which is [`EventCache::last_match`] then. A frame that was checked already is not
    /// compared again.
    #[inline]
    pub fn recognise(&mut self, frame: &mut Frame<'_>) -> bool {
        if frame.checked.is_none() && self.events.recognises(frame.data) {
            frame.checked = Some(Ok(Checked::RECOGNISED));
        }
        let recognised = matches!(frame.checked, Some(Ok(Checked { recognised: true, .. })));
        if recognised && let Some((_, route)) = self.events.last_match() {
            P::recognised(&mut self.source, P::api(&route));
        }
        recognised
    }

    /// Classifies a frame that repeats no cached event, and caches its event if others may repeat it. `open`: the API of the open
    /// response in the lane of its record; `issues` receives its diagnostics.
    pub fn classify<'a>(
        &mut self,
        frame: &'a mut Frame<'_>,
        open: Option<Api>,
        issues: &mut Vec<Issue>,
    ) -> Classified<'a, P::Route> {
        let Self { events, values, source, error } = self;
        let mut found =
            P::classify(&mut PayloadReader { values, source, error, open }, frame, issues);
        if let Classified::Event(event, Some(route)) = &mut found
            && event.repeatable
            && events.accepts(event.raw.len())
            && let Members::Parsed(members) = event.members
        {
            let lane = event.lane.as_deref();
            event.learned = match P::roles(*route) {
                Some(roles) => events.learn(event.raw, members, &roles, *route, lane),
                None => P::inner_delta(event, route)
                    .and_then(|inner| events.learn_inner(event.raw, inner, *route, lane)),
            };
        }
        found
    }
}

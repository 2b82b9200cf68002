//! The state of parsing one source, for any protocol: the caches of events and values.

use crate::frames::Frame;
use crate::json::{Checked, Fault, Member, ValueCache};
use crate::predict::EventCache;

/// Reads the frames of one source. `R` is the route of its events, `S` the state of the protocol.
pub struct Reader<R, S> {
    pub events: EventCache<R>,
    pub values: ValueCache,
    pub source: S,
    /// The error of the frame that was read last, as a JSON object, if the frame is an error body.
    pub error: Option<Vec<u8>>,
}

impl<R, S: Default> Reader<R, S> {
    /// A reader that caches the values of these members; see [`super::protocol::Protocol::CACHED_VALUES`].
    pub fn new((cached, located): (&'static str, &'static [&'static str])) -> Self {
        Self {
            events: EventCache::default(),
            values: ValueCache::of(cached, located),
            source: S::default(),
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
        matches!(frame.checked, Some(Ok(Checked { recognised: true, .. })))
    }
}

//! The output of a decoder.

use crate::predict::{CachedEvent, Delta};
use crate::protocols::{Protocol, RoutedEvent};

/// Receives the events of a decoder.
pub trait EventSink<P: Protocol> {
    /// Whether the sink reads events at all.
    const READS_EVENTS: bool = true;
    /// Whether the sink reads the deltas of runs.
    const READS_DELTAS: bool = true;

    /// Receives an event that belongs to no response; by default also every other event.
    fn event(&mut self, event: &RoutedEvent<'_, P::Route>);

    /// Receives an event after it was applied, with the response that it belongs to.
    fn applied(&mut self, event: &RoutedEvent<'_, P::Route>, _response: Option<&P::Response>) {
        self.event(event);
    }

    /// Whether events of this lane that repeat the cached one may come as a run of deltas.
    fn takes_runs(&mut self, _: &CachedEvent, _: &P::Route, _lane: Option<&str>) -> bool {
        !Self::READS_EVENTS
    }

    /// Receives a delta of a run, after [`Self::takes_runs`] returned true.
    #[inline]
    fn delta(&mut self, _: &Delta<'_>) {}

    /// Receives the end of a run after it was applied: the cached event with its route, the lane and the response.
    #[inline]
    fn run_ended(
        &mut self,
        _: &CachedEvent,
        _: &P::Route,
        _lane: Option<&str>,
        _: Option<&P::Response>,
    ) {
    }

    /// Receives the offset of a row that wraps a stream, or a part of one, before its events.
    fn row(&mut self, _offset: u64) {}

    /// Receives a response that was not streamed.
    fn non_streamed(&mut self, _: &P::Response) {}

    /// Whether an error at this offset ends a strict source, if the decoder asks ([`Decoder::limit_failures`]). It was taken, as
    /// was its event. `open`: the open response of the lane without a name.
    ///
    /// [`Decoder::limit_failures`]: super::Decoder::limit_failures
    fn fails(&self, _offset: u64, _open: Option<&P::Response>) -> bool {
        true
    }
}

/// Ignores all events; for callers that need only the responses.
pub struct Ignore;

impl<P: Protocol> EventSink<P> for Ignore {
    const READS_EVENTS: bool = false;
    const READS_DELTAS: bool = false;

    fn event(&mut self, _: &RoutedEvent<'_, P::Route>) {}
}

//! Skipping events that cannot change the lifecycle of a response.
//!
//! While a response is open, no delta, item or part changes its lifecycle or which response comes next, so these events are
//! skipped, whether or not they are valid. A delta that repeats a cached event has the type of that event. The members of other
//! events are located without a check of the JSON: invalid JSON has no effect on a response either.

use crate::diagnostics::Issue;
use crate::frames::{DeltaRun, Envelope, Frame};
use crate::json::{self, Checked};
use crate::predict::{CachedEvent, EventCache, delta_runs};
use crate::protocols::{Api, Effect, ParsedEvent, Phase, Protocol};

/// Skips events while a response is running, and counts their bytes. If it is on, only these values of a response are correct: its
/// order, offset, lane, status, error, and the members of its last lifecycle object except the output. Diagnostics that compare
/// neighbours or texts are not correct.
#[derive(Debug, Default)]
pub struct LifecycleOnly {
    pub on: bool,
    pub skipped: u64,
}

impl LifecycleOnly {
    /// Skips the blocks at the start of `rest` that repeat the last cached delta.
    #[inline]
    pub fn run<P: Protocol>(
        &mut self,
        cache: &mut EventCache<P::Route>,
        api: Api,
        rest: &[u8],
        envelope: &Envelope<'_>,
    ) -> DeltaRun {
        let repeating = cache.repeating();
        let cached = repeating.filter(|(cached, route)| may_skip::<P>(cached, route, api));
        let Some((cached, _)) = cached else { return DeltaRun::default() };
        if envelope.name.is_some_and(|name| name != cached.name.as_bytes()) {
            return DeltaRun::default();
        }
        let run = delta_runs::skip(cached, rest, envelope);
        if run.events > 0 {
            cache.hit(run.events);
            self.skipped += run.size as u64;
        }
        run
    }

    /// Skips a frame that has no effect; returns whether it did. Deltas that were not recognised are not skipped, so that the
    /// cache learns from them.
    pub fn skips<P: Protocol>(
        &mut self,
        frame: &mut Frame<'_>,
        api: Api,
        cache: &EventCache<P::Route>,
    ) -> bool {
        let skips = match frame.checked {
            None => {
                json::locate(frame.data, frame.members)
                    && P::skips_for_lifecycle(api, frame.data, frame.members)
            }
            Some(Ok(Checked { recognised: true, .. })) => {
                let last_match = cache.last_match();
                last_match.is_some_and(|(cached, route)| may_skip::<P>(cached, &route, api))
            }
            Some(Ok(_)) => P::skips_for_lifecycle(api, frame.data, frame.members),
            Some(Err(_)) => false,
        };
        self.skipped += if skips { frame.end - frame.offset } else { 0 };
        skips
    }
}

/// Whether events that repeat this one belong to the open response of this API in the lane without a name.
fn may_skip<P: Protocol>(cached: &CachedEvent, route: &P::Route, api: Api) -> bool {
    cached.lane.is_none() && cached.response.is_none() && P::api(route) == api
}

/// Skips a delta that was parsed only so that the cache learns it; returns whether it did.
pub fn skips_learned<P: Protocol>(
    event: &ParsedEvent<'_>,
    route: Option<&P::Route>,
    issues: &mut Vec<Issue>,
) -> bool {
    let Effect { phase, asks, .. } = P::effect(route);
    let skips = phase == Phase::Delta && !asks && event.lane.is_none();
    if skips {
        issues.clear();
    }
    skips
}

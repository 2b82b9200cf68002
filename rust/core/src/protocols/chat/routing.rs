//! Where a completion begins: chunks carry no event for it, but their ids and finish reasons tell.
//!
//! Neighbouring completions of a lane end at `[DONE]`, at the end of the source, or at a chunk of another id once all choices have
//! finished. A server that gives each chunk an id of its own ends a completion by `[DONE]` alone. Chunks without choices belong
//! to the open completion: they have its usage; those without an id, which Azure sends first, belong to the next one.

use super::events::{Event, Route};
use super::merge::is_filled_string;
use super::response::Assembled;

/// Whether a chunk begins a completion, although the one before in its lane is open.
pub fn begins(response: &Assembled, event: &Event<'_>, route: &Route) -> bool {
    let id = event.member("id").map(|id| event.bytes(&id)).filter(|id| is_filled_string(Some(id)));
    let ended = response.tracking.ended;
    let other = || {
        let may_begin = response.finished() && !response.id_changed;
        may_begin && id.is_some_and(|id| !response.has_id(id))
    };
    match event.response {
        Some(name) if name.len() > 2 => ended && !route.is_empty, // found by its id
        _ if !route.is_empty => ended || other(),
        _ if route.has_usage => false,
        named if id.is_none() => {
            response.finished() || (named.is_some() && response.id().is_some())
        }
        _ => other(),
    }
}

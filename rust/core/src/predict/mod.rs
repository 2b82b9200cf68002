//! Prediction: events that repeat the previous one are recognised by their bytes.

mod block_pattern;
pub mod delta_runs;
mod event_cache;

pub use block_pattern::{BlockPattern, Delta, Match, Matches};
pub use event_cache::{CachedEvent, EventCache, InnerDelta, Kept, Members, Roles, has_plain_keys};

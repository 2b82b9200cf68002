//! Which chunks are skipped when only lifecycle events matter.

use crate::json::Member;

/// None: any chunk may end a choice, have the usage, or begin the next completion.
pub fn skips_for_lifecycle(_: &[u8], _: &[Member]) -> bool {
    false
}

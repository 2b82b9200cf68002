//! Which events are skipped when only lifecycle events matter.

use crate::json::{self, Member};

/// An event that changes nothing but the content of a message. A block that starts may name another model.
const SKIPPED: &[u8] = b"\"content_block_stop\"";

/// Whether the event with these members cannot change the lifecycle of a message, and is no delta.
pub fn skips_for_lifecycle(data: &[u8], members: &[Member]) -> bool {
    json::find(data, members, "type").is_some_and(|kind| kind.value(data) == SKIPPED)
}

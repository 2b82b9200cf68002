//! Events that cannot change the lifecycle of a response.

use super::catalogue::{EVENTS, Op, Phase, lookup};
use crate::json::{Kind, Member};

/// Whether the event with these members cannot change the lifecycle of a response, and is no delta.
pub fn skips_for_lifecycle(data: &[u8], members: &[Member]) -> bool {
    let mut kind = None;
    for member in members {
        match member.raw_key(data) {
            _ if member.key_escaped => return false,
            b"type" => kind = Some(member),
            b"stream_id" => return false,
            _ => {}
        }
    }
    let Some(kind) = kind.filter(|kind| kind.kind == Kind::String && !kind.escaped) else {
        return false;
    };
    let quoted = kind.value(data);
    let index = quoted.get(1..quoted.len() - 1).and_then(lookup);
    let entry = index.and_then(|index| EVENTS.get(usize::from(index)));
    entry.is_some_and(|entry| {
        !matches!(entry.op, Op::Response | Op::Error) && entry.phase != Phase::Delta
    })
}

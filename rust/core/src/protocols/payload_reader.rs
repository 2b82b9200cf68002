//! What a protocol uses of a reader to classify payloads.

use super::api::Api;
use crate::json::ValueCache;

/// The part of a reader that a protocol uses to classify payloads. `S` is the state of the protocol.
pub struct PayloadReader<'r, S> {
    pub values: &'r mut ValueCache,
    pub source: &'r mut S,
    pub error: &'r mut Option<Vec<u8>>,
    /// The API of the open response in the lane of the payload, which has no other mark of its API.
    pub open: Option<Api>,
}

//! The APIs: what the decoder needs from each of them.
//!
//! The decoder and the lanes are generic over [`Protocol`], with static dispatch: a protocol that a source does not use costs
//! nothing. All that knows an API (names of members, types of events, assembly) is in the folder of that API.

pub mod latency;
mod parsed_event;
mod protocol;
mod reader;
pub mod responses;
mod tracking;

pub use parsed_event::{
    Classified, ParsedEvent, frame_issues, is_invalid_utf8, lossy, repeated, type_mismatch,
};
pub use protocol::{Effect, Phase, Protocol, Response};
pub use reader::Reader;
pub use tracking::Tracking;

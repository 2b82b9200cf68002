//! The supported APIs, behind the trait [`Protocol`].
//!
//! The decoder and the lanes are generic over [`Protocol`], with static dispatch, so an unused protocol has
//! no cost. Everything specific to an API (names of members, types of events, assembly) is in the folder of that API.

mod effect;
pub mod latency;
mod parsed_event;
mod protocol;
mod reader;
pub mod responses;
mod tracking;

pub use effect::{Effect, Phase};
pub use parsed_event::{
    Classified, ParsedEvent, frame_issues, is_invalid_utf8, lossy, recognised_event, type_mismatch,
};
pub use protocol::{Protocol, Response};
pub use reader::Reader;
pub use tracking::Tracking;

//! The supported APIs, behind the trait [`Protocol`].
//!
//! The decoder and the lanes are generic over [`Protocol`], with static dispatch, so an unused protocol has
//! no cost. Everything specific to an API (names of members, types of events, assembly) is in the folder of that API.

pub mod any_api;
mod api;
pub mod chat;
mod effect;
pub mod latency;
pub mod messages;
mod parsed_event;
mod payload_reader;
mod protocol;
mod reader;
pub mod responses;
pub mod rows;
mod tracking;
pub mod view;

pub use api::Api;
pub use effect::{Effect, Phase};
pub use parsed_event::{
    Classified, ParsedEvent, RoutedEvent, frame_issues, is_invalid_utf8, lossy, recognised_event,
    type_mismatch,
};
pub use payload_reader::PayloadReader;
pub use protocol::{Protocol, Response};
pub use reader::Reader;
pub use tracking::Tracking;

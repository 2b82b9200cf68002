//! The OpenAI Responses API.

pub mod catalogue;
pub mod events;
mod flat;
mod fold;
mod identities;
mod item;
mod lifecycle_only;
mod protocol;
mod reconcile;
pub mod response;
mod rows;
mod texts;
pub mod tool_calls;

pub use events::{Event, Route};
pub use protocol::{BOUNDARIES, LANE_FIELD, Responses};
pub use response::Assembled;

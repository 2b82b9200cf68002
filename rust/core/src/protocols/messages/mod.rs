//! Anthropic Messages.

pub mod catalogue;
mod content;
mod delta;
mod events;
mod fold;
mod inputs;
mod lifecycle_only;
mod merge;
mod protocol;
mod repeated;
mod response;
mod rows;
mod usage;

pub use events::{Event, Route, has_own_type, suggests};
pub use protocol::{BOUNDARY, Messages};
pub use response::Assembled;

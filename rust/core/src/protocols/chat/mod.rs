//! OpenAI Chat Completions.

pub mod catalogue;
mod choice;
mod context;
mod delta;
pub mod events;
mod fold;
mod lifecycle_only;
mod merge;
mod parts;
mod protocol;
mod repeated;
pub mod response;
mod routing;
pub mod rows;
mod shapes;
mod tool_calls;

pub use events::{Event, Route, classify_known, is_ordinary};
pub use protocol::Chat;
pub use response::Assembled;

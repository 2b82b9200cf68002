//! Server-sent events by the WHATWG standard: splits lines and decodes messages.

mod decoder;
mod lines;

pub use decoder::{Finished, Message, OnEof, SseDecoder};
pub use lines::{BOM, LineSplitter};

//! Server-sent events by the WHATWG standard: lines, and the decoder of messages.

mod decoder;
mod lines;

pub use decoder::{Finished, Message, OnEof, SseDecoder};
pub use lines::{BOM, LineSplitter};

//! Records: rows that contain streams, like lines of a log.

mod detect;
mod encoding;
pub mod pointer;
mod rows;
mod timestamps;

pub use detect::Signature;
pub use encoding::inflate;
pub use rows::{Closes, FrameReader, RecordSink, RecordSpan, RowOptions, Rows};

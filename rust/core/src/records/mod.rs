//! Records: rows that contain streams, like lines of a log.

mod detect;
mod encoding;
pub mod pointer;
mod rows;
mod timestamps;

pub use detect::{Row, Signature};
pub use encoding::inflate;
pub use rows::{Closes, RecordSink, RecordSpan, RowOptions, Rows, no_stream};

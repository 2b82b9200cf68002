//! The input: sources, decompression, UTF-16, and recordings that contain streams.

mod ahead;
pub mod counted;
mod decompress;
pub mod line_index;
mod parsing;
pub mod part;
pub mod problem;
pub mod recordings;
pub mod source;
mod utf16;

pub use decompress::Compression;
pub use line_index::LineIndex;
pub use parsing::Parsing;
pub use part::Part;
pub use problem::Problem;
pub use recordings::{Record, RecordingFormat, RecordingOptions, RecordingReader};
pub use source::{Input, Location, OpenInput, Source};

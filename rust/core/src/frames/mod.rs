//! Bytes to frames: SSE blocks, JSON Lines, JSON arrays and unframed text.

mod arrays;
mod blocks;
mod framer;
mod output;
mod unframed;
mod whole_block;

pub use framer::{Form, Framer, OnEof, Options};
pub use output::{DeltaRun, Envelope, Frame, FrameKind, FrameSink};

//! Reads sources and parts of sources into tables.

mod delta_batch;
mod events_only;
mod full;
mod numbering;
mod open_api;
mod reader;

pub use full::ReadOptions;
pub use reader::{BatchSink, Reader, Stop, StrictError};

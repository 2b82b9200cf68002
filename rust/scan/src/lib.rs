//! The log reader of respstream: sources, compression, splits, worker threads and Arrow batches.
//!
//! No Python. Everything that a byte means is in `respstream-core`; this crate only brings the bytes there.
//!
//! ```text
//! input ─► source ─► reader ─► tables ─► pool ─► stream
//! a name   plain     decoder   columns   threads  batches in the order of the input
//!          bytes
//! ```

pub mod batches;
pub mod columns;
pub mod fold;
pub mod inflate;
pub mod light;
pub mod pieces;
pub mod pool;
pub mod reader;
pub mod schema;
pub mod source;
pub mod splits;
pub mod summary;
pub mod wrapped;

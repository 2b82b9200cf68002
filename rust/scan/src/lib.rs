//! The log reader of respstream: sources, compression, splits, worker threads and Arrow batches.
//!
//! No Python. Everything that a byte means is in `respstream-core`; this crate only brings the bytes there.

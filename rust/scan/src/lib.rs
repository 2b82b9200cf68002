//! The log reader of respstream: sources, decompression, splits, worker threads and Arrow batches.
//!
//! This crate does not depend on Python. The parsing of streams is in `respstream-core`.
//!
//! The layers, each of which imports only from those above it (children of a folder likewise, in this order):
//!
//! 1. `input`: `problem`, `part`, `parsing`, `line_index`, `decompress`, `source`, `recordings`
//! 2. `splits`: where a file can be split, and what a part has to know of the bytes before it
//! 3. `tables`: `cells`, `rows`, `columns`, `schema`, `builders`, `batches`, `summary`
//! 4. `read`: `delta_batch`, `events_only`, `numbering`, `full`, `reader`
//! 5. `pool`: worker threads, and the batches in the order of the input

pub mod input;
pub mod pool;
pub mod read;
pub mod splits;
pub mod tables;

//! The parser of respstream: bytes in; frames, events, assembled responses and rows out. No Python, no files, no threads.
//!
//! Each layer imports only the layers above it in this list:
//!
//! | layer | job |
//! |---|---|
//! | [`work`], `simd` | counting work for tests; vector instructions |
//! | [`json`] | checks texts, locates members, canonical output, templates, value cache |
//! | [`sse`] | lines, the byte order mark, the WHATWG decoder |
//! | [`diagnostics`] | codes, the store of a source, error bodies |
//! | [`frames`] | bytes to payloads: SSE blocks, JSON Lines, arrays, unframed text |
//! | [`records`] | rows that wrap streams |
//! | [`predict`] | recognises events that repeat the previous one |
//! | [`assemble`] | value trees, places, appending deltas |
//! | [`protocols`] | the APIs: events, responses, columns |
//! | [`lanes`] | where responses begin and end |
//! | [`decoder`] | wires the layers together |

pub mod assemble;
pub mod decoder;
pub mod diagnostics;
pub mod frames;
pub mod json;
pub mod lanes;
pub mod predict;
pub mod protocols;
pub mod records;
mod simd;
pub mod sse;
pub mod work;

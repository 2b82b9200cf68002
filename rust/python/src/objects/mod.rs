//! Python objects built directly, without `__init__` and mostly without `setattr`.
//!
//! Order, lowest first: `cpython`, `string_cache`, `record`; `slots` uses `record`; `payload` and `events` use those below them.
//! `cpython`, `record` and `slots` are the only modules of the binding with `unsafe`.

pub mod cpython;
pub mod events;
pub mod payload;
pub mod record;
pub mod slots;
pub mod string_cache;

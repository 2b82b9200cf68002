//! Python objects built directly, without `__init__` and mostly without `setattr`.
//!
//! Order, lowest first: `cpython`, `string_cache`, `base_class`; `dealloc`, `record` and `fragment`; `slots`; `payload` and `parts`; `events`.
//! `cpython`, `base_class`, `dealloc`, `record`, `fragment` and `slots` are the only modules of the binding with `unsafe`.

mod base_class;
pub mod cpython;
mod dealloc;
pub mod events;
pub mod fragment;
pub mod parts;
pub mod payload;
pub mod record;
pub mod slots;
pub mod string_cache;

//! Conversions of arguments and results. Order: `bytes`, `json`, `options`, `diagnostics`; none imports another.

pub mod bytes;
pub mod diagnostics;
pub mod json;
pub mod options;

pub use bytes::{to_bytes, to_message};
pub use diagnostics::{detail, diagnostic, stream_error};
pub use options::{api, options, row_options};

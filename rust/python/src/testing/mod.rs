//! Functions that only the tests call: they compare the Rust core with the pure-Python fallback. None imports another.

pub mod catalogue;
pub mod frames;
pub mod json;

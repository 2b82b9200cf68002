//! The limits of a JSON text.

/// The maximum nesting depth; a top-level array or object has depth 1.
pub const DEPTH_LIMIT: usize = 256;
/// The maximum number of digits of an integer (a number without fraction and exponent).
pub const DIGIT_LIMIT: usize = 4300;
/// The maximum size of a text in bytes: spans have 32 bits.
pub const SIZE_LIMIT: usize = u32::MAX as usize;

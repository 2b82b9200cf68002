//! The input of a tool: its streamed text is JSON, or not.

use crate::json::{self, DEPTH_LIMIT};

/// The message, its content and the block, which nest the input deeper.
const AROUND: usize = 3;

/// Whether a text is JSON. The whole message has to be within the limits of nesting.
pub fn is_json(text: &str) -> bool {
    let text = text.as_bytes();
    let mut members = Vec::new();
    if json::check(text, &mut members).is_err() {
        return false;
    }
    let brackets = text.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    brackets + AROUND <= DEPTH_LIMIT || {
        let whole = [&[b'['; AROUND][..], text, &[b']'; AROUND]].concat();
        json::check(&whole, &mut members).is_ok()
    }
}

/// Whether a list or an object has no elements.
pub fn is_empty(container: &[u8]) -> bool {
    let inside = container.get(1..container.len().saturating_sub(1)).unwrap_or_default();
    inside.iter().all(u8::is_ascii_whitespace)
}

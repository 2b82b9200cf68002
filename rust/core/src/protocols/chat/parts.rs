//! The content of a chunk as a list of parts: texts, thinking, and others.
//!
//! Texts are a part of the content, thinking is a part of the reasoning. Other parts, and members that a text has of its own, are
//! kept as they are.

use super::merge::{members_of, value_of, without_quotes};
use crate::json;

/// What the content of a chunk adds. Texts are JSON strings without quotes.
#[derive(Default)]
pub struct Content<'c> {
    pub text: Vec<&'c [u8]>,
    pub thinking: Vec<&'c [u8]>,
    /// The parts that are kept.
    pub others: Vec<&'c [u8]>,
    /// The positions of what is no part.
    pub bad: Vec<usize>,
}

impl<'c> Content<'c> {
    /// Reads the parts of a chunk.
    pub fn of(parts: &'c [u8]) -> Self {
        let (mut found, mut spans) = (Self::default(), Vec::new());
        json::elements(parts, &mut spans);
        for (position, (start, end, _)) in spans.into_iter().enumerate() {
            let part = parts.get(start..end).unwrap_or_default();
            match part.first() {
                Some(b'"') => found.text.push(without_quotes(part)),
                Some(b'{') => found.read(part),
                _ => found.bad.push(position),
            }
        }
        found
    }

    /// Reads a content that is one part.
    pub fn of_one(part: &'c [u8]) -> Self {
        let mut found = Self::default();
        found.read(part);
        found
    }

    fn read(&mut self, part: &'c [u8]) {
        let kind = kind_of(part);
        match (kind, kind.and_then(|kind| value_of(part, kind))) {
            (Some("text"), Some(text @ [b'"', ..])) => self.text.push(without_quotes(text)),
            (Some("thinking"), Some(text @ [b'"', ..])) => self.thinking.push(without_quotes(text)),
            (Some("thinking"), Some(list @ [b'[', ..])) => {
                let inner = Self::of(list);
                self.thinking.extend(inner.text.into_iter().chain(inner.thinking));
                self.others.extend(inner.others);
                if !inner.bad.is_empty() {
                    return self.others.push(part);
                }
            }
            _ => return self.others.push(part),
        }
        let is_own = |key: &str| key != "type" && Some(key) != kind;
        if members_of(part).iter().any(|member| is_own(&json::decode_key(part, member))) {
            self.others.push(part);
        }
    }
}

/// The type of a part that is text or thinking; `None` for other parts. A part without a type is what its member says.
fn kind_of(part: &[u8]) -> Option<&'static str> {
    const KINDS: [&str; 2] = ["text", "thinking"];
    match value_of(part, "type").filter(|kind| *kind != b"null") {
        Some(kind) if kind.first() == Some(&b'"') => {
            let kind = json::decode_str(kind);
            KINDS.into_iter().find(|one| *one == kind)
        }
        Some(_) => None,
        None => KINDS.into_iter().find(|one| value_of(part, one).is_some()),
    }
}

//! The event types of `catalogue.toml` as static data.
//!
//! The header of `catalogue.toml` explains the members of an entry; one without a value is `""`, an empty slice or `None`. The
//! Python fallback reads the same table from its generated `catalogue.py`.

use crate::assemble::{INDEX_SLOTS, Step};

/// How an event changes the assembled response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Response,
    Item,
    Part,
    Text,
    Members,
    Put,
    Status,
    Error,
    Side,
    Quiet,
    None,
}

impl Op {
    /// The name in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Item => "item",
            Self::Part => "part",
            Self::Text => "text",
            Self::Members => "members",
            Self::Put => "put",
            Self::Status => "status",
            Self::Error => "error",
            Self::Side => "side",
            Self::Quiet => "quiet",
            Self::None => "none",
        }
    }
}

/// The phase of the response, item or text that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    None,
    Begin,
    Progress,
    Terminal,
    Added,
    Delta,
    Done,
}

impl Phase {
    /// The name in the catalogue; `""` for [`Phase::None`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Begin => "begin",
            Self::Progress => "progress",
            Self::Terminal => "terminal",
            Self::Added => "added",
            Self::Delta => "delta",
            Self::Done => "done",
        }
    }
}

/// The index fields of events, by slot: [`crate::assemble::Indexes`].
pub const INDEX_FIELDS: [&str; INDEX_SLOTS] =
    ["output_index", "content_index", "summary_index", "command_index", "annotation_index"];

/// One known type of event.
#[derive(Debug)]
pub struct Entry {
    pub ty: &'static str,
    pub class: &'static str,
    pub op: Op,
    pub phase: Phase,
    pub steps: &'static [Step],
    pub value: &'static str,
    pub item: &'static str,
    pub part: &'static str,
    pub begins: bool,
    pub status: &'static str,
    pub extend: &'static str,
    pub eager: &'static [&'static str],
    pub terminal: bool,
}

include!(concat!(env!("OUT_DIR"), "/responses.rs"));

/// The index of a type in [`EVENTS`], if it is known.
#[inline]
pub fn lookup(ty: &[u8]) -> Option<u16> {
    // Few types have the same length; a test checks this.
    let indexes = BY_LENGTH.get(ty.len())?;
    indexes.iter().copied().find(|&index| EVENTS[usize::from(index)].ty.as_bytes() == ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_at_its_index() {
        for (index, entry) in EVENTS.iter().enumerate() {
            assert_eq!(lookup(entry.ty.as_bytes()).map(usize::from), Some(index), "{}", entry.ty);
        }
    }

    #[test]
    fn unknown_types_are_not_found() {
        let long = "x".repeat(10_000);
        for text in [
            "",
            "Error",
            "errors",
            "response.output_text.deltA",
            "response.output_text",
            long.as_str(),
        ] {
            assert_eq!(lookup(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn few_types_share_a_length() {
        assert!(BY_LENGTH.iter().all(|indexes| indexes.len() <= 6));
    }

    #[test]
    fn an_entry_has_its_steps_and_fields() {
        let entry =
            &EVENTS[usize::from(lookup(b"response.output_text.delta").expect("a known type"))];
        assert_eq!((entry.op, entry.phase, entry.value), (Op::Text, Phase::Delta, "delta"));
        let steps =
            [Step { member: "content", index: Some(1) }, Step { member: "text", index: None }];
        assert_eq!(entry.steps, steps);
        assert_eq!(entry.eager, ["item_id", "output_index", "content_index", "delta"]);
    }
}

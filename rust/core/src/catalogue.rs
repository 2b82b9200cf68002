//! The event table and the diagnostics: `catalogue.toml`, as static data.
//!
//! The comments at the head of `catalogue.toml` tell what the members of an entry mean. Where one has nothing to say it is
//! `""`, an empty slice or `None`. The Python twin reads the same table from `_catalogue.py`.

/// What a type of event does to the folded response.
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

/// Which part of the life of its target an event tells.
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

/// An index field of an event, other than `output_index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    Content,
    Summary,
    Command,
    Annotation,
}

impl Index {
    /// The name of the field on the wire.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Content => "content_index",
            Self::Summary => "summary_index",
            Self::Command => "command_index",
            Self::Annotation => "annotation_index",
        }
    }
}

/// The indexes of an event: output, content, summary, command, annotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexes {
    pub values: [Option<u32>; 5],
}

/// One step from an item to the target: into a member and, where there is an index, into a list there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub member: &'static str,
    pub index: Option<Index>,
}

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

/// How bad a diagnostic is; `strict` stops at [`Severity::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    /// The name that users see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What all diagnostics of one code share. `template` is the message, with `{name}` where the detail's value goes.
#[derive(Debug)]
pub struct DiagnosticKind {
    pub code: &'static str,
    pub severity: Severity,
    pub template: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

impl Code {
    /// What all diagnostics of this code share.
    pub fn kind(self) -> &'static DiagnosticKind {
        &DIAGNOSTICS[self as usize]
    }
}

/// The place of a type in [`EVENTS`], if it is known.
#[inline]
pub fn lookup(ty: &[u8]) -> Option<u16> {
    // At most a handful of types share a length.
    let places = BY_LENGTH.get(ty.len())?;
    places.iter().copied().find(|&place| EVENTS[usize::from(place)].ty.as_bytes() == ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_at_its_place() {
        for (place, entry) in EVENTS.iter().enumerate() {
            assert_eq!(lookup(entry.ty.as_bytes()).map(usize::from), Some(place), "{}", entry.ty);
        }
    }

    #[test]
    fn nothing_else_is_found() {
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
        assert!(BY_LENGTH.iter().all(|places| places.len() <= 6));
    }

    #[test]
    fn codes_lead_to_their_kinds() {
        assert_eq!(Code::BadJson.kind().code, "bad_json");
        assert_eq!(Code::OutputRecovered.kind().code, "output_recovered");
        assert_eq!(Code::OutputRecovered as usize, DIAGNOSTICS.len() - 1);
    }

    #[test]
    fn a_text_event_has_its_path() {
        let entry =
            &EVENTS[usize::from(lookup(b"response.output_text.delta").expect("a known type"))];
        assert_eq!((entry.op, entry.phase, entry.value), (Op::Text, Phase::Delta, "delta"));
        let steps = [
            Step { member: "content", index: Some(Index::Content) },
            Step { member: "text", index: None },
        ];
        assert_eq!(entry.steps, steps);
        assert_eq!(entry.eager, ["item_id", "output_index", "content_index", "delta"]);
    }
}

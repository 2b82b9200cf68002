//! The events, deltas and blocks of `catalogue.toml`, as static data.
//!
//! The header of `catalogue.toml` explains them. The Python fallback reads the same tables from its generated `catalogue.py`.

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOp {
    MessageStart,
    MessageDelta,
    MessageStop,
    BlockStart,
    BlockDelta,
    BlockStop,
    Error,
    /// No part of any message.
    Quiet,
}

/// One known type of event.
#[derive(Debug)]
pub struct Entry {
    pub ty: &'static str,
    pub class: &'static str,
    pub op: EventOp,
    pub eager: &'static [&'static str],
}

/// What a delta does to its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaOp {
    Append,
    Input,
    Set,
    Extend,
}

/// The rule of the deltas of one type; unused fields are empty.
#[derive(Debug)]
pub struct DeltaRule {
    pub ty: &'static str,
    pub op: DeltaOp,
    pub member: &'static str,
    pub target: &'static str,
    pub members: &'static [&'static str],
    pub blocks: &'static [&'static str],
}

/// The kind of the text of a block, or of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    None,
    Text,
    Reasoning,
    ToolArguments,
}

/// The blocks of one type. `text`: the member with its text, `""` if it has none.
#[derive(Debug)]
pub struct BlockKind {
    pub ty: &'static str,
    pub text: &'static str,
    pub kind: Kind,
}

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// The kind of blocks of unknown types.
pub static OTHER: BlockKind = BlockKind { ty: "", text: "", kind: Kind::None };

impl EventOp {
    /// Whether events with this operation have the index of a block.
    pub const fn is_of_block(self) -> bool {
        matches!(self, Self::BlockStart | Self::BlockDelta | Self::BlockStop)
    }
}

impl BlockKind {
    /// Whether the catalogue has the type.
    pub const fn is_known(&self) -> bool {
        !self.ty.is_empty()
    }
}

/// The entry of a type of event, if it is known.
pub fn lookup(ty: &[u8]) -> Option<&'static Entry> {
    EVENTS.iter().find(|entry| entry.ty.as_bytes() == ty)
}

/// The rule of a type of delta, if it is known.
pub fn delta_rule(ty: &[u8]) -> Option<&'static DeltaRule> {
    DELTAS.iter().find(|rule| rule.ty.as_bytes() == ty)
}

/// The kind of a type of block; [`OTHER`] if it is not known.
pub fn block_kind(ty: &str) -> &'static BlockKind {
    BLOCKS.iter().find(|kind| kind.ty == ty).unwrap_or(&OTHER)
}

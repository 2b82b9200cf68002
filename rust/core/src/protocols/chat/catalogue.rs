//! The events of `catalogue.toml`, and the rules by which the members of a chunk change the folded completion, as static data.
//!
//! The header of `catalogue.toml` explains them. The Python fallback reads the same tables from its generated `catalogue.py`.

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOp {
    /// A chunk of a completion.
    Chunk,
    /// No part of any response.
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

/// How a member changes the folded completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Append,
    Arguments,
    First,
    Filled,
    Replace,
    Extend,
    Object,
    Name,
    Content,
    Details,
    Calls,
    Drop,
}

/// The objects whose members have rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    None,
    Chunk,
    Choice,
    Logprobs,
    Delta,
    Call,
    Function,
    Custom,
    Audio,
    Reasoning,
}

/// The kind of a streamed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    None,
    Text,
    Reasoning,
    Refusal,
    ToolArguments,
}

/// The rule of one member.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub name: &'static str,
    pub op: Op,
    /// The scope of the members of the object, or of the elements of the list.
    pub into: Scope,
    pub kind: Kind,
}

include!(concat!(env!("OUT_DIR"), "/chat.rs"));

impl Scope {
    /// The rule of a member.
    #[inline]
    pub fn rule(self, name: &[u8]) -> Option<&'static Rule> {
        match self {
            Self::None => None,
            Self::Chunk => chunk_rule(name),
            Self::Choice => choice_rule(name),
            Self::Logprobs => logprobs_rule(name),
            Self::Delta => delta_rule(name),
            Self::Call => call_rule(name),
            Self::Function => function_rule(name),
            Self::Custom => custom_rule(name),
            Self::Audio => audio_rule(name),
            Self::Reasoning => reasoning_rule(name),
        }
    }
}

/// The index of a type in [`EVENTS`], if it is known.
pub fn lookup(ty: &[u8]) -> Option<&'static Entry> {
    EVENTS.iter().find(|entry| entry.ty.as_bytes() == ty)
}

//! Values that responses of every API have: texts and tool calls.

use std::borrow::Cow;

/// The texts of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub output_text: String,
    pub refusal: Option<String>,
    pub reasoning_text: String,
    pub reasoning_summary: String,
}

/// The token counts of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: Option<i64>,
    /// Those of the input that a cache had.
    pub cached: Option<i64>,
    pub output: Option<i64>,
    /// Those of the output that are reasoning.
    pub reasoning: Option<i64>,
    pub total: Option<i64>,
}

/// A tool call, without its arguments. `rank` is its position among the items of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub rank: usize,
    pub kind: Cow<'static, str>,
    pub call_id: Option<String>,
    pub name: Option<String>,
}

/// A tool call, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub kind: Cow<'static, str>,
    pub call_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
}

/// The identity of a text: the kind of its container, its number in the container, and how often the container was replaced.
pub type Source = (u8, u32, u64);

/// The end of the text that was read, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub source: Source,
    pub offset: usize,
}

/// A row of the table `items`, without the columns that it shares with its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemRow {
    /// The index in the output.
    pub output_index: u64,
    pub item_id: Option<String>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub role: Option<String>,
    pub name: Option<String>,
    pub call_id: Option<String>,
    /// The output text of a message, or the text of a reasoning item, or else its summary.
    pub text: Option<String>,
    /// The arguments of a call, or its input.
    pub arguments: Option<String>,
}

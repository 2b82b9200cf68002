//! The state of one assembled message: its members, and its content.
//!
//! All values may be read at any time, also while the stream is running. Texts are those of all blocks of text and of thinking,
//! in order. Tool calls are the calls of tools of the client and of MCP servers, not those of tools that the API runs.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::catalogue::{INCOMPLETE, Kind};
use super::content::{Argument, Block, Content};
use super::merge::{members_of, value_of};
use super::usage::tokens_of;
use crate::assemble::{Node, Object};
use crate::json;
use crate::protocols::responses::tool_calls::new_arguments;
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, Position, Source, Texts, Tokens, ToolCall};

/// The `type` of a message that was not streamed.
pub const WHOLE: &str = "message";
/// The type of the event that ends a message.
pub const STOP: &str = "message_stop";
/// The type of the event that ends a message with an error.
pub const ERROR: &str = "error";
pub const CONTENT: &str = "content";
/// The kinds of containers of the texts of calls: a text that grows, and a whole one.
const GROWING: u8 = 5;
const GIVEN: u8 = 6;

/// One message, as assembled so far.
#[derive(Debug)]
pub struct Assembled {
    pub tracking: Tracking,
    /// The members of the message; those of its content are in `content`.
    pub(super) members: Object,
    pub(super) content: Box<Content>,
    /// The fields that were reported as loose values.
    pub(super) loose: Vec<&'static str>,
    /// Counts what may change the calls.
    call_changes: u64,
    /// The positions of the blocks that are calls, once they were read.
    call_positions: OnceLock<Vec<usize>>,
    pub(super) event_error: Option<Vec<u8>>,
    /// The message that was not streamed.
    pub(super) raw: Option<Vec<u8>>,
    pub(super) cursors: Vec<Cursor>,
}

/// The text that events append to which repeat a cached one.
#[derive(Debug)]
pub struct Cursor {
    /// The serial number of the cached event.
    pub serial: u64,
    /// The value of [`Content::changes`] for which the cursor is valid.
    pub changes: u64,
    /// The position of the block.
    pub block: usize,
    /// The position of the member with the text, `None` for the input.
    pub text: Option<u32>,
}

impl Default for Assembled {
    /// A message whose start was not seen.
    fn default() -> Self {
        let mut members = Object::typed(WHOLE);
        members.set("role", Node::string("assistant"));
        Self {
            tracking: Tracking::default(),
            members,
            content: Box::default(),
            loose: Vec::new(),
            call_changes: 0,
            call_positions: OnceLock::new(),
            event_error: None,
            raw: None,
            cursors: Vec::new(),
        }
    }
}

impl Assembled {
    /// Whether its end was seen, or it was not streamed.
    pub fn complete(&self) -> bool {
        self.tracking.terminal.is_some() || self.tracking.non_streamed
    }

    /// The id of the message.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.text("id").filter(|id| !id.is_empty())
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.members.get(name)?.text()
    }

    /// Why the message stopped, `None` until it is known.
    pub fn finish_reason(&self) -> Option<Cow<'_, str>> {
        self.text("stop_reason").filter(|reason| !reason.is_empty())
    }

    /// `failed` after an error; `in_progress` until the stop reason or the end is known; then `incomplete` or `completed`.
    pub fn status_name(&self) -> &'static str {
        let reason = self.finish_reason();
        if self.event_error.is_some() {
            "failed"
        } else if reason.is_none() && !self.complete() {
            "in_progress"
        } else if reason.is_some_and(|reason| INCOMPLETE.contains(&&*reason)) {
            "incomplete"
        } else {
            "completed"
        }
    }

    /// The stop reason of an incomplete message.
    pub fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        self.finish_reason().filter(|_| self.status_name() == "incomplete")
    }

    /// The token counts as JSON, `None` until they are known.
    pub(super) fn usage(&self) -> Option<Vec<u8>> {
        self.members.get("usage").filter(|usage| usage.is_object()).map(json_of)
    }

    pub(super) fn tokens(&self) -> Tokens {
        self.usage().as_deref().map(tokens_of).unwrap_or_default()
    }

    /// The names of the members.
    pub fn keys(&self) -> Vec<String> {
        if let Some(raw) = &self.raw {
            return members_of(raw)
                .into_iter()
                .map(|(name, _)| String::from_utf8_lossy(&name).into_owned())
                .collect();
        }
        let own = self.members.iter().map(|(key, _)| key.text().to_owned());
        let content = self.members.get(CONTENT).is_none().then(|| CONTENT.to_owned());
        own.chain(content).collect()
    }

    /// A member of the message as JSON, `None` if it has none of that name.
    pub fn member(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(raw) = &self.raw {
            return value_of(raw, name).map(Cow::Borrowed);
        }
        if name == CONTENT {
            return Some(Cow::Owned(self.content_json()));
        }
        self.own(name).map(Cow::Owned)
    }

    /// A member of the message except for its content, also if it was not streamed.
    pub(super) fn own(&self, name: &str) -> Option<Vec<u8>> {
        self.members.get(name).map(json_of)
    }

    fn content_json(&self) -> Vec<u8> {
        let mut out = vec![b'['];
        for (rank, block) in self.content.iter().enumerate() {
            out.extend_from_slice(if rank > 0 { b"," } else { b"" });
            block.write(&mut out);
        }
        out.push(b']');
        out
    }

    /// The whole message as JSON: the bytes as received if it was not streamed.
    pub fn json(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut out = vec![b'{'];
        for (rank, name) in self.keys().into_iter().enumerate() {
            out.extend_from_slice(if rank > 0 { b"," } else { b"" });
            json::write_str(&name, &mut out);
            out.push(b':');
            out.extend_from_slice(&self.member(&name).unwrap_or_default());
        }
        out.push(b'}');
        out
    }

    /// Text and reasoning of all blocks; there are neither refusals nor summaries.
    pub fn texts(&self) -> Texts {
        let mut texts = Texts::default();
        for block in self.content.iter().filter(|block| !block.kind.text.is_empty()) {
            match block.kind.kind {
                Kind::Text => texts.output_text.push_str(&block.text()),
                Kind::Reasoning => texts.reasoning_text.push_str(&block.text()),
                Kind::None | Kind::ToolArguments => {}
            }
        }
        texts
    }

    /// The error as a JSON object.
    pub fn error_json(&self) -> Option<Vec<u8>> {
        self.event_error.clone()
    }

    // -- tool calls --------------------------------------------------------------------------------------------------

    /// Takes a change of the calls other than a piece of an input.
    pub(super) fn calls_changed(&mut self) {
        self.call_changes += 1;
        self.call_positions.take();
    }

    /// The positions of the blocks that are calls, in their order.
    fn call_positions(&self) -> &[usize] {
        let is_call = |position: &usize| self.content.get(*position).is_call();
        self.call_positions.get_or_init(|| self.content.positions().filter(is_call).collect())
    }

    fn call_blocks(&self) -> impl Iterator<Item = &Block> {
        self.call_positions().iter().map(|position| self.content.get(*position))
    }

    fn call_block(&self, rank: usize) -> Option<&Block> {
        self.call_positions().get(rank).map(|position| self.content.get(*position))
    }

    /// A number that changes whenever the result of [`Self::calls`] may change. Pieces of inputs do not change it.
    pub fn calls_version(&self) -> u64 {
        self.call_changes
    }

    /// The calls, without their arguments.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.call_blocks().enumerate();
        calls.map(|(rank, block)| Call { rank, ..call_of(block) }).collect()
    }

    /// The calls.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let calls = self.call_blocks().map(|block| {
            let Call { kind, call_id, name, .. } = call_of(block);
            ToolCall { kind, call_id, name, arguments: block.argument().map(Argument::into_text) }
        });
        calls.collect()
    }

    /// The arguments of the call at a rank from a position on, and the next position. With `None` from the start.
    pub fn arguments_since(
        &self,
        rank: usize,
        from: Option<Position>,
    ) -> Option<(String, Position)> {
        let block = self.call_block(rank)?;
        let source = |kind, changes| -> Source { (kind, block.number, changes) };
        if let Some(Argument::Growing(text)) = block.argument() {
            return new_arguments(text, source(GROWING, 0), from);
        }
        let source = source(GIVEN, block.input_changes);
        if let Some(from) = from {
            return (from.source == source).then(|| (String::new(), from));
        }
        let text = block.argument()?.into_text();
        let offset = text.len();
        Some((text, Position { source, offset }))
    }

    /// The arguments of the call at a rank, as far as they have arrived.
    pub fn call_arguments(&self, rank: usize) -> Option<String> {
        self.call_block(rank)?.argument().map(Argument::into_text)
    }
}

/// The call of a block, as the first one.
fn call_of(block: &Block) -> Call {
    let string = |name| block.string(name).map(Cow::into_owned);
    Call { rank: 0, kind: block.kind.ty.into(), call_id: string("id"), name: string("name") }
}

fn json_of(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    node.write(&mut out);
    out
}

//! The state of one assembled completion: the members of its chunks, and its choices.
//!
//! All values may be read at any time, also while the stream is running. Texts, tool calls, status and finish reason are those of
//! the choice with index 0.

use std::borrow::Cow;

use super::choice::{Choice, write_key, write_member};
use crate::assemble::{Node, NodePath, Object, Ordered, Text};
use crate::diagnostics::with_message;
use crate::json;
use crate::protocols::responses::tool_calls::new_arguments;
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, Position, Texts, ToolCall};

/// The type of a chunk; also its member `object`, which some servers omit.
pub const CHUNK: &str = "chat.completion.chunk";
/// The member `object` of a completion that was not streamed.
pub const WHOLE: &str = "chat.completion";
/// The terminal event of a completion whose choices did not all finish.
pub const END_MARK: &str = "[DONE]";
/// Members that come first in the completion.
const FIRST: [&str; 5] = ["id", "object", "created", "model", "choices"];
const INCOMPLETE: [&str; 2] = ["length", "content_filter"];
const FAILED: &str = "error";
/// The kinds of containers of the texts of calls.
const CALL: u8 = 3;
const LEGACY_CALL: u8 = 4;

/// One completion, as assembled so far.
#[derive(Debug, Default)]
pub struct Assembled {
    pub tracking: Tracking,
    /// The members of the chunks except for the choices.
    pub(super) members: Object,
    pub(super) choices: Ordered<Choice>,
    /// The number of chunks; those that are appended to a text directly are not counted.
    pub(super) chunks: u64,
    /// The number of choices without a finish reason.
    pub(super) unfinished: usize,
    pub(super) id_changed: bool,
    /// The bytes before and after the choices of the chunk whose members were merged last, if they have no list and no problem.
    pub(super) around: Option<Around>,
    /// The members that were reported as loose values.
    pub(super) loose: Vec<&'static str>,
    pub(super) event_error: Option<Vec<u8>>,
    /// The completion that was not streamed.
    pub(super) raw: Option<Vec<u8>>,
    /// How often a member was set. Texts that grow are not counted.
    pub(super) changes: u64,
    pub(super) cursors: Vec<Cursor>,
}

/// The bytes of a chunk before and after its choices: merged again, they change nothing.
#[derive(Debug)]
pub struct Around {
    bytes: Box<[u8]>,
    before: usize,
}

impl Around {
    pub fn of([before, after]: [&[u8]; 2]) -> Self {
        Self { bytes: [before, after].concat().into(), before: before.len() }
    }

    /// Whether another chunk has the same bytes.
    pub fn equals(&self, [before, after]: [&[u8]; 2]) -> bool {
        self.bytes.split_at(self.before) == (before, after)
    }
}

/// The text that events append to which repeat a cached one.
#[derive(Debug)]
pub struct Cursor {
    /// The serial number of the cached event.
    pub serial: u64,
    /// The value of [`Assembled::changes`] for which the cursor is valid.
    pub changes: u64,
    /// The position of the choice.
    pub choice: u32,
    /// Whether the text is a member of the choice itself.
    pub is_own: bool,
    /// The path of the text in the message of the choice, or in the choice.
    pub text: NodePath,
    /// The path of the same text in another form.
    pub copy: Option<NodePath>,
    /// The key of the tool call with the text.
    pub call: Option<u32>,
}

impl Cursor {
    /// The text in its choice.
    #[inline]
    pub fn text_in<'c>(&self, choice: &'c mut Choice) -> Option<&'c mut Text> {
        self.text.text(if self.is_own { &mut choice.members } else { &mut choice.message })
    }
}

impl Assembled {
    /// Sets the terminal event to a chunk if all choices have finished.
    pub(super) fn check_finished(&mut self) {
        let terminal = &mut self.tracking.terminal;
        if !self.choices.is_empty() && self.unfinished == 0 {
            *terminal = Some(CHUNK);
            self.around = None;
        } else if *terminal == Some(CHUNK) {
            *terminal = None;
        }
    }

    /// Handles the end mark.
    pub fn end(&mut self) {
        self.tracking.ended = true;
        self.tracking.terminal.get_or_insert(END_MARK);
    }

    // -- reading -----------------------------------------------------------------------------------------------------

    /// Whether all choices have finished, or the end mark was seen.
    pub fn finished(&self) -> bool {
        self.tracking.terminal.is_some() || self.tracking.ended
    }

    /// Whether no further chunk is expected: it has ended, or all choices have finished and the usage is known.
    pub fn settled(&self) -> bool {
        self.tracking.ended || (self.tracking.terminal.is_some() && self.usage_node().is_some())
    }

    /// Whether all choices finished, the end mark was seen, or the completion was not streamed.
    pub fn complete(&self) -> bool {
        self.tracking.terminal.is_some() || self.tracking.non_streamed
    }

    /// The first id that is not empty.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.text("id").filter(|id| !id.is_empty())
    }

    /// Whether the id is this string, a JSON string that is not empty.
    pub(super) fn has_id(&self, quoted: &[u8]) -> bool {
        let own = self.members.get("id");
        own.and_then(Node::json) == Some(quoted)
            || own.and_then(Node::text).is_some_and(|own| own == json::decode_str(quoted))
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.members.get(name)?.text()
    }

    fn first_choice(&self) -> Option<&Choice> {
        self.choices.get(0)
    }

    /// Why the first choice ended, `None` until then.
    pub fn finish_reason(&self) -> Option<Cow<'_, str>> {
        self.first_choice()?.finish_reason()
    }

    /// `failed` after an error, else `in_progress` until all choices have finished, then `incomplete` or `completed`.
    pub fn status_name(&self) -> &'static str {
        let reason = self.finish_reason();
        let reason = reason.as_deref();
        if reason == Some(FAILED) || self.has_error() {
            "failed"
        } else if !self.complete() {
            "in_progress"
        } else if reason.is_some_and(|reason| INCOMPLETE.contains(&reason)) {
            "incomplete"
        } else {
            "completed"
        }
    }

    /// The finish reason of an incomplete completion.
    pub fn incomplete_reason(&self) -> Option<Cow<'_, str>> {
        self.finish_reason().filter(|_| self.status_name() == "incomplete")
    }

    /// The token counts as JSON, `None` until they are known: the last ones that a chunk had, also those of Groq's `x_groq`.
    pub fn usage(&self) -> Option<Vec<u8>> {
        self.usage_node().map(json_of)
    }

    fn usage_node(&self) -> Option<&Node> {
        let is_object = |node: &&Node| node.is_object();
        let groq = || match self.members.get("x_groq") {
            Some(Node::Object(groq)) => groq.get("usage").filter(is_object),
            _ => None,
        };
        self.members.get("usage").filter(is_object).or_else(groq)
    }

    /// The names of the members.
    pub fn keys(&self) -> Vec<String> {
        if let Some(raw) = &self.raw {
            let members = super::merge::members_of(raw);
            return members
                .iter()
                .map(|member| json::decode_key(raw, member).into_owned())
                .collect();
        }
        let mut keys: Vec<String> = Vec::new();
        let always = ["object", "choices"];
        let first = FIRST.into_iter();
        let first = first.filter(|name| always.contains(name) || self.members.get(name).is_some());
        keys.extend(first.map(str::to_owned));
        let rest = self.members.iter().map(|(key, _)| key.text());
        keys.extend(rest.filter(|name| !FIRST.contains(name)).map(str::to_owned));
        let usage = (self.chunks > 1).then_some("usage");
        let declared = ["system_fingerprint"].into_iter().chain(usage);
        keys.extend(declared.filter(|name| self.members.get(name).is_none()).map(str::to_owned));
        keys
    }

    /// A member of the completion as JSON, `None` if it has none of that name.
    pub fn member(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(raw) = &self.raw {
            return super::merge::value_of(raw, name).map(Cow::Borrowed);
        }
        Some(Cow::Owned(match name {
            "object" => format!("\"{WHOLE}\"").into_bytes(),
            "choices" => self.choices_json(),
            _ => match self.members.get(name) {
                Some(node) => json_of(node),
                None if name == "system_fingerprint" || (name == "usage" && self.chunks > 1) => {
                    b"null".to_vec()
                }
                None => return None,
            },
        }))
    }

    fn choices_json(&self) -> Vec<u8> {
        let mut out = vec![b'['];
        for (rank, (_, choice)) in self.choices.iter().enumerate() {
            out.extend_from_slice(if rank > 0 { b"," } else { b"" });
            choice.write(&mut out);
        }
        out.push(b']');
        out
    }

    /// The whole completion as JSON: the bytes as received if it was not streamed.
    pub fn json(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut out = vec![b'{'];
        for name in self.keys() {
            match &*name {
                "object" | "choices" => {
                    write_key(&name, &mut out);
                    out.extend_from_slice(&self.member(&name).unwrap_or_default());
                }
                _ => write_member(&name, self.members.get(&name), &mut out),
            }
        }
        out.push(b'}');
        out
    }

    /// Text, refusal and reasoning of the first choice; there are no summaries.
    pub fn texts(&self) -> Texts {
        let Some(choice) = self.first_choice() else { return Texts::default() };
        Texts {
            output_text: choice.text().into_owned(),
            refusal: choice.refusal().map(Cow::into_owned),
            reasoning_text: choice.reasoning_text().into_owned(),
            reasoning_summary: String::new(),
        }
    }

    fn has_error(&self) -> bool {
        self.event_error.is_some()
            || self.members.get("error").is_some_and(|own| own.is_object() || own.is_filled_text())
    }

    /// The error as a JSON object: that of a chunk, else that of an error body.
    pub fn error_json(&self) -> Option<Vec<u8>> {
        match self.members.get("error") {
            Some(own) if own.is_filled_text() => Some(with_message(&json_of(own))),
            Some(own) if own.is_object() => Some(json_of(own)),
            _ => self.event_error.clone(),
        }
    }

    // -- tool calls --------------------------------------------------------------------------------------------------

    /// A number that changes whenever the result of [`Self::calls`] may change. Pieces of arguments do not change it.
    pub fn calls_version(&self) -> u64 {
        self.first_choice().map_or(0, |choice| {
            let calls = choice.call_list().map_or(0, |calls| calls.parts.len()) as u64;
            calls + choice.calls.changes + u64::from(choice.message.get("function_call").is_some())
        })
    }

    /// The calls of the first choice, without their arguments.
    pub fn calls(&self) -> Vec<Call> {
        let Some(choice) = self.first_choice() else { return Vec::new() };
        let call = |rank| {
            let (kind, call_id, name) = choice.call_facts(rank)?;
            Some(Call { rank, kind: kind.into(), call_id, name })
        };
        (0..choice.calls_len()).filter_map(call).collect()
    }

    /// The calls of the first choice.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let with_arguments = |call: Call| ToolCall {
            arguments: self.call_arguments(call.rank),
            kind: call.kind,
            call_id: call.call_id,
            name: call.name,
        };
        self.calls().into_iter().map(with_arguments).collect()
    }

    /// The arguments of the call at a rank from a position on, and the next position. With `None` from the start.
    pub fn arguments_since(
        &self,
        rank: usize,
        from: Option<Position>,
    ) -> Option<(String, Position)> {
        let choice = self.first_choice()?;
        let Node::Text(text) = choice.call_text(rank)? else { return None };
        let source = match choice.call_key(rank) {
            Some(key) => (CALL, key, 0),
            None => (LEGACY_CALL, 0, 0),
        };
        new_arguments(text, source, from)
    }

    /// The arguments of the call at a rank, as far as they have arrived.
    pub fn call_arguments(&self, rank: usize) -> Option<String> {
        self.first_choice()?.call_text(rank)?.text().map(Cow::into_owned)
    }
}

fn json_of(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    node.write(&mut out);
    out
}

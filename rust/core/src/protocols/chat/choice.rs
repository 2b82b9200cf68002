//! One choice of a completion while it is assembled.

use std::borrow::Cow;

use super::catalogue::{DECLARED_AUDIO, DECLARED_FUNCTION_CALL, DECLARED_MESSAGE};
use super::tool_calls::{Calls, TEXTS, call_of, text_place};
use crate::assemble::{Node, Object, Sparse, Text};
use crate::json;

/// The number of chunks of a choice from which on its message has all members that the SDK declares, as the SDK's has.
const DECLARED_FROM: u64 = 2;
/// The objects in a message with members that the SDK declares.
const INNER: [(&str, &[&str]); 2] =
    [("audio", &DECLARED_AUDIO), ("function_call", &DECLARED_FUNCTION_CALL)];

/// One choice.
#[derive(Debug)]
pub struct Choice {
    pub index: u32,
    /// The members of the choice except for its message.
    pub members: Object,
    pub message: Object,
    pub calls: Calls,
    pub reasoning: Reasoning,
    /// The number of its chunks; those that are appended to a text directly are not counted.
    pub chunks: u64,
    /// Whether a chunk had a part of its output.
    pub streamed: bool,
    /// Whether a chunk had the finish reason.
    pub finished: bool,
}

/// The text of the reasoning, in any form.
#[derive(Debug)]
pub enum Reasoning {
    None,
    /// The text of this member of the message.
    Member(&'static str),
    /// The reasoning has several forms.
    Mixed(Text),
}

/// Type, id and name of a tool call.
pub type CallFacts = (String, Option<String>, Option<String>);

impl Choice {
    pub fn new(index: u32) -> Self {
        Self {
            index,
            members: Object::default(),
            message: Object::default(),
            calls: Calls::default(),
            reasoning: Reasoning::None,
            chunks: 0,
            streamed: false,
            finished: false,
        }
    }

    /// Why the choice ended, `None` until then.
    pub fn finish_reason(&self) -> Option<Cow<'_, str>> {
        self.members.get("finish_reason")?.text().filter(|reason| !reason.is_empty())
    }

    /// The text of the content.
    pub fn text(&self) -> Cow<'_, str> {
        self.message.get("content").and_then(Node::text).unwrap_or_default()
    }

    /// The text of the reasoning.
    pub fn reasoning_text(&self) -> Cow<'_, str> {
        match &self.reasoning {
            Reasoning::None => Cow::Borrowed(""),
            Reasoning::Member(name) => {
                self.message.get(name).and_then(Node::text).unwrap_or_default()
            }
            Reasoning::Mixed(text) => json::finish_wtf8(&text.wtf8),
        }
    }

    /// The text of the refusal, `None` if there is none.
    pub fn refusal(&self) -> Option<Cow<'_, str>> {
        self.message.get("refusal")?.text().filter(|text| !text.is_empty())
    }

    /// Appends the choice as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"index\":");
        out.extend_from_slice(self.index.to_string().as_bytes());
        for (key, node) in self.members.iter() {
            write_member(key.text(), Some(node), out);
        }
        out.extend_from_slice(b",\"message\":");
        self.write_message(out);
        out.push(b'}');
    }

    fn write_message(&self, out: &mut Vec<u8>) {
        if self.chunks < DECLARED_FROM {
            return self.message.write(out);
        }
        out.push(b'{');
        for (key, node) in self.message.iter() {
            let inner = INNER.iter().find(|(name, _)| *name == key.text());
            match (inner, node) {
                (Some((name, declared)), Node::Object(object)) => {
                    write_key(name, out);
                    out.push(b'{');
                    write_declared(object, declared, out);
                    out.push(b'}');
                }
                _ => write_member(key.text(), Some(node), out),
            }
        }
        let missing = DECLARED_MESSAGE.iter().filter(|name| self.message.get(name).is_none());
        missing.for_each(|name| write_member(name, None, out));
        out.push(b'}');
    }

    // -- tool calls --------------------------------------------------------------------------------------------------

    /// The calls by index.
    pub fn call_list(&self) -> Option<&Sparse> {
        match self.message.get("tool_calls") {
            Some(Node::Sparse(calls)) => Some(calls),
            _ => None,
        }
    }

    /// The call in the form before `tool_calls`.
    pub fn legacy_call(&self) -> Option<&Object> {
        match self.message.get("function_call") {
            Some(Node::Object(call)) => Some(call),
            _ => None,
        }
    }

    /// The number of calls.
    pub fn calls_len(&self) -> usize {
        self.call_list().map_or(0, |calls| calls.parts.len())
            + usize::from(self.legacy_call().is_some())
    }

    /// The key of the call at a rank; `None` for the legacy call.
    pub fn call_key(&self, rank: usize) -> Option<u32> {
        self.call_list()?.parts.ranked(rank).map(|(key, _)| key)
    }

    /// Type, id and name of the call at a rank.
    pub fn call_facts(&self, rank: usize) -> Option<CallFacts> {
        let Some(key) = self.call_key(rank) else {
            let call = self.legacy_call().filter(|_| rank + 1 == self.calls_len())?;
            return Some(("function".to_owned(), None, text(call, "name")));
        };
        Some(facts_of(call_of(self.call_list()?, key)?))
    }

    /// The text of the call at a rank, if there is one.
    pub fn call_text(&self, rank: usize) -> Option<&Node> {
        let Some(key) = self.call_key(rank) else {
            return self.legacy_call().filter(|_| rank + 1 == self.calls_len())?.get("arguments");
        };
        let (inner, member) = text_place(call_of(self.call_list()?, key)?);
        inner?.get(member)
    }
}

/// Appends the members of an object, and the declared ones that it lacks as null.
fn write_declared(object: &Object, declared: &[&str], out: &mut Vec<u8>) {
    object.iter().for_each(|(key, node)| write_member(key.text(), Some(node), out));
    let missing = declared.iter().filter(|name| object.get(name).is_none());
    missing.for_each(|name| write_member(name, None, out));
}

/// Appends a key of an object, after a comma if it is not the first.
pub fn write_key(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    json::write_str(name, out);
    out.push(b':');
}

/// Appends a member of an object. A value that is not there is null.
pub fn write_member(name: &str, node: Option<&Node>, out: &mut Vec<u8>) {
    write_key(name, out);
    match node {
        Some(node) => node.write(out),
        None => out.extend_from_slice(b"null"),
    }
}

/// Type, id and name of a call.
fn facts_of(call: &Object) -> CallFacts {
    let (inner, _) = text_place(call);
    let kind = text(call, "type").filter(|kind| !kind.is_empty());
    let inside = || TEXTS.iter().find(|(name, _)| matches!(call.get(name), Some(Node::Object(_))));
    let kind = kind.unwrap_or_else(|| inside().map_or("function", |(name, _)| *name).to_owned());
    (kind, text(call, "id"), inner.and_then(|inner| text(inner, "name")))
}

fn text(object: &Object, name: &str) -> Option<String> {
    object.get(name)?.text().map(Cow::into_owned)
}

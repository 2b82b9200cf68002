//! Applies the deltas of blocks: which block each is about, and what it changes there.

use std::borrow::Cow;

use super::catalogue::{DELTAS, DeltaOp, DeltaRule, delta_rule};
use super::content::INPUT;
use super::merge::{
    Named, append_quoted, extend, is_list, members_of, merge, put, set_default, text_in,
};
use super::response::Assembled;
use crate::assemble::{Node, Object, Text};
use crate::diagnostics::{Code, Detail, Issue, clip};
use crate::json;

/// The end of the types of deltas; the rest names the type of a block that is made for an unknown one.
const SUFFIX: &str = "_delta";

/// The message that an event is applied to, and where its diagnostics go.
pub struct Context<'c> {
    pub folded: &'c mut Assembled,
    pub issues: &'c mut Vec<Issue>,
}

impl Context<'_> {
    pub fn report(&mut self, code: Code, detail: Detail) {
        self.issues.push((code, detail));
    }

    /// Reports a value of another kind whose meaning is clear, once for each field of a message.
    pub fn report_loose(&mut self, field: &'static str, got: &str, read: &str) {
        if !self.folded.loose.contains(&field) {
            self.folded.loose.push(field);
            let detail = vec![("field", field.into()), ("got", got.into()), ("read", read.into())];
            self.report(Code::LooseValue, detail);
        }
    }

    /// Reports a member that has the wrong kind; it has no effect.
    pub fn bad(&mut self, field: &str, expected: &str) {
        self.report(Code::BadField, vec![("field", field.into()), ("expected", expected.into())]);
    }
}

/// A delta: its JSON, and its members with their names.
pub struct Delta<'d> {
    raw: &'d [u8],
    members: Vec<Named<'d>>,
}

impl<'d> Delta<'d> {
    pub fn of(raw: &'d [u8]) -> Self {
        Self { raw, members: members_of(raw) }
    }

    fn get(&self, name: &str) -> Option<&'d [u8]> {
        let found = self.members.iter().find(|(own, _)| **own == *name.as_bytes());
        found.map(|(_, member)| member.value(self.raw))
    }

    /// A member that is a string, as JSON; reported if it has another kind.
    fn string(&self, cx: &mut Context<'_>, name: &str) -> Option<&'d [u8]> {
        let value = self.get(name)?;
        match value.first() {
            Some(b'"') => return Some(value),
            Some(b'n') => {}
            _ => cx.bad(&format!("delta.{name}"), "a string"),
        }
        None
    }
}

/// Applies a delta to its block, which is made if there is none that it fits.
pub fn apply_delta(cx: &mut Context<'_>, index: Option<u64>, delta: &Delta<'_>) {
    let Some(ty) = type_of(cx, delta) else { return };
    let rule = delta_rule(ty.as_bytes());
    let position = block_of(cx, index, &ty, rule);
    let block = cx.folded.content.get(position);
    if block.stopped {
        let detail = vec![("type", clip(&ty).into()), ("index", block.index().into())];
        cx.report(Code::DeltaAfterStop, detail);
    }
    match rule {
        None => merge_unknown(cx, position, delta),
        Some(rule) => match rule.op {
            DeltaOp::Append => append(cx, position, rule, delta),
            DeltaOp::Input => input(cx, position, rule, delta),
            DeltaOp::Set => set(cx, position, rule, delta),
            DeltaOp::Extend => add_element(cx, position, rule, delta),
        },
    }
}

/// The type of a delta. One without a type is of that whose member it has.
fn type_of<'d>(cx: &mut Context<'_>, delta: &Delta<'d>) -> Option<Cow<'d, str>> {
    let ty = delta.get("type").filter(|ty| !ty.starts_with(b"n"));
    if let Some(quoted) = ty.filter(|ty| ty.starts_with(b"\"") && ty.len() > 2) {
        return Some(json::decode_str(quoted));
    }
    let has = |rule: &&DeltaRule| !rule.member.is_empty() && delta.get(rule.member).is_some();
    let found = DELTAS.iter().find(has).filter(|_| ty.is_none());
    match found {
        Some(rule) => cx.report_loose("delta.type", "missing", rule.ty),
        None => cx.bad("delta.type", "a string"),
    }
    found.map(|rule| Cow::Borrowed(rule.ty))
}

/// The position of the block that a delta is about.
fn block_of(
    cx: &mut Context<'_>,
    index: Option<u64>,
    ty: &str,
    rule: Option<&'static DeltaRule>,
) -> usize {
    let content = &mut cx.folded.content;
    let found = match rule {
        None => content.at(index),
        Some(rule) => content.fitting(index, rule.blocks),
    };
    let made = match rule {
        None => ty.strip_suffix(SUFFIX).unwrap_or(ty),
        Some(rule) => rule.blocks.first().copied().unwrap_or_default(),
    };
    let Some(position) = found else {
        let latest = content.latest.map_or(0, |latest| content.get(latest).index());
        let shown = index.unwrap_or(latest);
        let mut members = Object::default();
        members.set("type", Node::string(made));
        let (position, _) = content.add(Some(shown), members, Some(made));
        cx.folded.calls_changed();
        let detail = vec![("type", clip(ty).into()), ("index", shown.into())];
        cx.report(Code::NoBlockStart, detail);
        return position;
    };
    if let Some(rule) = rule
        && content.get(position).ty.is_none()
        && let Some(made) = rule.blocks.first()
    {
        content.set_type(position, made);
        cx.folded.calls_changed();
    }
    position
}

// -- operations ------------------------------------------------------------------------------------------------------

fn append(cx: &mut Context<'_>, position: usize, rule: &DeltaRule, delta: &Delta<'_>) {
    let Some(text) = delta.string(cx, rule.member) else { return };
    let block = cx.folded.content.get_mut(position);
    append_quoted(text_in(&mut block.members, rule.target).1, text);
}

fn input(cx: &mut Context<'_>, position: usize, rule: &DeltaRule, delta: &Delta<'_>) {
    let Some(text) = delta.string(cx, rule.member) else { return };
    let content = &mut cx.folded.content;
    let block = content.get_mut(position);
    append_quoted(block.input.get_or_insert_with(Text::default), text);
    if text.len() > 2 {
        let key = block.key;
        content.unchecked.add(key, position);
    }
}

fn set(cx: &mut Context<'_>, position: usize, rule: &DeltaRule, delta: &Delta<'_>) {
    for name in rule.members {
        let members = &mut cx.folded.content.get_mut(position).members;
        match delta.get(name) {
            None => set_default(members, name),
            Some(value) => match value.first() {
                Some(b'"') => put(members, name, Node::raw(value)),
                Some(b'n') => set_default(members, name),
                _ => cx.bad(&format!("delta.{name}"), "a string"),
            },
        }
    }
}

fn add_element(cx: &mut Context<'_>, position: usize, rule: &DeltaRule, delta: &Delta<'_>) {
    let value = delta.get(rule.member).filter(|value| !value.starts_with(b"n"));
    if let Some(value) = value {
        let members = &mut cx.folded.content.get_mut(position).members;
        extend(members, rule.target, &[b"[", value, b"]"].concat());
    }
}

fn merge_unknown(cx: &mut Context<'_>, position: usize, delta: &Delta<'_>) {
    let block = cx.folded.content.get_mut(position);
    for (name, member) in delta.members.iter().filter(|(name, _)| **name != *b"type") {
        let value = member.value(delta.raw);
        if **name == *INPUT.as_bytes() {
            block.input_changes += u64::from(replaces(block.members.get(INPUT), value));
        }
        merge(&mut block.members, name, value);
    }
    if block.is_call() {
        cx.folded.calls_changed();
    }
}

/// Whether [`merge`] replaces a value, so that those who have read it must read it again.
fn replaces(before: Option<&Node>, value: &[u8]) -> bool {
    match value.first() {
        Some(b'n') => false,
        Some(b'"') => !matches!(before, Some(Node::Text(_))),
        Some(b'[') => !is_list(before),
        Some(b't' | b'f') => before.and_then(Node::json) != Some(value),
        _ => true,
    }
}

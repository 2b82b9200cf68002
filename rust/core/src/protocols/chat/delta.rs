//! Applies the delta of one choice: its texts, its reasoning and its tool calls.

use super::catalogue::{Kind, Op, Rule, Scope};
use super::choice::{Choice, Reasoning};
use super::merge::{
    Context, Fields, Path, Slot, is_empty_list, is_null, merge_value, rule_of, value_of,
    without_quotes,
};
use super::parts::Content;
use crate::assemble::append::append;
use crate::assemble::{Node, Text};
use crate::json;

/// The member of the message with the text of parts that are thinking.
pub const THINKING_MEMBER: &str = "reasoning_content";
/// The member of a delta with its text, or its parts.
const CONTENT: &str = "content";
/// The member of the message with the parts that are neither text nor thinking.
const PARTS_MEMBER: &str = "content_parts";

/// Whether a delta has a part of the output: not only the role, empty strings and nulls.
pub fn is_streamed(delta: &Fields<'_>) -> bool {
    let streamed = |rule: &Rule| rule.kind != Kind::None || rule.into != Scope::None;
    delta.members.iter().any(|member| {
        rule_of(delta.text, member, Scope::Delta).0.is_some_and(streamed)
            && is_filled(member.value(delta.text))
    })
}

/// Whether a value is not null, empty, false or 0.
fn is_filled(value: &[u8]) -> bool {
    match value.first() {
        Some(b'"') => value.len() > 2,
        Some(b'[' | b'{') => !is_empty_list(value),
        Some(b't') => true,
        Some(b'-' | b'0'..=b'9') => {
            let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
            number.is_none_or(|number| number != 0.0)
        }
        _ => false,
    }
}

/// Merges a delta into the message of its choice.
pub fn apply_delta(cx: &mut Context<'_>, path: &Path<'_>, choice: &mut Choice, delta: &Fields<'_>) {
    let parts = parts_of(delta);
    apply_reasoning(cx, choice, delta, parts.as_ref());
    for (near, member) in (0..).zip(&*delta.members) {
        let ((rule, name), value) =
            (rule_of(delta.text, member, Scope::Delta), member.value(delta.text));
        match rule {
            Some(rule) if rule.op == Op::Content => {
                content(cx, path, choice, (rule, near), value, parts.as_ref());
            }
            Some(Rule { op: Op::Calls, name, .. }) => calls(cx, path, choice, name, value),
            _ => {
                let mut slot = Slot::of(&mut choice.message, rule, &name, near);
                merge_value(cx, path, &mut slot, value);
            }
        }
    }
}

/// The content of a delta, if it is a list of parts, or one part.
fn parts_of<'d>(delta: &Fields<'d>) -> Option<Content<'d>> {
    match delta.value(CONTENT) {
        Some(list @ [b'[', ..]) => Some(Content::of(list)),
        Some(part @ [b'{', ..]) => Some(Content::of_one(part)),
        _ => None,
    }
}

// -- reasoning -------------------------------------------------------------------------------------------------------

/// A text of reasoning in a delta: JSON strings without quotes, and the members that are this text.
#[derive(Default)]
struct ReasoningPiece<'d> {
    bodies: Vec<&'d [u8]>,
    names: Vec<&'static str>,
    wtf8: Vec<u8>,
}

/// Adds the reasoning of a delta to that of its choice. Called before the delta is merged.
fn apply_reasoning(
    cx: &mut Context<'_>,
    choice: &mut Choice,
    delta: &Fields<'_>,
    parts: Option<&Content<'_>>,
) {
    let pieces = reasoning_of(delta, parts);
    let is_empty =
        |name: &&'static str| !choice.message.get(name).is_some_and(Node::is_filled_text);
    let continued = match (&pieces[..], &choice.reasoning) {
        ([], _) => return,
        ([piece], Reasoning::None) => piece.names().find(is_empty),
        ([piece], Reasoning::Member(before)) => piece.names().find(|name| name == before),
        _ => None,
    };
    if let Some(name) = continued {
        choice.reasoning = Reasoning::Member(name);
        return;
    }
    if let Reasoning::None | Reasoning::Member(_) = choice.reasoning {
        cx.changes += 1;
        choice.reasoning = Reasoning::Mixed(reasoning_so_far(choice));
    }
    if let Reasoning::Mixed(text) = &mut choice.reasoning {
        for body in pieces.iter().flat_map(|piece| &piece.bodies) {
            append(text, body, body.len(), true);
        }
    }
}

impl ReasoningPiece<'_> {
    /// The members that the piece is appended to once.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = &self.names;
        let once = |name: &&str| names.iter().filter(|other| *other == name).count() == 1;
        names.iter().copied().filter(once)
    }
}

fn reasoning_so_far(choice: &Choice) -> Text {
    let mut text = Text::default();
    if let Reasoning::Member(name) = choice.reasoning
        && let Some(Node::Text(before)) = choice.message.get(name)
    {
        text.wtf8.clone_from(&before.wtf8);
    }
    text
}

/// The texts of reasoning in a delta that are not empty; two spellings of the same are one.
fn reasoning_of<'d>(delta: &Fields<'d>, parts: Option<&Content<'d>>) -> Vec<ReasoningPiece<'d>> {
    let mut pieces: Vec<ReasoningPiece<'d>> = Vec::new();
    for member in &*delta.members {
        let Some(rule) = rule_of(delta.text, member, Scope::Delta).0 else { continue };
        let (mut piece, value) = (ReasoningPiece::default(), member.value(delta.text));
        match (rule.op, rule.kind, value.first()) {
            (Op::Content, _, Some(b'[' | b'{')) => {
                piece.bodies = parts.map(|parts| parts.thinking.clone()).unwrap_or_default();
                piece.names.push(THINKING_MEMBER);
            }
            (Op::Append, Kind::Reasoning, Some(b'"')) => {
                piece.bodies.push(without_quotes(value));
                piece.names.push(rule.name);
            }
            (Op::Details, Kind::Reasoning, Some(b'[')) => {
                bodies_of_details(value, &mut piece.bodies);
            }
            _ => continue,
        }
        for body in &piece.bodies {
            json::decode_wtf8_body(body, &mut piece.wtf8);
        }
        match pieces.iter_mut().find(|other| other.wtf8 == piece.wtf8) {
            _ if piece.wtf8.is_empty() => {}
            Some(other) => other.names.append(&mut piece.names),
            None => pieces.push(piece),
        }
    }
    pieces
}

fn bodies_of_details<'d>(details: &'d [u8], bodies: &mut Vec<&'d [u8]>) {
    let mut spans = Vec::new();
    json::elements(details, &mut spans);
    for (start, end, _) in spans {
        let part = details.get(start..end).unwrap_or_default();
        if part.first() == Some(&b'{') {
            let texts = ["text", "summary"].into_iter().filter_map(|name| value_of(part, name));
            let texts = texts.filter(|text| text.first() == Some(&b'"'));
            bodies.extend(texts.map(without_quotes));
        }
    }
}

// -- content and tool calls ------------------------------------------------------------------------------------------

fn content(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    choice: &mut Choice,
    (rule, near): (&'static Rule, u32),
    value: &[u8],
    found: Option<&Content<'_>>,
) {
    let name = rule.name;
    match value.first() {
        Some(b'"' | b'[' | b'n') => {}
        Some(b'{') => cx.report_loose(path, name, "an object", "a list of parts"),
        _ => return cx.bad(path, name, "a string or a list of parts"),
    }
    if let Some(found) = found {
        parts(cx, path, choice, name, found);
    }
    let mut slot = Slot::of(&mut choice.message, Some(rule), name, near);
    if is_null(value) {
        return slot.set_default(cx);
    }
    cx.changes += u64::from(!matches!(slot.get(), Some(Node::Text(_))));
    let (text, only) = (slot.text(), without_quotes(value));
    let bodies = found.map_or(std::slice::from_ref(&only), |found| &found.text);
    for body in bodies {
        append(text, body, body.len(), true);
    }
}

/// Takes the parts of a content except for its texts.
fn parts(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    choice: &mut Choice,
    name: &str,
    found: &Content<'_>,
) {
    for position in &found.bad {
        cx.bad(path, &format!("{name}[{position}]"), "a part");
    }
    if !found.thinking.is_empty() {
        let (_, text) = choice.message.text(THINKING_MEMBER);
        for body in &found.thinking {
            append(text, body, body.len(), true);
        }
    }
    if !found.others.is_empty() {
        let list = [b"[", &found.others.join(&b","[..])[..], b"]"].concat();
        let mut slot = Slot::of(&mut choice.message, None, PARTS_MEMBER, 0);
        merge_value(cx, path, &mut slot, &list);
    }
}

fn calls(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    choice: &mut Choice,
    name: &'static str,
    value: &[u8],
) {
    if value.first() != Some(&b'[') {
        return if is_null(value) {
            Slot::of(&mut choice.message, None, name, 0).set_default(cx);
        } else {
            cx.bad(path, name, "a list");
        };
    }
    let mut spans = Vec::new();
    json::elements(value, &mut spans);
    cx.changes += u64::from(!matches!(choice.message.get(name), Some(Node::Sparse(_))));
    let (_, tree) = choice.message.list(name);
    for (position, (start, end, _)) in spans.into_iter().enumerate() {
        let piece = value.get(start..end).unwrap_or_default();
        if piece.first() == Some(&b'{') {
            choice.calls.add(cx, &Path::Element(path, name, position), tree, piece);
        } else {
            cx.bad(path, &format!("{name}[{position}]"), "an object");
        }
    }
}

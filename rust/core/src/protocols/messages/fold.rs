//! Applies one event to one message.

use super::catalogue::{DECLARED_MESSAGE_DELTA, EventOp};
use super::delta::{Context, Delta, apply_delta};
use super::events::{Event, INDEX};
use super::inputs::is_json;
use super::merge::{members_of, put, set_default, unique, value_of};
use super::repeated::set_cursor;
use super::response::{Assembled, CONTENT, ERROR, STOP};
use crate::assemble::{Node, Object, Slice, object_mut};
use crate::diagnostics::{Code, Issue, clip, with_message};
use crate::json::{self, Kind, Member};
use crate::work::work;

/// The type of a block that names the model of the blocks behind it, which is that of the message.
const FALLBACK: &str = "fallback";
const REASON: &str = "stop_reason";
const REQUEST_ID: &str = "request_id";
/// Names that a `message_delta` or `message_stop` never adds to the message.
const RESERVED: [&str; 6] = ["type", "content", "usage", "delta", "message", "index"];

/// Applies an event to its message; `issues` receives its diagnostics.
pub fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
    let Some(route) = event.route.filter(|route| route.is_valid) else { return };
    let before = issues.len();
    let cx = &mut Context { folded: response, issues };
    match route.entry.op {
        EventOp::MessageStart => message_start(cx, event),
        EventOp::MessageDelta => message_delta(cx, event),
        EventOp::MessageStop => message_stop(cx, event),
        EventOp::BlockStart => block_start(cx, event),
        EventOp::BlockDelta => {
            block_delta(cx, event);
            if issues.len() == before {
                set_cursor(response, event);
            }
        }
        EventOp::BlockStop => block_stop(cx, event),
        EventOp::Error => error(cx, event),
        EventOp::Quiet => {}
    }
}

/// Sets a message to one that was not streamed.
pub fn apply_whole(response: &mut Assembled, raw: &[u8], issues: &mut Vec<Issue>) {
    work(raw.len());
    start(&mut Context { folded: response, issues }, raw, "");
    for position in response.content.positions().collect::<Vec<_>>() {
        response.content.get_mut(position).stopped = true;
    }
    response.raw = Some(raw.to_vec());
}

// -- the message -----------------------------------------------------------------------------------------------------

fn message_start(cx: &mut Context<'_>, event: &Event<'_>) {
    match event.member("message").filter(|message| message.kind == Kind::Object) {
        Some(message) => start(cx, event.bytes(&message), "message."),
        None => cx.bad("message", "an object"),
    }
}

/// Sets the members of the message; the blocks of its content begin. `path`: that of the message.
fn start(cx: &mut Context<'_>, message: &[u8], path: &str) {
    let mut members = Vec::with_capacity(12);
    json::locate(message, &mut members);
    let of = |name| json::find(message, &members, name).copied();
    let (content, usage) = (of(CONTENT), of("usage"));
    let is_usage = usage.is_none_or(|usage| usage.kind == Kind::Object);
    cx.folded.members = Object::with_members(&Slice::from(message), &members);
    if !is_usage {
        let kept: Vec<_> = members
            .iter()
            .filter(|member| json::decode_key(message, member) != "usage")
            .copied()
            .collect();
        cx.folded.members = Object::with_members(&Slice::from(message), &kept);
    }
    match content.map(|content| (content.kind, content.value(message))) {
        Some((Kind::Array, list)) => start_content(cx, list, path),
        None | Some((Kind::Null, _)) => {}
        Some(_) => cx.bad(&format!("{path}{CONTENT}"), "a list"),
    }
    if !is_usage && usage.is_some_and(|usage| usage.kind != Kind::Null) {
        cx.bad(&format!("{path}usage"), "an object");
    }
}

fn start_content(cx: &mut Context<'_>, list: &[u8], path: &str) {
    let mut spans = Vec::new();
    json::elements(list, &mut spans);
    for (index, (start, end, kind)) in spans.into_iter().enumerate() {
        if kind == Kind::Object {
            add(cx, Some(index as u64), list.get(start..end).unwrap_or_default());
        } else {
            cx.bad(&format!("{path}{CONTENT}[{index}]"), "an object");
        }
    }
}

fn message_delta(cx: &mut Context<'_>, event: &Event<'_>) {
    add_members(cx.folded, event.raw, event.members.iter().collect());
    let value = |name| event.member(name).filter(|member| member.kind != Kind::Null);
    match value("delta") {
        Some(delta) if delta.kind == Kind::Object => set_delta(cx, event.bytes(&delta)),
        Some(_) => cx.bad("delta", "an object"),
        None => {}
    }
    for name in DECLARED_MESSAGE_DELTA {
        set_default(&mut cx.folded.members, name);
    }
    match value("usage") {
        Some(usage) if usage.kind == Kind::Object => set_usage(cx.folded, event.bytes(&usage)),
        Some(_) => cx.bad("usage", "an object"),
        None => {}
    }
}

/// Sets the members of the message to those of a delta that are not null.
fn set_delta(cx: &mut Context<'_>, delta: &[u8]) {
    let mut members = Vec::with_capacity(8);
    json::locate(delta, &mut members);
    let reason = json::find(delta, &members, REASON).map(|reason| reason.kind);
    if !matches!(reason, None | Some(Kind::Null | Kind::String)) {
        cx.bad(&format!("delta.{REASON}"), "a string");
        members.retain(|member| json::decode_key(delta, member) != REASON);
    }
    add_members(cx.folded, delta, members);
}

fn set_usage(folded: &mut Assembled, usage: &[u8]) {
    let known = object_mut(folded.members.member("usage").1, "");
    for (name, member) in members_of(usage) {
        if member.kind != Kind::Null {
            put(known, name, Node::raw(member.value(usage)));
        }
    }
}

/// Sets members of the message to those of an event that are not null, except for those with rules of their own.
fn add_members(folded: &mut Assembled, raw: &[u8], members: Vec<Member>) {
    for (name, member) in unique(raw, members) {
        if member.kind != Kind::Null && !RESERVED.iter().any(|own| *own.as_bytes() == *name) {
            put(&mut folded.members, name, Node::raw(member.value(raw)));
        }
    }
}

fn message_stop(cx: &mut Context<'_>, event: &Event<'_>) {
    let members: Vec<Member> = event.members.iter().collect();
    if members.len() > 1 && unique(event.raw, members.clone()).len() > 1 {
        add_members(cx.folded, event.raw, members);
    }
    for position in cx.folded.content.positions().collect::<Vec<_>>() {
        if !cx.folded.content.get(position).stopped {
            end_block(cx, position);
        }
    }
    for position in cx.folded.content.unchecked.positions() {
        check_input(cx, position);
    }
    cx.folded.tracking.terminal = Some(STOP);
    cx.folded.tracking.ended = true;
}

fn error(cx: &mut Context<'_>, event: &Event<'_>) {
    let member = |name| event.member(name).map(|member| (member.kind, event.bytes(&member)));
    let members = match member(ERROR) {
        Some((Kind::Object, error)) => error.to_vec(),
        Some((Kind::String, message)) => with_message(message),
        _ => without_type(event),
    };
    let request = member(REQUEST_ID).filter(|(kind, _)| *kind != Kind::Null);
    let request = request.filter(|_| value_of(&members, REQUEST_ID).is_none());
    cx.folded.event_error = Some(match request {
        Some((_, id)) => with_member(members, REQUEST_ID, id),
        None => members,
    });
    cx.folded.tracking.terminal = Some(ERROR);
    cx.folded.tracking.ended = true;
}

/// The members of an event except for its type, as an object.
fn without_type(event: &Event<'_>) -> Vec<u8> {
    let mut object = b"{}".to_vec();
    for (name, member) in unique(event.raw, event.members.iter().collect()) {
        if *name != *b"type" {
            let name = String::from_utf8_lossy(&name);
            object = with_member(object, &name, event.bytes(&member));
        }
    }
    object
}

/// An object with one more member.
fn with_member(mut object: Vec<u8>, name: &str, value: &[u8]) -> Vec<u8> {
    object.pop();
    let is_first = object.get(1..).is_some_and(|inside| inside.iter().all(u8::is_ascii_whitespace));
    object.extend_from_slice(if is_first { b"" } else { b"," });
    json::write_str(name, &mut object);
    object.push(b':');
    object.extend_from_slice(value);
    object.push(b'}');
    object
}

// -- blocks ----------------------------------------------------------------------------------------------------------

fn block_start(cx: &mut Context<'_>, event: &Event<'_>) {
    match event.member("content_block").filter(|block| block.kind == Kind::Object) {
        Some(block) => {
            let index = index(cx, event);
            add(cx, index, event.bytes(&block));
        }
        None => cx.bad("content_block", "an object"),
    }
}

/// The index of an event, `None` if it has none.
fn index(cx: &mut Context<'_>, event: &Event<'_>) -> Option<u64> {
    let route = event.route?;
    if route.is_loose {
        cx.report_loose(INDEX, "a string of digits", "a number");
    }
    if route.index.is_none() {
        cx.report_loose(INDEX, "missing", "that of the latest block, or the next one");
    }
    route.index.map(u64::from)
}

fn add(cx: &mut Context<'_>, index: Option<u64>, value: &[u8]) {
    let slice = Slice::from(value);
    let members = Object::parse(&slice);
    let kind = members.get("type");
    let is_null = kind.is_none_or(|kind| kind.json() == Some(b"null"));
    let ty = kind.and_then(Node::text).filter(|ty| !ty.is_empty()).map(String::from);
    let (position, is_taken) = cx.folded.content.add(index, members, ty.as_deref());
    if ty.is_none() && !is_null {
        cx.bad("content_block.type", "a string");
    }
    if is_taken {
        let index = cx.folded.content.get(position).index();
        let what = clip(ty.as_deref().unwrap_or("block"));
        let detail = vec![("output_index", index.into()), ("what", what.into())];
        cx.report(Code::IndexReused, detail);
    }
    cx.folded.calls_changed();
    if ty.as_deref() == Some(FALLBACK) {
        let to = value_of(value, "to").filter(|to| to.starts_with(b"{"));
        let model = to.and_then(|to| value_of(to, "model"));
        if let Some(model) = model.filter(|model| model.starts_with(b"\"")) {
            put(&mut cx.folded.members, "model", Node::raw(model));
        }
    }
}

fn block_delta(cx: &mut Context<'_>, event: &Event<'_>) {
    match event.member("delta").filter(|delta| delta.kind == Kind::Object) {
        Some(delta) => {
            let index = index(cx, event);
            apply_delta(cx, index, &Delta::of(event.bytes(&delta)));
        }
        None => cx.bad("delta", "an object"),
    }
}

fn block_stop(cx: &mut Context<'_>, event: &Event<'_>) {
    let index = index(cx, event);
    if let Some(position) = cx.folded.content.at(index)
        && !cx.folded.content.get(position).stopped
    {
        end_block(cx, position);
    }
}

/// Ends a block: its input is complete.
fn end_block(cx: &mut Context<'_>, position: usize) {
    cx.folded.content.changes += 1;
    let block = cx.folded.content.get_mut(position);
    block.stopped = true;
    let (key, is_call, is_checked) = (block.key, block.is_call(), block.checked);
    if is_call {
        cx.folded.calls_changed();
    }
    if !is_checked && cx.folded.content.unchecked.remove(key) {
        cx.folded.content.get_mut(position).checked = true;
        check_input(cx, position);
    }
}

fn check_input(cx: &mut Context<'_>, position: usize) {
    let block = cx.folded.content.get_mut(position);
    let Some(text) = block.input.as_ref().filter(|_| !block.reported) else { return };
    if !is_json(&json::finish_wtf8(&text.wtf8)) {
        block.reported = true;
        let index = block.index().into();
        cx.report(Code::BadInput, vec![("index", index)]);
    }
}

//! Chunks that repeat the previous one except for a text: they are recognised by their bytes, and their text is appended without
//! merging the rest of the chunk again.
//!
//! Such a chunk has one choice and one text. All else that is not dropped, merged again, changes nothing: it contains no list and no
//! other text.

use super::catalogue::{EVENTS, Kind, Op, Scope};
use super::choice::{Choice, Reasoning};
use super::events::{CHOICES, Event, Grows, Route};
use super::merge::is_null;
use super::response::{Assembled, CHUNK, Cursor};
use crate::assemble::append::append;
use crate::assemble::{Node, NodePath, Text};
use crate::json::{self, Kind as JsonKind, Member};
use crate::predict::{CachedEvent, InnerDelta, Members, has_plain_keys};
use crate::protocols::parsed_event::ParsedEvent;

/// A member of chunks with as many letters as it takes to hide the size of the text; its last value counts.
const PADDING: &[u8] = b"p";
/// The number of texts of a completion that chunks may grow in turn.
const CURSORS: usize = 8;

/// The delta of a chunk, if chunks may repeat the rest of it.
pub fn inner_delta(event: &ParsedEvent<'_>, route: &mut Route) -> Option<InnerDelta> {
    let Members::Parsed(own) = event.members else { return None };
    let is_text = route.delta && !route.ends && route.index.is_some();
    if !is_text || !has_plain_keys(event.raw, own) {
        return None;
    }
    let (mut varying, mut kept) = (Vec::new(), Vec::new());
    for (place, member) in own.iter().enumerate() {
        let (key, value) = (member.raw_key(event.raw), member.value(event.raw));
        let dropped = Scope::Chunk.rule(key).is_some_and(|rule| rule.op == Op::Drop);
        if key == CHOICES.as_bytes() || key == b"object" {
            continue;
        }
        if member.kind == JsonKind::String && (dropped || key == PADDING) {
            varying.push(place);
            kept.extend((!dropped).then_some(place));
        } else if !is_constant(value) {
            return None;
        }
    }
    let choices = json::find(event.raw, own, CHOICES)?;
    let (grows, text) = text_in(event.raw, choices, route.index?)?;
    route.grows = Some(grows);
    let id = json::find(event.raw, own, "id").filter(|id| id.kind == JsonKind::String);
    let mut members = own.to_vec();
    members.push(text);
    Some(InnerDelta {
        name: CHUNK,
        response: id.map_or(&b"\"\""[..], |id| id.value(event.raw)).into(),
        own: own.len(),
        value: own.len(),
        members,
        varying,
        kept,
        eager: EVENTS[0].eager,
    })
}

/// Whether a value, merged twice, gives the same as merged once.
fn is_constant(value: &[u8]) -> bool {
    !value.contains(&b'[')
}

/// The members of the object in a member, as spans into the text around it.
fn inside(raw: &[u8], outer: &Member) -> Option<Vec<Member>> {
    let (object, mut members) = (outer.value(raw), Vec::with_capacity(8));
    if outer.kind != JsonKind::Object || !json::locate(object, &mut members) {
        return None;
    }
    let members = members.into_iter().map(|member| member.shifted(outer.start)).collect::<Vec<_>>();
    has_plain_keys(raw, &members).then_some(members)
}

/// The only element of the list in a member, as a span into the text around it.
fn only_element(raw: &[u8], list: &Member) -> Option<Member> {
    let mut spans = Vec::new();
    json::elements(list.value(raw), &mut spans);
    let [(start, end, kind)] = spans[..] else { return None };
    let (start, end) = (list.start + start as u32, list.start + end as u32);
    Some(Member { start, end, kind, ..*list })
}

/// The text in the only choice of a chunk.
fn text_in(raw: &[u8], choices: &Member, index: u32) -> Option<(Grows, Member)> {
    let choice = inside(raw, &only_element(raw, choices)?)?;
    let mut delta = None;
    for member in &choice {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"delta" => delta = Some(*member),
            b"message" | b"text" => return None,
            b"finish_reason" if !matches!(value, b"null" | b"\"\"") => return None,
            b"index" if json::parse_index(value) != Some(i64::from(index)) => return None,
            _ if !is_constant(value) => return None,
            _ => {}
        }
    }
    let mut found = None;
    for member in &inside(raw, &delta?)? {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        let text = match Scope::Delta.rule(key) {
            Some(_) if is_null(value) => None,
            Some(rule) if rule.op == Op::Calls => Some(arguments_in(raw, member)?),
            Some(rule) if rule.kind != Kind::None && value != b"\"\"" => {
                let is_string = member.kind == JsonKind::String;
                Some((Grows::Member(rule.name), is_string.then_some(*member)?))
            }
            Some(_) if member.kind == JsonKind::String => None,
            None if is_constant(value) => None,
            _ => return None,
        };
        if let Some(text) = text
            && found.replace(text).is_some()
        {
            return None;
        }
    }
    found
}

/// The arguments in the only piece of a tool call.
fn arguments_in(raw: &[u8], calls: &Member) -> Option<(Grows, Member)> {
    let piece = inside(raw, &only_element(raw, calls)?)?;
    let (mut index, mut function) = (None, None);
    for member in &piece {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"index" => index = json::parse_index(value),
            b"function" => function = Some(*member),
            b"id" | b"custom" if !is_null(value) => return None,
            _ if !is_constant(value) => return None,
            _ => {}
        }
    }
    let mut arguments = None;
    for member in &inside(raw, &function?)? {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"arguments" => arguments = Some(*member).filter(|_| member.kind == JsonKind::String),
            b"name" if !is_null(value) => return None,
            _ if !is_constant(value) => return None,
            _ => {}
        }
    }
    Some((Grows::Arguments(u32::try_from(index?).ok()?), arguments?))
}

// -- appending -------------------------------------------------------------------------------------------------------

/// Remembers the text that an event has grown, for events that repeat it.
pub fn set_cursor(response: &mut Assembled, event: &Event<'_>) {
    let (Some(serial), Some(route)) = (event.serial(), event.route) else { return };
    let Assembled { choices, cursors, changes, chunks, .. } = response;
    let Some((grows, position)) =
        route.grows.zip(route.index.and_then(|index| choices.position(index)))
    else {
        return;
    };
    // Chunks are not counted any more, but two of them are known.
    let counted = |choice: &&mut Choice| choice.streamed && choice.chunks > 1 && *chunks > 1;
    let path = choices.at(position).filter(counted).and_then(|choice| text_path(choice, grows));
    let Some((text, call)) = path else { return };
    cursors.retain(|cursor| cursor.serial != serial && cursor.changes == *changes);
    if cursors.len() >= CURSORS {
        cursors.remove(0);
    }
    cursors.push(Cursor { serial, changes: *changes, choice: position, text, call });
}

/// The path of a text in the message of a choice, and the key of its tool call.
fn text_path(choice: &mut Choice, grows: Grows) -> Option<(NodePath, Option<u32>)> {
    match grows {
        Grows::Member(name) => {
            let is_reasoning =
                Scope::Delta.rule(name.as_bytes()).is_some_and(|rule| rule.kind == Kind::Reasoning);
            if is_reasoning && !matches!(choice.reasoning, Reasoning::Member(own) if own == name) {
                return None;
            }
            let position = choice.message.member(name).0;
            matches!(choice.message.at(position), Some(Node::Text(_)))
                .then(|| (NodePath::of(&[position]), None))
        }
        Grows::Arguments(index) => {
            let key = choice.calls.key_at(index)?;
            let (list, calls) = choice.message.list("tool_calls");
            let place = calls.parts.position(key)?;
            let Node::Object(call) = &mut calls.parts.at(place)?.node else { return None };
            let (function, inner) = call.object("function");
            let position = inner.member("arguments").0;
            matches!(inner.at(position), Some(Node::Text(_)))
                .then(|| (NodePath::of(&[list, place, function, position]), Some(key)))
        }
    }
}

/// The text that events with this serial number grow, if nothing else has changed.
#[inline]
fn text_of_serial(response: &mut Assembled, serial: u64) -> Option<&mut Text> {
    let Assembled { choices, cursors, changes, .. } = response;
    let cursor = cursors.iter().rfind(|cursor| cursor.serial == serial)?;
    if cursor.changes != *changes {
        return None;
    }
    let choice = choices.at(cursor.choice)?;
    choice.calls.latest = cursor.call.or(choice.calls.latest);
    cursor.text.text(&mut choice.message)
}

/// Appends the delta of a chunk that repeats a cached one. Does nothing and returns false for any other chunk.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
    let Members::Repeated(cached) = event.members else { return false };
    let Some((body, escaped)) = cached.delta(event.raw) else { return false };
    let Some(text) = text_of_serial(response, cached.serial) else { return false };
    append(text, body, body.len(), escaped);
    for place in &cached.kept {
        if let Some(member) = cached.member(Some(*place)) {
            let name = json::decode_key(event.raw, &member);
            if let Some(node) = response.members.get_mut(&name) {
                *node = Node::raw(event.bytes(&member));
            }
        }
    }
    true
}

/// The text that is continued by chunks that repeat the cached one, if they change nothing else.
#[inline]
pub fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
    if !cached.kept.is_empty() {
        return None;
    }
    text_of_serial(response, cached.serial)
}

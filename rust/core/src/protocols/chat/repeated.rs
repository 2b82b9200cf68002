//! Chunks that repeat the previous one except for a text: they are recognised by their bytes, and their text is appended without
//! merging the rest of the chunk again.
//!
//! Such a chunk has one choice and one text. All else that is not dropped, merged again, changes nothing: it contains no list and no
//! other text. The exceptions are the log probabilities, which grow by a list, a reasoning that comes in two forms, and the usage.

use super::catalogue::{EVENTS, Kind, Op, Scope};
use super::choice::{Choice, Reasoning};
use super::events::{CHOICES, Event, Grows, OnlyChoice, Route};
use super::merge::{is_empty_list, is_null, without_quotes};
use super::response::{Assembled, CHUNK, Cursor};
use crate::assemble::append::append;
use crate::assemble::{Node, NodePath, Text};
use crate::json::{self, Kind as JsonKind, Member};
use crate::predict::{CachedEvent, InnerDelta, Members, has_plain_keys};
use crate::protocols::parsed_event::ParsedEvent;

/// A member of chunks with as many letters as it takes to hide the size of the text; its last value counts.
const PADDING: &[u8] = b"p";
/// The member of a choice with the log probabilities, and that of its list which grows.
const LOGPROBS: &str = "logprobs";
const LISTED: &str = "content";
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
        if key == CHOICES.as_bytes() || key == b"object" {
            continue;
        }
        let op = Scope::Chunk.rule(key).map(|rule| rule.op);
        let is_last = op == Some(Op::Replace) && member.kind == JsonKind::Object;
        let is_text = op == Some(Op::Drop) || key == PADDING;
        if is_last || (is_text && member.kind == JsonKind::String) {
            varying.push(place);
            kept.extend((op != Some(Op::Drop)).then_some(place));
        } else if !is_constant(value) {
            return None;
        }
    }
    let only = OnlyChoice::of(event.raw, event.inner_members)?;
    let Growth { grows, text, copy, list } = growth_of(event.raw, only, route.index?)?;
    route.grows = Some(grows);
    let mut members = own.to_vec();
    members.push(text);
    let mut add = |member: Option<Member>| {
        let place = members.len();
        members.push(member?);
        varying.push(place);
        Some(place)
    };
    let (copy, extend) = (add(copy), add(list));
    let id = json::find(event.raw, own, "id").filter(|id| id.kind == JsonKind::String);
    Some(InnerDelta {
        name: CHUNK,
        is_named: false,
        is_filled: true,
        response: Some(id.map_or(&b"\"\""[..], |id| id.value(event.raw)).into()),
        own: own.len(),
        value: own.len(),
        members,
        varying,
        kept,
        extend,
        copy,
        eager: EVENTS[0].eager,
    })
}

/// Whether a value, merged twice, gives the same as merged once.
fn is_constant(value: &[u8]) -> bool {
    !value.contains(&b'[')
}

/// The members of the object in a member, as spans into the text around it.
fn inside(raw: &[u8], outer: &Member) -> Option<Vec<Member>> {
    let mut members = Vec::with_capacity(8);
    let is_plain = json::inside(raw, outer, &mut members) && has_plain_keys(raw, &members);
    is_plain.then_some(members)
}

/// The only element of the list in a member, as a span into the text around it.
fn only_element(raw: &[u8], list: &Member) -> Option<Member> {
    let mut spans = Vec::new();
    json::elements(list.value(raw), &mut spans);
    let [(start, end, kind)] = spans[..] else { return None };
    let (start, end) = (list.start + start as u32, list.start + end as u32);
    Some(Member { start, end, kind, ..*list })
}

/// What a chunk adds to the texts of its only choice.
struct Growth {
    grows: Grows,
    text: Member,
    /// The same text in another form.
    copy: Option<Member>,
    /// The log probabilities.
    list: Option<Member>,
}

/// The text in the only choice of a chunk.
fn growth_of(raw: &[u8], only: OnlyChoice<'_>, index: u32) -> Option<Growth> {
    let mut list = None;
    for member in only.choice {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"delta" => {}
            b"message" | b"text" => return None,
            b"finish_reason" if !matches!(value, b"null" | b"\"\"") => return None,
            b"index" if json::parse_index(value) != Some(i64::from(index)) => return None,
            _ if is_constant(value) => {}
            key if key == LOGPROBS.as_bytes() => list = Some(list_in(raw, member)?),
            _ => return None,
        }
    }
    let (mut found, mut details) = (None, None);
    for member in &*only.delta().members {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        let text = match Scope::Delta.rule(key) {
            Some(_) if is_null(value) => None,
            Some(rule) if rule.op == Op::Calls => Some(arguments_in(raw, member)?),
            Some(rule) if rule.op == Op::Details => {
                details = Some((rule.name, detail_in(raw, member)?));
                None
            }
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
    let (grows, text) = found?;
    let Some((list_name, (index, name, copy))) = details else {
        return Some(Growth { grows, text, copy: None, list });
    };
    let Grows::Member(own) = grows else { return None };
    let is_reasoning = Scope::Delta.rule(own.as_bytes())?.kind == Kind::Reasoning;
    let same = copy.value(raw) == text.value(raw);
    let grows = Grows::Both { own, list: list_name, index, name };
    (is_reasoning && same).then_some(Growth { grows, text, copy: Some(copy), list })
}

/// The list of the contents in the log probabilities, if there is nothing else.
fn list_in(raw: &[u8], logprobs: &Member) -> Option<Member> {
    let mut found = None;
    for member in &inside(raw, logprobs)? {
        if member.raw_key(raw) == LISTED.as_bytes() {
            found = Some(*member).filter(|member| member.kind == JsonKind::Array);
        } else if !is_constant(member.value(raw)) {
            return None;
        }
    }
    found
}

/// The text in the only part of the reasoning in a list: the index of the part, and the name of the text.
fn detail_in(raw: &[u8], details: &Member) -> Option<(u32, &'static str, Member)> {
    let part = inside(raw, &only_element(raw, details)?)?;
    let (mut index, mut found) = (None, None);
    for member in &part {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        match Scope::Reasoning.rule(key) {
            _ if key == b"index" => index = json::parse_index(value),
            Some(_) if is_null(value) || value == b"\"\"" => {}
            Some(rule) if rule.kind == Kind::Reasoning && member.kind == JsonKind::String => {
                if found.replace((rule.name, *member)).is_some() {
                    return None;
                }
            }
            None if is_constant(value) => {}
            _ => return None,
        }
    }
    let (name, text) = found?;
    Some((u32::try_from(index?).ok()?, name, text))
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
    let Some((text, call, copy)) = path else { return };
    cursors.retain(|cursor| cursor.serial != serial && cursor.changes == *changes);
    if cursors.len() >= CURSORS {
        cursors.remove(0);
    }
    cursors.push(Cursor { serial, changes: *changes, choice: position, text, call, copy });
}

/// The paths of a text and of its copy in the message of a choice, and the key of its tool call.
type Paths = (NodePath, Option<u32>, Option<NodePath>);

fn text_path(choice: &mut Choice, grows: Grows) -> Option<Paths> {
    match grows {
        Grows::Member(name) => Some((member_path(choice, name)?, None, None)),
        Grows::Both { own, list, index, name } => {
            let text = member_path(choice, own)?;
            let position = choice.message.position(list.as_bytes())?;
            let Some(Node::Sparse(parts)) = choice.message.at(position) else { return None };
            let place = parts.parts.position(index)?;
            let Node::Object(part) = &mut parts.parts.at(place)?.node else { return None };
            let inner = part.position(name.as_bytes())?;
            let copy = NodePath::of(&[position, place, inner]);
            matches!(part.at(inner), Some(Node::Text(_))).then_some((text, None, Some(copy)))
        }
        Grows::Arguments(index) => {
            let key = choice.calls.key_at(index)?;
            let (list, calls) = choice.message.list("tool_calls");
            let place = calls.parts.position(key)?;
            let Node::Object(call) = &mut calls.parts.at(place)?.node else { return None };
            let (function, inner) = call.object("function");
            let position = inner.member("arguments").0;
            matches!(inner.at(position), Some(Node::Text(_)))
                .then(|| (NodePath::of(&[list, place, function, position]), Some(key), None))
        }
    }
}

/// The path of a text in the message.
fn member_path(choice: &mut Choice, name: &'static str) -> Option<NodePath> {
    let is_reasoning =
        Scope::Delta.rule(name.as_bytes()).is_some_and(|rule| rule.kind == Kind::Reasoning);
    if is_reasoning && !matches!(choice.reasoning, Reasoning::Member(own) if own == name) {
        return None;
    }
    let position = choice.message.member(name).0;
    matches!(choice.message.at(position), Some(Node::Text(_))).then(|| NodePath::of(&[position]))
}

/// The choice and the cursor of the text that events with this serial number grow, if nothing else has changed.
#[inline]
fn cursor_of(response: &mut Assembled, serial: u64) -> Option<(&mut Choice, &Cursor)> {
    let Assembled { choices, cursors, changes, .. } = response;
    let cursor = cursors.iter().rfind(|cursor| cursor.serial == serial)?;
    if cursor.changes != *changes {
        return None;
    }
    Some((choices.at(cursor.choice)?, cursor))
}

/// Appends the delta of a chunk that repeats a cached one. Does nothing and returns false for any other chunk.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
    let Members::Repeated(cached) = event.members else { return false };
    let Some((body, escaped)) = cached.delta(event.raw) else { return false };
    let Some((choice, cursor)) = cursor_of(response, cached.serial) else { return false };
    if (cached.extends || cached.copy.is_some())
        && !continue_rest(choice, cursor, event, cached, body)
    {
        return false;
    }
    choice.calls.latest = cursor.call.or(choice.calls.latest);
    let Some(text) = cursor.text.text(&mut choice.message) else { return false };
    append(text, body, body.len(), escaped);
    for place in &cached.kept {
        response.around = None;
        if let Some(member) = cached.member(Some(*place)) {
            let name = json::decode_key(event.raw, &member);
            if let Some(node) = response.members.get_mut(&*name) {
                *node = Node::raw(event.bytes(&member));
            }
        }
    }
    true
}

/// Appends to the copy of the text and to the list that grows with it. Does nothing and returns false if the copy differs from the
/// text, or if there is no such list.
fn continue_rest(
    choice: &mut Choice,
    cursor: &Cursor,
    event: &ParsedEvent<'_>,
    cached: &CachedEvent,
    body: &[u8],
) -> bool {
    let copy = cached.member(cached.copy);
    if copy.is_some_and(|copy| without_quotes(event.bytes(&copy)) != body) {
        return false;
    }
    if let Some(list) = cached.member(cached.extend.filter(|_| cached.extends)) {
        let Some(Node::Object(logprobs)) = choice.members.get_mut(LOGPROBS) else { return false };
        let listed = logprobs.get(LISTED).and_then(Node::json);
        if listed.is_none_or(|listed| listed.first() != Some(&b'[')) {
            return false;
        }
        let more = event.bytes(&list);
        if !is_empty_list(more) {
            logprobs.extend(LISTED, more);
        }
    }
    if let (Some(copy), Some(path)) = (copy, &cursor.copy)
        && let Some(text) = path.text(&mut choice.message)
    {
        append(text, body, body.len(), copy.escaped);
    }
    true
}

/// The text that is continued by chunks that repeat the cached one, if they change nothing else.
#[inline]
pub fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
    if !cached.kept.is_empty() {
        return None;
    }
    let (choice, cursor) = cursor_of(response, cached.serial)?;
    choice.calls.latest = cursor.call.or(choice.calls.latest);
    cursor.text.text(&mut choice.message)
}

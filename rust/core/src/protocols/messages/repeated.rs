//! Deltas that repeat the previous one except for a text: they are recognised by their bytes, and their text is appended without
//! applying the rest of the event again.

use super::catalogue::{DeltaOp, DeltaRule, EventOp, delta_rule};
use super::events::{Event, Route};
use super::response::{Assembled, Cursor};
use crate::assemble::append::append;
use crate::assemble::{Node, Text};
use crate::json::{self, Kind, Member};
use crate::predict::{CachedEvent, InnerDelta, Members, has_plain_keys};
use crate::protocols::parsed_event::ParsedEvent;

/// The number of texts of a message that events may grow in turn.
const CURSORS: usize = 8;

/// The delta of an event, if events may repeat the rest of it.
pub fn inner_delta(event: &ParsedEvent<'_>, route: &mut Route) -> Option<InnerDelta> {
    let Members::Parsed(own) = event.members else { return None };
    let is_delta = route.entry.op == EventOp::BlockDelta && route.index.is_some();
    if !is_delta || route.is_loose || !has_plain_keys(event.raw, own) {
        return None;
    }
    let (rule, text) = text_in(event.raw, json::find(event.raw, own, "delta")?)?;
    route.grows = Some(rule);
    let mut members = own.to_vec();
    members.push(text);
    // Servers hide the size of the text by members with padding, which have no effect.
    let is_padding =
        |member: &Member| member.kind == Kind::String && member.raw_key(event.raw) != b"type";
    let varying = (0..own.len()).filter(|place| is_padding(&own[*place])).collect();
    Some(InnerDelta {
        name: route.entry.ty,
        is_named: true,
        is_filled: false,
        response: None,
        own: own.len(),
        value: own.len(),
        members,
        varying,
        may_vary: None,
        kept: Vec::new(),
        extend: None,
        copy: None,
        eager: route.entry.eager,
    })
}

/// The text of a delta, as a span into the text around it, and the rule of its type.
fn text_in(raw: &[u8], delta: &Member) -> Option<(&'static DeltaRule, Member)> {
    let (object, mut members) = (delta.value(raw), Vec::with_capacity(4));
    if delta.kind != Kind::Object || !json::locate(object, &mut members) {
        return None;
    }
    if !has_plain_keys(object, &members) {
        return None;
    }
    let ty = json::find(object, &members, "type")?.value(object);
    let rule = delta_rule(ty.strip_prefix(b"\"")?.strip_suffix(b"\"")?)?;
    let grows = matches!(rule.op, DeltaOp::Append | DeltaOp::Input);
    let text = json::find(object, &members, rule.member).filter(|_| grows)?;
    (text.kind == Kind::String).then(|| (rule, text.shifted(delta.start)))
}

/// Remembers the text that an event has grown, for events that repeat it.
pub fn set_cursor(response: &mut Assembled, event: &Event<'_>) {
    let Some((serial, route)) = event.serial().zip(event.route) else { return };
    let Assembled { content, cursors, .. } = response;
    let index = route.index.map(u64::from);
    let found = route.grows.and_then(|rule| Some((rule, content.fitting(index, rule.blocks)?)));
    let Some((rule, position)) = found else { return };
    let changes = content.changes;
    let block = content.get_mut(position);
    let text = match rule.op {
        // An input is checked from its first character on.
        DeltaOp::Input => {
            block.input.as_ref().is_some_and(|text| !text.wtf8.is_empty()).then_some(None)
        }
        _ => match block.members.member(rule.target) {
            (place, Node::Text(_)) => Some(Some(place)),
            _ => None,
        },
    };
    let Some(text) = text.filter(|_| !block.stopped) else { return };
    cursors.retain(|cursor| cursor.serial != serial && cursor.changes == changes);
    if cursors.len() >= CURSORS {
        cursors.remove(0);
    }
    cursors.push(Cursor { serial, changes, block: position, text });
}

/// The text that is continued by events that repeat the cached one, if nothing else has changed.
#[inline]
pub fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
    let Assembled { content, cursors, .. } = response;
    let cursor = cursors.iter().rfind(|cursor| cursor.serial == cached.serial)?;
    if cursor.changes != content.changes {
        return None;
    }
    let block = content.get_mut(cursor.block);
    match cursor.text {
        None => block.input.as_mut(),
        Some(place) => match block.members.at(place)? {
            Node::Text(text) => Some(text),
            _ => None,
        },
    }
}

/// Appends the delta of an event that repeats a cached one. Does nothing and returns false for any other event.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
    let Members::Repeated(cached) = event.members else { return false };
    let Some((body, escaped)) = cached.delta(event.raw) else { return false };
    let Some(text) = growing_text(response, cached) else { return false };
    append(text, body, body.len(), escaped);
    true
}

//! Merges the members of deltas into blocks.

use std::borrow::Cow;
use std::collections::HashMap;

use super::inputs::is_empty;
use crate::assemble::append::append;
use crate::assemble::{Key, Node, Object, Text};
use crate::json::{self, Kind, Member};
use crate::predict::has_plain_keys;

/// The growing text in a member, with its position; a string there becomes one, another value is replaced.
pub fn text_in(members: &mut Object, name: impl AsRef<[u8]>) -> (u32, &mut Text) {
    if let Some(node) = members.get_mut(&name)
        && let Node::Raw(raw) = &*node
        && raw.first() == Some(&b'"')
    {
        // Half of a surrogate pair at its end may be continued.
        *node = Node::Text(Text::from_quoted(raw, false));
    }
    members.text(Key::shared(name))
}

/// Appends the elements of a list to the list in a member; a value that is no list is replaced.
pub fn extend(members: &mut Object, name: impl AsRef<[u8]>, list: &[u8]) {
    if !is_empty(list) {
        members.extend(Key::shared(name), list);
    } else if !is_list(members.get(&name)) {
        put(members, name, Node::raw(b"[]"));
    }
}

/// Merges a member of a delta of an unknown type: strings are appended, lists extend, other values replace.
pub fn merge(members: &mut Object, name: &[u8], value: &[u8]) {
    match value.first() {
        Some(b'n') => set_default(members, name),
        Some(b'"') => append_quoted(text_in(members, name).1, value),
        Some(b'[') => extend(members, name, value),
        _ => put(members, name, Node::raw(value)),
    }
}

/// Appends a JSON string to a text.
pub fn append_quoted(text: &mut Text, quoted: &[u8]) {
    let body = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    append(text, body, body.len(), true);
}

/// Sets a member.
pub fn put(members: &mut Object, name: impl AsRef<[u8]>, node: Node) {
    match members.get_mut(&name) {
        Some(before) => *before = node,
        None => {
            members.set(Key::shared(name), node);
        }
    }
}

/// Sets a member to null, unless there is one.
pub fn set_default(members: &mut Object, name: impl AsRef<[u8]>) {
    if members.get(&name).is_none() {
        put(members, name, Node::raw(b"null"));
    }
}

/// Whether a node is a list.
pub fn is_list(node: Option<&Node>) -> bool {
    node.and_then(Node::json).is_some_and(|raw| raw.starts_with(b"["))
}

/// A member of an object with its name.
pub type Named<'n> = (Cow<'n, [u8]>, Member);

/// The members of an object with their names, each once: the last value at the position of the first.
pub fn members_of(raw: &[u8]) -> Vec<Named<'_>> {
    let mut members = Vec::with_capacity(8);
    json::locate(raw, &mut members);
    unique(raw, members)
}

/// As [`members_of`], of located members.
pub fn unique(raw: &[u8], members: Vec<Member>) -> Vec<Named<'_>> {
    let is_ascii = |member: &Member| member.raw_key(raw).is_ascii();
    if has_plain_keys(raw, &members) && members.iter().all(is_ascii) {
        let named = |member: Member| (Cow::Borrowed(member.raw_key(raw)), member);
        return members.into_iter().map(named).collect();
    }
    let mut positions: HashMap<Cow<'_, [u8]>, usize> = HashMap::with_capacity(members.len());
    let mut found: Vec<Named<'_>> = Vec::with_capacity(members.len());
    for (name, member) in members.into_iter().map(|member| (decoded(raw, &member), member)) {
        if let Some(position) = positions.get(&name) {
            found[*position].1 = member;
        } else {
            positions.insert(name.clone(), found.len());
            found.push((name, member));
        }
    }
    found
}

fn decoded<'r>(raw: &'r [u8], member: &Member) -> Cow<'r, [u8]> {
    match json::decode_key(raw, member) {
        Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
        Cow::Owned(name) => Cow::Owned(name.into_bytes()),
    }
}

/// The value of a member of an object.
pub fn value_of<'v>(raw: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let mut members = Vec::with_capacity(8);
    json::locate(raw, &mut members);
    json::find(raw, &members, name).map(|member| member.value(raw))
}

/// The text of a member that is a string and not empty.
pub fn text_of<'v>(raw: &'v [u8], members: &[Member], name: &str) -> Option<Cow<'v, str>> {
    let member = json::find(raw, members, name).filter(|member| member.kind == Kind::String)?;
    let quoted = member.value(raw);
    (quoted.len() > 2).then(|| json::decode_str(quoted))
}

//! The tool calls of a choice: which call a piece is about, and its text.
//!
//! Calls have an index each. Some servers send none, or the same one for all calls; then the ids tell them apart: a new id at a
//! taken index is a new call. Without id and index, a piece is about the latest call.

use std::borrow::Cow;
use std::collections::HashMap;

use super::catalogue::Scope;
use super::merge::{Context, Path, members_of, merge_members, read_index, text_of, value_of};
use crate::assemble::{Node, Object, Sparse};
use crate::diagnostics::{Code, clip};
use crate::json::{self, Kind, Member};

const CALLS_PER_INDEX: u32 = 65_536;
/// The member with the text of a call, by the member that contains it.
pub const TEXTS: [(&str, &str); 2] = [("function", "arguments"), ("custom", "input")];

/// The identities of the tool calls of one choice. Keys are `index` * [`CALLS_PER_INDEX`] + the number of earlier calls with that
/// index.
#[derive(Debug, Default)]
pub struct Calls {
    by_id: HashMap<Box<str>, u32>,
    /// The latest call of each index.
    at_index: HashMap<u32, u32>,
    pub latest: Option<u32>,
    /// How often a call was added, or named.
    pub changes: u64,
}

impl Calls {
    /// Merges a piece into its call in `tree`; returns the key of the call, `None` if the index of the piece is not valid.
    pub fn add(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path<'_>,
        tree: &mut Sparse,
        piece: &[u8],
    ) -> Option<u32> {
        let members = members_of(piece);
        let index = read_index(cx, path, piece, &members).ok()?;
        let id = json::find(piece, &members, "id").map(|id| id.value(piece));
        let (name, id) = (name_of(piece, &members), text_of(id));
        let each = cx.whole && index.is_none() && id.is_none();
        let found =
            if each { None } else { self.find(tree, index, id.as_deref(), name.as_deref()) };
        let key = found.unwrap_or_else(|| {
            let what = id.as_deref().or(name.as_deref()).unwrap_or("call");
            self.make(cx, tree, index, what)
        });
        if self.latest != Some(key) {
            cx.changes += 1;
            self.latest = Some(key);
        }
        self.at_index.insert(key / CALLS_PER_INDEX, key);
        if let Some(id) = &id
            && !self.by_id.contains_key(&**id)
        {
            self.by_id.insert((&**id).into(), key);
        }
        self.changes += u64::from(id.is_some() || name.is_some());
        if let Some(call) = call_mut(tree, key) {
            merge_members(cx, path, call, piece, &members, Scope::Call);
        }
        Some(key)
    }

    /// The key of the latest call with an index.
    pub fn key_at(&self, index: u32) -> Option<u32> {
        self.at_index.get(&index).copied()
    }

    /// The key of the call that a piece is about, `None` for a new call.
    fn find(
        &self,
        tree: &Sparse,
        index: Option<u32>,
        id: Option<&str>,
        name: Option<&str>,
    ) -> Option<u32> {
        let key = match index {
            None => self.latest,
            Some(index) => self.at_index.get(&index).copied(),
        };
        if let Some(id) = id {
            let named = self.by_id.get(id).copied();
            let named = named.filter(|named| index.is_none_or(|at| named / CALLS_PER_INDEX == at));
            if named.is_some() || index.is_none() {
                return named;
            }
            return key.filter(|key| !has_id(tree, *key));
        }
        let (found, name) = (key?, name);
        let Some(name) = name else { return key };
        // A second name, where arguments have begun, is that of another call.
        let call = call_of(tree, found)?;
        let (inner, member) = text_place(call);
        let is_filled = inner.and_then(|inner| inner.get(member)).is_some_and(Node::is_filled_text);
        let before = inner.and_then(|inner| inner.get("name"));
        (!is_filled || before.is_none_or(|before| is_unnamed_or(before, name))).then_some(found)
    }

    /// The key of a new call.
    fn make(&self, cx: &mut Context<'_>, tree: &mut Sparse, index: Option<u32>, what: &str) -> u32 {
        let index = index.unwrap_or_else(|| {
            let next = tree.parts.last().map_or(0, |top| top / CALLS_PER_INDEX + 1);
            next.min(CALLS_PER_INDEX - 1)
        });
        let mut key = index * CALLS_PER_INDEX;
        if let Some(latest) = self.at_index.get(&index) {
            key = latest.saturating_add(1).min(key + (CALLS_PER_INDEX - 1));
            let detail =
                vec![("output_index", u64::from(index).into()), ("what", clip(what).into())];
            cx.issues.push((Code::IndexReused, detail));
        }
        cx.changes += 1;
        let (_, part) = tree.entry(key);
        if !part.node.is_object() {
            part.node = Node::Object(Object::default());
        }
        key
    }
}

/// The call with a key.
pub fn call_of(tree: &Sparse, key: u32) -> Option<&Object> {
    match &tree.parts.get(key)?.node {
        Node::Object(call) => Some(call),
        _ => None,
    }
}

fn call_mut(tree: &mut Sparse, key: u32) -> Option<&mut Object> {
    match &mut tree.parts.get_mut(key)?.node {
        Node::Object(call) => Some(call),
        _ => None,
    }
}

/// Whether a call has an id that is not null, empty or false.
fn has_id(tree: &Sparse, key: u32) -> bool {
    call_of(tree, key)
        .and_then(|call| call.get("id")?.json())
        .is_some_and(|id| !matches!(id, b"null" | b"\"\"" | b"false" | b"[]" | b"{}"))
}

fn is_unnamed_or(before: &Node, name: &str) -> bool {
    match before {
        Node::Text(text) => {
            text.wtf8.is_empty()
                || (text.wtf8.len() == name.len() && before.text().is_some_and(|text| text == name))
        }
        _ => true,
    }
}

/// The name of the tool in a piece.
fn name_of<'p>(piece: &'p [u8], members: &[Member]) -> Option<Cow<'p, str>> {
    TEXTS.iter().find_map(|(inside, _)| {
        let inner =
            json::find(piece, members, inside).filter(|inner| inner.kind == Kind::Object)?;
        text_of(value_of(inner.value(piece), "name"))
    })
}

/// The object of a call that contains its text, if there is one, and the member of that text.
pub fn text_place(call: &Object) -> (Option<&Object>, &'static str) {
    for (inside, member) in TEXTS {
        if let Some(Node::Object(inner)) = call.get(inside) {
            return (Some(inner), member);
        }
    }
    (None, "arguments")
}

//! The identities of items: which item an event is about.
//!
//! Items are routed by their output index, and by their ids where the index is missing or several items have it. Most
//! streams give each item an index of its own, so the ids are only noted, and indexed when an event needs them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::events::INDEX_LIMIT;
use super::item::{Group, Identity, Item};
use crate::assemble::Ordered;
use crate::diagnostics::{Code, Issue, clip};
use crate::work::work;

/// The number of items that may have the same index.
pub const ITEMS_PER_INDEX: u32 = 65_536;

/// The output index of the item with that key.
pub fn index_of(key: u32) -> u32 {
    key / ITEMS_PER_INDEX
}

/// How the items of a response are found. Keys are `output_index` * [`ITEMS_PER_INDEX`] + the number of earlier items with
/// that index.
#[derive(Debug, Default)]
pub struct Identities {
    /// The key of the latest item that an event was about.
    pub latest: u32,
    /// Further ids of items that have one, with their keys.
    noted: Vec<(Box<[u8]>, u32)>,
    /// Built for the first event whose index is missing or taken.
    index: Option<Box<Index>>,
}

/// The type and the call id of a call.
type CallName = (Option<Box<[u8]>>, Box<[u8]>);

#[derive(Debug, Default)]
struct Index {
    /// The key of the latest item of each index that several items have.
    reused: HashMap<u32, u32>,
    /// As `reused`, by index and type.
    typed: HashMap<(u32, Box<[u8]>), u32>,
    /// The latest item of each type.
    last: HashMap<Box<[u8]>, u32>,
    ids: HashMap<Box<[u8]>, u32>,
    calls: HashMap<CallName, u32>,
}

impl Identities {
    /// The key of the item that an item event adds or replaces: that of another item, or a new one. `done`: the event
    /// finishes the item.
    pub fn of_item_event(
        &mut self,
        items: &Ordered<Item>,
        index: Option<u32>,
        identity: &Identity<'_>,
        done: bool,
        issues: &mut Vec<Issue>,
    ) -> u32 {
        let Some(number) = index else { return self.without_index(items, identity, done) };
        let mut key = number * ITEMS_PER_INDEX;
        let reused = self.index.as_ref().and_then(|maps| Some((maps, *maps.reused.get(&number)?)));
        if let Some((maps, latest)) = reused {
            let named = maps.named(items, identity).filter(|key| index_of(*key) == number);
            key = named.unwrap_or(latest);
        }
        let Some(item) = items.get(key) else { return key };
        let is_other = is_other(item, identity, done);
        if reused.is_some() && (is_other || item.identity().kind() != identity.kind()) {
            let typed = reused.and_then(|(maps, _)| maps.of_type(Some(number), &identity.kind()?));
            if let Some(key) = typed.filter(|key| continues(items, *key, identity, done)) {
                return key;
            }
        }
        if !is_other {
            return key;
        }
        report_reused(number, &identity.describe(), issues);
        self.next_key(items, number)
    }

    #[cold]
    fn without_index(&mut self, items: &Ordered<Item>, identity: &Identity<'_>, done: bool) -> u32 {
        let latest = self.latest;
        let maps = self.index(items);
        if let Some(key) = maps.named(items, identity) {
            return key;
        }
        let last = identity.kind().and_then(|kind| maps.of_type(None, &kind));
        let mut unfinished = [Some(latest), last].into_iter().flatten();
        if let Some(key) = unfinished.find(|key| continues(items, *key, identity, done)) {
            return key;
        }
        let index = items.last().map_or(0, |last| index_of(last) + 1).min(INDEX_LIMIT);
        let key = index * ITEMS_PER_INDEX;
        if items.position(key).is_some() { self.next_key(items, index) } else { key }
    }

    /// The key of the item that an event refers to, and whether it was found by its identity. `kind`: the type of items that
    /// have such events; `id` and `call_id`: those of the event. `grows`: the event has text, which a finished item ignores.
    pub fn of_event<'t>(
        &mut self,
        items: &Ordered<Item>,
        index: Option<u32>,
        (kind, id): (&str, Option<&str>),
        call_id: impl FnOnce() -> Option<Cow<'t, str>>,
        grows: bool,
        issues: &mut Vec<Issue>,
    ) -> (u32, bool) {
        let (key, by_identity) = match (index, &self.index) {
            (Some(number), None) => (number * ITEMS_PER_INDEX, false),
            _ => self.by_identity(items, index, (kind, id), call_id),
        };
        let Some(item) = items.get(key) else { return (key, by_identity) };
        let found = self.index.as_ref().and_then(|maps| {
            let found =
                if has_kind(item, kind) { None } else { maps.of_type(index, kind.as_bytes()) };
            found.filter(|found| {
                let other = items.get(*found);
                other.is_some_and(|other| has_kind(other, kind) && !(grows && other.is_final))
            })
        });
        if let Some(found) = found {
            return (found, by_identity);
        }
        if !item.group.excludes(Group::of(kind.as_bytes())) {
            return (key, by_identity);
        }
        report_reused(index_of(key), kind, issues);
        (self.next_key(items, index_of(key)), by_identity)
    }

    #[cold]
    fn by_identity<'t>(
        &mut self,
        items: &Ordered<Item>,
        index: Option<u32>,
        (kind, id): (&str, Option<&str>),
        call_id: impl FnOnce() -> Option<Cow<'t, str>>,
    ) -> (u32, bool) {
        let latest = self.latest;
        let maps = self.index(items);
        let of_index = index.and_then(|index| maps.reused.get(&index).copied());
        if let Some(index) = index.filter(|_| of_index.is_none()) {
            return (index * ITEMS_PER_INDEX, false);
        }
        let named = id.and_then(|id| maps.ids.get(id.as_bytes()).copied());
        let named = named.or_else(|| maps.call(Some(kind.as_bytes()), call_id()?.as_bytes()));
        let named = named.filter(|key| index.is_none_or(|index| index_of(*key) == index));
        (named.or(of_index).unwrap_or(latest), true)
    }

    /// The key of a further item with an index that is taken.
    fn next_key(&mut self, items: &Ordered<Item>, index: u32) -> u32 {
        let first = index * ITEMS_PER_INDEX;
        let maps = self.index(items);
        let before = maps.reused.get(&index).copied().unwrap_or_else(|| {
            if let Some(kind) = items.get(first).and_then(|item| item.identity().kind()) {
                maps.typed.insert((index, (*kind).into()), first);
            }
            first
        });
        let key = (before + 1).min(first + (ITEMS_PER_INDEX - 1));
        maps.reused.insert(index, key);
        key
    }

    /// Adds the identity of an item event. `id`: that of an earlier event of the item.
    pub fn add(&mut self, key: u32, identity: &Identity<'_>, id: Option<&str>) {
        if let Some(index) = &mut self.index {
            return index.add(key, identity);
        }
        let Some(first) = id else { return };
        if let Some(further) = identity.id().filter(|further| **further != *first.as_bytes()) {
            work(further.len());
            self.noted.push(((*further).into(), key));
        }
    }

    /// Adds an item of a type that no event has added.
    pub fn add_placeholder(&mut self, key: u32, kind: &str) {
        if let Some(index) = &mut self.index {
            index.add_kind(key, kind.as_bytes());
        }
    }

    /// Adds the first id of an item.
    pub fn add_id(&mut self, key: u32, id: &str) {
        if let Some(index) = &mut self.index
            && !id.is_empty()
        {
            index.ids.entry(id.as_bytes().into()).or_insert(key);
        }
    }

    fn index(&mut self, items: &Ordered<Item>) -> &mut Index {
        let Self { noted, index, .. } = self;
        index.get_or_insert_with(|| {
            let mut index = Box::new(Index::of(items));
            index.ids.extend(noted.drain(..));
            index
        })
    }
}

impl Index {
    /// The identities of items, of each its first id.
    fn of(items: &Ordered<Item>) -> Self {
        let mut index = Self::default();
        work(items.len());
        for (key, item) in items.iter() {
            index.add_call(key, &item.identity());
            if let Some(id) = item.id.as_deref().filter(|id| !id.is_empty()) {
                index.ids.insert(id.as_bytes().into(), key);
            }
        }
        index
    }

    /// The item that an item event names by its id or call id.
    fn named(&self, items: &Ordered<Item>, identity: &Identity<'_>) -> Option<u32> {
        let kind = identity.kind();
        let id = identity.id().and_then(|id| self.ids.get(&*id).copied());
        let is_same_kind = |item: &Item| item.identity().kind() == kind;
        let id = id.filter(|key| items.get(*key).is_some_and(is_same_kind));
        id.or_else(|| self.call(kind.as_deref(), &identity.call_id()?))
    }

    fn call(&self, kind: Option<&[u8]>, call_id: &[u8]) -> Option<u32> {
        if self.calls.is_empty() {
            return None;
        }
        self.calls.get(&(kind.map(Into::into), call_id.into())).copied()
    }

    fn add(&mut self, key: u32, identity: &Identity<'_>) {
        if let Some(id) = identity.id() {
            self.ids.insert((*id).into(), key);
        }
        self.add_call(key, identity);
    }

    /// Adds the type and the call id.
    fn add_call(&mut self, key: u32, identity: &Identity<'_>) {
        let kind = identity.kind();
        if let Some(call_id) = identity.call_id() {
            self.calls.insert((kind.as_deref().map(Into::into), (*call_id).into()), key);
        }
        if let Some(kind) = kind {
            self.add_kind(key, &kind);
        }
    }

    /// The latest item of a type at an index that several items have; without an index, the latest item of that type.
    fn of_type(&self, index: Option<u32>, kind: &[u8]) -> Option<u32> {
        let found = match index {
            Some(index) => self.typed.get(&(index, kind.into())),
            None => self.last.get(kind),
        };
        found.copied()
    }

    fn add_kind(&mut self, key: u32, kind: &[u8]) {
        self.last.insert(kind.into(), key);
        if self.reused.contains_key(&index_of(key)) {
            self.typed.insert((index_of(key), kind.into()), key);
        }
    }
}

fn report_reused(index: u32, what: &str, issues: &mut Vec<Issue>) {
    let detail =
        vec![("output_index", u64::from(index).into()), ("what", clip(what).as_str().into())];
    issues.push((Code::IndexReused, detail));
}

/// Whether an item event with the index of an item is about another item.
fn is_other(item: &Item, identity: &Identity<'_>, done: bool) -> bool {
    let own = item.identity();
    if own.differs_in_kind(identity) {
        return !item.is_placeholder || item.has_text();
    }
    if !own.is_same_call(identity) {
        return true;
    }
    // Servers that change the ids of an item never add or finish it twice.
    let first = item.id.as_deref().map(str::as_bytes).filter(|id| !id.is_empty());
    if let Some((first, id)) = first.zip(identity.id())
        && *id != *first
    {
        return item.is_final || !(done || item.is_placeholder);
    }
    let is_named = || {
        (first.is_some() && identity.id().is_some())
            || (own.call_id().is_some() && identity.call_id().is_some())
    };
    item.is_final && !done && !is_named()
}

/// Whether an item event is about an unfinished item that it does not name: it finishes it, or adds it late.
fn continues(items: &Ordered<Item>, key: u32, identity: &Identity<'_>, done: bool) -> bool {
    items.get(key).is_some_and(|item| {
        let is_unfinished = if done { !item.is_final } else { item.is_placeholder };
        is_unfinished
            && item.identity().kind() == identity.kind()
            && !is_other(item, identity, done)
    })
}

fn has_kind(item: &Item, kind: &str) -> bool {
    item.identity().kind().is_some_and(|own| *own == *kind.as_bytes())
}

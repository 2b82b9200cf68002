//! Compares streamed items with their final values: `output_item.done`, or the output of the terminal response.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::identities::index_of;
use super::item::{Identity, Item, Reported};
use super::response::{Assembled, Element, ReconcileInputs};
use super::texts::{compare_texts, filled_texts};
use super::tool_calls::{call_kind, json_text};
use crate::assemble::{Fields, Node, Object, Ordered, View, object_mut};
use crate::diagnostics::{Code, Detail, Issue};

/// The maximum number of items that a diagnostic names.
const NAMED: usize = 5;
/// The maximum size of their names in characters.
const NAMES: usize = 200;

/// Compares the terminal output with the streamed items: recovers missing items and values, reports differences.
pub fn reconcile(response: &mut Assembled, issues: &mut Vec<Issue>) {
    if !response.items.is_empty() && !response.check_output_repeats_items() {
        reconcile_items(response, issues);
    }
}

#[inline(never)]
fn reconcile_items(response: &mut Assembled, issues: &mut Vec<Issue>) {
    let ReconcileInputs { output, items, loose, rebuilt } = response.reconcile_inputs();
    let output = output.map_or_else(Vec::new, |raw| View::Raw(raw).list());
    let pairs = match_items(items, &output);
    let mut elements: Vec<_> = (0..output.len()).map(Element::Own).collect();
    let mut changed = false;
    for (rank, position) in pairs.iter().enumerate() {
        let Some(position) = *position else { continue };
        let Some((terminal, (key, item))) = output.get(position).zip(items.nth(rank)) else {
            continue;
        };
        if is_identical(item, *terminal) {
            continue;
        }
        let Some((raw, fields)) = terminal.raw().zip(terminal.fields()) else { continue };
        let kind = Identity::of(&fields).kind().unwrap_or_default();
        let converted = loose_argument(&kind, &fields).map(|name| {
            report_loose(loose, name, JSON_TEXT, issues);
            converted(raw, name)
        });
        let after = converted.as_ref().map_or(fields, Fields::Object);
        if let Some(tree) = merge_item(item, index_of(key), raw, &after, issues) {
            let mut json = Vec::new();
            tree.write(&mut json);
            elements[position] = Element::Merged(json);
            changed = true;
        }
    }
    let mut lacking: Vec<usize> =
        (0..pairs.len()).filter(|rank| pairs.get(*rank).copied().flatten().is_none()).collect();
    let in_order = output.len() <= pairs.len()
        && pairs.iter().take(output.len()).enumerate().all(|(rank, pair)| *pair == Some(rank));
    if !lacking.is_empty() && !in_order {
        let names: Vec<_> = lacking.iter().take(NAMED).map(|rank| name(items, *rank)).collect();
        let names: String = names.join(", ").chars().take(NAMES).collect();
        let detail = vec![
            ("got", (output.len() as u64).into()),
            ("streamed", (items.len() as u64).into()),
            ("what", names.as_str().into()),
        ];
        issues.push((Code::OutputDiffers, detail));
        lacking.retain(|rank| {
            let kind = items.ranked(*rank).and_then(|(_, item)| item.body.fields().text("type"));
            kind.is_some_and(|kind| call_kind(kind.as_bytes()).is_some())
        });
    }
    if !lacking.is_empty() {
        let count = lacking.len() as u64;
        issues.push((Code::OutputRecovered, vec![("count", count.into())]));
    }
    if changed || !lacking.is_empty() {
        elements.extend(lacking.into_iter().map(Element::Streamed));
        *rebuilt = Some(elements);
    }
}

/// Whether both items are the same bytes.
fn is_identical(item: &Item, terminal: View<'_>) -> bool {
    matches!((item.body.view(), terminal), (View::Raw(streamed), View::Raw(terminal)) if streamed == terminal)
}

/// The position in the terminal output of each streamed item: by call id, then id, then type and texts, then type and order.
fn match_items(items: &Ordered<Item>, output: &[View<'_>]) -> Vec<Option<usize>> {
    let fields: Vec<_> = output.iter().map(|view| view.fields()).collect();
    let mut matches = Matches {
        streamed: items.iter().map(|(_, item)| item.identity()).collect(),
        terminal: fields.iter().map(|fields| fields.as_ref().map(Identity::of)).collect(),
        pairs: vec![None; items.len()],
        taken: fields.iter().map(Option::is_none).collect(),
    };
    matches.add(|_, streamed| streamed.call_id(), |_, terminal| terminal.call_id());
    matches.add(|_, streamed| streamed.id(), |_, terminal| terminal.id());
    let texts = |fields: &Fields<'_>| Some(filled_texts(fields)).filter(|texts| !texts.is_empty());
    matches.add(
        |rank, _| texts(&items.ranked(rank)?.1.body.fields()),
        |position, _| texts(fields[position].as_ref()?),
    );
    matches.add(|_, _| Some(()), |_, _| Some(()));
    matches.pairs
}

/// The items of a terminal output that are those of the stream.
struct Matches<'s, 't> {
    streamed: Vec<Identity<'s>>,
    terminal: Vec<Option<Identity<'t>>>,
    /// The position in the terminal output of each streamed item.
    pairs: Vec<Option<usize>>,
    /// Whether the item at a position of the terminal output is part of a pair.
    taken: Vec<bool>,
}

impl<'s, 't> Matches<'s, 't> {
    /// Matches further items, those of the same type and key in order. An item without a key is not matched.
    fn add<'k, K>(
        &mut self,
        streamed_key: impl Fn(usize, &Identity<'s>) -> Option<K>,
        terminal_key: impl Fn(usize, &Identity<'t>) -> Option<K>,
    ) where
        's: 'k,
        't: 'k,
        K: Eq + Hash + 'k,
    {
        let Self { streamed, terminal, pairs, taken } = self;
        let mut firsts = HashMap::new();
        let mut following = vec![None; terminal.len()];
        for (position, other) in terminal.iter().enumerate().rev() {
            if let Some(other) = other.as_ref().filter(|_| !taken[position])
                && let Some(key) = terminal_key(position, other)
            {
                let first = firsts.insert((other.kind(), key), Some(position));
                following[position] = first.flatten();
            }
        }
        if firsts.is_empty() {
            return;
        }
        let unmatched = pairs.iter_mut().zip(streamed).enumerate();
        for (rank, (pair, identity)) in unmatched.filter(|(_, (pair, _))| pair.is_none()) {
            let Some(key) = streamed_key(rank, identity) else { continue };
            let Some(first) = firsts.get_mut(&(identity.kind(), key)) else { continue };
            let Some(position) = *first else { continue };
            let other = terminal[position].as_ref();
            if other.is_some_and(|other| identity.is_same_call(other)) {
                (*pair, taken[position]) = (Some(position), true);
                *first = following[position];
            }
        }
    }
}

/// The streamed item of a rank in the message of a diagnostic.
fn name(items: &Ordered<Item>, rank: usize) -> String {
    let Some((key, item)) = items.ranked(rank) else { return String::new() };
    let identity = item.identity();
    match identity.name() {
        Some(_) => identity.describe(),
        None => format!("{} at {}", identity.describe(), index_of(key)),
    }
}

/// Reports a value of another type, once per field of a response.
#[cold]
pub(super) fn report_loose(
    loose: &mut Vec<&'static str>,
    field: &'static str,
    (got, read): (&str, &str),
    issues: &mut Vec<Issue>,
) {
    if !loose.contains(&field) {
        loose.push(field);
        let detail = vec![("field", field.into()), ("got", got.into()), ("read", read.into())];
        issues.push((Code::LooseValue, detail));
    }
}

/// The descriptions of an object that is read as text.
pub(super) const JSON_TEXT: (&str, &str) = ("an object", "its JSON text");

/// The name of the arguments of an item of this type, if they are an object.
pub(super) fn loose_argument(kind: &[u8], fields: &Fields<'_>) -> Option<&'static str> {
    let (_, name) = call_kind(kind)?;
    (fields.get(name)?.raw()?.first() == Some(&b'{')).then_some(name)
}

/// The tree of an item, with an object as arguments replaced by its JSON text.
#[cold]
pub(super) fn converted(raw: &[u8], name: &'static str) -> Object {
    let mut tree = Object::parse(&raw.into());
    let text = match tree.get(name) {
        Some(Node::Raw(raw)) => json_text(raw),
        _ => String::new(),
    };
    tree.set(name, Node::string(&text));
    tree
}

/// Compares an item with the value that replaces it. Returns the tree of the value if it is not the value itself: streamed
/// texts replace empty ones. Reports the texts that differ.
pub(super) fn merge_item(
    item: &mut Item,
    index: u32,
    raw: &[u8],
    after: &Fields<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Object> {
    let mut lost = Vec::new();
    compare_texts(&item.body.fields(), Some(after), |path, is_empty| lost.push((path, is_empty)));
    if lost.is_empty() { None } else { merge_texts(item, index, raw, lost, issues) }
}

/// As [`merge_item`], with the paths of the texts that differ, and whether the later ones are empty.
#[cold]
fn merge_texts(
    item: &mut Item,
    index: u32,
    raw: &[u8],
    lost: Vec<(String, bool)>,
    issues: &mut Vec<Issue>,
) -> Option<Object> {
    let mut tree = None;
    let mut filled = HashSet::new();
    if lost.iter().any(|(_, is_empty)| *is_empty) {
        filled = recover(&item.body.fields(), tree.insert(Object::parse(&raw.into())));
        item.recoveries += 1;
    }
    for (path, _) in lost {
        if filled.contains(&path) {
            value_recovered(&mut item.reported, index, path, issues);
        } else {
            mismatch(&mut item.reported, index, path, issues);
        }
    }
    tree.filter(|_| !filled.is_empty())
}

/// Compares an item with one that begins anew: reports the texts that differ.
pub(super) fn compare_item(
    item: &mut Item,
    index: u32,
    after: &Fields<'_>,
    issues: &mut Vec<Issue>,
) {
    let Item { body, reported, .. } = item;
    compare_texts(&body.fields(), Some(after), |path, _| mismatch(reported, index, path, issues));
}

/// Replaces the empty texts of a tree by those of the value before; returns their paths.
#[cold]
fn recover(before: &Fields<'_>, tree: &mut Object) -> HashSet<String> {
    let mut found = HashSet::new();
    for key in ["arguments", "input", "code"] {
        fill(&mut found, key, before, tree, key);
    }
    fill_list(&mut found, "content", before, tree, &["text", "refusal"]);
    fill_list(&mut found, "summary", before, tree, &["text"]);
    fill_list(&mut found, "output", before, tree, &["stdout", "stderr"]);
    fill_operation(&mut found, before, tree);
    fill_action(&mut found, before, tree);
    found
}

/// Whether a final value has no content: it is null or missing, or an empty text or list.
pub(super) fn is_empty(value: Option<View<'_>>) -> bool {
    let Some(value) = value else { return true };
    match value.raw() {
        Some(raw) => match raw.first() {
            Some(b'[') => value.list().is_empty(),
            Some(b'n') => true,
            _ => raw == b"\"\"",
        },
        None => match value {
            View::Node(Node::Text(text)) => text.wtf8.is_empty(),
            View::Node(Node::Sparse(sparse)) => sparse.parts.is_empty(),
            _ => false,
        },
    }
}

fn member<'t>(tree: &'t Object, key: &str) -> Option<View<'t>> {
    tree.get(key).map(View::Node)
}

/// The text of a member that is not empty.
fn text<'a>(fields: &Fields<'a>, key: &str) -> Option<Cow<'a, str>> {
    fields.text(key).filter(|text| !text.is_empty())
}

/// A copy of a value.
fn copy(value: View<'_>) -> Node {
    let mut out = Vec::new();
    match value {
        View::Raw(raw) => out.extend_from_slice(raw),
        View::Node(node) => node.write(&mut out),
        View::Object(object) => object.write(&mut out),
    }
    Node::raw(&out)
}

fn fill(
    found: &mut HashSet<String>,
    path: &str,
    before: &Fields<'_>,
    after: &mut Object,
    key: &'static str,
) {
    if let Some(text) = text(before, key)
        && is_empty(member(after, key))
    {
        after.set(key, Node::string(&text));
        found.insert(path.to_owned());
    }
}

/// Fills the members of an object, if both have the same type.
fn fill_members(
    found: &mut HashSet<String>,
    path: &str,
    before: &Fields<'_>,
    after: &mut Object,
    keys: &[&'static str],
) {
    if before.text("type") == member(after, "type").and_then(View::text) {
        for key in keys {
            fill(found, &format!("{path}.{key}"), before, after, key);
        }
    }
}

fn fill_list(
    found: &mut HashSet<String>,
    key: &'static str,
    before: &Fields<'_>,
    after: &mut Object,
    keys: &[&'static str],
) {
    let Some(list) = before.get(key) else { return };
    let streamed = list.list();
    let paths: Vec<String> = (streamed.iter().enumerate())
        .filter_map(|(number, part)| Some((number, part.fields()?)))
        .flat_map(|(number, part)| {
            let filled = keys.iter().filter(move |name| text(&part, name).is_some());
            filled.map(move |name| format!("{key}[{number}].{name}"))
        })
        .collect();
    if paths.is_empty() {
        return;
    }
    if is_empty(member(after, key)) {
        after.set(key, copy(list));
        return found.extend(paths);
    }
    let Some(b'[') = member(after, key).and_then(View::raw).and_then(<[u8]>::first) else { return };
    let (_, sparse) = after.list(key);
    for (number, part) in streamed.iter().enumerate().take(sparse.parts.len()) {
        let (_, element) = sparse.entry(number as u32);
        if let Some(part) = part.fields()
            && View::Node(&element.node).fields().is_some()
        {
            let object = object_mut(&mut element.node, "");
            fill_members(found, &format!("{key}[{number}]"), &part, object, keys);
        }
    }
}

/// Whether a final object is missing or has no members.
fn is_no_object(value: Option<View<'_>>) -> bool {
    let raw = value.and_then(View::raw).unwrap_or_default();
    let braces = raw.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    is_empty(value) || braces.is_some_and(|inside| inside.trim_ascii().is_empty())
}

fn fill_operation(found: &mut HashSet<String>, before: &Fields<'_>, tree: &mut Object) {
    let Some(view) = before.get("operation") else { return };
    let Some(operation) = view.fields() else { return };
    if text(&operation, "diff").is_some() && is_no_object(member(tree, "operation")) {
        tree.set("operation", copy(view));
        found.insert("operation.diff".to_owned());
    } else if member(tree, "operation").and_then(View::fields).is_some() {
        fill_members(found, "operation", &operation, tree.object("operation").1, &["diff"]);
    }
}

fn fill_action(found: &mut HashSet<String>, before: &Fields<'_>, tree: &mut Object) {
    let Some(view) = before.get("action") else { return };
    let Some(commands) = view.fields().and_then(|action| action.get("commands")) else { return };
    let streamed = commands.list();
    let texts: Vec<_> = (streamed.iter().enumerate())
        .filter_map(|(number, command)| Some((number, command.text()?)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    if texts.is_empty() {
        return;
    }
    let path = |number: usize| format!("action.commands[{number}]");
    if is_no_object(member(tree, "action")) {
        tree.set("action", copy(view));
        return found.extend(texts.iter().map(|(number, _)| path(*number)));
    }
    if member(tree, "action").and_then(View::fields).is_none() {
        return;
    }
    let action = tree.object("action").1;
    if is_empty(member(action, "commands")) {
        action.set("commands", copy(commands));
        return found.extend(texts.iter().map(|(number, _)| path(*number)));
    }
    let Some(b'[') = member(action, "commands").and_then(View::raw).and_then(<[u8]>::first) else {
        return;
    };
    let (_, sparse) = action.list("commands");
    for (number, text) in texts {
        if number < sparse.parts.len() {
            let (_, element) = sparse.entry(number as u32);
            if is_empty(Some(View::Node(&element.node))) {
                element.node = Node::string(&text);
                found.insert(path(number));
            }
        }
    }
}

/// Reports once that an empty value did not replace the text at a path.
#[cold]
pub(super) fn value_recovered(
    reported: &mut Reported,
    index: u32,
    path: String,
    issues: &mut Vec<Issue>,
) {
    if reported.add_recovered(&path) {
        issues.push((Code::ValueRecovered, path_detail(path, index)));
    }
}

/// Reports once that the texts at a path differ.
#[cold]
pub(super) fn mismatch(reported: &mut Reported, index: u32, path: String, issues: &mut Vec<Issue>) {
    if reported.add_mismatch(&path) {
        issues.push((Code::TextMismatch, path_detail(path, index)));
    }
}

fn path_detail(path: String, index: u32) -> Detail {
    vec![("what", path.into()), ("output_index", u64::from(index).into())]
}

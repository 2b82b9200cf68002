//! Merges members of chunks into the folded completion, by the rules of the catalogue.
//!
//! Without a rule, the last value that is not null counts, objects are merged member by member, lists whose elements have an
//! `index` are merged by it, and other lists are extended.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::catalogue::{Op, Rule, Scope};
use crate::assemble::append::append;
use crate::assemble::{Key, Node, Object, Part, Sparse, Text, object_mut, text_mut};
use crate::diagnostics::{Code, Issue};
use crate::json::{self, Member};
use crate::predict::has_plain_keys;
use crate::protocols::responses::tool_calls::json_text;

/// The largest index of a choice, of a tool call or of an element of an indexed list.
pub const INDEX_LIMIT: u32 = 65_535;
const INDEX_DIGITS: usize = 5;

/// Where problems are reported.
pub struct Context<'c> {
    pub issues: &'c mut Vec<Issue>,
    /// The members that were reported as loose values.
    pub loose: &'c mut Vec<&'static str>,
    /// Whether the completion was not streamed.
    pub whole: bool,
    /// The number of members that were set, so that events that set none can be repeated without merging them again.
    pub changes: u64,
}

impl Context<'_> {
    /// Reports a member that has the wrong kind; it has no effect.
    pub fn bad(&mut self, path: &Path<'_>, name: &str, expected: &str) {
        let detail = vec![("field", path.place(name).into()), ("expected", expected.into())];
        self.issues.push((Code::BadField, detail));
    }

    /// Reports a value of another kind whose meaning is clear, once for each name of a member.
    pub fn report_loose(&mut self, path: &Path<'_>, name: &'static str, got: &str, read: &str) {
        if !self.loose.contains(&name) {
            self.loose.push(name);
            let field = path.place(name).into();
            let detail = vec![("field", field), ("got", got.into()), ("read", read.into())];
            self.issues.push((Code::LooseValue, detail));
        }
    }
}

/// The path of an object in a chunk, for messages.
#[derive(Clone, Copy)]
pub enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'static str),
    /// An element of the list in a member.
    Element(&'p Path<'p>, &'static str, usize),
}

impl Path<'_> {
    /// The path of a member of the object.
    pub fn place(&self, name: &str) -> String {
        let mut text = String::new();
        self.write(&mut text);
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(name);
        text
    }

    fn write(&self, out: &mut String) {
        let (Self::Member(parent, name) | Self::Element(parent, name, _)) = self else { return };
        parent.write(out);
        out.push_str(if out.is_empty() { "" } else { "." });
        out.push_str(name);
        if let Self::Element(_, _, index) = self {
            let _ = write!(out, "[{index}]");
        }
    }
}

/// Merges the members of an object into `target`.
pub fn merge(cx: &mut Context<'_>, path: &Path<'_>, target: &mut Object, raw: &[u8], scope: Scope) {
    merge_members(cx, path, target, raw, &members_of(raw), scope);
}

/// As [`merge`], with the members of the object.
pub fn merge_members(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    target: &mut Object,
    raw: &[u8],
    members: &[Member],
    scope: Scope,
) {
    let mut near = 0;
    for member in members {
        let (rule, name) = rule_of(raw, member, scope);
        if rule.is_some_and(|rule| matches!(rule.op, Op::Content | Op::Calls | Op::Drop)) {
            continue;
        }
        let mut slot = Slot::of(target, rule, &name, near);
        merge_value(cx, path, &mut slot, member.value(raw));
        near += 1;
    }
}

/// The rule of a member, and its name. The keys of rules are not decoded.
pub fn rule_of<'r>(
    raw: &'r [u8],
    member: &Member,
    scope: Scope,
) -> (Option<&'static Rule>, Cow<'r, str>) {
    if !member.key_escaped {
        let key = member.raw_key(raw);
        if let Some(rule) = scope.rule(key) {
            return (Some(rule), Cow::Borrowed(rule.name));
        }
        if let Ok(name) = std::str::from_utf8(key) {
            return (None, Cow::Borrowed(name));
        }
    }
    let name = json::decode_key(raw, member);
    (scope.rule(name.as_bytes()), name)
}

/// Merges a value into a member, by its rule. The operations of messages are those of `delta`.
pub fn merge_value(cx: &mut Context<'_>, path: &Path<'_>, slot: &mut Slot<'_>, value: &[u8]) {
    let Some(rule) = slot.rule else { return last(cx, path, slot, value) };
    match rule.op {
        Op::Append => append_text(cx, path, slot, rule, value),
        Op::Arguments => arguments(cx, path, slot, rule, value),
        Op::Name => append_name(cx, path, slot, rule, value),
        Op::First => first(cx, slot, value),
        Op::Filled => filled(cx, path, slot, rule.name, value),
        Op::Replace if is_null(value) => slot.set_default(cx),
        Op::Replace => slot.put_raw(cx, value),
        Op::Extend => extend(cx, path, slot, rule.name, value),
        Op::Object => object(cx, path, slot, rule, value),
        Op::Details => details(cx, path, slot, rule, value),
        Op::Content | Op::Calls | Op::Drop => {}
    }
}

// -- operations ------------------------------------------------------------------------------------------------------

fn append_text(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    rule: &'static Rule,
    value: &[u8],
) {
    match value.first() {
        Some(b'"') => {
            let body = without_quotes(value);
            append(slot.text(), body, body.len(), true);
        }
        Some(b'n') => slot.set_default(cx),
        _ => cx.bad(path, rule.name, "a string"),
    }
}

fn arguments(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    rule: &'static Rule,
    value: &[u8],
) {
    if value.first() != Some(&b'{') {
        return append_text(cx, path, slot, rule, value);
    }
    cx.report_loose(path, rule.name, "an object", "JSON text");
    let mut quoted = Vec::new();
    json::write_str(&json_text(value), &mut quoted);
    append_text(cx, path, slot, rule, &quoted);
}

/// Appends to the name of a tool. Servers that repeat the whole name with every piece do not change it.
fn append_name(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    rule: &'static Rule,
    value: &[u8],
) {
    let repeats = match slot.get() {
        Some(Node::Text(text)) if value.first() == Some(&b'"') => {
            json::reads_as(value, &text.wtf8) || *text == Text::from_quoted(value, text.is_final)
        }
        _ => false,
    };
    if !repeats {
        append_text(cx, path, slot, rule, value);
    }
}

fn first(cx: &mut Context<'_>, slot: &mut Slot<'_>, value: &[u8]) {
    let before = slot.get();
    let is_empty = before.is_none_or(|node| node.json().is_some_and(is_empty_value));
    if is_empty && (before.is_none() || !is_null(value)) {
        slot.put_raw(cx, value);
    }
}

fn filled(cx: &mut Context<'_>, path: &Path<'_>, slot: &mut Slot<'_>, name: &str, value: &[u8]) {
    if !matches!(value.first(), Some(b'"' | b'n')) {
        cx.bad(path, name, "a string");
    } else if (value.len() > 2 && !is_null(value)) || slot.get().is_none_or(is_null_node) {
        slot.put_raw(cx, value);
    }
}

fn extend(cx: &mut Context<'_>, path: &Path<'_>, slot: &mut Slot<'_>, name: &str, value: &[u8]) {
    match value.first() {
        Some(b'[') => match slot.json() {
            Some([b'[', ..]) if is_empty_list(value) => {}
            Some([b'[', ..]) => slot.extend(cx, value),
            _ => slot.put_raw(cx, value),
        },
        Some(b'n') => slot.set_default(cx),
        _ => cx.bad(path, name, "a list"),
    }
}

fn object(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    rule: &'static Rule,
    value: &[u8],
) {
    match value.first() {
        Some(b'{') => {
            let inner = slot.object(cx);
            merge(cx, &Path::Member(path, rule.name), inner, value, rule.into);
        }
        Some(b'n') => slot.set_default(cx),
        _ => cx.bad(path, rule.name, "an object"),
    }
}

fn details(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    rule: &'static Rule,
    value: &[u8],
) {
    match value.first() {
        Some(b'[') => {
            let path = Path::Member(path, rule.name);
            merge_list(cx, &path, slot, value, rule.into);
        }
        Some(b'n') => slot.set_default(cx),
        _ => cx.bad(path, rule.name, "a list"),
    }
}

// -- members without a rule ------------------------------------------------------------------------------------------

fn last(cx: &mut Context<'_>, path: &Path<'_>, slot: &mut Slot<'_>, value: &[u8]) {
    match value.first() {
        Some(b'n') => slot.set_default(cx),
        Some(b'{') => {
            let inner = slot.object(cx);
            merge(cx, path, inner, value, Scope::None);
        }
        Some(b'[') => merge_list(cx, path, slot, value, Scope::None),
        _ => slot.put_raw(cx, value),
    }
}

/// Merges a list into a member: by the `index` of its elements, else it extends the list there. `path` is that of the elements.
fn merge_list(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    slot: &mut Slot<'_>,
    list: &[u8],
    scope: Scope,
) {
    let mut spans = Vec::new();
    json::elements(list, &mut spans);
    let elements = || spans.iter().filter_map(|(start, end, _)| list.get(*start..*end));
    if slot.json().is_some_and(|raw| raw.starts_with(b"[") && !is_empty_list(raw)) {
        let more = own_list(cx, path, elements(), scope);
        if !spans.is_empty() {
            slot.extend(cx, &more);
        }
        return;
    }
    if !matches!(slot.get(), Some(Node::Sparse(_))) {
        if spans.is_empty() || elements().any(|element| index_of(element).is_none()) {
            let own = own_list(cx, path, elements(), scope);
            return slot.put_raw(cx, &own);
        }
        slot.put(cx, Node::Sparse(Sparse::default()));
    }
    let Some(Node::Sparse(sparse)) = slot.get_mut() else { return };
    for element in elements() {
        merge_element(cx, path, sparse, element, scope);
    }
}

fn merge_element(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    sparse: &mut Sparse,
    element: &[u8],
    scope: Scope,
) {
    let next = || sparse.parts.last().map_or(0, |top| top.saturating_add(1).min(INDEX_LIMIT));
    let index = index_of(element).unwrap_or_else(next);
    if element.first() == Some(&b'{')
        && let Some(Part { node: Node::Object(before), .. }) = sparse.parts.get_mut(index)
    {
        return merge(cx, path, before, element, scope);
    }
    cx.changes += 1;
    let node = own(cx, path, element, scope);
    sparse.entry(index).1.node = node;
}

/// A new element of a list.
fn own(cx: &mut Context<'_>, path: &Path<'_>, element: &[u8], scope: Scope) -> Node {
    if element.first() != Some(&b'{') {
        return Node::raw(element);
    }
    let mut object = Object::default();
    merge(cx, path, &mut object, element, scope);
    Node::Object(object)
}

/// New elements of a list, as canonical JSON.
fn own_list<'e>(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    elements: impl Iterator<Item = &'e [u8]>,
    scope: Scope,
) -> Vec<u8> {
    let mut out = vec![b'['];
    for element in elements {
        if out.len() > 1 {
            out.push(b',');
        }
        own(cx, path, element, scope).write(&mut out);
    }
    out.push(b']');
    out
}

// -- members -------------------------------------------------------------------------------------------------------

/// A member of an object that a value is merged into, which may be missing yet. It is looked up once, whatever its rule does.
pub struct Slot<'t> {
    object: &'t mut Object,
    pub rule: Option<&'static Rule>,
    name: &'t str,
    position: Option<u32>,
}

impl<'t> Slot<'t> {
    /// The member `name` of an object. It is likely to be at the position `near`, as members arrive in the same order in each chunk.
    pub fn of(
        object: &'t mut Object,
        rule: Option<&'static Rule>,
        name: &'t str,
        near: u32,
    ) -> Self {
        let position = object.position_near(name.as_bytes(), near);
        Self { object, rule, name, position }
    }

    fn key(&self) -> Key {
        self.rule.map_or_else(|| Key::shared(self.name), |rule| Key::Static(rule.name))
    }

    pub fn get(&self) -> Option<&Node> {
        self.object.node(self.position?)
    }

    pub fn get_mut(&mut self) -> Option<&mut Node> {
        self.object.at(self.position?)
    }

    /// The JSON of the member, if it is there and no event has written into it.
    pub fn json(&self) -> Option<&[u8]> {
        self.get().and_then(Node::json)
    }

    /// Sets the member.
    pub fn put(&mut self, cx: &mut Context<'_>, node: Node) {
        cx.changes += 1;
        match self.get_mut() {
            Some(before) => *before = node,
            None => self.position = Some(self.object.add(self.key(), node)),
        }
    }

    /// Sets the member to a value, unless it has this value already.
    pub fn put_raw(&mut self, cx: &mut Context<'_>, value: &[u8]) {
        if self.json() != Some(value) {
            self.put(cx, Node::raw(value));
        }
    }

    /// Sets the member to null, unless there is one.
    pub fn set_default(&mut self, cx: &mut Context<'_>) {
        if self.position.is_none() {
            self.put(cx, Node::raw(b"null"));
        }
    }

    /// The node of the member; a missing one is created.
    fn node_or(&mut self, make: impl FnOnce() -> Node) -> &mut Node {
        let position = match self.position {
            Some(position) => position,
            None => self.object.add(self.key(), make()),
        };
        self.position = Some(position);
        match self.object.at(position) {
            Some(node) => node,
            None => unreachable!("the member is there"),
        }
    }

    /// The member as a text; a missing one is created, and a value that is no text is replaced.
    pub fn text(&mut self) -> &mut Text {
        text_mut(self.node_or(|| Node::Text(Text::default())))
    }

    /// The member as an object; a value that is no object is replaced.
    pub fn object(&mut self, cx: &mut Context<'_>) -> &mut Object {
        if !self.get().is_some_and(Node::is_object) {
            self.put(cx, Node::Object(Object::default()));
        }
        object_mut(self.node_or(|| Node::Object(Object::default())), "")
    }

    /// Appends a list that is not empty to the member; a value that is no list is replaced.
    pub fn extend(&mut self, cx: &mut Context<'_>, more: &[u8]) {
        cx.changes += 1;
        self.object.extend(self.key(), more);
    }
}

// -- values ----------------------------------------------------------------------------------------------------------

/// The members of an object, each key once, as spans into a text.
pub struct Fields<'t> {
    pub text: &'t [u8],
    pub members: Cow<'t, [Member]>,
}

impl<'t> Fields<'t> {
    /// Those of a text that is an object.
    pub fn of(text: &'t [u8]) -> Self {
        Self { text, members: members_of(text).into() }
    }

    /// Those of an object without members.
    pub const fn none() -> Self {
        Self { text: b"", members: Cow::Borrowed(&[]) }
    }

    /// The value of the member with this name.
    pub fn value(&self, name: &str) -> Option<&'t [u8]> {
        json::find(self.text, &self.members, name).map(|member| member.value(self.text))
    }
}

/// The members of an object, each key once: the last value at the position of the first.
pub fn members_of(raw: &[u8]) -> Vec<Member> {
    let mut members = Vec::with_capacity(8);
    json::locate(raw, &mut members);
    unique(raw, members)
}

/// These members with each key once.
pub fn unique(raw: &[u8], members: Vec<Member>) -> Vec<Member> {
    if are_unique(raw, &members) {
        return members;
    }
    let mut positions = HashMap::with_capacity(members.len());
    let mut found: Vec<Member> = Vec::with_capacity(members.len());
    for member in members {
        match positions.entry(json::decode_key(raw, &member)) {
            std::collections::hash_map::Entry::Occupied(entry) => found[*entry.get()] = member,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(found.len());
                found.push(member);
            }
        }
    }
    found
}

/// Whether all keys are certainly different: plain ASCII. Others may be equal once they are decoded.
pub fn are_unique(raw: &[u8], members: &[Member]) -> bool {
    has_plain_keys(raw, members) && members.iter().all(|member| member.raw_key(raw).is_ascii())
}

/// The value of a member of an object; the last of equal names counts.
pub fn value_of<'v>(raw: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let mut members = Vec::with_capacity(8);
    json::locate(raw, &mut members);
    json::find(raw, &members, name).map(|member| member.value(raw))
}

/// A string that is not empty.
pub fn text_of(value: Option<&[u8]>) -> Option<Cow<'_, str>> {
    value.filter(|value| is_filled_string(Some(value))).map(json::decode_str)
}

/// Whether a value is a string that is not empty.
pub fn is_filled_string(value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| value.first() == Some(&b'"') && value.len() > 2)
}

/// A string without its quotes.
pub fn without_quotes(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

pub fn is_null(value: &[u8]) -> bool {
    value == b"null"
}

fn is_null_node(node: &Node) -> bool {
    node.json().is_some_and(is_null)
}

/// Whether a value is null, an empty string or 0.
pub fn is_empty_value(value: &[u8]) -> bool {
    is_null(value) || value == b"\"\"" || matches!(value, b"0" | b"-0")
}

/// Whether a list has no elements.
pub fn is_empty_list(list: &[u8]) -> bool {
    let inside = list.get(1..list.len().saturating_sub(1)).unwrap_or_default();
    inside.iter().all(u8::is_ascii_whitespace)
}

/// The `index` of an object, `None` if it has no valid one.
fn index_of(element: &[u8]) -> Option<u32> {
    number(value_of(element, "index").filter(|_| element.first() == Some(&b'{'))?)
}

/// The index that a number is.
fn number(value: &[u8]) -> Option<u32> {
    let number = json::parse_index(value).and_then(|number| u32::try_from(number).ok());
    number.filter(|index| *index <= INDEX_LIMIT)
}

/// The index that a text of digits is.
fn digits(text: &str) -> Option<u32> {
    let valid = !text.is_empty()
        && text.len() <= INDEX_DIGITS
        && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|index| valid && *index <= INDEX_LIMIT)
}

/// The `index` of a choice or tool call: `Ok(None)` if it is missing, an error, which is reported, if it is not valid.
pub fn read_index(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    element: &[u8],
    members: &[Member],
) -> Result<Option<u32>, ()> {
    let value = json::find(element, members, "index").map(|index| index.value(element));
    let Some(value) = value.filter(|value| !is_null(value)) else { return Ok(None) };
    let is_string = value.first() == Some(&b'"');
    let index = if is_string { digits(&json::decode_str(value)) } else { number(value) };
    if index.is_none() {
        cx.bad(path, "index", "an integer from 0 to 65535");
        return Err(());
    }
    if is_string {
        cx.report_loose(path, "index", "a string of digits", "a number");
    }
    Ok(index)
}

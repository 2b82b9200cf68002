//! Applies one event to one response: the operations of the catalogue.
//!
//! Events are routed by their indexes, and by ids where an index is missing or several items have it. Precedence of values, highest first: the items of the
//! terminal response, `output_item.done`, `*_part.done`, `*.done`, the sum of the deltas.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{Entry, INDEX_FIELDS, Op, Phase};
use super::events::Event;
use super::events::INDEX_LIMIT;
use super::flat::{event_error, flat_response};
use super::reconcile::{
    JSON_TEXT, compare_item, converted, has_any_text, index_of, is_empty as is_empty_value,
    loose_argument, merge_item, mismatch, reconcile, report_loose, value_recovered,
};
use super::response::{Assembled, Cursor, ITEMS_PER_INDEX, Identities, Item};
use super::tool_calls::{call_kind, json_text};
use crate::assemble::append::append;
use crate::assemble::{Fields, Indexes, Node, Object, Ordered, Place, Text, View, text_changed};
use crate::diagnostics::{Code, Issue, clip, error_value};
use crate::json::{self, Kind, Member};
use crate::predict::{CachedEvent, Members};

/// An event with the response that it is applied to.
struct Fold<'a, 'p> {
    response: &'a mut Assembled,
    event: &'a Event<'p>,
    entry: &'static Entry,
    indexes: &'a Indexes,
    issues: &'a mut Vec<Issue>,
}

/// The key of the item that an event refers to, and the item id in the event.
type ItemReference<'p> = Option<(u32, Option<Cow<'p, str>>)>;

/// Applies an event of a known type to a response; `issues` receives its diagnostics.
pub fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
    let (Some(entry), Some(indexes)) = (event.entry(), &event.indexes()) else { return };
    let continues = response.cursor.as_ref().is_some_and(|cursor| cursor.is_for(event));
    if continues && append_at_cursor(response, event, Some(issues)) {
        return;
    }
    for (slot, field) in INDEX_FIELDS.iter().enumerate() {
        if event.route.is_some_and(|route| route.loose >> slot & 1 == 1) {
            report_loose(&mut response.loose, field, ("a string of digits", "a number"), issues);
        }
    }
    if !matches!(entry.op, Op::Quiet | Op::None) {
        response.cursor = None;
    }
    let replaces = entry.op == Op::Text && entry.phase == Phase::Done;
    response.changes += u64::from(replaces || matches!(entry.op, Op::Response | Op::Item));
    let mut fold = Fold { response, event, entry, indexes, issues };
    let reference = match entry.op {
        Op::Response => fold.response(),
        Op::Item => fold.item(),
        Op::Part => fold.part(),
        Op::Text => fold.text(),
        Op::Members => fold.members(),
        Op::Put => fold.put(),
        Op::Status => fold.status(),
        Op::Error => fold.error(),
        Op::Side => fold.side(),
        Op::Quiet | Op::None => None,
    };
    if let Some((index, Some(id))) = reference {
        fold.check_id(index, &id);
    }
}

/// The text that is continued by events that repeat the cached one, if they change nothing else.
#[inline]
pub fn growing_text<'f>(
    response: &'f mut Assembled,
    cached: &CachedEvent<super::events::Route>,
) -> Option<&'f mut Text> {
    let Assembled { cursor: Some(cursor), items, .. } = response else { return None };
    if cursor.serial != Some(cached.serial) || cached.extends {
        return None;
    }
    cursor.text_path.text(items.at(cursor.item_position)?.body.tree_mut()?)
}

/// Applies a delta event that repeats the previous one except for its delta. Does nothing and returns false for any other event.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &Event<'_>) -> bool {
    let cursor = response.cursor.as_ref();
    let repeats = event.members.serial().is_some()
        && cursor.is_some_and(|cursor| cursor.serial == event.members.serial());
    repeats && append_at_cursor(response, event, None)
}

/// Appends a delta to the text at the cursor. `issues` is given for an event whose item id must be compared. Does nothing and
/// returns false if the event does not continue that text.
#[inline]
fn append_at_cursor(
    response: &mut Assembled,
    event: &Event<'_>,
    issues: Option<&mut Vec<Issue>>,
) -> bool {
    let Assembled { cursor: Some(cursor), items, .. } = response else { return false };
    let Some(delta) = DeltaParts::of(event, cursor.entry, issues.is_some()) else { return false };
    let Some(item) = items.at(cursor.item_position) else { return false };
    let Some(tree) = item.body.tree_mut() else { return false };
    let Some(text) = cursor.text_path.text(tree) else { return false };
    append(text, delta.body, delta.body.len(), delta.escaped || event.invalid_utf8);
    if let Some(list) = delta.list.map(|member| event.bytes(&member)).filter(|list| !is_empty(list))
        && let Some(object) = cursor.text_path.object(tree)
    {
        object.extend(cursor.entry.extend, list);
    }
    cursor.serial = event.serial();
    if let Some((id, issues)) = delta.id.zip(issues) {
        continue_id(item, cursor.index, event.bytes(&id), issues);
    }
    true
}

/// The parts of a delta event that change a response.
struct DeltaParts<'a> {
    body: &'a [u8],
    escaped: bool,
    id: Option<Member>,
    list: Option<Member>,
}

impl<'a> DeltaParts<'a> {
    /// `None` if the value is no string, or if a key is escaped. The item id of an event that repeats a cached one is read only if
    /// it will be `compared`.
    #[inline]
    fn of(event: &Event<'a>, entry: &Entry, compared: bool) -> Option<Self> {
        let (body, escaped, id, list) = match event.members {
            Members::Repeated(cached) => {
                let (body, escaped) = cached.delta(event.raw)?;
                let list = if cached.extends { cached.member(cached.extend) } else { None };
                let id = if compared { cached.member(cached.owner_id) } else { None };
                (body, escaped, id, list)
            }
            Members::Parsed(members) => {
                let [value, id, list] = find_delta_members(event, members, entry)?;
                let value = value.filter(|member| member.kind == Kind::String)?;
                (without_delimiters(event.bytes(&value)), value.escaped, id, list)
            }
        };
        let id = id.filter(|member| member.kind == Kind::String);
        let list = list.filter(|member| member.kind == Kind::Array);
        Some(Self { body, escaped, id, list })
    }
}

/// The value, the item id and the list that extends the value; `None` if a key is escaped. The last of equal names counts.
#[inline]
fn find_delta_members(
    event: &Event<'_>,
    members: &[Member],
    entry: &Entry,
) -> Option<[Option<Member>; 3]> {
    let names = [entry.value, "item_id", entry.extend];
    let mut found = [None; 3];
    for member in members {
        if member.key_escaped {
            return None;
        }
        let length = (member.key.end - member.key.start) as usize;
        for (name, slot) in names.iter().zip(&mut found) {
            if name.len() == length && member.raw_key(event.raw) == name.as_bytes() {
                *slot = Some(*member);
            }
        }
    }
    Some(found)
}

/// Compares the item id of a delta with that of the item.
fn continue_id(item: &mut Item, index: u32, quoted: &[u8], issues: &mut Vec<Issue>) {
    let equal = item.id.as_deref().is_some_and(|id| id.as_bytes() == without_delimiters(quoted));
    if !equal && !item.id_changed {
        check_id(item, index, &json::decode_str(quoted), issues);
    }
}

/// The bytes of a string without its quotes, or of a list without its brackets.
#[inline]
fn without_delimiters(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

fn check_id(item: &mut Item, index: u32, got: &str, issues: &mut Vec<Issue>) {
    match &item.id {
        None => item.id = Some(got.into()),
        Some(id) if **id != *got && !item.id_changed => {
            item.id_changed = true;
            let detail = vec![
                ("output_index", u64::from(index).into()),
                ("previous", clip(id).as_str().into()),
                ("got", clip(got).as_str().into()),
            ];
            issues.push((Code::ItemIdChanged, detail));
        }
        Some(_) => {}
    }
}

impl<'p> Fold<'_, 'p> {
    /// The member that carries the value; reported if it is missing or of another kind.
    fn member(&mut self, kind: Kind, expected: &str) -> Option<Member> {
        let found = self.event.value();
        let found = found.filter(|member| member.kind == kind);
        if found.is_none() {
            let detail = vec![("field", self.entry.value.into()), ("expected", expected.into())];
            self.issues.push((Code::BadField, detail));
        }
        found
    }

    /// The JSON of the value; reported if it is missing or of another kind.
    fn value(&mut self, kind: Kind, expected: &str) -> Option<&'p [u8]> {
        self.member(kind, expected).map(|member| self.event.bytes(&member))
    }

    fn check_id(&mut self, key: u32, got: &str) {
        if let Some(item) = self.response.items.get_mut(key) {
            check_id(item, index_of(key), got, self.issues);
        }
    }

    // -- lifecycle ---------------------------------------------------------------------------------------------

    fn response(&mut self) -> ItemReference<'p> {
        let flat = self.flat_response();
        let value = match &flat {
            Some(raw) => Some(&**raw),
            None => self.value(Kind::Object, "an object"),
        };
        if let Some(raw) = value {
            self.set_base(raw, flat.is_some());
        } else if let Some(error) = self.event.member("error")
            && let Some(error) = error_value(self.event.bytes(&error), error.kind)
        {
            self.response.event_error = Some(error);
        }
        if self.entry.phase == Phase::Terminal {
            self.response.tracking.terminal = Some(self.entry.ty);
            self.response.tracking.ended = true;
            if value.is_some() {
                self.response.has_final_response = true;
                reconcile(self.response, self.issues);
            }
        }
        None
    }

    /// The response that a lifecycle event without nesting is, reported as a loose value.
    fn flat_response(&mut self) -> Option<Cow<'p, [u8]>> {
        let event = self.event;
        if event.value().is_some_and(|member| member.kind != Kind::Null) {
            return None;
        }
        let flat = flat_response(event)?;
        let Fold { response, entry, issues, .. } = self;
        report_loose(&mut response.loose, entry.value, ("not nested", "the event itself"), issues);
        Some(flat)
    }

    fn set_base(&mut self, raw: &[u8], flat: bool) {
        let response = &mut *self.response;
        if response.base_raw() == Some(raw) {
            return;
        }
        let before = if response.id_changed { None } else { response.id().map(Cow::into_owned) };
        response.set_base(raw, self.event.located.filter(|_| !flat));
        let Some((before, got)) = before.zip(response.id()) else { return };
        if before != got {
            let detail = vec![
                ("previous", clip(&before).as_str().into()),
                ("got", clip(&got).as_str().into()),
            ];
            self.issues.push((Code::ResponseIdChanged, detail));
            response.id_changed = true;
        }
    }

    // -- items and parts ---------------------------------------------------------------------------------------

    fn item(&mut self) -> ItemReference<'p> {
        let value = self.member(Kind::Object, "an object")?;
        let (raw, fields) = (self.event.bytes(&value), fields(self.event, &value)?);
        let done = self.entry.phase == Phase::Done;
        let identity = Identity::of(&fields);
        let key = self.item_key(&identity, done);
        let Fold { response, issues, .. } = self;
        let Assembled { items, identities, latest_key, loose, .. } = &mut **response;
        let exists = items.position(key).is_some();
        let (_, item) = items.entry(key, Item::default);
        let argument = loose_argument(&fields);
        let converted = argument.map(|name| converted(raw, name));
        let mut tree = None;
        if exists {
            let after = converted.as_ref().map(Fields::Object);
            let after = after.as_ref().unwrap_or(&fields);
            if item.is_final && !done {
                compare_item(item, index_of(key), after, issues);
            } else {
                tree = merge_item(item, index_of(key), raw, after, issues);
            }
        }
        if let Some((name, converted)) = argument.zip(converted) {
            report_loose(loose, name, JSON_TEXT, issues);
            tree = Some(match (tree, converted.get(name).and_then(Node::text)) {
                (Some(mut tree), Some(text)) => {
                    tree.set(name, Node::string(&text));
                    tree
                }
                _ => converted,
            });
        }
        match tree {
            Some(tree) => item.body.replace_tree(tree),
            None => item.body.replace(raw, value.start, &fields),
        }
        item.is_final = done;
        item.is_placeholder = false;
        item.kind = identity.kind.as_deref().map(Into::into);
        item.call_id = identity.call_id.as_deref().map(Into::into);
        *latest_key = key;
        identities.add(key, &identity);
        Some((key, identity.id))
    }

    /// The key of the item that an item event adds or replaces: that of another item, or a new one.
    fn item_key(&mut self, identity: &Identity<'_>, done: bool) -> u32 {
        let Fold { response, indexes, issues, .. } = self;
        let Assembled { items, identities, latest_key, .. } = &mut **response;
        let named = identities.named(items, identity);
        let Some(index) = indexes.values[0] else {
            if let Some(key) = named {
                return key;
            }
            let latest = items.get(*latest_key);
            if done && latest.is_none_or(|item| !is_other(item, identity, done)) {
                return *latest_key;
            }
            let index = items.last().map_or(0, |last| index_of(last) + 1).min(INDEX_LIMIT);
            let key = index * ITEMS_PER_INDEX;
            return if items.position(key).is_some() {
                identities.next_key(items, index)
            } else {
                key
            };
        };
        let reused = identities.reused.get(&index).copied();
        let named = named.filter(|key| reused.is_some() && index_of(*key) == index);
        let key = named.or(reused).unwrap_or(index * ITEMS_PER_INDEX);
        if items.get(key).is_none_or(|item| !is_other(item, identity, done)) {
            return key;
        }
        let filled = |text: &Option<Cow<'_, str>>| {
            text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = filled(&identity.kind).unwrap_or_else(|| "item".to_owned());
        let ident = filled(&identity.call_id).or_else(|| filled(&identity.id));
        let what = ident.map_or(kind.clone(), |ident| format!("{kind} {ident}"));
        index_reused(index, &what, issues);
        identities.next_key(items, index)
    }

    fn part(&mut self) -> ItemReference<'p> {
        let member = self.member(Kind::Object, "an object")?;
        let (raw, value) = (self.event.bytes(&member), fields(self.event, &member)?);
        let reasoning = value.text("type").as_deref() == Some("reasoning_text");
        let kind = if reasoning { "reasoning" } else { self.entry.item };
        let Fold { response, event, entry, indexes, issues } = self;
        let (open, reference) = open_item(response, event, indexes, kind, false, issues);
        let Some(OpenItem { item, index, .. }) = open else { return reference };
        let done = entry.phase == Phase::Done;
        let Item { body, mismatches, recovered, .. } = item;
        if let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, entry.part, !done)
        {
            let keys = ["text", "refusal"];
            let node =
                replace_part(&place, raw, &value, &keys, (mismatches, recovered), index, issues);
            place.put(node);
            place.set_final(done);
        }
        reference
    }

    // -- values ------------------------------------------------------------------------------------------------

    fn text(&mut self) -> ItemReference<'p> {
        let quoted = &*self.text_value()?;
        let Fold { response, event, entry, indexes, issues } = self;
        let grows = entry.phase == Phase::Delta && quoted.len() > 2;
        let (open, reference) = open_item(response, event, indexes, entry.item, grows, issues);
        let Some(OpenItem { item, index, position, by_identity }) = open else { return reference };
        let Item { body, mismatches, recovered, .. } = item;
        let new_element = entry.phase == Phase::Added;
        let Some(mut place) =
            Place::find(body.expand(), entry.steps, indexes, entry.part, new_element)
        else {
            return reference;
        };
        if entry.phase == Phase::Delta {
            if place.in_final_part || matches!(place.get(), Some(Node::Text(text)) if text.is_final)
            {
                if quoted.len() > 2 {
                    mismatch(mismatches, index, place.path(), issues);
                }
                return reference;
            }
            let body = without_delimiters(quoted);
            append(place.text_mut(), body, body.len(), true);
            let text_path = place.node_path;
            extend(&mut place, event, entry);
            let (indexes, serial) = (**indexes, event.serial());
            response.cursor = Some(Cursor {
                entry,
                indexes,
                serial,
                item_position: position,
                index,
                text_path,
                by_identity,
            });
            return reference;
        }
        let done = entry.phase == Phase::Done;
        let in_final_part = place.in_final_part;
        if done
            && let Some(Node::Text(streamed)) = place.get_mut()
            && json::reads_as(quoted, &streamed.wtf8)
        {
            if !in_final_part {
                streamed.is_final = true;
                extend(&mut place, event, entry);
            }
            return reference;
        }
        let differs = |before| text_changed(View::Node(before), Some(View::Raw(quoted)));
        let mut text = Text::from_quoted(quoted, done);
        let equal = matches!(place.get(), Some(Node::Text(streamed)) if streamed.wtf8 == text.wtf8);
        if !equal && place.get().is_some_and(differs) {
            if quoted.len() > 2 {
                mismatch(mismatches, index, place.path(), issues);
            } else {
                value_recovered(recovered, index, place.path(), issues);
                let before = place.get().and_then(Node::text).unwrap_or_default();
                text.wtf8 = before.into_owned().into_bytes();
            }
        }
        if done && in_final_part {
            return reference;
        }
        place.put(Node::Text(text));
        extend(&mut place, event, entry);
        reference
    }

    /// The text in an event as a JSON string; also that in an object, or the object as JSON text. Reports anything else.
    fn text_value(&mut self) -> Option<Cow<'p, [u8]>> {
        let Fold { response, event, entry, issues, .. } = self;
        if let Some(member) = event.value().filter(|member| member.kind == Kind::Object) {
            let raw = event.bytes(&member);
            let text = View::Raw(raw).fields().and_then(|fields| fields.get("text")?.raw());
            let text = text.filter(|text| text.first() == Some(&b'"') && entry.value == "delta");
            if let Some(text) = text {
                report_loose(&mut response.loose, entry.value, ("an object", "its text"), issues);
                return Some(text.into());
            }
            if call_kind(entry.item).is_some() {
                report_loose(&mut response.loose, entry.value, JSON_TEXT, issues);
                let mut quoted = Vec::new();
                json::write_str(&json_text(raw), &mut quoted);
                return Some(quoted.into());
            }
        }
        self.value(Kind::String, "a string").map(Cow::Borrowed)
    }

    /// Applies output of a shell command: deltas are objects of texts to append; the done event has a list of one final object.
    fn members(&mut self) -> ItemReference<'p> {
        let done = self.entry.phase == Phase::Done;
        let (kind, expected) =
            if done { (Kind::Array, "a list") } else { (Kind::Object, "an object") };
        let raw = self.value(kind, expected)?;
        let Fold { response, event, entry, indexes, issues } = self;
        let grows = !done && has_text(raw);
        let (open, reference) = open_item(response, event, indexes, entry.item, grows, issues);
        let Some(OpenItem { item, index, .. }) = open else { return reference };
        let Item { body, mismatches, recovered, .. } = item;
        let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, "", false) else {
            return reference;
        };
        if done {
            let first = View::Raw(raw).list().first().copied();
            if let Some(View::Raw(whole)) = first
                && let Some(value) = View::Raw(whole).fields()
            {
                let reported = (mismatches, recovered);
                let keys = ["stdout", "stderr"];
                let node = replace_part(&place, whole, &value, &keys, reported, index, issues);
                place.put(node);
                place.set_final(true);
            }
        } else if !place.is_final_element() {
            append_members(place.object_mut(), raw);
        } else if grows {
            mismatch(mismatches, index, place.path(), issues);
        }
        reference
    }

    /// Puts a value into a list: an annotation.
    fn put(&mut self) -> ItemReference<'p> {
        let Fold { response, event, entry, indexes, issues } = self;
        let value = event.value().filter(|member| member.kind != Kind::Null)?;
        let (open, reference) = open_item(response, event, indexes, entry.item, false, issues);
        let Some(OpenItem { item, .. }) = open else { return reference };
        let place = Place::find(item.body.expand(), entry.steps, indexes, entry.part, true);
        if let Some(mut place) = place.filter(|place| !place.in_final_part) {
            place.put(Node::raw(event.bytes(&value)));
        }
        reference
    }

    fn status(&mut self) -> ItemReference<'p> {
        let Fold { response, event, entry, indexes, issues } = self;
        let (open, reference) = open_item(response, event, indexes, entry.item, false, issues);
        if let Some(OpenItem { item, .. }) = open {
            item.body.set_status(entry.status);
        }
        reference
    }

    // -- outside of the output ---------------------------------------------------------------------------------

    fn error(&mut self) -> ItemReference<'p> {
        self.response.event_error = Some(event_error(self.event));
        None
    }

    fn side(&mut self) -> ItemReference<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let name = self.entry.steps;
        let side = &mut self.response.side_texts;
        let position = side.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            side.push((name, Vec::new()));
            side.len() - 1
        });
        json::decode_wtf8(quoted, &mut side[position].1);
        None
    }
}

/// The members of the item or part in an event. They are located here unless the value cache has located them.
fn fields<'p>(event: &Event<'p>, value: &Member) -> Option<Fields<'p>> {
    if event.inner_members.is_empty() {
        return View::Raw(event.bytes(value)).fields();
    }
    Some(Fields::Borrowed(event.raw, event.inner_members))
}

/// An item that is not final, so that events may write to it.
struct OpenItem<'f> {
    item: &'f mut Item,
    index: u32,
    /// The position of the item in the list of items.
    position: u32,
    /// Whether the item was found by its id.
    by_identity: bool,
}

/// The item that an event refers to, unless it is final. A missing item is created with the type `kind` and the id in the event.
/// `grows`: the event has text, which is reported if the item is final.
fn open_item<'f, 'p>(
    response: &'f mut Assembled,
    event: &Event<'p>,
    indexes: &Indexes,
    kind: &str,
    grows: bool,
    issues: &mut Vec<Issue>,
) -> (Option<OpenItem<'f>>, ItemReference<'p>) {
    let Assembled { items, identities, latest_key, .. } = response;
    let text = |name| {
        let member = event.member(name).filter(|member| member.kind == Kind::String)?;
        Some(json::decode_str(member.value(event.raw)))
    };
    let id = text("item_id");
    let by_identity = indexes.values[0].is_none_or(|index| identities.reused.contains_key(&index));
    let mut key = match indexes.values[0] {
        Some(index) if !by_identity => index * ITEMS_PER_INDEX,
        index => {
            let named = id.as_deref().and_then(|id| identities.ids.get(id).copied());
            let named = named.or_else(|| identities.call(Some(kind), &text("call_id")?));
            let latest = index.and_then(|index| identities.reused.get(&index).copied());
            let named = named.filter(|key| index.is_none_or(|index| index_of(*key) == index));
            named.or(latest).unwrap_or(*latest_key)
        }
    };
    let index = index_of(key);
    if items.get(key).is_some_and(|item| is_other_kind(item.kind.as_deref(), kind)) {
        let found = identities.typed.get(&(index, kind.into())).copied();
        key = found.unwrap_or_else(|| {
            index_reused(index, kind, issues);
            identities.next_key(items, index)
        });
    }
    *latest_key = key;
    let exists = items.position(key).is_some();
    let (position, item) = items.entry(key, || Item::placeholder(kind, id.as_deref()));
    if !exists {
        identities.add_placeholder(key, kind, id.as_deref());
    }
    if item.is_final && grows && !std::mem::replace(&mut item.is_late, true) {
        issues.push((Code::LateDelta, vec![("output_index", u64::from(index).into())]));
    }
    let open = (!item.is_final).then_some(OpenItem { item, index, position, by_identity });
    (open, Some((key, id)))
}

fn index_reused(index: u32, what: &str, issues: &mut Vec<Issue>) {
    let detail =
        vec![("output_index", u64::from(index).into()), ("what", clip(what).as_str().into())];
    issues.push((Code::IndexReused, detail));
}

/// What identifies an item.
struct Identity<'a> {
    kind: Option<Cow<'a, str>>,
    call_id: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    fn of(fields: &Fields<'a>) -> Self {
        let [kind, call_id, id] = ["type", "call_id", "id"].map(|key| fields.text(key));
        Self { kind, call_id, id }
    }
}

impl Identities {
    /// The item that an item event names by its id or call id.
    fn named(&self, items: &Ordered<Item>, identity: &Identity<'_>) -> Option<u32> {
        let kind = identity.kind.as_deref();
        let id = identity.id.as_deref().and_then(|id| self.ids.get(id).copied());
        let id = id.filter(|key| items.get(*key).is_some_and(|item| item.kind.as_deref() == kind));
        id.or_else(|| self.call(kind, identity.call_id.as_deref()?))
    }

    fn call(&self, kind: Option<&str>, call_id: &str) -> Option<u32> {
        if self.calls.is_empty() {
            return None;
        }
        self.calls.get(&(kind.map(Into::into), call_id.into())).copied()
    }

    /// The key of a further item with an index that is taken.
    fn next_key(&mut self, items: &Ordered<Item>, index: u32) -> u32 {
        let first = index * ITEMS_PER_INDEX;
        let before = self.reused.get(&index).copied().unwrap_or_else(|| {
            if let Some(kind) = items.get(first).and_then(|item| item.kind.clone()) {
                self.typed.insert((index, kind), first);
            }
            first
        });
        let key = (before + 1).min(first + (ITEMS_PER_INDEX - 1));
        self.reused.insert(index, key);
        key
    }

    /// Adds the identity of an item event.
    fn add(&mut self, key: u32, identity: &Identity<'_>) {
        let kind: Option<Box<str>> = identity.kind.as_deref().map(Into::into);
        if let Some(id) = identity.id.as_deref().filter(|id| !id.is_empty()) {
            self.ids.insert(id.into(), key);
        }
        if let Some(call_id) = identity.call_id.as_deref().filter(|id| !id.is_empty()) {
            self.calls.insert((kind.clone(), call_id.into()), key);
        }
        if let Some(kind) = kind.filter(|_| self.reused.contains_key(&index_of(key))) {
            self.typed.insert((index_of(key), kind), key);
        }
    }

    /// Adds an item that no event has added.
    fn add_placeholder(&mut self, key: u32, kind: &str, id: Option<&str>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.ids.entry(id.into()).or_insert(key);
        }
        if self.reused.contains_key(&index_of(key)) {
            self.typed.insert((index_of(key), kind.into()), key);
        }
    }
}

/// Whether an item event with the index of an item is about another item.
fn is_other(item: &Item, identity: &Identity<'_>, done: bool) -> bool {
    let differ = |one: Option<&str>, other: Option<&str>| {
        one.zip(other).is_some_and(|(one, other)| one != other)
    };
    if differ(item.kind.as_deref(), identity.kind.as_deref()) {
        return !item.is_placeholder || has_any_text(item);
    }
    if differ(item.call_id.as_deref(), identity.call_id.as_deref()) {
        return true;
    }
    // Servers that change the ids of an item never add or finish it twice.
    let filled = |id: Option<&str>| id.is_some_and(|id| !id.is_empty());
    (item.is_final || (!done && !item.is_placeholder))
        && filled(item.id.as_deref())
        && filled(identity.id.as_deref())
        && differ(item.id.as_deref(), identity.id.as_deref())
}

/// Whether an event for items of the type `event` cannot be about an item of the type `item`.
fn is_other_kind(item: Option<&str>, event: &str) -> bool {
    let Some(item) = item else { return false };
    match event {
        "message" => item == "reasoning" || call_kind(item).is_some(),
        _ => matches!(item, "message" | "reasoning") && call_kind(event).is_some(),
    }
}

/// The node that replaces a part: streamed texts replace empty ones, those that differ are reported.
fn replace_part(
    place: &Place<'_>,
    raw: &[u8],
    value: &Fields<'_>,
    keys: &[&'static str],
    (mismatches, recovered): (&mut HashSet<String>, &mut HashSet<String>),
    index: u32,
    issues: &mut Vec<Issue>,
) -> Node {
    let mut merged = None;
    let old = place.get().and_then(|old| View::Node(old).fields());
    for (old, key) in old.iter().flat_map(|old| keys.iter().map(move |key| (old, *key))) {
        let Some(before) = old.get(key).filter(|before| text_changed(*before, value.get(key)))
        else {
            continue;
        };
        let path = format!("{}.{key}", place.path());
        let types = (old.text("type").unwrap_or_default(), value.text("type").unwrap_or_default());
        let is_text = value.get(key).and_then(View::raw).and_then(<[u8]>::first) != Some(&b'[');
        if is_text && is_empty_value(value.get(key)) && types.0 == types.1 {
            value_recovered(recovered, index, path, issues);
            let text = before.text().unwrap_or_default();
            merged.get_or_insert_with(|| Object::parse(&raw.into())).set(key, Node::string(&text));
        } else {
            mismatch(mismatches, index, path, issues);
        }
    }
    merged.map_or_else(|| Node::raw(raw), Node::Object)
}

/// Whether an object has a string member that is not empty.
fn has_text(raw: &[u8]) -> bool {
    let deltas = Object::parse(&raw.into());
    deltas.iter().any(
        |(_, node)| matches!(node, Node::Raw(quoted) if quoted.first() == Some(&b'"') && quoted.len() > 2),
    )
}

/// Applies the log probabilities of an event: those of a delta are appended, those of a done event replace the list.
fn extend(place: &mut Place<'_>, event: &Event<'_>, entry: &Entry) {
    if entry.extend.is_empty() {
        return;
    }
    let Some(member) = event.member(entry.extend).filter(|member| member.kind == Kind::Array)
    else {
        return;
    };
    let Some(object) = place.container() else { return };
    let more = event.bytes(&member);
    if entry.phase == Phase::Delta {
        if !is_empty(more) {
            object.extend(entry.extend, more);
        }
    } else {
        object.set(entry.extend, Node::raw(more));
    }
}

/// Appends each string member to the member of the same name.
fn append_members(object: &mut Object, raw: &[u8]) {
    let deltas = Object::parse(&raw.into());
    for (key, node) in deltas.iter() {
        if let Node::Raw(quoted) = node
            && quoted.first() == Some(&b'"')
        {
            let body = without_delimiters(quoted);
            append(object.text(key.clone()).1, body, body.len(), true);
        }
    }
}

fn is_empty(list: &[u8]) -> bool {
    without_delimiters(list).iter().all(u8::is_ascii_whitespace)
}

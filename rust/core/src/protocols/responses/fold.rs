//! Applies one event to one response: the operations of the catalogue.
//!
//! Events are routed by their indexes, and by ids where an index is missing or several items have it. Precedence of values, highest first: the items of the
//! terminal response, `output_item.done`, `*_part.done`, `*.done`, the sum of the deltas.

use std::borrow::Cow;

use super::catalogue::{Entry, INDEX_FIELDS, Op, Phase};
use super::events::Event;
use super::flat::{event_error, flat_response};
use super::identities::{Identities, index_of};
use super::item::{Group, Identity, Item, Reported};
use super::reconcile::{
    JSON_TEXT, compare_item, converted, is_empty as is_empty_value, loose_argument, merge_item,
    mismatch, reconcile, report_loose, value_recovered,
};
use super::response::{Assembled, Cursor};
use super::tool_calls::{call_kind, json_text};
use crate::assemble::append::append;
use crate::assemble::{Fields, Indexes, Node, Object, Place, Text, View, text_changed};
use crate::diagnostics::{Code, Issue, clip, error_value};
use crate::json::{self, Kind, Member};
use crate::predict::{CachedEvent, Members};
use crate::protocols::parsed_event::ParsedEvent;

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
    let loose = event.route.map_or(0, |route| route.loose);
    if loose != 0 {
        report_loose_indexes(response, loose, issues);
    }
    let continues = response.cursor.as_ref().is_some_and(|cursor| cursor.is_for(event));
    if continues && append_at_cursor(response, event, Some(issues)) {
        return;
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

#[cold]
fn report_loose_indexes(response: &mut Assembled, loose: u8, issues: &mut Vec<Issue>) {
    for (slot, field) in INDEX_FIELDS.iter().enumerate() {
        if loose >> slot & 1 == 1 {
            report_loose(&mut response.loose, field, ("a string of digits", "a number"), issues);
        }
    }
}

/// The text that is continued by events that repeat the cached one, if they change nothing else.
#[inline]
pub fn growing_text<'f>(response: &'f mut Assembled, cached: &CachedEvent) -> Option<&'f mut Text> {
    let Assembled { cursor: Some(cursor), items, .. } = response else { return None };
    if cursor.serial != Some(cached.serial) || cached.extends {
        return None;
    }
    cursor.text_path.text(items.at(cursor.item_position)?.body.tree_mut()?)
}

/// Applies a delta event that repeats the previous one except for its delta. Does nothing and returns false for any other event.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
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
    event: &ParsedEvent<'_>,
    issues: Option<&mut Vec<Issue>>,
) -> bool {
    let Assembled { cursor: Some(cursor), items, identities, .. } = response else { return false };
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
        let quoted = event.bytes(&id);
        let is_equal =
            item.id.as_deref().is_some_and(|id| id.as_bytes() == without_delimiters(quoted));
        if !is_equal && !item.id_changed {
            check_id((cursor.key, item), &json::decode_str(quoted), identities, issues);
        }
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
    fn of(event: &ParsedEvent<'a>, entry: &Entry, compared: bool) -> Option<Self> {
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
    event: &ParsedEvent<'_>,
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

/// The bytes of a string without its quotes, or of a list without its brackets.
#[inline]
fn without_delimiters(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// Compares an id with that of its item, or adds it if the item has none.
fn check_id(
    (key, item): (u32, &mut Item),
    got: &str,
    identities: &mut Identities,
    issues: &mut Vec<Issue>,
) {
    match &item.id {
        None => {
            item.id = Some(got.into());
            identities.add_id(key, got);
        }
        Some(id) if **id != *got && !item.id_changed => {
            item.id_changed = true;
            let detail = vec![
                ("output_index", u64::from(index_of(key)).into()),
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
        let Assembled { items, identities, .. } = &mut *self.response;
        if let Some(item) = items.get_mut(key) {
            check_id((key, item), got, identities, self.issues);
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
        self.whole_response()
    }

    #[cold]
    fn whole_response(&mut self) -> Option<Cow<'p, [u8]>> {
        let flat = flat_response(self.event)?;
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
        let Fold { response, indexes, issues, .. } = self;
        let Assembled { items, identities, loose, .. } = &mut **response;
        let key = identities.of_item_event(items, indexes.values[0], &identity, done, issues);
        let exists = items.position(key).is_some();
        let (_, item) = items.entry(key, Item::default);
        identities.latest = key;
        if item.recoveries >= RECOVERIES {
            (item.is_final, item.is_placeholder) = (done, false);
            identities.add(key, &identity, item.id.as_deref());
            return Some((key, identity.id_text()));
        }
        let kind = identity.kind().unwrap_or_default();
        let argument = loose_argument(&kind, &fields);
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
        item.group = Group::of(&kind);
        identities.add(key, &identity, item.id.as_deref());
        Some((key, identity.id_text()))
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
        let Item { body, reported, .. } = item;
        if let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, entry.part, !done)
        {
            let keys = ["text", "refusal"];
            let node = replace_part(&mut place, raw, &value, &keys, reported, index, issues);
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
        let Some(OpenItem { item, key, index, position, by_identity }) = open else {
            return reference;
        };
        let Item { body, reported, .. } = item;
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
                    mismatch(reported, index, place.path(), issues);
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
                key,
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
        if quoted.len() == 2 && place.get().is_some_and(Node::is_filled_text) {
            value_recovered(reported, index, place.path(), issues);
            if !(done && in_final_part) {
                place.text_mut().is_final = done;
                extend(&mut place, event, entry);
            }
            return reference;
        }
        let differs = |before| text_changed(View::Node(before), Some(View::Raw(quoted)));
        let text = Text::from_quoted(quoted, done);
        let equal = matches!(place.get(), Some(Node::Text(streamed)) if streamed.wtf8 == text.wtf8);
        if !equal && place.get().is_some_and(differs) {
            mismatch(reported, index, place.path(), issues);
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
        match self.event.value().filter(|member| member.kind == Kind::String) {
            Some(member) => Some(Cow::Borrowed(self.event.bytes(&member))),
            None => self.loose_text(),
        }
    }

    #[cold]
    fn loose_text(&mut self) -> Option<Cow<'p, [u8]>> {
        let Fold { response, event, entry, issues, .. } = self;
        if let Some(member) = event.value().filter(|member| member.kind == Kind::Object) {
            let raw = event.bytes(&member);
            let text = View::Raw(raw).fields().and_then(|fields| fields.get("text")?.raw());
            let text = text.filter(|text| text.first() == Some(&b'"') && entry.value == "delta");
            if let Some(text) = text {
                report_loose(&mut response.loose, entry.value, ("an object", "its text"), issues);
                return Some(text.into());
            }
            if call_kind(entry.item.as_bytes()).is_some() {
                report_loose(&mut response.loose, entry.value, JSON_TEXT, issues);
                let mut quoted = Vec::new();
                json::write_str(&json_text(raw), &mut quoted);
                return Some(quoted.into());
            }
        }
        self.value(Kind::String, "a string").map(Cow::Borrowed)
    }

    /// Applies output of a shell command: deltas are objects of texts to append; the done event has a list of one final object.
    #[cold]
    fn members(&mut self) -> ItemReference<'p> {
        let done = self.entry.phase == Phase::Done;
        let (kind, expected) =
            if done { (Kind::Array, "a list") } else { (Kind::Object, "an object") };
        let raw = self.value(kind, expected)?;
        let Fold { response, event, entry, indexes, issues } = self;
        let grows = !done && has_text(raw);
        let (open, reference) = open_item(response, event, indexes, entry.item, grows, issues);
        let Some(OpenItem { item, index, .. }) = open else { return reference };
        let Item { body, reported, .. } = item;
        let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, "", false) else {
            return reference;
        };
        if done {
            let first = View::Raw(raw).list().first().copied();
            if let Some(View::Raw(whole)) = first
                && let Some(value) = View::Raw(whole).fields()
            {
                let keys = ["stdout", "stderr"];
                let node = replace_part(&mut place, whole, &value, &keys, reported, index, issues);
                place.put(node);
                place.set_final(true);
            }
        } else if !place.is_final_element() {
            append_members(place.object_mut(), raw);
        } else if grows {
            mismatch(reported, index, place.path(), issues);
        }
        reference
    }

    /// Puts a value into a list: an annotation.
    #[cold]
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

    #[cold]
    fn error(&mut self) -> ItemReference<'p> {
        self.response.event_error = Some(event_error(self.event));
        None
    }

    #[cold]
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
    key: u32,
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
    let Assembled { items, identities, .. } = response;
    let text = |name| {
        let member = event.member(name).filter(|member| member.kind == Kind::String)?;
        Some(json::decode_str(member.value(event.raw)))
    };
    let id = text("item_id");
    let names = (kind, id.as_deref());
    let (key, by_identity) =
        identities.of_event(items, indexes.values[0], names, || text("call_id"), grows, issues);
    let index = index_of(key);
    identities.latest = key;
    let (position, item) = items.entry(key, || {
        identities.add_placeholder(key, kind);
        Item::placeholder(kind, id.as_deref())
    });
    if item.is_final && grows && !std::mem::replace(&mut item.is_late, true) {
        issues.push((Code::LateDelta, vec![("output_index", u64::from(index).into())]));
    }
    let open = (!item.is_final).then_some(OpenItem { item, key, index, position, by_identity });
    (open, Some((key, id)))
}

/// The node that replaces a part: streamed texts replace empty ones, those that differ are reported.
fn replace_part(
    place: &mut Place<'_>,
    raw: &[u8],
    value: &Fields<'_>,
    keys: &[&'static str],
    reported: &mut Reported,
    index: u32,
    issues: &mut Vec<Issue>,
) -> Node {
    let mut missing = Vec::new();
    let old = place.get().and_then(|old| View::Node(old).fields());
    for (old, key) in old.iter().flat_map(|old| keys.iter().map(move |key| (old, *key))) {
        if !old.get(key).is_some_and(|before| text_changed(before, value.get(key))) {
            continue;
        }
        let path = format!("{}.{key}", place.path());
        let types = (old.text("type").unwrap_or_default(), value.text("type").unwrap_or_default());
        let is_text = value.get(key).and_then(View::raw).and_then(<[u8]>::first) != Some(&b'[');
        if is_text && is_empty_value(value.get(key)) && types.0 == types.1 {
            value_recovered(reported, index, path, issues);
            missing.push(key);
        } else {
            mismatch(reported, index, path, issues);
        }
    }
    if missing.is_empty() {
        return Node::raw(raw);
    }
    let (mut merged, old) = (Object::parse(&raw.into()), place.object_mut());
    for key in missing {
        // The text is moved: short events must not copy a long one any number of times.
        let mut text = std::mem::take(old.text(key).1);
        text.is_final = false;
        text.close();
        merged.set(key, Node::Text(text));
    }
    Node::Object(merged)
}

/// How often a whole item may lack texts that were streamed. After that it is kept, so that short events cannot copy a long
/// text any number of times.
const RECOVERIES: u32 = 16;

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

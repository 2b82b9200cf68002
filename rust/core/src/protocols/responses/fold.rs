//! Applies one event to one response: the operations of the catalogue.
//!
//! Events are routed by their indexes only; ids are compared, not used. Precedence of values, highest first: the items of the
//! terminal response, `output_item.done`, `*_part.done`, `*.done`, the sum of the deltas.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{Entry, Op, Phase};
use super::events::Event;
use super::reconcile::{compare_item, mismatch, reconcile};
use super::response::{Assembled, Cursor, Item};
use crate::assemble::append::append;
use crate::assemble::{Fields, Indexes, Node, Object, Ordered, Place, Text, View, text_changed};
use crate::diagnostics::{Code, Issue, clip};
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

/// The index of the item that an event refers to, and the item id in the event.
type ItemReference<'p> = Option<(u32, Option<Cow<'p, str>>)>;

/// Applies an event of a known type to a response; `issues` receives its diagnostics.
pub fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
    let (Some(entry), Some(indexes)) = (event.entry(), &event.indexes()) else { return };
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

    fn check_id(&mut self, index: u32, got: &str) {
        if let Some(item) = self.response.items.get_mut(index) {
            check_id(item, index, got, self.issues);
        }
    }

    // -- lifecycle ---------------------------------------------------------------------------------------------

    fn response(&mut self) -> ItemReference<'p> {
        let value = self.value(Kind::Object, "an object");
        if let Some(raw) = value {
            self.set_base(raw);
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

    fn set_base(&mut self, raw: &[u8]) {
        let response = &mut *self.response;
        if response.base_raw() == Some(raw) {
            return;
        }
        let before = if response.id_changed { None } else { response.id().map(Cow::into_owned) };
        response.set_base(raw, self.event.located);
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
        let Assembled { items, latest_index, .. } = &mut *self.response;
        let missing = || if done { *latest_index } else { items.last().map_or(0, |last| last + 1) };
        let index = self.indexes.values[0].unwrap_or_else(missing);
        let exists = items.position(index).is_some();
        let (_, item) = items.entry(index, Item::default);
        if done && exists {
            compare_item(item, index, Some(&fields), self.issues);
        }
        item.body.replace(raw, value.start, &fields);
        item.is_final = done;
        *latest_index = index;
        Some((index, fields.text("id")))
    }

    fn part(&mut self) -> ItemReference<'p> {
        let member = self.member(Kind::Object, "an object")?;
        let (raw, value) = (self.event.bytes(&member), fields(self.event, &member)?);
        let Fold { response, event, entry, indexes, issues } = self;
        let reasoning = value.text("type").as_deref() == Some("reasoning_text");
        let kind = if reasoning { "reasoning" } else { entry.item };
        let (open, reference) =
            open_item(&mut response.items, &mut response.latest_index, event, indexes, kind);
        let Some(OpenItem { item: Item { body, mismatches, .. }, index, .. }) = open else {
            return reference;
        };
        let done = entry.phase == Phase::Done;
        if let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, entry.part, !done)
        {
            if done {
                compare_members(&place, &value, &["text", "refusal"], mismatches, index, issues);
            }
            place.put(Node::raw(raw));
            place.set_final(done);
        }
        reference
    }

    // -- values ------------------------------------------------------------------------------------------------

    fn text(&mut self) -> ItemReference<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let Fold { response, event, entry, indexes, issues } = self;
        let (open, reference) =
            open_item(&mut response.items, &mut response.latest_index, event, indexes, entry.item);
        let Some(OpenItem { item, index, position }) = open else { return reference };
        let Item { body, mismatches, .. } = item;
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
            response.cursor =
                Some(Cursor { entry, indexes, serial, item_position: position, index, text_path });
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
        let text = Text::from_quoted(quoted, done);
        if done {
            let equal =
                matches!(place.get(), Some(Node::Text(streamed)) if streamed.wtf8 == text.wtf8);
            let differs = |before| text_changed(View::Node(before), Some(View::Raw(quoted)));
            if !equal && place.get().is_some_and(differs) {
                mismatch(mismatches, index, place.path(), issues);
            }
            if place.in_final_part {
                return reference;
            }
        }
        place.put(Node::Text(text));
        extend(&mut place, event, entry);
        reference
    }

    /// Applies output of a shell command: deltas are objects of texts to append; the done event has a list of one final object.
    fn members(&mut self) -> ItemReference<'p> {
        let done = self.entry.phase == Phase::Done;
        let (kind, expected) =
            if done { (Kind::Array, "a list") } else { (Kind::Object, "an object") };
        let raw = self.value(kind, expected)?;
        let Fold { response, event, entry, indexes, issues } = self;
        let (open, reference) =
            open_item(&mut response.items, &mut response.latest_index, event, indexes, entry.item);
        let Some(OpenItem { item: Item { body, mismatches, .. }, index, .. }) = open else {
            return reference;
        };
        let Some(mut place) = Place::find(body.expand(), entry.steps, indexes, "", false) else {
            return reference;
        };
        if done {
            let first = View::Raw(raw).list().first().copied();
            if let Some(View::Raw(whole)) = first
                && let Some(value) = View::Raw(whole).fields()
            {
                compare_members(&place, &value, &["stdout", "stderr"], mismatches, index, issues);
                place.put(Node::raw(whole));
                place.set_final(true);
            }
        } else if !place.is_final_element() {
            append_members(place.object_mut(), raw);
        }
        reference
    }

    /// Puts a value into a list: an annotation.
    fn put(&mut self) -> ItemReference<'p> {
        let Fold { response, event, entry, indexes, .. } = self;
        let value = event.value().filter(|member| member.kind != Kind::Null)?;
        let (open, reference) =
            open_item(&mut response.items, &mut response.latest_index, event, indexes, entry.item);
        let Some(OpenItem { item, .. }) = open else { return reference };
        let place = Place::find(item.body.expand(), entry.steps, indexes, entry.part, true);
        if let Some(mut place) = place.filter(|place| !place.in_final_part) {
            place.put(Node::raw(event.bytes(&value)));
        }
        reference
    }

    fn status(&mut self) -> ItemReference<'p> {
        let Fold { response, event, entry, indexes, .. } = self;
        let (open, reference) =
            open_item(&mut response.items, &mut response.latest_index, event, indexes, entry.item);
        if let Some(OpenItem { item, .. }) = open {
            item.body.set_status(entry.status);
        }
        reference
    }

    // -- outside of the output ---------------------------------------------------------------------------------

    fn error(&mut self) -> ItemReference<'p> {
        let event = self.event;
        let nested = event.member("error").filter(|member| member.kind == Kind::Object);
        self.response.event_error = Some(match nested {
            Some(member) => event.bytes(&member).to_vec(),
            None => flat_error(event),
        });
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
}

/// The item that an event refers to, unless it is final. A missing item is created with the type `kind` and the id in the event.
fn open_item<'f, 'p>(
    items: &'f mut Ordered<Item>,
    latest_index: &mut u32,
    event: &Event<'p>,
    indexes: &Indexes,
    kind: &str,
) -> (Option<OpenItem<'f>>, ItemReference<'p>) {
    let index = indexes.values[0].unwrap_or(*latest_index);
    *latest_index = index;
    let id = event.member("item_id").filter(|member| member.kind == Kind::String);
    let id = id.map(|member| json::decode_str(member.value(event.raw)));
    let (position, item) = items.entry(index, || Item::placeholder(kind, id.as_deref()));
    let open = (!item.is_final).then_some(OpenItem { item, index, position });
    (open, Some((index, id)))
}

/// Reports the texts of the object at a place that differ from those of the value that replaces it.
fn compare_members(
    place: &Place<'_>,
    value: &Fields<'_>,
    keys: &[&str],
    mismatches: &mut HashSet<String>,
    index: u32,
    issues: &mut Vec<Issue>,
) {
    let Some(old) = place.get().and_then(|old| View::Node(old).fields()) else { return };
    for key in keys {
        if old.get(key).is_some_and(|before| text_changed(before, value.get(key))) {
            mismatch(mismatches, index, format!("{}.{key}", place.path()), issues);
        }
    }
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

/// The error in a flat `error` event: all members except those of the event itself.
fn flat_error(event: &Event<'_>) -> Vec<u8> {
    let mut error = Vec::from(b"{");
    let is_text = |key: &&str| event.member(key).is_some_and(|member| member.kind == Kind::String);
    // Without a message, a string in `error` or `detail` is the message.
    let text = ["error", "detail"].into_iter().find(is_text).filter(|_| !is_text(&"message"));
    for member in event.members.iter() {
        let key = json::decode_key(event.raw, &member);
        let is_replaced = text.is_some() && key == "message";
        if !is_replaced && !matches!(key.as_ref(), "type" | "sequence_number" | "stream_id") {
            let key = if text == Some(&key) { "message" } else { &key };
            error.extend_from_slice(if error.len() > 1 { b"," } else { b"" });
            json::write_str(key, &mut error);
            error.push(b':');
            error.extend_from_slice(event.bytes(&member));
        }
    }
    error.push(b'}');
    error
}

fn is_empty(list: &[u8]) -> bool {
    without_delimiters(list).iter().all(u8::is_ascii_whitespace)
}

//! One event applied to one response: the operations of the catalogue.
//!
//! Rules 3 and 4 of the protocol: routing by indexes alone; `output_item.done` over `*_part.done` over `*.done` over the
//! sum of deltas; the terminal response is authoritative for the items it has.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::{Entry, Op, Phase};
use super::events::Event;
use super::reconcile::{compare, mismatch, reconcile};
use super::response::{Assembled, Cursor, Item};
use crate::assemble::append::append;
use crate::assemble::{Fields, Indexes, Node, Object, Ordered, Place, Text, View, differ};
use crate::diagnostics::{Code, Issue, clip};
use crate::json::{self, Kind, Member};
use crate::predict::{CachedEvent, Members};

/// An event on its way into a response.
struct Fold<'a, 'p> {
    response: &'a mut Assembled,
    event: &'a Event<'p>,
    entry: &'static Entry,
    indexes: &'a Indexes,
    issues: &'a mut Vec<Issue>,
}

/// The index of the item that an event wrote to, and the member with the id that it gave.
type Touched<'p> = Option<(u32, Option<Cow<'p, str>>)>;

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
    let touched = match entry.op {
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
    if let Some((index, Some(id))) = touched {
        fold.check_id(index, &id);
    }
}

/// The text that events which repeat the cached one continue, if nothing else changes with it.
#[inline]
pub fn growing_text<'f>(
    response: &'f mut Assembled,
    cached: &CachedEvent<super::events::Route>,
) -> Option<&'f mut Text> {
    let Assembled { cursor: Some(cursor), items, .. } = response else { return None };
    if cursor.serial != Some(cached.serial) || cached.extends {
        return None;
    }
    cursor.trail.text(items.at(cursor.item)?.body.tree()?)
}

/// Applies a delta event that repeats the previous one but for its delta; false for any other event, which changes nothing.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &Event<'_>) -> bool {
    let cursor = response.cursor.as_ref();
    let repeats = event.members.serial().is_some()
        && cursor.is_some_and(|cursor| cursor.serial == event.members.serial());
    repeats && append_at_cursor(response, event, None)
}

/// Appends a delta to the text at the cursor. `issues` is given for an event whose item id has to be compared. False if it is not
/// an event of that text, which changes nothing.
#[inline]
fn append_at_cursor(
    response: &mut Assembled,
    event: &Event<'_>,
    issues: Option<&mut Vec<Issue>>,
) -> bool {
    let Assembled { cursor: Some(cursor), items, .. } = response else { return false };
    let Some(delta) = Delta::of(event, cursor.entry, issues.is_some()) else { return false };
    let Some(item) = items.at(cursor.item) else { return false };
    let Some(tree) = item.body.tree() else { return false };
    let Some(text) = cursor.trail.text(tree) else { return false };
    append(text, delta.body, delta.body.len(), delta.escaped || event.invalid_utf8);
    if let Some(list) = delta.list.map(|member| event.bytes(&member)).filter(|list| !is_empty(list))
        && let Some(object) = cursor.trail.object(tree)
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
struct Delta<'a> {
    body: &'a [u8],
    escaped: bool,
    id: Option<Member>,
    list: Option<Member>,
}

impl<'a> Delta<'a> {
    /// `None` if the value is no string, or a key has to be decoded to tell. Events that repeat the previous one have its item
    /// id, so that it is looked up only to be `compared`.
    #[inline]
    fn of(event: &Event<'a>, entry: &Entry, compared: bool) -> Option<Self> {
        let (body, escaped, id, list) = match event.members {
            Members::Repeated(cached) => {
                let (body, escaped) = cached.delta(event.raw)?;
                let list = if cached.extends { cached.member(cached.extend) } else { None };
                let id = if compared { cached.member(cached.item_id) } else { None };
                (body, escaped, id, list)
            }
            Members::Parsed(members) => {
                let [value, id, list] = named(event, members, entry)?;
                let value = value.filter(|member| member.kind == Kind::String)?;
                (inner(event.bytes(&value)), value.escaped, id, list)
            }
        };
        let id = id.filter(|member| member.kind == Kind::String);
        let list = list.filter(|member| member.kind == Kind::Array);
        Some(Self { body, escaped, id, list })
    }
}

/// The value, the item id and the list beside the value; the last member of each name counts.
#[inline]
fn named(event: &Event<'_>, members: &[Member], entry: &Entry) -> Option<[Option<Member>; 3]> {
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
    let same = item.id.as_deref().is_some_and(|id| id.as_bytes() == inner(quoted));
    if !same && !item.id_changed {
        check_id(item, index, &json::decode_str(quoted), issues);
    }
}

/// The bytes between the quotes.
#[inline]
fn inner(quoted: &[u8]) -> &[u8] {
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
    /// The member that carries the value, if it is of that kind; else this is reported.
    fn member(&mut self, kind: Kind, expected: &str) -> Option<Member> {
        let found = self.event.value();
        let found = found.filter(|member| member.kind == kind);
        if found.is_none() {
            let detail = vec![("field", self.entry.value.into()), ("expected", expected.into())];
            self.issues.push((Code::BadField, detail));
        }
        found
    }

    /// The value itself.
    fn value(&mut self, kind: Kind, expected: &str) -> Option<&'p [u8]> {
        self.member(kind, expected).map(|member| self.event.bytes(&member))
    }

    fn check_id(&mut self, index: u32, got: &str) {
        if let Some(item) = self.response.items.get_mut(index) {
            check_id(item, index, got, self.issues);
        }
    }

    // -- lifecycle ---------------------------------------------------------------------------------------------

    fn response(&mut self) -> Touched<'p> {
        let value = self.value(Kind::Object, "an object");
        if let Some(raw) = value {
            self.take_base(raw);
        }
        if self.entry.phase == Phase::Terminal {
            self.response.tracking.terminal = Some(self.entry.ty);
            self.response.tracking.ended = true;
            if value.is_some() {
                self.response.finished = true;
                reconcile(self.response, self.issues);
            }
        }
        None
    }

    fn take_base(&mut self, raw: &[u8]) {
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

    fn item(&mut self) -> Touched<'p> {
        let value = self.member(Kind::Object, "an object")?;
        let (raw, fields) = (self.event.bytes(&value), fields(self.event, &value)?);
        let done = self.entry.phase == Phase::Done;
        let Assembled { items, latest, .. } = &mut *self.response;
        let missing = || if done { *latest } else { items.last().map_or(0, |last| last + 1) };
        let index = self.indexes.values[0].unwrap_or_else(missing);
        let known = items.place(index).is_some();
        let (_, item) = items.entry(index, Item::default);
        if done && known {
            compare(item, index, Some(&fields), self.issues);
        }
        item.body.put(raw, value.start, &fields);
        item.fixed = done;
        *latest = index;
        Some((index, fields.text("id")))
    }

    fn part(&mut self) -> Touched<'p> {
        let member = self.member(Kind::Object, "an object")?;
        let (raw, value) = (self.event.bytes(&member), fields(self.event, &member)?);
        let Fold { response, event, entry, indexes, issues } = self;
        let reasoning = value.text("type").as_deref() == Some("reasoning_text");
        let kind = if reasoning { "reasoning" } else { entry.item };
        let (target, touched) =
            target(&mut response.items, &mut response.latest, event, indexes, kind);
        let Some(Target { item: Item { body, mismatches, .. }, index, .. }) = target else {
            return touched;
        };
        let done = entry.phase == Phase::Done;
        if let Some(mut place) = Place::find(body.grown(), entry.steps, indexes, entry.part, !done)
        {
            if done {
                compare_members(&place, &value, &["text", "refusal"], mismatches, index, issues);
            }
            place.put(Node::whole(raw));
            place.fix(done);
        }
        touched
    }

    // -- values ------------------------------------------------------------------------------------------------

    fn text(&mut self) -> Touched<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let Fold { response, event, entry, indexes, issues } = self;
        let (target, touched) =
            target(&mut response.items, &mut response.latest, event, indexes, entry.item);
        let Some(Target { item, index, place: at }) = target else { return touched };
        let Item { body, mismatches, .. } = item;
        let new_element = entry.phase == Phase::Added;
        let Some(mut place) =
            Place::find(body.grown(), entry.steps, indexes, entry.part, new_element)
        else {
            return touched;
        };
        if entry.phase == Phase::Delta {
            if place.fixed || matches!(place.get(), Some(Node::Text(text)) if text.fixed) {
                if quoted.len() > 2 {
                    mismatch(mismatches, index, place.path(), issues);
                }
                return touched;
            }
            let body = inner(quoted);
            append(place.grow(), body, body.len(), true);
            let trail = place.trail;
            extend(&mut place, event, entry);
            let (indexes, serial) = (**indexes, event.serial());
            response.cursor = Some(Cursor { entry, indexes, serial, item: at, index, trail });
            return touched;
        }
        let done = entry.phase == Phase::Done;
        let fixed = place.fixed;
        if done
            && let Some(Node::Text(grown)) = place.get_mut()
            && json::reads_as(quoted, &grown.wtf8)
        {
            if !fixed {
                grown.fixed = true;
                extend(&mut place, event, entry);
            }
            return touched;
        }
        let text = Text::of(quoted, done);
        if done {
            let same = matches!(place.get(), Some(Node::Text(grown)) if grown.wtf8 == text.wtf8);
            let differs = |before| differ(View::Node(before), Some(View::Raw(quoted)));
            if !same && place.get().is_some_and(differs) {
                mismatch(mismatches, index, place.path(), issues);
            }
            if place.fixed {
                return touched;
            }
        }
        place.put(Node::Text(text));
        extend(&mut place, event, entry);
        touched
    }

    /// Output of a shell command: an object of texts that grow; the done event has the whole as a list of one.
    fn members(&mut self) -> Touched<'p> {
        let done = self.entry.phase == Phase::Done;
        let (kind, expected) =
            if done { (Kind::Array, "a list") } else { (Kind::Object, "an object") };
        let raw = self.value(kind, expected)?;
        let Fold { response, event, entry, indexes, issues } = self;
        let (target, touched) =
            target(&mut response.items, &mut response.latest, event, indexes, entry.item);
        let Some(Target { item: Item { body, mismatches, .. }, index, .. }) = target else {
            return touched;
        };
        let Some(mut place) = Place::find(body.grown(), entry.steps, indexes, "", false) else {
            return touched;
        };
        if done {
            let first = View::Raw(raw).list().first().copied();
            if let Some(View::Raw(whole)) = first
                && let Some(value) = View::Raw(whole).fields()
            {
                compare_members(&place, &value, &["stdout", "stderr"], mismatches, index, issues);
                place.put(Node::whole(whole));
                place.fix(true);
            }
        } else if !place.is_fixed() {
            append_members(place.enter(), raw);
        }
        touched
    }

    /// An annotation.
    fn put(&mut self) -> Touched<'p> {
        let Fold { response, event, entry, indexes, .. } = self;
        let value = event.value().filter(|member| member.kind != Kind::Null)?;
        let (target, touched) =
            target(&mut response.items, &mut response.latest, event, indexes, entry.item);
        let Some(Target { item, .. }) = target else { return touched };
        let place = Place::find(item.body.grown(), entry.steps, indexes, entry.part, true);
        if let Some(mut place) = place.filter(|place| !place.fixed) {
            place.put(Node::whole(event.bytes(&value)));
        }
        touched
    }

    fn status(&mut self) -> Touched<'p> {
        let Fold { response, event, entry, indexes, .. } = self;
        let (target, touched) =
            target(&mut response.items, &mut response.latest, event, indexes, entry.item);
        if let Some(Target { item, .. }) = target {
            item.body.set_status(entry.status);
        }
        touched
    }

    // -- beside the output -------------------------------------------------------------------------------------

    fn error(&mut self) -> Touched<'p> {
        let event = self.event;
        let nested = event.member("error").filter(|member| member.kind == Kind::Object);
        self.response.event_error = Some(match nested {
            Some(member) => event.bytes(&member).to_vec(),
            None => flat_error(event),
        });
        None
    }

    fn side(&mut self) -> Touched<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let name = self.entry.steps;
        let side = &mut self.response.side;
        let place = side.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            side.push((name, Vec::new()));
            side.len() - 1
        });
        json::decode_wtf8(quoted, &mut side[place].1);
        None
    }
}

/// The members of the item or part that a member is; they are located only where they are not known.
fn fields<'p>(event: &Event<'p>, value: &Member) -> Option<Fields<'p>> {
    if event.inner_members.is_empty() {
        return View::Raw(event.bytes(value)).fields();
    }
    Some(Fields::Lent(event.raw, event.inner_members))
}

/// The item that an event is about.
struct Target<'f> {
    item: &'f mut Item,
    index: u32,
    /// The place of the item.
    place: u32,
}

/// The item that an event is about, None if it is fixed; where none was added, one is made of what the event tells.
fn target<'f, 'p>(
    items: &'f mut Ordered<Item>,
    latest: &mut u32,
    event: &Event<'p>,
    indexes: &Indexes,
    kind: &str,
) -> (Option<Target<'f>>, Touched<'p>) {
    let index = indexes.values[0].unwrap_or(*latest);
    *latest = index;
    let id = event.member("item_id").filter(|member| member.kind == Kind::String);
    let id = id.map(|member| json::decode_str(member.value(event.raw)));
    let (place, item) = items.entry(index, || Item::made(kind, id.as_deref()));
    let target = (!item.fixed).then_some(Target { item, index, place });
    (target, Some((index, id)))
}

/// Reports the texts of the object at a place that are not those of the value that comes in its stead.
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
        if old.get(key).is_some_and(|before| differ(before, value.get(key))) {
            mismatch(mismatches, index, format!("{}.{key}", place.path()), issues);
        }
    }
}

/// Log probabilities: those of deltas add up, those of a done event replace the sum.
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
        object.set(entry.extend, Node::whole(more));
    }
}

/// Appends each member that is a string to the text of its name.
fn append_members(object: &mut Object, raw: &[u8]) {
    let pieces = Object::of(&raw.into());
    for (key, node) in pieces.iter() {
        if let Node::Raw(quoted) = node
            && quoted.first() == Some(&b'"')
        {
            let body = inner(quoted);
            append(object.text(key.clone()).1, body, body.len(), true);
        }
    }
}

/// The members of an `error` event that tell of the error.
fn flat_error(event: &Event<'_>) -> Vec<u8> {
    let mut error = Vec::from(b"{");
    for member in event.members.iter() {
        let key = json::decode_key(event.raw, &member);
        if !matches!(key.as_ref(), "type" | "sequence_number" | "stream_id") {
            error.extend_from_slice(if error.len() > 1 { b"," } else { b"" });
            json::write_str(&key, &mut error);
            error.push(b':');
            error.extend_from_slice(event.bytes(&member));
        }
    }
    error.push(b'}');
    error
}

fn is_empty(list: &[u8]) -> bool {
    inner(list).iter().all(u8::is_ascii_whitespace)
}

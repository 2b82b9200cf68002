//! One event applied to one response: the operations of the catalogue.
//!
//! Rules 3 and 4 of the protocol: routing by indexes alone; `output_item.done` over `*_part.done` over `*.done` over the
//! sum of deltas; the terminal response is authoritative for the items it has.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::catalogue::{Code, Entry, Op, Phase};
use crate::diagnostics::{Issue, clip};
use crate::events::{Indexes, Parsed};
use crate::json::{self, Kind, Member};
use crate::predict::Members;
use crate::response::{Cursor, Folded, Item};
use crate::settle::{compare, mismatch, settle};
use crate::tree::place::Place;
use crate::tree::view::{self, Fields, View};
use crate::tree::{Node, Object, Ordered, Text};

/// An event on its way into a response.
struct Fold<'a, 'p> {
    folded: &'a mut Folded,
    parsed: &'a Parsed<'p>,
    entry: &'static Entry,
    indexes: &'a Indexes,
    issues: &'a mut Vec<Issue>,
}

/// The index of the item that an event wrote to, and the member with the id that it gave.
type Touched<'p> = Option<(u32, Option<Cow<'p, str>>)>;

/// Folds an event of a known type into a response; `issues` takes what is odd.
pub fn apply(folded: &mut Folded, parsed: &Parsed<'_>, issues: &mut Vec<Issue>) {
    let (Some(entry), Some(indexes)) = (parsed.entry, &parsed.indexes) else { return };
    if append_again(folded, parsed, entry, indexes, issues) {
        return;
    }
    if !matches!(entry.op, Op::Quiet | Op::None) {
        folded.cursor = None;
    }
    let given = entry.op == Op::Text && entry.phase == Phase::Done;
    folded.changes += u64::from(given || matches!(entry.op, Op::Response | Op::Item));
    let mut fold = Fold { folded, parsed, entry, indexes, issues };
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

/// Grows the text that the event before grew, if this one is another piece of it.
fn append_again(
    folded: &mut Folded,
    parsed: &Parsed<'_>,
    entry: &'static Entry,
    indexes: &Indexes,
    issues: &mut Vec<Issue>,
) -> bool {
    let Some(cursor) = &mut folded.cursor else { return false };
    if !std::ptr::eq(cursor.entry, entry) || cursor.indexes != *indexes {
        return false;
    }
    let Some([value, id, extend]) = pieces(parsed, entry) else { return false };
    let value = value.filter(|member| member.kind == Kind::String);
    if extend.is_some_and(|member| member.kind == Kind::Array && member.end - member.start > 2) {
        return false;
    }
    let index = cursor.index;
    let Some(item) = folded.items.at(cursor.item) else { return false };
    let text = item.body.tree().and_then(|tree| cursor.trail.text(tree));
    let (Some(value), Some(text)) = (value, text) else { return false };
    let piece = parsed.bytes(&value);
    if value.escaped || parsed.odd {
        json::decode_wtf8(piece, &mut text.wtf8);
    } else {
        text.wtf8.extend_from_slice(inner(piece));
    }
    cursor.serial = parsed.serial();
    if let Some(id) = id.filter(|member| member.kind == Kind::String) {
        let quoted = parsed.bytes(&id);
        let known = item.id.as_deref().is_some_and(|known| known.as_bytes() == inner(quoted));
        if known || item.id_changed {
            return true;
        }
        check_id(item, index, &json::decode_str(quoted), issues);
    }
    true
}

/// What stands between the quotes.
#[inline]
fn inner(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// The members that a delta is folded by: its value, the item's id, and what goes beside the text. Each is the last of
/// its name; None where a key must be decoded.
#[inline]
fn pieces(parsed: &Parsed<'_>, entry: &Entry) -> Option<[Option<Member>; 3]> {
    let members = match parsed.members {
        Members::Read(members) => members,
        Members::Repeated(known) => {
            let places = [known.value, known.item_id, known.extend];
            return Some(places.map(|place| known.member(place)));
        }
    };
    let names = [entry.value, "item_id", entry.extend];
    let mut found = [None; 3];
    for member in members {
        if member.key_escaped {
            return None;
        }
        let length = (member.key.end - member.key.start) as usize;
        for (name, slot) in names.iter().zip(&mut found) {
            if name.len() == length && member.raw_key(parsed.raw) == name.as_bytes() {
                *slot = Some(*member);
            }
        }
    }
    Some(found)
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
        let found = self.parsed.value();
        let found = found.filter(|member| member.kind == kind);
        if found.is_none() {
            let detail = vec![("field", self.entry.value.into()), ("expected", expected.into())];
            self.issues.push((Code::BadField, detail));
        }
        found
    }

    /// The value itself.
    fn value(&mut self, kind: Kind, expected: &str) -> Option<&'p [u8]> {
        self.member(kind, expected).map(|member| self.parsed.bytes(&member))
    }

    fn check_id(&mut self, index: u32, got: &str) {
        if let Some(item) = self.folded.items.get_mut(index) {
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
            self.folded.terminal = Some(self.entry.ty);
            self.folded.ended = true;
            if value.is_some() {
                self.folded.settled = true;
                settle(self.folded, self.issues);
            }
        }
        None
    }

    fn take_base(&mut self, raw: &[u8]) {
        let folded = &mut *self.folded;
        if folded.base_raw() == Some(raw) {
            return;
        }
        let before = if folded.id_changed { None } else { folded.id().map(Cow::into_owned) };
        folded.set_base(raw, self.parsed.located);
        let Some((before, got)) = before.zip(folded.id()) else { return };
        if before != got {
            let detail = vec![
                ("previous", clip(&before).as_str().into()),
                ("got", clip(&got).as_str().into()),
            ];
            self.issues.push((Code::ResponseIdChanged, detail));
            folded.id_changed = true;
        }
    }

    // -- items and parts ---------------------------------------------------------------------------------------

    fn item(&mut self) -> Touched<'p> {
        let value = self.member(Kind::Object, "an object")?;
        let (raw, fields) = (self.parsed.bytes(&value), fields(self.parsed, &value)?);
        let done = self.entry.phase == Phase::Done;
        let Folded { items, latest, .. } = &mut *self.folded;
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
        let (raw, value) = (self.parsed.bytes(&member), fields(self.parsed, &member)?);
        let Fold { folded, parsed, entry, indexes, issues } = self;
        let reasoning = value.text("type").as_deref() == Some("reasoning_text");
        let kind = if reasoning { "reasoning" } else { entry.item };
        let (target, touched) =
            target(&mut folded.items, &mut folded.latest, parsed, indexes, kind);
        let Some(Target { item: Item { body, odd, .. }, index, .. }) = target else {
            return touched;
        };
        let done = entry.phase == Phase::Done;
        if let Some(mut place) = Place::find(body.grown(), entry.steps, indexes, entry.part, !done)
        {
            if done {
                compare_members(&place, &value, &["text", "refusal"], odd, index, issues);
            }
            place.put(Node::whole(raw));
            place.fix(done);
        }
        touched
    }

    // -- values ------------------------------------------------------------------------------------------------

    fn text(&mut self) -> Touched<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let Fold { folded, parsed, entry, indexes, issues } = self;
        let (target, touched) =
            target(&mut folded.items, &mut folded.latest, parsed, indexes, entry.item);
        let Some(Target { item, index, place: at }) = target else { return touched };
        let Item { body, odd, .. } = item;
        let append = entry.phase == Phase::Added;
        let Some(mut place) = Place::find(body.grown(), entry.steps, indexes, entry.part, append)
        else {
            return touched;
        };
        if entry.phase == Phase::Delta {
            if place.fixed || matches!(place.get(), Some(Node::Text(text)) if text.fixed) {
                if quoted.len() > 2 {
                    mismatch(odd, index, place.path(), issues);
                }
                return touched;
            }
            json::decode_wtf8(quoted, &mut place.grow().wtf8);
            let trail = place.trail;
            extend(&mut place, parsed, entry);
            let (indexes, serial) = (**indexes, parsed.serial());
            folded.cursor = Some(Cursor { entry, indexes, serial, item: at, index, trail });
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
                extend(&mut place, parsed, entry);
            }
            return touched;
        }
        let text = Text::of(quoted, done);
        if done {
            let same = matches!(place.get(), Some(Node::Text(grown)) if grown.wtf8 == text.wtf8);
            let differs = |before| view::differ(View::Node(before), Some(View::Raw(quoted)));
            if !same && place.get().is_some_and(differs) {
                mismatch(odd, index, place.path(), issues);
            }
            if place.fixed {
                return touched;
            }
        }
        place.put(Node::Text(text));
        extend(&mut place, parsed, entry);
        touched
    }

    /// Output of a shell command: an object of texts that grow; the done event has the whole as a list of one.
    fn members(&mut self) -> Touched<'p> {
        let done = self.entry.phase == Phase::Done;
        let (kind, expected) =
            if done { (Kind::Array, "a list") } else { (Kind::Object, "an object") };
        let raw = self.value(kind, expected)?;
        let Fold { folded, parsed, entry, indexes, issues } = self;
        let (target, touched) =
            target(&mut folded.items, &mut folded.latest, parsed, indexes, entry.item);
        let Some(Target { item: Item { body, odd, .. }, index, .. }) = target else {
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
                compare_members(&place, &value, &["stdout", "stderr"], odd, index, issues);
                place.put(Node::whole(whole));
                place.fix(true);
            }
        } else if !place.is_fixed() {
            grow_members(place.enter(), raw);
        }
        touched
    }

    /// An annotation.
    fn put(&mut self) -> Touched<'p> {
        let Fold { folded, parsed, entry, indexes, .. } = self;
        let value = parsed.value().filter(|member| member.kind != Kind::Null)?;
        let (target, touched) =
            target(&mut folded.items, &mut folded.latest, parsed, indexes, entry.item);
        let Some(Target { item, .. }) = target else { return touched };
        let place = Place::find(item.body.grown(), entry.steps, indexes, entry.part, true);
        if let Some(mut place) = place.filter(|place| !place.fixed) {
            place.put(Node::whole(parsed.bytes(&value)));
        }
        touched
    }

    fn status(&mut self) -> Touched<'p> {
        let Fold { folded, parsed, entry, indexes, .. } = self;
        let (target, touched) =
            target(&mut folded.items, &mut folded.latest, parsed, indexes, entry.item);
        if let Some(Target { item, .. }) = target {
            item.body.set_status(entry.status);
        }
        touched
    }

    // -- beside the output -------------------------------------------------------------------------------------

    fn error(&mut self) -> Touched<'p> {
        let parsed = self.parsed;
        let nested = parsed.member("error").filter(|member| member.kind == Kind::Object);
        self.folded.event_error = Some(match nested {
            Some(member) => parsed.bytes(&member).to_vec(),
            None => flat_error(parsed),
        });
        None
    }

    fn side(&mut self) -> Touched<'p> {
        let quoted = self.value(Kind::String, "a string")?;
        let name = self.entry.steps;
        let side = &mut self.folded.side;
        let place = side.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            side.push((name, Vec::new()));
            side.len() - 1
        });
        json::decode_wtf8(quoted, &mut side[place].1);
        None
    }
}

/// The members of the item or part that a member is; they are located only where they are not known.
fn fields<'p>(parsed: &Parsed<'p>, value: &Member) -> Option<Fields<'p>> {
    if parsed.inside.is_empty() {
        return View::Raw(parsed.bytes(value)).fields();
    }
    Some(Fields::Lent(parsed.raw, parsed.inside))
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
    parsed: &Parsed<'p>,
    indexes: &Indexes,
    kind: &str,
) -> (Option<Target<'f>>, Touched<'p>) {
    let index = indexes.values[0].unwrap_or(*latest);
    *latest = index;
    let id = parsed.member("item_id").filter(|member| member.kind == Kind::String);
    let id = id.map(|member| json::decode_str(member.value(parsed.raw)));
    let (place, item) = items.entry(index, || Item::made(kind, id.as_deref()));
    let target = (!item.fixed).then_some(Target { item, index, place });
    (target, Some((index, id)))
}

/// Reports the texts of the object at a place that are not those of the value that comes in its stead.
fn compare_members(
    place: &Place<'_>,
    value: &Fields<'_>,
    keys: &[&str],
    odd: &mut HashSet<String>,
    index: u32,
    issues: &mut Vec<Issue>,
) {
    let Some(old) = place.get().and_then(|old| View::Node(old).fields()) else { return };
    for key in keys {
        if old.get(key).is_some_and(|before| view::differ(before, value.get(key))) {
            mismatch(odd, index, format!("{}.{key}", place.path()), issues);
        }
    }
}

/// Log probabilities: those of deltas add up, those of a done event replace the sum.
fn extend(place: &mut Place<'_>, parsed: &Parsed<'_>, entry: &Entry) {
    if entry.extend.is_empty() {
        return;
    }
    let Some(member) = parsed.member(entry.extend).filter(|member| member.kind == Kind::Array)
    else {
        return;
    };
    let Some(object) = place.container() else { return };
    let more = parsed.bytes(&member);
    if entry.phase == Phase::Delta {
        if !is_empty(more) {
            object.extend(entry.extend, more);
        }
    } else {
        object.set(entry.extend, Node::whole(more));
    }
}

/// Appends each member that is a string to the text of its name.
fn grow_members(object: &mut Object, raw: &[u8]) {
    let pieces = Object::of(&raw.into());
    for (key, node) in pieces.iter() {
        if let Node::Raw(quoted) = node
            && quoted.first() == Some(&b'"')
        {
            json::decode_wtf8(quoted, &mut object.text(key).1.wtf8);
        }
    }
}

/// The members of an `error` event that tell of the error.
fn flat_error(parsed: &Parsed<'_>) -> Vec<u8> {
    let mut error = Vec::from(b"{");
    for member in parsed.members.iter() {
        let key = json::decode_key(parsed.raw, &member);
        if !matches!(key.as_ref(), "type" | "sequence_number" | "stream_id") {
            error.extend_from_slice(if error.len() > 1 { b"," } else { b"" });
            json::write_str(&key, &mut error);
            error.push(b':');
            error.extend_from_slice(parsed.bytes(&member));
        }
    }
    error.push(b'}');
    error
}

pub(crate) fn is_empty(list: &[u8]) -> bool {
    inner(list).iter().all(u8::is_ascii_whitespace)
}

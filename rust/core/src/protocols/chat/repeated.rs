//! Chunks that repeat the previous one except for a text: they are recognised by their bytes, and their text is appended without
//! merging the rest of the chunk again.
//!
//! Such a chunk has one choice and one text. All else that is not dropped, merged again, changes nothing: it contains no list and no
//! other text. The exceptions are the log probabilities, which grow by a list, a reasoning that comes in two forms, and members whose
//! last value counts: the usage, and what some servers send beside the delta, as the number of the token.

use super::catalogue::{EVENTS, Kind, Op, Scope};
use super::choice::{Choice, Reasoning};
use super::delta::THINKING_MEMBER;
use super::events::{CHOICES, Event, Grows, OnlyChoice, Route};
use super::merge::{is_empty_list, is_empty_value, is_null, without_quotes};
use super::response::{Assembled, CHUNK, Cursor};
use crate::assemble::append::append;
use crate::assemble::{Node, NodePath, Text};
use crate::json::{self, Kind as JsonKind, Member};
use crate::predict::{CachedEvent, InnerDelta, Kept, Members, has_plain_keys};
use crate::protocols::parsed_event::ParsedEvent;

/// A member of chunks with as many letters as it takes to hide the size of the text; its last value counts.
const PADDING: &[u8] = b"p";
/// The member of a choice with the log probabilities, and that of its list which grows.
const LOGPROBS: &str = "logprobs";
const LISTED: &str = "content";
/// The time of a chunk: the first one counts. Most servers repeat that of the first chunk, a few send the time of each.
const CREATED: &[u8] = b"created";
/// The number of texts of a completion that chunks may grow in turn.
const CURSORS: usize = 8;

/// The delta of a chunk, if chunks may repeat the rest of it.
pub fn inner_delta(event: &ParsedEvent<'_>, route: &mut Route) -> Option<InnerDelta> {
    let Members::Parsed(own) = event.members else { return None };
    let is_text = route.delta && !route.ends && route.index.is_some();
    if !is_text || !route.is_plain {
        return None;
    }
    let only = OnlyChoice::of(event.raw, event.inner_members)?;
    let growth = Growth::of(event.raw, only, route.index?)?;
    let mut found =
        Differences { members: Vec::with_capacity(own.len() + 4), ..Differences::default() };
    found.members.extend_from_slice(own);
    for (place, member) in own.iter().enumerate() {
        found.read_own(event.raw, place, member)?;
    }
    let (grows, text) = growth.text?;
    route.grows = Some(grows);
    found.members.push(text);
    let (copy, extend) = (found.add(growth.copy), found.add(growth.list));
    for (member, depth) in growth.kept.into_iter().flatten() {
        let place = found.add(Some(member))?;
        found.kept.push(Kept { place, depth });
    }
    let id = json::find(event.raw, own, "id").filter(|id| id.kind == JsonKind::String);
    Some(InnerDelta {
        name: CHUNK,
        is_named: false,
        is_filled: true,
        response: Some(id.map_or(&b"\"\""[..], |id| id.value(event.raw)).into()),
        own: own.len(),
        value: own.len(),
        members: found.members,
        varying: found.varying,
        may_vary: found.may_vary,
        kept: found.kept,
        extend,
        copy,
        eager: EVENTS[0].eager,
    })
}

/// The members of a chunk that differ in chunks which repeat it.
#[derive(Default)]
struct Differences {
    members: Vec<Member>,
    varying: Vec<usize>,
    may_vary: Option<usize>,
    kept: Vec<Kept>,
}

impl Differences {
    /// Takes a member of the chunk itself; `None` if chunks with it cannot repeat one another.
    fn read_own(&mut self, raw: &[u8], place: usize, member: &Member) -> Option<()> {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        if key == CHOICES.as_bytes() || key == b"object" {
            return Some(());
        }
        let op = Scope::Chunk.rule(key).map(|rule| rule.op);
        let is_last = op == Some(Op::Replace) && member.kind == JsonKind::Object;
        let is_text = op == Some(Op::Drop) || key == PADDING;
        if is_last || (is_text && member.kind == JsonKind::String) {
            self.varying.push(place);
            self.kept.extend((op != Some(Op::Drop)).then_some(Kept { place, depth: 0 }));
        } else if !is_constant(member, raw) {
            return None;
        } else if key == CREATED && member.kind == JsonKind::Number && !is_empty_value(value) {
            self.may_vary = Some(place);
        }
        Some(())
    }

    /// Adds a member inside of the chunk that varies; returns its place.
    fn add(&mut self, member: Option<Member>) -> Option<usize> {
        let place = self.members.len();
        self.members.push(member?);
        self.varying.push(place);
        Some(place)
    }
}

/// Whether a value, merged twice, gives the same as merged once.
fn is_constant(member: &Member, raw: &[u8]) -> bool {
    let may_grow = matches!(member.kind, JsonKind::Array | JsonKind::Object);
    !may_grow || !member.value(raw).contains(&b'[')
}

/// The members of the object in a member, as spans into the text around it.
fn inside(raw: &[u8], outer: &Member) -> Option<Vec<Member>> {
    let mut members = Vec::with_capacity(8);
    let is_plain = json::inside(raw, outer, &mut members) && has_plain_keys(raw, &members);
    is_plain.then_some(members)
}

/// The only element of the list in a member, as a span into the text around it.
fn only_element(raw: &[u8], list: &Member) -> Option<Member> {
    let mut spans = Vec::new();
    json::elements(list.value(raw), &mut spans);
    let [(start, end, kind)] = spans[..] else { return None };
    let (start, end) = (list.start + start as u32, list.start + end as u32);
    Some(Member { start, end, kind, ..*list })
}

/// What a chunk adds to the texts of its only choice.
#[derive(Default)]
struct Growth {
    /// The text that grows.
    text: Option<(Grows, Member)>,
    /// The reasoning in a list: the name of the list, the index and the name of the text in it, and the text.
    detail: Option<(&'static str, (u32, &'static str, Member))>,
    /// The same text in another form.
    copy: Option<Member>,
    /// The log probabilities.
    list: Option<Member>,
    /// Members of the choice and of its delta whose last value counts, each with its depth.
    kept: [Option<(Member, u8)>; 2],
}

impl Growth {
    /// The growth by the only choice of a chunk; `None` if chunks with that choice cannot repeat one another.
    fn of(raw: &[u8], only: OnlyChoice<'_>, index: u32) -> Option<Self> {
        let mut growth = Self::default();
        let has_delta = only.choice.iter().any(|member| member.raw_key(raw) == b"delta");
        for member in only.choice {
            growth.read_choice(raw, member, index, has_delta)?;
        }
        for member in &*only.delta().members {
            growth.read_delta(raw, member)?;
        }
        growth.join_detail(raw)
    }

    fn read_choice(
        &mut self,
        raw: &[u8],
        member: &Member,
        index: u32,
        has_delta: bool,
    ) -> Option<()> {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"delta" => {}
            b"message" => return None,
            // With a delta, it is a member like any other; without, it is that of the API before chats.
            b"text" if member.kind == JsonKind::String && has_delta => {
                self.kept[0] = Some((*member, 1));
            }
            b"text" if member.kind == JsonKind::String => self.set_text(Grows::Text, *member)?,
            b"finish_reason" if !matches!(value, b"null" | b"\"\"") => return None,
            b"index" if json::parse_index(value) != Some(i64::from(index)) => return None,
            _ if is_constant(member, raw) => {}
            key if key == LOGPROBS.as_bytes() => self.list = Some(list_in(raw, member)?),
            _ => return None,
        }
        Some(())
    }

    fn read_delta(&mut self, raw: &[u8], member: &Member) -> Option<()> {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        let is_string = member.kind == JsonKind::String;
        match Scope::Delta.rule(key) {
            Some(_) if is_null(value) => {}
            Some(rule) if rule.op == Op::Calls => {
                let (grows, text) = arguments_in(raw, member)?;
                self.set_text(grows, text)?;
            }
            Some(rule) if rule.op == Op::Details => {
                self.detail = Some((rule.name, detail_in(raw, member)?));
            }
            Some(rule) if rule.op == Op::Content && member.kind == JsonKind::Array => {
                self.set_text(Grows::Thinking, thinking_in(raw, member)?)?;
            }
            Some(rule) if rule.kind != Kind::None && value != b"\"\"" => {
                self.set_text(Grows::Member(rule.name), is_string.then_some(*member)?)?;
            }
            Some(_) if is_string => {}
            // A number of the server's own, as that of the token.
            None if member.kind == JsonKind::Number && self.kept[1].is_none() => {
                self.kept[1] = Some((*member, 2));
            }
            None if is_constant(member, raw) => {}
            _ => return None,
        }
        Some(())
    }

    /// Sets the text that grows; `None` if there are two.
    fn set_text(&mut self, grows: Grows, text: Member) -> Option<()> {
        self.text.replace((grows, text)).is_none().then_some(())
    }

    /// Takes the reasoning in a list as a copy of the text, which it must be.
    fn join_detail(mut self, raw: &[u8]) -> Option<Self> {
        let Some((list, (index, name, copy))) = self.detail else { return Some(self) };
        let (Grows::Member(own), text) = self.text? else { return None };
        let is_reasoning = Scope::Delta.rule(own.as_bytes())?.kind == Kind::Reasoning;
        let same = copy.value(raw) == text.value(raw);
        self.text = Some((Grows::Both { own, list, index, name }, text));
        self.copy = Some(copy);
        (is_reasoning && same).then_some(self)
    }
}

/// The text in the only part of a content that is thinking and has no other member.
fn thinking_in(raw: &[u8], content: &Member) -> Option<Member> {
    let thinking = text_of_part(raw, &only_element(raw, content)?, b"thinking")?;
    match thinking.kind {
        JsonKind::String => Some(thinking),
        JsonKind::Array => {
            let text = text_of_part(raw, &only_element(raw, &thinking)?, b"text")?;
            (text.kind == JsonKind::String).then_some(text)
        }
        _ => None,
    }
}

/// The member of a part of this type, which has the name of the type, if there is no other member.
fn text_of_part(raw: &[u8], part: &Member, kind: &[u8]) -> Option<Member> {
    let members = inside(raw, part)?;
    let [one, other] = members[..] else { return None };
    let (named, text) = if one.raw_key(raw) == b"type" { (one, other) } else { (other, one) };
    let is_kind = without_quotes(named.value(raw)) == kind && named.kind == JsonKind::String;
    (is_kind && named.raw_key(raw) == b"type" && text.raw_key(raw) == kind).then_some(text)
}

/// The list of the contents in the log probabilities, if there is nothing else.
fn list_in(raw: &[u8], logprobs: &Member) -> Option<Member> {
    let mut found = None;
    for member in &inside(raw, logprobs)? {
        if member.raw_key(raw) == LISTED.as_bytes() {
            found = Some(*member).filter(|member| member.kind == JsonKind::Array);
        } else if !is_constant(member, raw) {
            return None;
        }
    }
    found
}

/// The text in the only part of the reasoning in a list: the index of the part, and the name of the text.
fn detail_in(raw: &[u8], details: &Member) -> Option<(u32, &'static str, Member)> {
    let part = inside(raw, &only_element(raw, details)?)?;
    let (mut index, mut found) = (None, None);
    for member in &part {
        let (key, value) = (member.raw_key(raw), member.value(raw));
        match Scope::Reasoning.rule(key) {
            _ if key == b"index" => index = json::parse_index(value),
            Some(_) if is_null(value) || value == b"\"\"" => {}
            Some(rule) if rule.kind == Kind::Reasoning && member.kind == JsonKind::String => {
                if found.replace((rule.name, *member)).is_some() {
                    return None;
                }
            }
            None if is_constant(member, raw) => {}
            _ => return None,
        }
    }
    let (name, text) = found?;
    Some((u32::try_from(index?).ok()?, name, text))
}

/// The arguments in the only piece of a tool call.
fn arguments_in(raw: &[u8], calls: &Member) -> Option<(Grows, Member)> {
    let piece = inside(raw, &only_element(raw, calls)?)?;
    let (mut index, mut function) = (None, None);
    for member in &piece {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"index" => index = json::parse_index(value),
            b"function" => function = Some(*member),
            b"id" | b"custom" if !is_null(value) => return None,
            _ if !is_constant(member, raw) => return None,
            _ => {}
        }
    }
    let mut arguments = None;
    for member in &inside(raw, &function?)? {
        let value = member.value(raw);
        match member.raw_key(raw) {
            b"arguments" => arguments = Some(*member).filter(|_| member.kind == JsonKind::String),
            b"name" if !is_null(value) => return None,
            _ if !is_constant(member, raw) => return None,
            _ => {}
        }
    }
    Some((Grows::Arguments(u32::try_from(index?).ok()?), arguments?))
}

// -- appending -------------------------------------------------------------------------------------------------------

/// Remembers the text that an event has grown, for events that repeat it.
pub fn set_cursor(response: &mut Assembled, event: &Event<'_>) {
    let (Some(serial), Some(route)) = (event.serial(), event.route) else { return };
    let Assembled { choices, cursors, changes, chunks, .. } = response;
    let Some((grows, position)) =
        route.grows.zip(route.index.and_then(|index| choices.position(index)))
    else {
        return;
    };
    // Chunks are not counted any more, but two of them are known.
    let is_streamed = |choice: &Choice| choice.streamed || grows == Grows::Text;
    let counted = |choice: &&mut Choice| is_streamed(choice) && choice.chunks > 1 && *chunks > 1;
    let path = choices.at(position).filter(counted).and_then(|choice| text_path(choice, grows));
    let Some((text, call, copy)) = path else { return };
    cursors.retain(|cursor| cursor.serial != serial && cursor.changes == *changes);
    if cursors.len() >= CURSORS {
        cursors.remove(0);
    }
    let is_own = grows == Grows::Text;
    cursors.push(Cursor { serial, changes: *changes, choice: position, is_own, text, call, copy });
}

/// The paths of a text and of its copy in the message of a choice, and the key of its tool call.
type Paths = (NodePath, Option<u32>, Option<NodePath>);

fn text_path(choice: &mut Choice, grows: Grows) -> Option<Paths> {
    match grows {
        Grows::Member(name) => Some((member_path(choice, name)?, None, None)),
        Grows::Thinking => Some((member_path(choice, THINKING_MEMBER)?, None, None)),
        Grows::Text => {
            let position = choice.members.position(b"text")?;
            let is_text = matches!(choice.members.at(position), Some(Node::Text(_)));
            is_text.then(|| (NodePath::of(&[position]), None, None))
        }
        Grows::Both { own, list, index, name } => {
            let text = member_path(choice, own)?;
            let position = choice.message.position(list.as_bytes())?;
            let Some(Node::Sparse(parts)) = choice.message.at(position) else { return None };
            let place = parts.parts.position(index)?;
            let Node::Object(part) = &mut parts.parts.at(place)?.node else { return None };
            let inner = part.position(name.as_bytes())?;
            let copy = NodePath::of(&[position, place, inner]);
            matches!(part.at(inner), Some(Node::Text(_))).then_some((text, None, Some(copy)))
        }
        Grows::Arguments(index) => {
            let key = choice.calls.key_at(index)?;
            let (list, calls) = choice.message.list("tool_calls");
            let place = calls.parts.position(key)?;
            let Node::Object(call) = &mut calls.parts.at(place)?.node else { return None };
            let (function, inner) = call.object("function");
            let position = inner.member("arguments").0;
            matches!(inner.at(position), Some(Node::Text(_)))
                .then(|| (NodePath::of(&[list, place, function, position]), Some(key), None))
        }
    }
}

/// The path of a text in the message.
fn member_path(choice: &mut Choice, name: &'static str) -> Option<NodePath> {
    let is_reasoning =
        Scope::Delta.rule(name.as_bytes()).is_some_and(|rule| rule.kind == Kind::Reasoning);
    if is_reasoning && !matches!(choice.reasoning, Reasoning::Member(own) if own == name) {
        return None;
    }
    let position = choice.message.member(name).0;
    matches!(choice.message.at(position), Some(Node::Text(_))).then(|| NodePath::of(&[position]))
}

/// The choice and the cursor of the text that events with this serial number grow, if nothing else has changed.
#[inline]
fn cursor_of(response: &mut Assembled, serial: u64) -> Option<(&mut Choice, &Cursor)> {
    let Assembled { choices, cursors, changes, .. } = response;
    let cursor = cursors.iter().rfind(|cursor| cursor.serial == serial)?;
    if cursor.changes != *changes {
        return None;
    }
    Some((choices.at(cursor.choice)?, cursor))
}

/// Appends the delta of a chunk that repeats a cached one. Does nothing and returns false for any other chunk.
#[inline]
pub fn continue_text(response: &mut Assembled, event: &ParsedEvent<'_>) -> bool {
    let Members::Repeated(cached) = event.members else { return false };
    let Some((body, escaped)) = cached.delta(event.raw) else { return false };
    let Some((choice, cursor)) = cursor_of(response, cached.serial) else { return false };
    if (cached.extends || cached.copy.is_some())
        && !continue_rest(choice, cursor, event, cached, body)
    {
        return false;
    }
    choice.calls.latest = cursor.call.or(choice.calls.latest);
    let Some(text) = cursor.text_in(choice) else { return false };
    append(text, body, body.len(), escaped);
    if !cached.kept.is_empty() {
        let position = cursor.choice;
        keep(response, position, event, cached);
    }
    true
}

/// Sets the members of a chunk, of its choice and of the delta whose last value counts.
fn keep(response: &mut Assembled, position: u32, event: &ParsedEvent<'_>, cached: &CachedEvent) {
    let Assembled { members, choices, around, .. } = response;
    for kept in &cached.kept {
        let target = match (kept.depth, choices.at(position)) {
            (0, _) => {
                *around = None;
                &mut *members
            }
            (1, Some(choice)) => &mut choice.members,
            (_, Some(choice)) => &mut choice.message,
            (_, None) => continue,
        };
        if let Some(member) = cached.member(Some(kept.place))
            && let Some(node) = target.get_mut(&*json::decode_key(event.raw, &member))
        {
            *node = Node::raw(event.bytes(&member));
        }
    }
}

/// Appends to the copy of the text and to the list that grows with it. Does nothing and returns false if the copy differs from the
/// text, or if there is no such list.
fn continue_rest(
    choice: &mut Choice,
    cursor: &Cursor,
    event: &ParsedEvent<'_>,
    cached: &CachedEvent,
    body: &[u8],
) -> bool {
    let copy = cached.member(cached.copy);
    if copy.is_some_and(|copy| without_quotes(event.bytes(&copy)) != body) {
        return false;
    }
    if let Some(list) = cached.member(cached.extend.filter(|_| cached.extends)) {
        let Some(Node::Object(logprobs)) = choice.members.get_mut(LOGPROBS) else { return false };
        let listed = logprobs.get(LISTED).and_then(Node::json);
        if listed.is_none_or(|listed| listed.first() != Some(&b'[')) {
            return false;
        }
        let more = event.bytes(&list);
        if !is_empty_list(more) {
            logprobs.extend(LISTED, more);
        }
    }
    if let (Some(copy), Some(path)) = (copy, &cursor.copy)
        && let Some(text) = path.text(&mut choice.message)
    {
        append(text, body, body.len(), copy.escaped);
    }
    true
}

/// The text that is continued by chunks that repeat the cached one, if they change nothing else.
#[inline]
pub fn growing_text<'r>(response: &'r mut Assembled, cached: &CachedEvent) -> Option<&'r mut Text> {
    if !cached.kept.is_empty() {
        return None;
    }
    let (choice, cursor) = cursor_of(response, cached.serial)?;
    choice.calls.latest = cursor.call.or(choice.calls.latest);
    cursor.text_in(choice)
}

//! The state of one folded response: what its lifecycle events said, its items, and what can be read of them.
//!
//! The terminal response is kept as the bytes it came in; items that nothing has touched since they came whole are too.
//! Everything here may be read at any time, also while the stream runs.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::Entry;
use super::events::Event;
use super::tool_calls::{self, Call, Position, ToolCall};
use crate::assemble::view::{is_list_of, member};
use crate::assemble::{Fields, Indexes, Node, Object, Ordered, Step, Trail, View};
use crate::json::{self, Located, Member};
use crate::protocols::tracking::Tracking;
use crate::work::work;

/// The value of an item: the bytes of the whole item, or a tree that deltas have touched.
#[derive(Debug, Default)]
pub struct Body {
    raw: Vec<u8>,
    /// The members of the whole item, as spans into its bytes.
    members: Vec<Member>,
    tree: Option<Object>,
    /// A status that came after the raw bytes, and is not yet in a tree.
    status: Option<&'static str>,
    /// How often the value was replaced by a whole one.
    replacements: u64,
}

impl Body {
    /// Replaces the value by a whole one; `fields` are its own, as `start` bytes before it or as it stands.
    pub fn put(&mut self, raw: &[u8], start: u32, fields: &Fields<'_>) {
        work(raw.len());
        self.replacements += 1;
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self.members.clear();
        match fields {
            Fields::Raw(_, members) => self.members.extend_from_slice(members),
            Fields::Lent(_, members) => {
                let back = start.wrapping_neg();
                self.members.extend(members.iter().map(|member| member.shifted(back)));
            }
            Fields::Object(_) => {}
        }
        (self.tree, self.status) = (None, None);
    }

    /// The tree, to be written to.
    pub fn grown(&mut self) -> &mut Object {
        let Self { raw, members, tree, status, .. } = self;
        tree.get_or_insert_with(|| expanded(raw, members, status.take()))
    }

    /// The tree, if there is one.
    #[inline]
    pub fn tree(&mut self) -> Option<&mut Object> {
        self.tree.as_mut()
    }

    /// Sets the member `status`.
    pub fn set_status(&mut self, status: &'static str) {
        match &mut self.tree {
            Some(tree) => {
                tree.set("status", Node::string(status));
            }
            None => self.status = Some(status),
        }
    }

    /// The value to be read; a status that is not yet in the tree is not in it.
    pub fn view(&self) -> View<'_> {
        self.tree.as_ref().map_or(View::Raw(&self.raw), View::Object)
    }

    /// The members to be read.
    pub fn fields(&self) -> Fields<'_> {
        let whole = || Fields::Lent(&self.raw, &self.members);
        self.tree.as_ref().map_or_else(whole, Fields::Object)
    }

    /// Appends the value as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match (&self.tree, self.status) {
            (Some(tree), _) => tree.write(out),
            (None, Some(status)) => expanded(&self.raw, &self.members, Some(status)).write(out),
            (None, None) => out.extend_from_slice(&self.raw),
        }
    }
}

fn expanded(raw: &[u8], members: &[Member], status: Option<&'static str>) -> Object {
    let mut tree = Object::with(&raw.into(), members);
    if let Some(status) = status {
        tree.set("status", Node::string(status));
    }
    tree
}

/// One item of the output.
#[derive(Debug, Default)]
pub struct Item {
    pub body: Body,
    /// The item came whole with `output_item.done`.
    pub fixed: bool,
    pub id: Option<Box<str>>,
    pub id_changed: bool,
    /// The paths whose texts were found to disagree.
    pub mismatches: HashSet<String>,
}

impl Item {
    /// An item of which nothing is known but its type, and its id if it is known.
    pub fn made(kind: &str, id: Option<&str>) -> Self {
        let mut tree = Object::default();
        if let Some(id) = id {
            tree.set("id", Node::string(id));
        }
        tree.set("type", Node::string(kind));
        Self { body: Body { tree: Some(tree), ..Body::default() }, ..Self::default() }
    }
}

/// The place of the text that the event before grew. It holds until an event does anything else.
#[derive(Debug)]
pub struct Cursor {
    pub entry: &'static Entry,
    pub indexes: Indexes,
    /// The template that the event before fitted. Another event that fits it grows this text too.
    pub serial: Option<u64>,
    /// The place of the item.
    pub item: u32,
    pub index: u32,
    pub trail: Trail,
}

impl Cursor {
    /// Whether an event that was parsed goes to the same text: it has the same type and indexes.
    pub fn is_for(&self, event: &Event<'_>) -> bool {
        event.route.is_some_and(|route| {
            std::ptr::eq(self.entry, route.entry) && route.indexes == Some(self.indexes)
        })
    }
}

/// One response, folded so far.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Assembled {
    pub tracking: Tracking,
    /// How often an item or the output was replaced.
    pub(super) changes: u64,
    /// A terminal event gave the whole response.
    pub(super) finished: bool,
    pub(super) id_changed: bool,
    /// The last lifecycle response, and where its members are.
    base: Option<Located>,
    pub(super) items: Ordered<Item>,
    /// The index of the latest item.
    pub(super) latest: u32,
    /// Texts beside the output, by the path in the catalogue.
    pub(super) side: Vec<(&'static [Step], Vec<u8>)>,
    pub(super) event_error: Option<Vec<u8>>,
    /// The rank from which on the streamed items extend the terminal output.
    pub(super) recovered: Option<usize>,
    /// The terminal output is made of the streamed items, byte for byte.
    pub(super) repeated: bool,
    pub(super) cursor: Option<Cursor>,
}

impl Assembled {
    /// Takes over the response object of a lifecycle event.
    pub fn set_base(&mut self, raw: &[u8], known: Option<&Located>) {
        work(raw.len());
        let known = known.filter(|known| *known.raw == *raw);
        self.base = Some(known.map_or_else(|| Located::of(raw), Located::clone));
    }

    /// The bytes of the last lifecycle response.
    pub fn base_raw(&self) -> Option<&[u8]> {
        self.base.as_ref().map(|base| &*base.raw)
    }

    /// The last lifecycle response and where its members are; empty where there was none.
    fn base(&self) -> (&[u8], &[Member]) {
        self.base.as_ref().map_or((&[], &[]), |base| (&base.raw, &base.members))
    }

    /// A member of the last lifecycle response, as JSON.
    pub fn own(&self, name: &str) -> Option<&[u8]> {
        let (raw, members) = self.base();
        member(raw, members, name)
    }

    fn own_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.own(name).and_then(|raw| View::Raw(raw).text())
    }

    /// What the settling of the terminal output needs: it, the items, and the rank from which on they extend it.
    pub(super) fn reconciling(
        &mut self,
    ) -> (Option<&[u8]>, &mut Ordered<Item>, &mut Option<usize>) {
        let base = self.base.as_ref();
        let output = base.and_then(|base| member(&base.raw, &base.members, "output"));
        (output, &mut self.items, &mut self.recovered)
    }

    /// Notes whether the terminal output is made of the streamed items, byte for byte.
    pub(super) fn repeats(&mut self) -> bool {
        let items = self.items.iter().map(|(_, item)| item.body.view());
        self.repeated = is_list_of(self.own("output").unwrap_or_default(), items);
        self.repeated
    }

    /// The output is the base's own: the terminal one, or nothing was streamed.
    fn has_own_output(&self) -> bool {
        if self.tracking.non_streamed || self.finished {
            return self.recovered.is_none();
        }
        self.items.is_empty() && self.base.is_some()
    }

    /// A terminal event was seen, or the response came whole.
    pub fn complete(&self) -> bool {
        let pending = || matches!(self.status().as_deref(), Some("queued" | "in_progress"));
        self.tracking.terminal.is_some() || (self.tracking.non_streamed && !pending())
    }

    /// The id in the last lifecycle response.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.own_text("id")
    }

    /// The status in the last lifecycle response. A terminal event that has none tells it by its type.
    pub fn status(&self) -> Option<Cow<'_, str>> {
        let status = if self.finished { None } else { self.status_of_type() };
        status.map(Cow::Borrowed).or_else(|| self.own_text("status"))
    }

    /// The status that the type of the terminal event names.
    fn status_of_type(&self) -> Option<&'static str> {
        let status = self.tracking.terminal?.strip_prefix("response.")?;
        (status != "done").then_some(status)
    }

    /// The items.
    pub fn output(&self) -> Vec<View<'_>> {
        let own = self.has_own_output();
        let mut output = Vec::new();
        if own || self.recovered.is_some() {
            output = self.own("output").map_or_else(Vec::new, |raw| View::Raw(raw).list());
        }
        if !own {
            output.extend(self.streamed().map(|item| item.body.view()));
        }
        output
    }

    /// The streamed items that count: all, or with a recovered output those that the terminal one lacks.
    fn streamed(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().skip(self.recovered.unwrap_or(0)).map(|(_, item)| item)
    }

    /// The number of elements of the output.
    pub fn output_len(&self) -> usize {
        if self.repeated { self.items.len() } else { self.output().len() }
    }

    /// Gives each item that is an object: its rank among all elements, and its members. Reads the text of the output only
    /// where the items are not known from having been streamed.
    pub fn each_item(&self, mut take: impl FnMut(usize, &Fields<'_>)) {
        if self.repeated || !(self.has_own_output() || self.recovered.is_some()) {
            let items = self.items.iter().enumerate();
            return items.for_each(|(rank, (_, item))| take(rank, &item.body.fields()));
        }
        if self.has_own_output() {
            let output = self.own("output").unwrap_or_default();
            return json::each_object(output, &mut Vec::new(), |rank, raw, members| {
                take(rank, &Fields::Lent(raw, members));
            });
        }
        for (rank, item) in self.output().into_iter().enumerate() {
            if let Some(fields) = item.fields() {
                take(rank, &fields);
            }
        }
    }

    fn write_output(&self, out: &mut Vec<u8>) {
        let own = self.own("output").unwrap_or(b"[]");
        if self.has_own_output() {
            return out.extend_from_slice(own);
        }
        let mut comma = false;
        if self.recovered.is_some_and(|from| from > 0) {
            out.extend_from_slice(own.strip_suffix(b"]").unwrap_or(own));
            comma = true;
        } else {
            out.push(b'[');
        }
        for item in self.streamed() {
            if comma {
                out.push(b',');
            }
            item.body.write(out);
            comma = true;
        }
        out.push(b']');
    }

    /// The whole response as JSON: the terminal one as it came unless items had to be recovered.
    pub fn json(&self) -> Vec<u8> {
        let Some(Located { raw: base, members }) = &self.base else {
            let mut out = b"{\"output\":".to_vec();
            self.write_output(&mut out);
            out.push(b'}');
            return out;
        };
        if self.has_own_output() {
            return base.to_vec();
        }
        let mut out = Vec::with_capacity(base.len() + 64);
        if let Some(member) = json::find(base, members, "output") {
            out.extend_from_slice(&base[..member.start as usize]);
            self.write_output(&mut out);
            out.extend_from_slice(&base[member.end as usize..]);
        } else {
            let end = base.iter().rposition(|byte| *byte == b'}').unwrap_or(base.len());
            out.extend_from_slice(&base[..end]);
            out.extend_from_slice(if members.is_empty() { b"" } else { b"," });
            out.extend_from_slice(b"\"output\":");
            self.write_output(&mut out);
            out.push(b'}');
        }
        out
    }

    /// One member of the response as JSON, None where there is none.
    pub fn member(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let own = self.own(name);
        if name != "output" || self.has_own_output() {
            return own.map(Cow::Borrowed);
        }
        let mut out = Vec::new();
        self.write_output(&mut out);
        Some(Cow::Owned(out))
    }

    /// The names of the members.
    pub fn keys(&self) -> Vec<String> {
        let (base, members) = self.base();
        let mut seen = HashSet::new();
        let names = members.iter().map(|member| json::decode_key(base, member));
        let mut keys: Vec<String> =
            names.filter(|name| seen.insert(name.clone())).map(Cow::into_owned).collect();
        if !seen.contains("output") && !self.has_own_output() {
            keys.push("output".to_owned());
        }
        keys
    }

    /// Output text, refusal, reasoning text and reasoning summary.
    pub fn texts(&self) -> Texts {
        let mut collector = TextCollector::default();
        self.each_item(|_, item| collector.item(item));
        collector.texts
    }

    /// Type, call id, name and arguments of each function, custom and MCP call.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let mut calls = Vec::new();
        self.each_item(|_, item| calls.extend(ToolCall::read(item)));
        calls
    }

    /// Another number whenever [`Self::calls`] may give something else, which deltas alone never change.
    pub fn calls_version(&self) -> u64 {
        self.changes + self.items.len() as u64
    }

    /// Rank in the output, type, call id and name of each function, custom and MCP call.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        self.each_item(|rank, item| calls.extend(Call::read(rank, item)));
        calls
    }

    /// The arguments of the call of that rank behind a position, and the next position; from None on the whole text.
    ///
    /// None where there is no text, or where the position does not hold any more. Half a surrogate pair at the end is
    /// kept for the next time.
    pub fn call_text(&self, rank: usize, from: Option<Position>) -> Option<(String, Position)> {
        let Some((index, body)) = self.streamed_at(rank) else {
            let source = (0, rank as u32, self.changes);
            if from.is_some_and(|from| from.source == source) {
                return Some((String::new(), from?));
            }
            return tool_calls::whole(*self.output().get(rank)?, source, from);
        };
        let source = (1, index, body.replacements);
        match &body.tree {
            Some(tree) => tool_calls::growing(tree, source, (2, index, self.changes), from),
            None => tool_calls::whole(body.view(), source, from),
        }
    }

    /// The arguments of the call of that rank as far as they have arrived, None where there are none.
    pub fn call_arguments(&self, rank: usize) -> Option<String> {
        match self.streamed_at(rank) {
            Some((_, body)) => tool_calls::arguments(body.view()),
            None => tool_calls::arguments(*self.output().get(rank)?),
        }
    }

    /// The index and value of the streamed item of that rank; None with an output that is not all streamed.
    fn streamed_at(&self, rank: usize) -> Option<(u32, &Body)> {
        let streamed = !self.has_own_output() && self.recovered.is_none();
        let (index, item) = self.items.ranked(rank).filter(|_| streamed)?;
        Some((index, &item.body))
    }

    /// The API's error as a JSON object: the response's own, else that of an `error` event.
    pub fn error_json(&self) -> Option<Vec<u8>> {
        let own = self.own("error").filter(|raw| raw.first() == Some(&b'{'));
        own.map(<[u8]>::to_vec).or_else(|| self.event_error.clone())
    }
}

/// The texts of a response; `refusal` is None where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub output_text: String,
    pub refusal: Option<String>,
    pub reasoning_text: String,
    pub reasoning_summary: String,
}

impl Texts {
    /// The texts of these items.
    pub fn of(output: &[View<'_>]) -> Self {
        let mut collector = TextCollector::default();
        output.iter().filter_map(|item| item.fields()).for_each(|item| collector.item(&item));
        collector.texts
    }
}

/// The texts of the items so far, and room for the members of a part.
#[derive(Default)]
struct TextCollector {
    pub texts: Texts,
    summaries: usize,
    members: Vec<Member>,
}

impl TextCollector {
    /// Takes the next item.
    pub fn item(&mut self, item: &Fields<'_>) {
        let Self { texts, summaries, members } = self;
        match item.text("type").as_deref() {
            Some("reasoning") => {
                item.each("content", members, |part| {
                    append(&mut texts.reasoning_text, part.text("text").unwrap_or_default());
                });
                item.each("summary", members, |part| {
                    let Some(text) = part.text("text") else { return };
                    if *summaries > 0 {
                        texts.reasoning_summary.push_str("\n\n");
                    }
                    *summaries += 1;
                    append(&mut texts.reasoning_summary, text);
                });
            }
            Some("message") => item.each("content", members, |part| texts.add(part)),
            _ => {}
        }
    }
}

impl Texts {
    /// Takes a part of a message.
    fn add(&mut self, part: &Fields<'_>) {
        match part.text("type").as_deref() {
            Some("output_text") => {
                append(&mut self.output_text, part.text("text").unwrap_or_default());
            }
            Some("refusal") => {
                if let Some(text) = part.text("refusal") {
                    append(self.refusal.get_or_insert_default(), text);
                }
            }
            _ => {}
        }
    }
}

/// Appends a piece, which is taken over where it is the first.
fn append(text: &mut String, piece: Cow<'_, str>) {
    if text.is_empty() {
        *text = piece.into_owned();
    } else {
        text.push_str(&piece);
    }
}

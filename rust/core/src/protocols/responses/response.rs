//! The state of one assembled response: its last lifecycle response, its items, and the values derived from them.
//!
//! The terminal response is stored as raw bytes, and so are complete items until another event changes them. All values may be
//! read at any time, also while the stream is running.

use std::borrow::Cow;
use std::collections::HashSet;

use super::catalogue::Entry;
use super::events::Event;
use super::identities::Identities;
use super::item::{Body, Item};
use super::tool_calls;
use crate::assemble::view::{is_list_of, member};
use crate::assemble::{Fields, Indexes, NodePath, Ordered, Step, View};
use crate::diagnostics::with_message;
use crate::json::{self, Located, Member};
use crate::protocols::tracking::Tracking;
use crate::protocols::view::{Call, Position, Texts, ToolCall};
use crate::work::work;

/// The text that the previous event appended to. Any other kind of event removes the cursor.
#[derive(Debug)]
pub struct Cursor {
    pub entry: &'static Entry,
    pub indexes: Indexes,
    /// The serial number of the cached event that the previous event repeats. An event with the same number continues this text.
    pub serial: Option<u64>,
    /// The position of the item in the list of items.
    pub item_position: u32,
    pub key: u32,
    pub text_path: NodePath,
    /// Whether the item was found by its id, so that another event with these indexes may refer to another item.
    pub by_identity: bool,
}

impl Cursor {
    /// Whether a parsed event continues the same text: it has the same type and indexes.
    pub fn is_for(&self, event: &Event<'_>) -> bool {
        if self.by_identity && (self.serial.is_none() || self.serial != event.serial()) {
            return false;
        }
        event.route.is_some_and(|route| {
            std::ptr::eq(self.entry, route.entry) && route.indexes == Some(self.indexes)
        })
    }
}

/// An element of an output that differs from the terminal one.
#[derive(Debug)]
pub enum Element {
    /// The element of the terminal output at this position.
    Own(usize),
    /// A terminal item whose empty texts were replaced by streamed ones.
    Merged(Vec<u8>),
    /// The streamed item of this rank.
    Streamed(usize),
}

/// One response, as assembled so far.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent")]
pub struct Assembled {
    pub tracking: Tracking,
    /// How often an item or the output was replaced.
    pub(super) changes: u64,
    /// Whether a terminal event carried the response object.
    pub(super) has_final_response: bool,
    pub(super) id_changed: bool,
    /// The last lifecycle response with its located members.
    base: Option<Located>,
    /// The items by their keys in `identities`.
    pub(super) items: Ordered<Item>,
    pub(super) identities: Identities,
    /// The fields that were reported as loose values.
    pub(super) loose: Vec<&'static str>,
    /// Texts that are not part of the output, by their path in the catalogue.
    pub(super) side_texts: Vec<(&'static [Step], Vec<u8>)>,
    pub(super) event_error: Option<Vec<u8>>,
    /// The output, if it differs from the terminal one.
    pub(super) rebuilt: Option<Vec<Element>>,
    /// Whether the terminal output consists of the streamed items, byte for byte.
    pub(super) output_repeats_items: bool,
    pub(super) cursor: Option<Cursor>,
}

impl Assembled {
    /// Stores the response object of a lifecycle event; `located` are its members, if they are known.
    pub fn set_base(&mut self, raw: &[u8], located: Option<&Located>) {
        work(raw.len());
        let located = located.filter(|located| *located.raw == *raw);
        self.base = Some(located.map_or_else(|| Located::of(raw), Located::clone));
    }

    /// The bytes of the last lifecycle response.
    pub fn base_raw(&self) -> Option<&[u8]> {
        self.base.as_ref().map(|base| &*base.raw)
    }

    /// The last lifecycle response and its members; empty if there was none.
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

    /// The terminal output, the streamed items, the reported loose fields, and the rebuilt output.
    pub(super) fn reconcile_inputs(&mut self) -> ReconcileInputs<'_> {
        let base = self.base.as_ref();
        let output = base.and_then(|base| member(&base.raw, &base.members, "output"));
        let Self { items, loose, rebuilt, .. } = self;
        ReconcileInputs { output, items, loose, rebuilt }
    }

    /// Sets and returns [`Self::output_repeats_items`].
    pub(super) fn check_output_repeats_items(&mut self) -> bool {
        let items = self.items.iter().map(|(_, item)| item.body.view());
        self.output_repeats_items = is_list_of(self.own("output").unwrap_or_default(), items);
        self.output_repeats_items
    }

    /// Whether the output is that of the last lifecycle response: it is terminal, or no items were streamed.
    fn has_own_output(&self) -> bool {
        if self.tracking.non_streamed || self.has_final_response {
            return self.rebuilt.is_none();
        }
        self.items.is_empty() && self.base.is_some()
    }

    /// Whether a terminal event was seen, or the response was not streamed and is not pending.
    pub fn complete(&self) -> bool {
        let pending = || matches!(self.status().as_deref(), Some("queued" | "in_progress"));
        self.tracking.terminal.is_some() || (self.tracking.non_streamed && !pending())
    }

    /// The id in the last lifecycle response.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.own_text("id")
    }

    /// The status in the last lifecycle response. After a terminal event without a response, the status that its type names.
    pub fn status(&self) -> Option<Cow<'_, str>> {
        let status = if self.has_final_response { None } else { self.status_of_type() };
        status.map(Cow::Borrowed).or_else(|| self.own_text("status"))
    }

    /// The status in the type of the terminal event.
    fn status_of_type(&self) -> Option<&'static str> {
        let status = self.tracking.terminal?.strip_prefix("response.")?;
        (status != "done").then_some(status)
    }

    /// The items of the output.
    pub fn output(&self) -> Vec<View<'_>> {
        let own = || self.own("output").map_or_else(Vec::new, |raw| View::Raw(raw).list());
        if self.has_own_output() {
            return own();
        }
        let Some(elements) = &self.rebuilt else {
            return self.items.iter().map(|(_, item)| item.body.view()).collect();
        };
        let own = own();
        let mut output = Vec::with_capacity(elements.len());
        for element in elements {
            output.extend(match element {
                Element::Own(position) => own.get(*position).copied(),
                Element::Merged(raw) => Some(View::Raw(raw)),
                Element::Streamed(rank) => {
                    self.items.ranked(*rank).map(|(_, item)| item.body.view())
                }
            });
        }
        output
    }

    /// The number of elements of the output.
    pub fn output_len(&self) -> usize {
        if self.output_repeats_items { self.items.len() } else { self.output().len() }
    }

    /// Passes each item that is an object to `take`: its rank among all elements, and its members. The raw output is parsed only
    /// if it is not known to consist of the streamed items.
    pub fn each_item(&self, mut take: impl FnMut(usize, &Fields<'_>)) {
        if self.output_repeats_items || !(self.has_own_output() || self.rebuilt.is_some()) {
            let items = self.items.iter().enumerate();
            return items.for_each(|(rank, (_, item))| take(rank, &item.body.fields()));
        }
        if self.has_own_output() {
            let output = self.own("output").unwrap_or_default();
            return json::each_object(output, &mut Vec::new(), |rank, raw, members| {
                take(rank, &Fields::Borrowed(raw, members));
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
        out.push(b'[');
        let begin = out.len();
        let comma = |out: &mut Vec<u8>| {
            if out.len() > begin {
                out.push(b',');
            }
        };
        if let Some(elements) = &self.rebuilt {
            let own = View::Raw(own).list();
            for element in elements {
                comma(out);
                match element {
                    Element::Own(position) => {
                        let raw = own.get(*position).and_then(|view| view.raw());
                        out.extend_from_slice(raw.unwrap_or_default());
                    }
                    Element::Merged(raw) => out.extend_from_slice(raw),
                    Element::Streamed(rank) => {
                        if let Some((_, item)) = self.items.ranked(*rank) {
                            item.body.write(out);
                        }
                    }
                }
            }
        } else {
            for (_, item) in self.items.iter() {
                comma(out);
                item.body.write(out);
            }
        }
        out.push(b']');
    }

    /// The response as JSON: the bytes of the terminal response, unless items were recovered.
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

    /// A member of the response as JSON.
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

    /// The function, custom and MCP calls of the output.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let mut calls = Vec::new();
        self.each_item(|_, item| calls.extend(ToolCall::read(item)));
        calls
    }

    /// A number that changes whenever the result of [`Self::calls`] may change. Deltas of known items do not change it.
    pub fn calls_version(&self) -> u64 {
        self.changes + self.items.len() as u64
    }

    /// The function, custom and MCP calls of the output, without their arguments.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        self.each_item(|rank, item| calls.extend(Call::read(rank, item)));
        calls
    }

    /// The arguments of the call at a rank from a position on, and the next position. With `None` from the start.
    ///
    /// `None` if there are no arguments, or if the position is invalid because the text was replaced. Half of a surrogate pair
    /// at the end is left for the next call.
    pub fn arguments_since(
        &self,
        rank: usize,
        from: Option<Position>,
    ) -> Option<(String, Position)> {
        let Some((index, body)) = self.streamed_at(rank) else {
            let source = (0, rank as u32, self.changes);
            if from.is_some_and(|from| from.source == source) {
                return Some((String::new(), from?));
            }
            return tool_calls::complete_arguments(*self.output().get(rank)?, source, from);
        };
        let source = (1, index, body.replacements());
        match body.tree() {
            Some(tree) => {
                tool_calls::streamed_arguments(tree, source, (2, index, self.changes), from)
            }
            None => tool_calls::complete_arguments(body.view(), source, from),
        }
    }

    /// The arguments of the call at a rank, as far as they have arrived.
    pub fn call_arguments(&self, rank: usize) -> Option<String> {
        match self.streamed_at(rank) {
            Some((_, body)) => tool_calls::arguments(body.view()),
            None => tool_calls::arguments(*self.output().get(rank)?),
        }
    }

    /// The index and value of the streamed item at a rank; `None` if the output does not consist of the streamed items.
    fn streamed_at(&self, rank: usize) -> Option<(u32, &Body)> {
        let streamed = !self.has_own_output() && self.rebuilt.is_none();
        let (index, item) = self.items.ranked(rank).filter(|_| streamed)?;
        Some((index, &item.body))
    }

    /// The error as a JSON object: that of the response, else that of an `error` event or error body.
    pub fn error_json(&self) -> Option<Vec<u8>> {
        match self.own("error") {
            Some(own @ [b'{', ..]) => Some(own.to_vec()),
            Some(own @ [b'"', _, _, ..]) => Some(with_message(own)),
            _ => self.event_error.clone(),
        }
    }
}

/// What the terminal output is compared with, and the results.
pub struct ReconcileInputs<'a> {
    pub output: Option<&'a [u8]>,
    pub items: &'a mut Ordered<Item>,
    pub loose: &'a mut Vec<&'static str>,
    pub rebuilt: &'a mut Option<Vec<Element>>,
}

impl Texts {
    /// The texts of these items.
    pub fn of(output: &[View<'_>]) -> Self {
        let mut collector = TextCollector::default();
        output.iter().filter_map(|item| item.fields()).for_each(|item| collector.item(&item));
        collector.texts
    }
}

/// Collects the texts of items.
#[derive(Default)]
struct TextCollector {
    pub texts: Texts,
    summaries: usize,
    /// A buffer for the members of a part.
    members: Vec<Member>,
}

impl TextCollector {
    /// Adds the texts of the next item.
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
    /// Adds the text of a part of a message.
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

/// Appends a text; the first one is moved if it is owned.
fn append(text: &mut String, more: Cow<'_, str>) {
    if text.is_empty() {
        *text = more.into_owned();
    } else {
        text.push_str(&more);
    }
}

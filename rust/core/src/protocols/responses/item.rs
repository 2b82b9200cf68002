//! One item of the output: its value, and what identifies it.

use std::borrow::Cow;
use std::collections::HashSet;

use super::texts::compare_texts;
use super::tool_calls::call_kind;
use crate::assemble::{Fields, Node, Object, View};
use crate::json::Member;
use crate::work::work;

/// The value of an item: the raw bytes of a complete item, or a tree that events write into.
#[derive(Debug, Default)]
pub struct Body {
    raw: Vec<u8>,
    /// The members of the raw item, as spans into `raw`.
    members: Vec<Member>,
    tree: Option<Object>,
    /// A later status than that of `raw`, if there is no tree.
    status: Option<&'static str>,
    /// How often the value was replaced by a complete item.
    replacements: u64,
}

impl Body {
    /// Replaces the value by a complete item with these members. Borrowed members are spans into the payload, in which the item
    /// begins at `start`.
    pub fn replace(&mut self, raw: &[u8], start: u32, fields: &Fields<'_>) {
        work(raw.len());
        self.replacements += 1;
        self.raw = raw.to_vec();
        self.members = match fields {
            Fields::Raw(_, members) => members.clone(),
            Fields::Borrowed(_, members) => {
                let back = start.wrapping_neg();
                members.iter().map(|member| member.shifted(back)).collect()
            }
            Fields::Object(_) => Vec::new(),
        };
        (self.tree, self.status) = (None, None);
    }

    /// Replaces the value by a complete item that differs from its bytes.
    pub fn replace_tree(&mut self, tree: Object) {
        self.replacements += 1;
        self.raw.clear();
        self.members.clear();
        (self.tree, self.status) = (Some(tree), None);
    }

    /// The tree, which is built from the raw item if there is none.
    pub fn expand(&mut self) -> &mut Object {
        let Self { raw, members, tree, status, .. } = self;
        tree.get_or_insert_with(|| build_tree(raw, members, status.take()))
    }

    /// The tree, if it was built.
    #[inline]
    pub fn tree_mut(&mut self) -> Option<&mut Object> {
        self.tree.as_mut()
    }

    /// The tree, if it was built.
    pub fn tree(&self) -> Option<&Object> {
        self.tree.as_ref()
    }

    /// How often the value was replaced by a complete item.
    pub fn replacements(&self) -> u64 {
        self.replacements
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

    /// The value. It lacks a later status unless there is a tree.
    pub fn view(&self) -> View<'_> {
        self.tree.as_ref().map_or(View::Raw(&self.raw), View::Object)
    }

    /// The members of the value.
    pub fn fields(&self) -> Fields<'_> {
        let whole = || Fields::Borrowed(&self.raw, &self.members);
        self.tree.as_ref().map_or_else(whole, Fields::Object)
    }

    /// Appends the value as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match (&self.tree, self.status) {
            (Some(tree), _) => tree.write(out),
            (None, Some(status)) => build_tree(&self.raw, &self.members, Some(status)).write(out),
            (None, None) => out.extend_from_slice(&self.raw),
        }
    }
}

/// The tree of a raw item, with its status replaced if one is given.
fn build_tree(raw: &[u8], members: &[Member], status: Option<&'static str>) -> Object {
    let mut tree = Object::with_members(&raw.into(), members);
    if let Some(status) = status {
        tree.set("status", Node::string(status));
    }
    tree
}

/// One item of the output.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent")]
pub struct Item {
    pub body: Body,
    /// Whether `output_item.done` set the final value.
    pub is_final: bool,
    pub id: Option<Box<str>>,
    pub id_changed: bool,
    /// The group of its type.
    pub group: Group,
    /// Whether no event has added the item.
    pub is_placeholder: bool,
    /// How often texts were missing from a whole item.
    pub recoveries: u32,
    /// Whether a late delta was reported.
    pub is_late: bool,
    pub reported: Reported,
}

/// The paths of the texts of an item that were reported. Most items have none.
#[derive(Debug, Default)]
pub struct Reported {
    /// Texts that differ, and texts that were recovered.
    paths: Option<Box<[HashSet<String>; 2]>>,
}

impl Reported {
    /// Adds a text that differs; returns whether it is new.
    pub fn add_mismatch(&mut self, path: &str) -> bool {
        self.add(0, path)
    }

    /// Adds a text that was recovered; returns whether it is new.
    pub fn add_recovered(&mut self, path: &str) -> bool {
        self.add(1, path)
    }

    fn add(&mut self, kind: usize, path: &str) -> bool {
        let paths = &mut self.paths.get_or_insert_default()[kind];
        !paths.contains(path) && paths.insert(path.to_owned())
    }
}

impl Item {
    /// An item of this type that no event has added, with its id if it is known.
    pub fn placeholder(kind: &str, id: Option<&str>) -> Self {
        let mut tree = Object::default();
        if let Some(id) = id {
            tree.set("id", Node::string(id));
        }
        tree.set("type", Node::string(kind));
        let body = Body { tree: Some(tree), ..Body::default() };
        let group = Group::of(kind.as_bytes());
        Self { body, group, is_placeholder: true, ..Self::default() }
    }

    /// Whether the item has a text that deltas can write.
    pub fn has_text(&self) -> bool {
        let mut found = false;
        compare_texts(&self.body.fields(), None, |_, _| found = true);
        found
    }

    pub fn identity(&self) -> Identity<'_> {
        Identity::of(&self.body.fields())
    }
}

/// What identifies an item: strings, which are decoded only if they must be.
#[derive(Default)]
pub struct Identity<'a> {
    kind: Option<View<'a>>,
    call_id: Option<View<'a>>,
    id: Option<View<'a>>,
}

impl<'a> Identity<'a> {
    pub fn of(fields: &Fields<'a>) -> Self {
        let [kind, call_id, id] = fields.get_each(["type", "call_id", "id"]);
        let string = |view: Option<View<'a>>| view.filter(|view| view.is_string());
        Self { kind: string(kind), call_id: string(call_id), id: string(id) }
    }

    /// The type.
    pub fn kind(&self) -> Option<Cow<'a, [u8]>> {
        self.kind?.text_bytes()
    }

    /// The call id, unless it is empty.
    pub fn call_id(&self) -> Option<Cow<'a, [u8]>> {
        self.call_id?.text_bytes().filter(|id| !id.is_empty())
    }

    /// The id, unless it is empty.
    pub fn id(&self) -> Option<Cow<'a, [u8]>> {
        self.id?.text_bytes().filter(|id| !id.is_empty())
    }

    /// The id as text, which may be empty.
    pub fn id_text(&self) -> Option<Cow<'a, str>> {
        self.id?.text()
    }

    /// Whether the types are known and differ.
    pub fn differs_in_kind(&self, other: &Self) -> bool {
        differ(self.kind, other.kind)
    }

    /// Whether the call ids are equal, or one of them is missing.
    pub fn is_same_call(&self, other: &Self) -> bool {
        !differ(self.call_id, other.call_id)
    }

    /// The item in the message of a diagnostic: its type, and its call id or id if it has one.
    pub fn describe(&self) -> String {
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
        let kind = self.kind().filter(|kind| !kind.is_empty());
        let kind = kind.map_or_else(|| "item".to_owned(), text);
        match self.name() {
            Some(name) => format!("{kind} {}", text(name)),
            None => kind,
        }
    }

    /// The call id, or else the id.
    pub fn name(&self) -> Option<Cow<'a, [u8]>> {
        self.call_id().or_else(|| self.id())
    }
}

fn differ(one: Option<View<'_>>, other: Option<View<'_>>) -> bool {
    let Some((one, other)) = one.zip(other) else { return false };
    let is_same_json = one.raw().zip(other.raw()).is_some_and(|(one, other)| one == other);
    !is_same_json && one.text_bytes() != other.text_bytes()
}

/// Types of items whose events cannot be about items of another group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    Message,
    Reasoning,
    Call,
    CustomCall,
    CodeInterpreter,
    Shell,
    ShellOutput,
    ApplyPatch,
    FileSearch,
    WebSearch,
    ImageGeneration,
    #[default]
    Other,
}

impl Group {
    /// The group of a type.
    pub fn of(kind: &[u8]) -> Self {
        match kind {
            b"message" => Self::Message,
            b"reasoning" => Self::Reasoning,
            b"code_interpreter_call" => Self::CodeInterpreter,
            b"shell_call" => Self::Shell,
            b"shell_call_output" => Self::ShellOutput,
            b"apply_patch_call" => Self::ApplyPatch,
            b"file_search_call" => Self::FileSearch,
            b"web_search_call" => Self::WebSearch,
            b"image_generation_call" => Self::ImageGeneration,
            b"custom_tool_call" => Self::CustomCall,
            _ if call_kind(kind).is_some() => Self::Call,
            _ => Self::Other,
        }
    }

    /// Whether an event for items of the group `event` cannot be about an item of this group.
    pub fn excludes(self, event: Self) -> bool {
        self != Self::Other && event != Self::Other && self != event
    }
}

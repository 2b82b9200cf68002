//! The content of a message while it is assembled: its blocks, and which block a delta is about.
//!
//! Blocks are routed by their index. A second block at a taken index, and one that is made for a delta that fits no block at its
//! index, come right behind the blocks at that index.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::catalogue::{BlockKind, Kind, OTHER, block_kind};
use super::inputs::{is_empty, is_json};
use crate::assemble::{Node, Object, Text};
use crate::json;
use crate::protocols::responses::tool_calls::json_text;

const BLOCKS_PER_INDEX: u64 = 65_536;
/// The member with the input of a tool.
pub const INPUT: &str = "input";
/// The text of an input without members.
const EMPTY: &str = "{}";

/// One block.
#[derive(Debug)]
pub struct Block {
    pub key: u64,
    /// Its number in the order of starting.
    pub number: u32,
    pub members: Object,
    pub ty: Option<Cow<'static, str>>,
    /// What the catalogue knows of its type.
    pub kind: &'static BlockKind,
    /// The JSON text that was streamed, `None` if no delta of it came.
    pub input: Option<Text>,
    /// How often the member `input` was replaced.
    pub input_changes: u64,
    /// Whether its end was seen.
    pub stopped: bool,
    /// Whether the text of the input was checked; it is checked again only at the end of the message.
    pub checked: bool,
    /// Whether the input was reported as invalid.
    pub reported: bool,
}

/// The text of an input.
pub enum Argument<'b> {
    Growing(&'b Text),
    Whole(Cow<'b, str>),
}

impl Argument<'_> {
    pub fn into_text(self) -> String {
        match self {
            Self::Growing(text) => json::finish_wtf8(&text.wtf8).into_owned(),
            Self::Whole(text) => text.into_owned(),
        }
    }
}

impl Block {
    fn new(key: u64, number: u32, members: Object, ty: Option<&str>) -> Self {
        let kind = ty.map_or(&OTHER, block_kind);
        let ty = ty.map(|ty| if kind.is_known() { kind.ty.into() } else { ty.to_owned().into() });
        Self {
            key,
            number,
            members,
            ty,
            kind,
            input: None,
            input_changes: 0,
            stopped: false,
            checked: false,
            reported: false,
        }
    }

    pub const fn index(&self) -> u64 {
        self.key / BLOCKS_PER_INDEX
    }

    /// Whether it is a tool call.
    pub fn is_call(&self) -> bool {
        self.kind.kind == Kind::ToolArguments
    }

    /// A member that is a text.
    pub fn string(&self, name: &str) -> Option<Cow<'_, str>> {
        self.members.get(name)?.text()
    }

    /// Its text, "" if it has none.
    pub fn text(&self) -> Cow<'_, str> {
        self.string(self.kind.text).unwrap_or_default()
    }

    /// Appends the block as JSON. An input that is not JSON is its text.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Some(input) = self.input.as_ref().map(|text| self.input_json(text)) else {
            return self.members.write(out);
        };
        out.push(b'{');
        let mut is_written = input.is_none();
        for (key, node) in self.members.iter() {
            write_key(key.text(), out);
            match input.as_deref().filter(|_| key.text() == INPUT) {
                Some(input) => {
                    is_written = true;
                    out.extend_from_slice(input);
                }
                None => node.write(out),
            }
        }
        if let Some(input) = input.filter(|_| !is_written) {
            write_key(INPUT, out);
            out.extend_from_slice(&input);
        }
        out.push(b'}');
    }

    /// The value of the streamed text of the input, `None` if it is that of the member.
    fn input_json(&self, text: &Text) -> Option<Vec<u8>> {
        let text = json::finish_wtf8(&text.wtf8);
        let mut out = Vec::new();
        if text.is_empty() {
            let is_missing = self.members.get(INPUT).is_none_or(|given| match given {
                Node::Text(text) => text.wtf8.is_empty(),
                given => given.json().is_some_and(|raw| raw == b"null" || raw == b"\"\""),
            });
            return is_missing.then(|| EMPTY.as_bytes().to_vec());
        }
        if is_json(&text) {
            json::write_canonical(json::trim(text.as_bytes()), &mut out);
        } else {
            json::write_str(&text, &mut out);
        }
        Some(out)
    }

    /// The text of the input, as far as it has arrived.
    ///
    /// An empty input counts once the block has stopped: until then its text may still come.
    pub fn argument(&self) -> Option<Argument<'_>> {
        if let Some(text) = self.input.as_ref().filter(|text| !text.wtf8.is_empty()) {
            return Some(Argument::Growing(text));
        }
        let given = self.members.get(INPUT);
        let raw = match given {
            None => b"null",
            Some(given) => given.json().unwrap_or_default(),
        };
        let is_empty = raw == b"null" || raw == b"\"\"" || (raw.starts_with(b"{") && is_empty(raw));
        if is_empty {
            let counts = self.stopped && (self.input.is_some() || given.is_some());
            return counts.then_some(Argument::Whole(Cow::Borrowed(EMPTY)));
        }
        Some(Argument::Whole(match raw.first() {
            Some(b'"') => json::decode_str(raw),
            Some(_) => json_text(raw).into(),
            None => {
                let mut out = Vec::new();
                given.inspect(|given| given.write(&mut out));
                String::from_utf8_lossy(&out).into_owned().into()
            }
        }))
    }
}

fn write_key(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    json::write_str(name, out);
    out.push(b':');
}

/// The blocks of one message. Each is identified by its position: its number in the order of starting.
#[derive(Debug, Default)]
pub struct Content {
    blocks: Vec<Block>,
    /// The positions by key: `index` * [`BLOCKS_PER_INDEX`] + the number of earlier blocks with that index.
    order: BTreeMap<u64, usize>,
    /// The position of the latest block of each index, and of each index and known type.
    at_index: BTreeMap<u64, usize>,
    by_type: BTreeMap<(u64, &'static str), usize>,
    pub latest: Option<usize>,
    /// Counts what may change which text a delta grows.
    pub changes: u64,
    /// The blocks whose input has grown since it was checked.
    pub unchecked: Unchecked,
}

impl Content {
    /// Adds a block; returns its position, and whether its index was taken. `index`: `None` for the one after the last.
    pub fn add(&mut self, index: Option<u64>, members: Object, ty: Option<&str>) -> (usize, bool) {
        let index = index.unwrap_or_else(|| {
            let last = self.order.last_key_value();
            last.map_or(0, |(key, _)| (key / BLOCKS_PER_INDEX + 1).min(BLOCKS_PER_INDEX - 1))
        });
        let before = self.at_index.get(&index).and_then(|before| self.blocks.get(*before));
        let first = index * BLOCKS_PER_INDEX;
        let key =
            before.map_or(first, |before| (before.key + 1).min(first + (BLOCKS_PER_INDEX - 1)));
        let is_taken = before.is_some();
        let position = self.blocks.len();
        let block = Block::new(key, position as u32, members, ty);
        self.order.insert(key, position);
        self.at_index.insert(index, position);
        if block.kind.is_known() {
            self.by_type.insert((index, block.kind.ty), position);
        }
        self.latest = Some(position);
        self.changes += 1;
        self.blocks.push(block);
        (position, is_taken)
    }

    pub fn get(&self, position: usize) -> &Block {
        &self.blocks[position]
    }

    pub fn get_mut(&mut self, position: usize) -> &mut Block {
        &mut self.blocks[position]
    }

    /// The latest block at an index; without an index the latest of all.
    pub fn at(&self, index: Option<u64>) -> Option<usize> {
        match index {
            None => self.latest,
            Some(index) => self.at_index.get(&index).copied(),
        }
    }

    /// The block at an index that deltas for blocks of these types fit, the latest first.
    pub fn fitting(&self, index: Option<u64>, types: &[&'static str]) -> Option<usize> {
        let position = self.at(index)?;
        let block = self.get(position);
        if block.ty.is_none() || !block.kind.is_known() || types.contains(&block.kind.ty) {
            return Some(position);
        }
        types.iter().find_map(|ty| self.by_type.get(&(block.index(), *ty)).copied())
    }

    /// Sets the type of a block that has none.
    pub fn set_type(&mut self, position: usize, ty: &'static str) {
        let block = &mut self.blocks[position];
        block.members.set("type", Node::string(ty));
        (block.ty, block.kind) = (Some(ty.into()), block_kind(ty));
        self.by_type.insert((block.index(), block.kind.ty), position);
        self.changes += 1;
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The blocks in order.
    pub fn iter(&self) -> impl Iterator<Item = &Block> {
        self.order.values().map(|position| &self.blocks[*position])
    }

    /// The positions of the blocks, in their order.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        self.order.values().copied()
    }
}

/// The positions of blocks by key, in the order in which the keys were added.
#[derive(Debug, Default)]
pub struct Unchecked {
    added: Vec<Option<usize>>,
    places: BTreeMap<u64, usize>,
}

impl Unchecked {
    pub fn add(&mut self, key: u64, position: usize) {
        let place = *self.places.entry(key).or_insert_with(|| {
            self.added.push(None);
            self.added.len() - 1
        });
        self.added[place] = Some(position);
    }

    /// Removes a key; returns whether it was there.
    pub fn remove(&mut self, key: u64) -> bool {
        let place = self.places.remove(&key);
        place.is_some_and(|place| self.added[place].take().is_some())
    }

    pub fn positions(&self) -> Vec<usize> {
        self.added.iter().copied().flatten().collect()
    }
}

//! Events that repeat an earlier one but for some values.
//!
//! A pattern is an event whose text was checked and built, with holes for the values that differed between two such events. An
//! event whose text fits it is a copy with the new values. A value becomes a hole only if what is built of the others does not
//! depend on it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use respstream_core::json::{self, Kind, Member, Range32, Template};

use super::copies::DictPart;
use super::members::{JsonValue, members_of};
use super::model::ObjectParts;
use super::nodes::Node;
use crate::objects::string_cache::{SHORT, StringCache};

/// The number of patterns of a builder: those of a message of Anthropic with thinking, text and a call.
const PATTERNS: usize = 12;
/// Larger events, and those with more values, are not repeated often.
const MAX_SIZE: usize = 2048;
const MAX_LEAVES: usize = 64;

/// The latest patterns; the first one is the latest.
#[derive(Default)]
pub struct Patterns(Vec<Pattern>);

struct Pattern {
    node: Arc<Node>,
    text: Vec<u8>,
    leaves: Vec<Leaf>,
    copies: Option<Copies>,
}

/// A scalar or an empty container inside of a text, and whether its value varies.
#[derive(Clone, Copy)]
pub struct Leaf {
    span: Range32,
    kind: Kind,
    pub varies: bool,
}

/// What makes the parts of an event.
pub struct Copies {
    pub template: Template,
    pub holes: usize,
    pub members: DictPart,
    pub extra: DictPart,
    pub present: u64,
    pub extra_is_set: bool,
    pub is_draft: bool,
}

/// The parts of an event, with its class.
pub struct Repeated<'py> {
    pub node: Arc<Node>,
    pub parts: ObjectParts<'py>,
    pub is_draft: bool,
}

impl Patterns {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The parts of an event whose text fits a pattern.
    pub fn repeated<'py>(
        &mut self,
        py: Python<'py>,
        text: &[u8],
        strings: &mut StringCache,
    ) -> PyResult<Option<Repeated<'py>>> {
        let fits = |pattern: &mut Pattern| {
            let copies = pattern.copies.as_mut();
            copies.is_some_and(|copies| copies.template.fits(text) == Some(text.len()))
        };
        let Some(found) = self.0.iter_mut().position(fits) else { return Ok(None) };
        self.0[..=found].rotate_right(1);
        let Pattern { node, copies: Some(copies), .. } = &self.0[0] else { return Ok(None) };
        let Some(parts) = copies.parts(py, text, strings)? else { return Ok(None) };
        Ok(Some(Repeated { node: Arc::clone(node), parts, is_draft: copies.is_draft }))
    }

    /// The leaves of a text that may become a pattern; those vary that differ from an earlier event, which this one replaces.
    pub fn leaves(&mut self, node: &Arc<Node>, text: &[u8]) -> Option<Vec<Leaf>> {
        let mut leaves = Vec::new();
        let root = JsonValue { text, kind: Kind::Object };
        if text.len() > MAX_SIZE || !add_leaves(root, 0, &mut leaves) {
            return None;
        }
        let same = |pattern: &Pattern| {
            Arc::ptr_eq(&pattern.node, node) && mark_varying(pattern, text, &mut leaves)
        };
        match self.0.iter().position(same) {
            Some(found) => drop(self.0.remove(found)),
            None => self.0.truncate(PATTERNS - 1),
        }
        Some(leaves)
    }

    /// Takes note of an event that was built of a text.
    pub fn add(
        &mut self,
        node: &Arc<Node>,
        text: &[u8],
        leaves: Vec<Leaf>,
        copies: Option<Copies>,
    ) {
        let (node, text) = (Arc::clone(node), text.to_vec());
        self.0.insert(0, Pattern { node, text, leaves, copies });
    }
}

impl Copies {
    fn parts<'py>(
        &self,
        py: Python<'py>,
        text: &[u8],
        strings: &mut StringCache,
    ) -> PyResult<Option<ObjectParts<'py>>> {
        let mut holes = Vec::with_capacity(self.holes);
        for hole in 0..self.holes {
            holes.push(match self.template.string(hole, text) {
                // Others vary from event to event, and are no ids.
                Some((string, false)) if string.len() < SHORT => {
                    strings.get(py, string)?.into_any()
                }
                Some((string, false)) => PyString::from_bytes(py, string)?.into_any(),
                Some((string, true)) => strings.escaped(py, string)?.into_any(),
                None => match self.template.number(hole) {
                    Some(number) => PyInt::new(py, number).into_any(),
                    None => return Ok(None),
                },
            });
        }
        let (dict, extra) = (self.members.copy(py, &holes)?, self.extra.copy(py, &holes)?);
        let (present, extra_is_set) = (self.present, self.extra_is_set);
        Ok(Some(ObjectParts { dict, extra, present, extra_is_set }))
    }
}

/// Adds the leaves of a container in the order of the text. False if there are too many.
fn add_leaves(value: JsonValue<'_>, base: usize, leaves: &mut Vec<Leaf>) -> bool {
    let Some(inner) = inner_values(value) else { return false };
    if inner.is_empty() {
        leaves.push(Leaf::new(base, base + value.text.len(), value.kind));
    }
    inner.into_iter().all(|(start, end, kind)| {
        if leaves.len() == MAX_LEAVES {
            return false;
        }
        if matches!(kind, Kind::Array | Kind::Object) {
            let text = &value.text[start..end];
            return add_leaves(JsonValue { text, kind }, base + start, leaves);
        }
        leaves.push(Leaf::new(base + start, base + end, kind));
        true
    })
}

/// The spans and kinds of the values inside of a container.
pub fn inner_values(value: JsonValue<'_>) -> Option<Vec<(usize, usize, Kind)>> {
    if value.kind == Kind::Object {
        let members = members_of(value.text).ok()?;
        let span = |member: &Member| (member.start as usize, member.end as usize, member.kind);
        return Some(members.iter().map(span).collect());
    }
    let mut elements = Vec::new();
    json::elements(value.text, &mut elements).then_some(elements)
}

impl Leaf {
    fn new(start: usize, end: usize, kind: Kind) -> Self {
        let span = Range32 { start: start as u32, end: end as u32 };
        Self { span, kind, varies: false }
    }

    pub fn member(&self) -> Member {
        let Range32 { start, end } = self.span;
        let key = Range32 { start, end: start };
        Member { key, key_escaped: false, start, end, kind: self.kind, escaped: false }
    }
}

/// Whether a text equals that of a pattern but for its values; marks those that differ, now or before.
fn mark_varying(pattern: &Pattern, text: &[u8], leaves: &mut [Leaf]) -> bool {
    let (mut before, mut own_before) = (0, 0);
    if leaves.len() != pattern.leaves.len() {
        return false;
    }
    for (leaf, own) in leaves.iter_mut().zip(&pattern.leaves) {
        let fixed = &text[before..leaf.span.start as usize];
        if leaf.kind != own.kind || fixed != &pattern.text[own_before..own.span.start as usize] {
            return false;
        }
        leaf.varies = own.varies || leaf.span.of(text) != own.span.of(&pattern.text);
        (before, own_before) = (leaf.span.end as usize, own.span.end as usize);
    }
    without_padding(&text[before..]) == without_padding(&pattern.text[own_before..])
}

/// The end of an object without the spaces before its last bracket, by which Anthropic hides the size of deltas.
fn without_padding(end: &[u8]) -> &[u8] {
    let inside = end.strip_suffix(b"}").unwrap_or(end);
    let size = inside.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &inside[..size]
}

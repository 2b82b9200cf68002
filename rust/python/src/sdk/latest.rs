//! The latest event of a stream: the next one is made out of it where both have the same members, and nearly the same values.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use respstream_core::json::{Kind, Member};

use super::members::{Matched, Value};
use super::model::Parts;
use super::plan::Node;

/// If more values than this are others, the next event is to be the pattern: the delta and its number always are.
const CHANGES: usize = 2;

/// An event that came, was validated, and holds nothing but strings, numbers and empty lists.
pub struct Latest {
    pub node: Arc<Node>,
    pub is_draft: bool,
    pub given: u64,
    text: Vec<u8>,
    matched: Matched,
    /// What the extra members are called.
    names: Vec<Option<Py<PyString>>>,
    dict: Py<PyDict>,
    changed: usize,
}

impl Latest {
    /// Of an event that was made of these parts; None if it is none to make others of.
    pub fn new(
        node: &Arc<Node>,
        is_draft: bool,
        text: &[u8],
        matched: Matched,
        parts: &Parts<'_>,
    ) -> PyResult<Option<Self>> {
        if !parts.counted || !matched.is_leaf(text) {
            return Ok(None);
        }
        let mut extra = parts.extra.keys().into_iter();
        let mut names = Vec::with_capacity(matched.places.len());
        for place in &matched.places {
            let name = if place.is_none() { extra.next() } else { None };
            names.push(name.map(Bound::cast_into).transpose()?.map(Bound::unbind));
        }
        let (node, text, dict) = (Arc::clone(node), text.to_vec(), parts.dict.copy()?.unbind());
        let given = parts.given;
        Ok(Some(Self { node, is_draft, given, text, matched, names, dict, changed: 0 }))
    }

    /// Whether a text has the same members in the same order, and the same type.
    pub fn is_like(&self, text: &[u8], members: &[Member]) -> bool {
        let known = &self.matched.members;
        known.len() == members.len()
            && known.iter().zip(members).all(|(known, member)| {
                let key = known.raw_key(&self.text);
                !member.key_escaped
                    && key == member.raw_key(text)
                    && (key != b"type" || known.value(&self.text) == member.value(text))
            })
    }

    /// The `__dict__` of the next event, with the values of this one.
    pub fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.dict.bind(py).copy()
    }

    /// The field of a member.
    pub fn place(&self, member: usize) -> Option<usize> {
        self.matched.places[member].map(usize::from)
    }

    /// The name of a member that is no field.
    pub fn name(&self, member: usize) -> Option<&Py<PyString>> {
        self.names[member].as_ref()
    }

    /// Whether a member has the value that the dict has already.
    pub fn has(&mut self, member: usize, value: Value<'_>) -> bool {
        if matches!(value.kind, Kind::Array | Kind::Object) {
            return false; // each event has lists of its own
        }
        let same = self.matched.members[member].value(&self.text) == value.text;
        self.changed += usize::from(!same);
        same
    }

    /// Itself, unless too many values were others.
    pub fn if_it_serves(mut self) -> Option<Self> {
        let serves = self.changed <= CHANGES;
        self.changed = 0;
        serves.then_some(self)
    }
}

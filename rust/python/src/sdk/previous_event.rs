//! The previous event of a stream. The next event is built from it if both have the same members and nearly the same values.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use respstream_core::json::{Kind, Member};

use super::members::{JsonValue, MatchedMembers};
use super::model::ObjectParts;
use super::nodes::Node;

/// If more values than these change, the next event replaces this one. The delta and its sequence number always change.
const MAX_CHANGES: usize = 2;

/// A validated event that contains only scalars and empty arrays, or a constructed event.
pub struct PreviousEvent {
    pub node: Arc<Node>,
    pub is_draft: bool,
    pub present: u64,
    /// Whether the event was validated, and not constructed.
    pub validated: bool,
    text: Vec<u8>,
    matched: MatchedMembers,
    /// The names of the extra members; None for fields.
    extra_names: Vec<Option<Py<PyString>>>,
    dict: Py<PyDict>,
    changes: usize,
}

impl PreviousEvent {
    /// From the parts of an event. None if no other event can be built from it.
    pub fn new(
        node: &Arc<Node>,
        is_draft: bool,
        text: &[u8],
        matched: MatchedMembers,
        parts: &ObjectParts<'_>,
    ) -> PyResult<Option<Self>> {
        let Node::Model(model) = &**node else { return Ok(None) };
        // Construction adds aliased members twice; what is validated with objects inside rarely repeats.
        let is_aliased = |field: &u8| model.fields[usize::from(*field)].aliased;
        let repeats = if parts.extra_is_set {
            matched.has_only_leaves(text)
        } else {
            !matched.fields.iter().flatten().any(is_aliased)
        };
        if !repeats {
            return Ok(None);
        }
        let mut extra = parts.extra.keys().into_iter();
        let mut extra_names = Vec::with_capacity(matched.fields.len());
        for field in &matched.fields {
            let name = if field.is_none() { extra.next() } else { None };
            extra_names.push(name.map(Bound::cast_into).transpose()?.map(Bound::unbind));
        }
        let (node, text, dict) = (Arc::clone(node), text.to_vec(), parts.dict.copy()?.unbind());
        let (present, validated) = (parts.present, parts.extra_is_set);
        Ok(Some(Self {
            node,
            is_draft,
            present,
            validated,
            text,
            matched,
            extra_names,
            dict,
            changes: 0,
        }))
    }

    /// Whether a text has the same members in the same order, and the same type.
    pub fn matches(&self, text: &[u8], members: &[Member]) -> bool {
        let own = &self.matched.members;
        own.len() == members.len()
            && own.iter().zip(members).all(|(own, member)| {
                let key = own.raw_key(&self.text);
                !member.key_escaped
                    && key == member.raw_key(text)
                    && (key != b"type" || own.value(&self.text) == member.value(text))
            })
    }

    /// A `__dict__` for the next event, with the values of this one.
    pub fn new_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.dict.bind(py).copy()
    }

    /// The index of the field of a member; None for an extra member.
    pub fn field(&self, member: usize) -> Option<usize> {
        self.matched.fields[member].map(usize::from)
    }

    pub fn extra_name(&self, member: usize) -> Option<&Py<PyString>> {
        self.extra_names[member].as_ref()
    }

    /// Whether a member of the next event has the value that is in the dict; counts those that do not.
    pub fn has_value(&mut self, member: usize, value: JsonValue<'_>) -> bool {
        if matches!(value.kind, Kind::Array | Kind::Object) {
            return false; // events must not share lists
        }
        let same = self.matched.members[member].value(&self.text) == value.text;
        self.changes += usize::from(!same);
        same
    }

    /// Itself for the event after the next one. None if too many values changed.
    pub fn retained(mut self) -> Option<Self> {
        let retained = self.changes <= MAX_CHANGES;
        self.changes = 0;
        retained.then_some(self)
    }
}

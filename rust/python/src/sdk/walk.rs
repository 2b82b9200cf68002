//! Makes patterns: a built event, and its text, become parts of which copies are made.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use respstream_core::json::{self, Kind, Member, Template};

use super::builder::Builder;
use super::copies::{DictPart, ModelPart, Part};
use super::members::{JsonValue, MatchedMembers, members_of, unique_member};
use super::model::{Model, ObjectParts, copied_fast};
use super::nodes::{DiscriminatedUnion, Node, is_integer};
use super::patterns::{Copies, Leaf, inner_values};
use crate::objects::cpython::dict_of;

/// What copies an event. None if no value varies, or if one does that others depend on.
pub fn copies_of<'py>(
    builder: &mut Builder<'_, 'py>,
    node: &Arc<Node>,
    text: &[u8],
    leaves: &[Leaf],
    parts: &ObjectParts<'py>,
    is_draft: bool,
) -> PyResult<Option<Copies>> {
    let members: Vec<_> = leaves.iter().map(Leaf::member).collect();
    let count = members.len();
    let template = Template::with_inner(text, members, count, |leaf, _| leaves[leaf].varies);
    let (Some(template), Node::Model(model)) = (template, &**node) else { return Ok(None) };
    let (validated, ObjectParts { dict, extra, present, .. }) = (parts.extra_is_set, parts);
    let mut walk = Walk { builder, leaves: leaves.iter(), holes: 0 };
    let members = members_of(text).unwrap_or_default();
    let Some((members, extra)) = walk.model(model, text, members, dict, extra, validated)? else {
        return Ok(None);
    };
    let (holes, present) = (walk.holes, *present);
    Ok(Some(Copies { template, holes, members, extra, present, extra_is_set: validated, is_draft }))
}

/// Turns what was built of a text into parts. The methods return None if a value varies that others depend on.
struct Walk<'w, 'a, 'py> {
    builder: &'w mut Builder<'a, 'py>,
    leaves: std::slice::Iter<'w, Leaf>,
    holes: usize,
}

/// The node of a value, None for any JSON, and whether it was validated.
type Origin = (Option<usize>, bool);
type Inner<T> = PyResult<Option<T>>;

impl<'py> Walk<'_, '_, 'py> {
    fn value(
        &mut self,
        origin: Origin,
        value: JsonValue<'_>,
        object: &Bound<'py, PyAny>,
    ) -> Inner<Part> {
        if !matches!(value.kind, Kind::Array | Kind::Object) {
            return Ok(self.scalar(origin, value, object));
        }
        let Some(origin) = self.resolved(origin, value) else { return Ok(None) };
        if let Ok(list) = object.cast_exact::<PyList>() {
            return self.list(origin, value, list);
        }
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            return self.dict(origin, value, dict);
        }
        let (Some(node), validated) = origin else { return Ok(None) };
        let node = self.builder.shared_node(node);
        let Some(Node::Model(model)) = node.as_deref() else { return Ok(None) };
        let class = Arc::clone(&model.class);
        let (true, Some((set, Some(extra)))) = (class.is(&object.get_type()), class.state(object))
        else {
            return Ok(None);
        };
        let dict = dict_of(object)?;
        let members = members_of(value.text).unwrap_or_default();
        let fields_set = copied_fast(&set)?.unbind();
        let made = self.model(model, value.text, members, &dict, &extra, validated)?;
        Ok(made.map(|(members, extra)| {
            let extra = Some(extra);
            Part::Model(Box::new(ModelPart { class, members, extra, fields_set }))
        }))
    }

    fn scalar(
        &mut self,
        (node, validated): Origin,
        value: JsonValue<'_>,
        object: &Bound<'py, PyAny>,
    ) -> Option<Part> {
        if !self.leaves.next()?.varies {
            return Some(Part::Shared(object.clone().unbind()));
        }
        if !self.is_free(node, validated, value) {
            return None;
        }
        self.holes += 1;
        Some(Part::Hole(self.holes - 1))
    }

    /// Whether an empty container has the same text in all events. With other spaces it is a hole, which takes full ones too.
    fn stays_empty(&mut self) -> bool {
        self.leaves.next().is_some_and(|leaf| !leaf.varies)
    }

    /// Whether the value is what was read, and any other of its kind would be treated in the same way.
    fn is_free(&self, node: Option<usize>, validated: bool, value: JsonValue<'_>) -> bool {
        let is_integer = value.kind == Kind::Number && is_integer(value.text);
        let Some(node) = node else { return value.kind == Kind::String || is_integer };
        match self.builder.shared_node(node).as_deref() {
            Some(Node::Any) => value.kind == Kind::String || is_integer,
            Some(Node::Union(union)) => match union.member(value.kind, value.text) {
                Some(member) => self.is_free(Some(member), true, value),
                None => false,
            },
            Some(Node::Discriminated(_) | Node::Sdk(_)) | None => false,
            Some(Node::Str) => value.kind == Kind::String || (!validated && is_integer),
            Some(Node::Int) => is_integer || (!validated && value.kind == Kind::String),
            Some(Node::Float) => !validated && value.kind == Kind::String,
            Some(_) => !validated && (value.kind == Kind::String || is_integer),
        }
    }

    /// The node for a container, with the member of a union instead of the union. None if the SDK built it.
    fn resolved(&mut self, origin: Origin, value: JsonValue<'_>) -> Option<Origin> {
        let (Some(index), validated) = origin else { return Some(origin) };
        let member = match self.builder.shared_node(index).as_deref()? {
            Node::Union(union) => union.member(value.kind, value.text)?,
            Node::Discriminated(union) => variant(union, value.text)?,
            Node::Sdk(_) => return None,
            _ => return Some(origin),
        };
        if !validated && self.builder.validated(index, value).is_err() {
            return None;
        }
        self.resolved((Some(member), true), value)
    }

    fn list(
        &mut self,
        (node, validated): Origin,
        value: JsonValue<'_>,
        list: &Bound<'py, PyList>,
    ) -> Inner<Part> {
        let Some(values) = inner_values(value).filter(|values| values.len() == list.len()) else {
            return Ok(None);
        };
        let inner = match node.map(|node| self.builder.shared_node(node)) {
            None => None,
            Some(node) => match node.as_deref() {
                Some(Node::List(inner)) => Some(*inner),
                Some(Node::Union(_) | Node::Discriminated(_) | Node::Sdk(_) | Node::Model(_))
                | None => {
                    return Ok(None);
                }
                Some(_) => None,
            },
        };
        if values.is_empty() && !self.stays_empty() {
            return Ok(None);
        }
        let mut parts = Vec::with_capacity(values.len());
        for ((start, end, kind), object) in values.into_iter().zip(list.iter()) {
            let text = &value.text[start..end];
            let part = self.value((inner, validated), JsonValue { text, kind }, &object)?;
            let Some(part) = part else { return Ok(None) };
            parts.push(part);
        }
        Ok(Some(Part::List(parts)))
    }

    fn dict(
        &mut self,
        (node, validated): Origin,
        value: JsonValue<'_>,
        dict: &Bound<'py, PyDict>,
    ) -> Inner<Part> {
        let inner = match node.map(|node| self.builder.shared_node(node)) {
            None => None,
            Some(node) => match node.as_deref() {
                Some(Node::Dict(inner)) => Some(*inner),
                Some(Node::Any) => None,
                _ => return Ok(None),
            },
        };
        let members = members_of(value.text).unwrap_or_default();
        if members.len() != dict.len() {
            return Ok(None);
        }
        if members.is_empty() && !self.stays_empty() {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for (member, (name, object)) in members.iter().zip(dict.iter()) {
            let part =
                self.value((inner, validated), JsonValue::of(member, value.text), &object)?;
            let Some(part) = part else { return Ok(None) };
            if !matches!(part, Part::Shared(_)) {
                parts.push((name.cast_into::<PyString>()?.unbind(), part));
            }
        }
        Ok(Some(Part::Dict(DictPart::new(dict, parts)?)))
    }

    /// The members and the extra members of a model.
    fn model(
        &mut self,
        model: &Model,
        text: &[u8],
        members: Vec<Member>,
        dict: &Bound<'py, PyDict>,
        extra: &Bound<'py, PyDict>,
        validated: bool,
    ) -> Inner<(DictPart, DictPart)> {
        let py = dict.py();
        if members.is_empty() && !self.stays_empty() {
            return Ok(None);
        }
        let Ok(matched) = MatchedMembers::new(py, model, text, members) else { return Ok(None) };
        let mut extras = extra.iter();
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (member, field) in matched.members.iter().zip(&matched.fields) {
            let value = JsonValue::of(member, text);
            let (node, found, parts) = match field.map(|field| &model.fields[usize::from(field)]) {
                // Construction adds aliased members twice.
                Some(field) if field.aliased && !validated => return Ok(None),
                Some(field) => {
                    let name = field.name.bind(py).clone();
                    let object = dict.get_item(&name)?;
                    (Some(field.node), object.map(|object| (name, object)), &mut own)
                }
                None => {
                    let found = extras.next();
                    let found = found.map(|(name, object)| {
                        Ok::<_, PyErr>((name.cast_into::<PyString>()?, object))
                    });
                    (None, found.transpose()?, &mut others)
                }
            };
            let Some((name, object)) = found else { return Ok(None) };
            match self.value((node, validated), value, &object)? {
                None => return Ok(None),
                Some(Part::Shared(_)) => {}
                Some(part) => parts.push((name.unbind(), part)),
            }
        }
        Ok(Some((DictPart::new(dict, own)?, DictPart::new(extra, others)?)))
    }
}

/// The node of the member of a union that an object is of.
fn variant(union: &DiscriminatedUnion, text: &[u8]) -> Option<usize> {
    let members = members_of(text).ok()?;
    match unique_member(text, &members, &union.discriminator).ok()? {
        Some(JsonValue { text, kind: Kind::String }) => {
            union.variants.get(&*json::decode_str(text)).copied()
        }
        _ => None,
    }
}

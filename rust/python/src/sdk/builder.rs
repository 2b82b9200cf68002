//! Builds values as the SDK does: validated if the text matches its type, constructed without validation otherwise.
//!
//! The SDK validates an event against the union of all its types, and constructs it by its `type` if that fails. The builder
//! distinguishes three outcomes: the text matches; validation certainly fails; or the outcome is uncertain (pydantic might
//! coerce the value), and the SDK must build it.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use respstream_core::json::{self, Kind, Member};

use super::error::{BuildError, Built};
use super::members::{JsonValue, MatchedMembers, members_of, unique_member};
use super::model::{Model, ObjectParts};
use super::nodes::{Node, NodeTable, is_integer};
use crate::objects::string_cache::StringCache;

/// Integers up to this size are exact as floats.
const MAX_EXACT_INT: i64 = 1 << 53;
/// The type of events that have none, as the chunks of Chat Completions.
const UNTYPED: &str = "";

pub struct Builder<'a, 'py> {
    pub py: Python<'py>,
    table: &'a NodeTable,
    cache: &'a mut BuilderCache,
    /// Whether no function of the SDK is called.
    alone: bool,
}

/// Values and buffers that are reused from event to event, and from chunk to chunk.
#[derive(Default)]
pub struct BuilderCache {
    members: Vec<Member>,
    pub strings: StringCache,
}

impl BuilderCache {
    /// Drops the buffers, whose size is that of the largest event.
    pub fn shrink(&mut self) {
        self.members = Vec::new();
    }
}

impl<'a, 'py> Builder<'a, 'py> {
    pub fn new(py: Python<'py>, table: &'a NodeTable, cache: &'a mut BuilderCache) -> Self {
        Self { py, table, cache, alone: false }
    }

    /// The parts of the event of a text, and its class. `Uncertain` if the SDK must build it.
    pub fn event(&mut self, text: &[u8]) -> Result<(Arc<Node>, ObjectParts<'py>), BuildError> {
        if !self.scan(text) {
            return Err(BuildError::Uncertain);
        }
        let members = std::mem::take(&mut self.cache.members);
        // A member named `error` makes the SDK raise.
        if members.iter().any(|member| member.raw_key(text) == b"error") {
            return Err(BuildError::Uncertain);
        }
        let kind = match unique_member(text, &members, "type")? {
            Some(JsonValue { text: kind, kind: Kind::String }) => json::decode_str(kind),
            Some(_) => return Err(BuildError::Uncertain),
            None => Cow::Borrowed(UNTYPED),
        };
        let plan = self.table.events.get(&*kind).ok_or(BuildError::Uncertain)?;
        let node = self.shared_node(plan.node).ok_or(BuildError::Uncertain)?;
        let Node::Model(model) = &*node else { return Err(BuildError::Uncertain) };
        self.alone = plan.alone;
        let parts = self.parts(model, text, members)?;
        Ok((node, parts))
    }

    /// Whether the SDK validates events.
    pub fn validates(&self) -> bool {
        self.table.validates
    }

    pub fn shared_node(&self, node: usize) -> Option<Arc<Node>> {
        self.table.shared(node).cloned()
    }

    /// Builds a JSON object from a node, validated or else constructed; with `alone` without a function of the SDK, and only if it
    /// validates.
    pub fn object(&mut self, node: usize, text: &[u8], alone: bool) -> Built<'py> {
        self.alone = alone;
        match self.table.node(node) {
            Some(Node::Model(model)) if std::str::from_utf8(text).is_ok() && self.scan(text) => {
                let members = std::mem::take(&mut self.cache.members);
                let parts = self.parts(model, text, members)?;
                Ok(model.object(parts)?)
            }
            _ => Err(BuildError::Uncertain),
        }
    }

    /// Finds the members of the text. False unless it is a valid object without lone surrogates, which parsers read differently.
    fn scan(&mut self, text: &[u8]) -> bool {
        let scan = json::check(text, &mut self.cache.members);
        scan.is_ok_and(|scan| scan.kind == Kind::Object && !scan.lone_surrogate)
    }

    /// The parts of an event.
    fn parts(
        &mut self,
        model: &Model,
        text: &[u8],
        members: Vec<Member>,
    ) -> Result<ObjectParts<'py>, BuildError> {
        let matched = MatchedMembers::new(self.py, model, text, members)?;
        let validated = if self.table.validates {
            self.validated_parts(model, text, &matched)
        } else {
            Err(BuildError::Invalid)
        };
        match validated {
            Err(BuildError::Invalid) if !self.alone => {
                self.constructed_parts(model, text, &matched)
            }
            built => built,
        }
    }

    fn validated_model(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &MatchedMembers,
    ) -> Built<'py> {
        Ok(model.object(self.validated_parts(model, text, matched)?)?)
    }

    fn constructed_model(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &MatchedMembers,
    ) -> Built<'py> {
        Ok(model.object(self.constructed_parts(model, text, matched)?)?)
    }

    fn validated_parts(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &MatchedMembers,
    ) -> Result<ObjectParts<'py>, BuildError> {
        if matched.present & model.required != model.required {
            return Err(BuildError::Invalid);
        }
        let (dict, extra) = (model.new_dict(self.py)?, PyDict::new(self.py));
        for (member, field) in matched.members.iter().zip(&matched.fields) {
            let value = JsonValue::of(member, text);
            match field {
                Some(field) => {
                    let field = &model.fields[usize::from(*field)];
                    dict.set_item(&field.name, self.validated(field.node, value)?)?;
                }
                None => self.add_extra(model, &extra, member, text)?,
            }
        }
        Ok(ObjectParts { dict, extra, present: matched.present, extra_is_set: true })
    }

    fn constructed_parts(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &MatchedMembers,
    ) -> Result<ObjectParts<'py>, BuildError> {
        let (dict, extra) = (model.new_dict(self.py)?, PyDict::new(self.py));
        for (member, field) in matched.members.iter().zip(&matched.fields) {
            let Some(field) = field else {
                self.add_extra(model, &extra, member, text)?;
                continue;
            };
            let (field, value) = (&model.fields[usize::from(*field)], JsonValue::of(member, text));
            if value.kind != Kind::Null {
                dict.set_item(&field.name, self.constructed(field.node, value)?)?;
            }
            if field.aliased {
                // As in the SDK: a key that is not the name of a field is an extra member too.
                self.add_extra(model, &extra, member, text)?;
            }
        }
        Ok(ObjectParts { dict, extra, present: matched.present, extra_is_set: false })
    }

    fn add_extra(
        &mut self,
        model: &Model,
        extra: &Bound<'py, PyDict>,
        member: &Member,
        text: &[u8],
    ) -> Result<(), BuildError> {
        let key = json::decode_key(text, member);
        let cached = model.cached_extra_name(self.py, extra.len(), &key);
        let key = cached.unwrap_or_else(|| PyString::new(self.py, &key));
        if extra.contains(&key)? {
            return Err(BuildError::Uncertain);
        }
        Ok(extra.set_item(key, self.any(JsonValue::of(member, text))?)?)
    }

    /// The value that validation returns.
    pub fn validated(&mut self, node: usize, value: JsonValue<'_>) -> Built<'py> {
        let py = self.py;
        let node = self.table.node(node).ok_or(BuildError::Uncertain)?;
        match (node, value.kind) {
            (Node::Any, _) | (Node::Str, Kind::String) | (Node::Bool, Kind::True | Kind::False) => {
                self.any(value)
            }
            (Node::Int, Kind::Number) if is_integer(value.text) => self.any(value),
            (Node::Float, Kind::Number) => self.float(value.text),
            (Node::Literal(literals), Kind::String) => {
                let text = json::decode_str(value.text);
                let (_, literal) = literals
                    .iter()
                    .find(|(literal, _)| **literal == *text)
                    .ok_or(BuildError::Invalid)?;
                Ok(literal.clone_ref(py).into_bound(py).into_any())
            }
            (Node::List(inner), Kind::Array) => {
                self.list(value.text, |builder, element| builder.validated(*inner, element))
            }
            (Node::Dict(inner), Kind::Object) => {
                self.dict(value.text, |builder, element| builder.validated(*inner, element))
            }
            (Node::Model(model), Kind::Object) => {
                let matched = MatchedMembers::new(py, model, value.text, members_of(value.text)?)?;
                self.validated_model(model, value.text, &matched)
            }
            (Node::Union(union), Kind::Null) if union.nullable => Ok(py.None().into_bound(py)),
            (Node::Union(union), kind) => match union.member(kind, value.text) {
                Some(member) => self.validated(member, value),
                None if union.lax && kind != Kind::Null => Err(BuildError::Uncertain),
                None => Err(BuildError::Invalid),
            },
            (Node::Discriminated(union), Kind::Object) => {
                let members = members_of(value.text)?;
                let variant = match unique_member(value.text, &members, &union.discriminator)? {
                    Some(JsonValue { text, kind: Kind::String }) => {
                        union.variants.get(&*json::decode_str(text))
                    }
                    _ if !union.required => return Err(BuildError::Uncertain),
                    _ => None,
                };
                let Some(Node::Model(model)) = variant.and_then(|node| self.table.node(*node))
                else {
                    return Err(BuildError::Invalid);
                };
                let matched = MatchedMembers::new(py, model, value.text, members)?;
                self.validated_model(model, value.text, &matched)
            }
            (Node::Sdk(_), _) if self.alone => Err(BuildError::Invalid),
            (Node::Sdk(sdk), _) => self.by_sdk(&sdk.validate, value, BuildError::Invalid),
            // Pydantic never coerces a value to a string or a model, and never coerces null. Other pairs it may coerce.
            (Node::Str | Node::Literal(_) | Node::Model(_) | Node::Discriminated(_), _)
            | (_, Kind::Null) => Err(BuildError::Invalid),
            _ => Err(BuildError::Uncertain),
        }
    }

    /// The value that the SDK constructs if the event does not validate.
    fn constructed(&mut self, node: usize, value: JsonValue<'_>) -> Built<'py> {
        let index = node;
        let node = self.table.node(index).ok_or(BuildError::Uncertain)?;
        let construct = match (node, value.kind) {
            (Node::Float, Kind::Number) => return self.float(value.text),
            (Node::Float, Kind::True | Kind::False) | (Node::Model(_), Kind::Array) => {
                return Err(BuildError::Uncertain);
            }
            (Node::List(inner), Kind::Array) => {
                return self
                    .list(value.text, |builder, element| builder.constructed(*inner, element));
            }
            (Node::Dict(inner), Kind::Object) => {
                return self
                    .dict(value.text, |builder, element| builder.constructed(*inner, element));
            }
            (Node::Model(model), Kind::Object) => {
                let matched =
                    MatchedMembers::new(self.py, model, value.text, members_of(value.text)?)?;
                return self.constructed_model(model, value.text, &matched);
            }
            (Node::Union(union), _) => &union.construct,
            (Node::Discriminated(union), _) => &union.construct,
            (Node::Sdk(sdk), _) => {
                return self.by_sdk(&sdk.construct, value, BuildError::Uncertain);
            }
            _ => return self.any(value),
        };
        match self.validated(index, value) {
            Err(BuildError::Invalid | BuildError::Uncertain) => {
                self.by_sdk(construct, value, BuildError::Uncertain)
            }
            built => built,
        }
    }

    fn by_sdk(
        &mut self,
        function: &Py<PyAny>,
        value: JsonValue<'_>,
        failure: BuildError,
    ) -> Built<'py> {
        let value = self.any(value)?;
        function.bind(self.py).call1((value,)).map_err(|_| failure)
    }

    fn list(
        &mut self,
        text: &[u8],
        mut build: impl FnMut(&mut Self, JsonValue<'_>) -> Built<'py>,
    ) -> Built<'py> {
        let list = PyList::empty(self.py);
        if text == b"[]" {
            return Ok(list.into_any());
        }
        let mut elements = Vec::new();
        if !json::elements(text, &mut elements) {
            return Err(BuildError::Uncertain);
        }
        for (start, end, kind) in elements {
            list.append(build(self, JsonValue { text: &text[start..end], kind })?)?;
        }
        Ok(list.into_any())
    }

    fn dict(
        &mut self,
        text: &[u8],
        mut build: impl FnMut(&mut Self, JsonValue<'_>) -> Built<'py>,
    ) -> Built<'py> {
        let dict = PyDict::new(self.py);
        for member in members_of(text)? {
            let key = PyString::new(self.py, &json::decode_key(text, &member));
            if dict.contains(&key)? {
                return Err(BuildError::Uncertain);
            }
            dict.set_item(key, build(self, JsonValue::of(&member, text))?)?;
        }
        Ok(dict.into_any())
    }

    /// The value that `json.loads` returns.
    fn any(&mut self, value: JsonValue<'_>) -> Built<'py> {
        let py = self.py;
        let text = value.text;
        Ok(match value.kind {
            Kind::Null => py.None().into_bound(py),
            Kind::True => PyBool::new(py, true).to_owned().into_any(),
            Kind::False => PyBool::new(py, false).to_owned().into_any(),
            Kind::String => self.string(text)?,
            Kind::Number if !is_integer(text) => return self.float(text),
            Kind::Number => match json::parse_index(text) {
                Some(number) => PyInt::new(py, number).into_any(),
                None => PyInt::type_object(py).call1((String::from_utf8_lossy(text),))?,
            },
            Kind::Array => return self.list(text, Self::any),
            Kind::Object => return self.dict(text, Self::any),
        })
    }

    fn float(&mut self, text: &[u8]) -> Built<'py> {
        if is_integer(text)
            && json::parse_index(text)
                .is_none_or(|number| !(-MAX_EXACT_INT..=MAX_EXACT_INT).contains(&number))
        {
            return Err(BuildError::Uncertain);
        }
        let number = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(BuildError::Uncertain)?;
        Ok(PyFloat::new(self.py, number).into_any())
    }

    /// The value of a string with its quotes.
    fn string(&mut self, quoted: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let text = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        if memchr(b'\\', text).is_some() {
            return Ok(PyString::new(self.py, &json::decode_str(quoted)).into_any());
        }
        Ok(self.cache.strings.get(self.py, text)?.into_any())
    }
}

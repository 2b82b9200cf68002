//! Values as the SDK makes them: validated where a text matches its type, constructed loosely where it does not.
//!
//! The SDK validates an event against the union of all its types, and constructs it by its `type` if that fails. Here
//! both outcomes are told before any object of the wrong way is seen: a text matches, or it surely fails, or (where
//! pydantic would coerce) it is not sure, and the SDK has to do it.

use std::sync::Arc;

use memchr::memchr;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use respstream_core::json::{self, Kind, Member};

use super::latest::Latest;
use super::members::{Matched, Value, locate, tag};
use super::model::{Model, Parts};
use super::plan::{Node, Table, is_integer};
use super::stamp::SdkDraft;
use crate::strings::Strings;

/// Why there is no value.
pub enum Miss {
    /// Validation fails.
    Fails,
    /// Only the SDK knows.
    Unsure,
    Raised(PyErr),
}

impl From<PyErr> for Miss {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

type Built<'py> = Result<Bound<'py, PyAny>, Miss>;

/// Integers up to here are exact as fractions.
const EXACT: i64 = 1 << 53;

pub struct Builder<'a, 'py> {
    pub py: Python<'py>,
    table: &'a Table,
    memory: &'a mut Memory,
}

/// What is used again from one event to the next, and from one chunk to the next.
#[derive(Default)]
pub struct Memory {
    members: Vec<Member>,
    strings: Strings,
    latest: Option<Latest>,
}

impl Memory {
    /// The plans are others now.
    pub fn forget(&mut self) {
        self.latest = None;
    }
}

impl<'a, 'py> Builder<'a, 'py> {
    pub fn new(py: Python<'py>, table: &'a Table, memory: &'a mut Memory) -> Self {
        Self { py, table, memory }
    }

    /// The event of a message; None where the SDK must make it. Those of the types in `drafts` come as drafts.
    pub fn event(
        &mut self,
        name: Option<&[u8]>,
        text: &[u8],
        drafts: &[String],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        // The names of another API, which the SDK reads in another way.
        if name.is_some_and(|name| name.starts_with(b"thread.")) || !self.scan(text) {
            return Ok(None);
        }
        if let Some(latest) = self.memory.latest.take() {
            let members = std::mem::take(&mut self.memory.members);
            let again = self.again(latest, text, &members);
            self.memory.members = members;
            if let Some(event) = again? {
                return Ok(Some(event));
            }
        }
        sure(self.anew(text, drafts))
    }

    /// An event like the latest: only what differs is read. None if it is not like that, and the latest is no more.
    fn again(
        &mut self,
        mut latest: Latest,
        text: &[u8],
        members: &[Member],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        if !latest.is_like(text, members) {
            return Ok(None);
        }
        let node = Arc::clone(&latest.node);
        let Node::Model(model) = &*node else { return Ok(None) };
        let (dict, extra) = (latest.dict(py)?, PyDict::new(py));
        for (at, member) in members.iter().enumerate() {
            let value = Value::of(member, text);
            let (made, place) = match latest.place(at) {
                Some(_) if latest.has(at, value) => continue,
                Some(place) => (self.validated(model.fields[place].node, value), Some(place)),
                None => (self.any(value), None),
            };
            match (sure(made)?, place, latest.name(at)) {
                (Some(made), Some(place), _) => dict.set_item(&model.fields[place].name, made)?,
                (Some(made), None, Some(name)) => extra.set_item(name, made)?,
                _ => return Ok(None),
            }
        }
        let parts = Parts { dict, extra, given: latest.given, counted: true };
        let is_draft = latest.is_draft;
        self.memory.latest = latest.if_it_serves();
        finished(py, &node, model, parts, is_draft).map(Some)
    }

    /// The event of the text that was scanned.
    fn anew(&mut self, text: &[u8], drafts: &[String]) -> Built<'py> {
        let members = std::mem::take(&mut self.memory.members);
        let table = self.table;
        // Members named `error` make the SDK raise.
        if members.iter().any(|member| member.raw_key(text) == b"error") {
            return Err(Miss::Unsure);
        }
        let Some(Value { text: kind, kind: Kind::String }) = tag(text, &members, "type")? else {
            return Err(Miss::Unsure);
        };
        let kind = json::decode_str(kind);
        let node = table.events.get(&*kind).and_then(|node| table.shared(*node));
        let node = node.ok_or(Miss::Unsure)?;
        let Node::Model(model) = &**node else { return Err(Miss::Unsure) };
        let (parts, matched) = self.parts(model, text, members)?;
        let is_draft = drafts.iter().any(|draft| *draft == kind);
        self.memory.latest = Latest::new(node, is_draft, text, matched, &parts)?;
        Ok(finished(self.py, node, model, parts, is_draft)?)
    }

    /// One text as a node has it, validated or else constructed.
    pub fn whole(&mut self, node: usize, text: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        if std::str::from_utf8(text).is_err() || !self.scan(text) {
            return Ok(None);
        }
        match self.table.node(node) {
            Some(Node::Model(model)) => {
                let members = std::mem::take(&mut self.memory.members);
                let parts = self.parts(model, text, members);
                sure(parts.and_then(|(parts, _)| Ok(model.object(parts)?)))
            }
            _ => Ok(None),
        }
    }

    /// Whether the text is an object that reads the same everywhere.
    fn scan(&mut self, text: &[u8]) -> bool {
        let scan = json::scan(text, &mut self.memory.members);
        scan.is_ok_and(|scan| scan.kind == Kind::Object && !scan.lone_surrogate)
    }

    /// What an event is made of.
    fn parts(
        &mut self,
        model: &Model,
        text: &[u8],
        members: Vec<Member>,
    ) -> Result<(Parts<'py>, Matched), Miss> {
        let matched = Matched::new(self.py, model, text, members)?;
        let parts = match self.validated_parts(model, text, &matched) {
            Err(Miss::Fails) => self.constructed_parts(model, text, &matched),
            made => made,
        };
        Ok((parts?, matched))
    }

    fn validated_model(&mut self, model: &Model, text: &[u8], matched: &Matched) -> Built<'py> {
        Ok(model.object(self.validated_parts(model, text, matched)?)?)
    }

    fn constructed_model(&mut self, model: &Model, text: &[u8], matched: &Matched) -> Built<'py> {
        Ok(model.object(self.constructed_parts(model, text, matched)?)?)
    }

    fn validated_parts(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &Matched,
    ) -> Result<Parts<'py>, Miss> {
        if matched.given & model.required != model.required {
            return Err(Miss::Fails);
        }
        let (dict, extra) = (model.dict(self.py)?, PyDict::new(self.py));
        for (member, place) in matched.members.iter().zip(&matched.places) {
            let value = Value::of(member, text);
            match place {
                Some(place) => {
                    let field = &model.fields[usize::from(*place)];
                    dict.set_item(&field.name, self.validated(field.node, value)?)?;
                }
                None => self.add_extra(model, &extra, member, text)?,
            }
        }
        Ok(Parts { dict, extra, given: matched.given, counted: true })
    }

    fn constructed_parts(
        &mut self,
        model: &Model,
        text: &[u8],
        matched: &Matched,
    ) -> Result<Parts<'py>, Miss> {
        let (dict, extra) = (model.dict(self.py)?, PyDict::new(self.py));
        for (member, place) in matched.members.iter().zip(&matched.places) {
            let Some(place) = place else {
                self.add_extra(model, &extra, member, text)?;
                continue;
            };
            let (field, value) = (&model.fields[usize::from(*place)], Value::of(member, text));
            if value.kind != Kind::Null {
                dict.set_item(&field.name, self.constructed(field.node, value)?)?;
            }
            if field.aliased {
                // As the SDK has it: a name of the wire that is no field's name is extra too.
                self.add_extra(model, &extra, member, text)?;
            }
        }
        Ok(Parts { dict, extra, given: matched.given, counted: false })
    }

    fn add_extra(
        &mut self,
        model: &Model,
        extra: &Bound<'py, PyDict>,
        member: &Member,
        text: &[u8],
    ) -> Result<(), Miss> {
        let key = json::decode_key(text, member);
        let known = model.extra_name(self.py, extra.len(), &key);
        let key = known.unwrap_or_else(|| PyString::new(self.py, &key));
        if extra.contains(&key)? {
            return Err(Miss::Unsure);
        }
        Ok(extra.set_item(key, self.any(Value::of(member, text))?)?)
    }

    /// The value as validation gives it.
    fn validated(&mut self, node: usize, value: Value<'_>) -> Built<'py> {
        let py = self.py;
        let node = self.table.node(node).ok_or(Miss::Unsure)?;
        match (node, value.kind) {
            (Node::Any, _) | (Node::Str, Kind::String) | (Node::Bool, Kind::True | Kind::False) => {
                self.any(value)
            }
            (Node::Int, Kind::Number) if is_integer(value.text) => self.any(value),
            (Node::Float, Kind::Number) => self.float(value.text),
            (Node::Literal(words), Kind::String) => {
                let text = json::decode_str(value.text);
                let (_, word) =
                    words.iter().find(|(word, _)| **word == *text).ok_or(Miss::Fails)?;
                Ok(word.clone_ref(py).into_bound(py).into_any())
            }
            (Node::List(inner), Kind::Array) => {
                self.list(value.text, |this, part| this.validated(*inner, part))
            }
            (Node::Dict(inner), Kind::Object) => {
                self.dict(value.text, |this, part| this.validated(*inner, part))
            }
            (Node::Model(model), Kind::Object) => {
                let matched = Matched::new(py, model, value.text, locate(value.text)?)?;
                self.validated_model(model, value.text, &matched)
            }
            (Node::Union(union), Kind::Null) if union.nullable => Ok(py.None().into_bound(py)),
            (Node::Union(union), kind) => match union.member(kind, value.text) {
                Some(member) => self.validated(member, value),
                None if union.lax && kind != Kind::Null => Err(Miss::Unsure),
                None => Err(Miss::Fails),
            },
            (Node::Tagged(tagged), Kind::Object) => {
                let members = locate(value.text)?;
                let variant = match tag(value.text, &members, &tagged.key)? {
                    Some(Value { text, kind: Kind::String }) => {
                        tagged.variants.get(&*json::decode_str(text))
                    }
                    _ if !tagged.required => return Err(Miss::Unsure),
                    _ => None,
                };
                let Some(Node::Model(model)) = variant.and_then(|node| self.table.node(*node))
                else {
                    return Err(Miss::Fails);
                };
                let matched = Matched::new(py, model, value.text, members)?;
                self.validated_model(model, value.text, &matched)
            }
            (Node::Sdk(sdk), _) => self.by_sdk(&sdk.validate, value, Miss::Fails),
            // Nothing is made of null, and of nothing a string or an object; for the rest there are coercions.
            (Node::Str | Node::Literal(_) | Node::Model(_) | Node::Tagged(_), _)
            | (_, Kind::Null) => Err(Miss::Fails),
            _ => Err(Miss::Unsure),
        }
    }

    /// The value as the SDK constructs it where its event does not validate.
    fn constructed(&mut self, node: usize, value: Value<'_>) -> Built<'py> {
        let place = node;
        let node = self.table.node(node).ok_or(Miss::Unsure)?;
        let construct = match (node, value.kind) {
            (Node::Float, Kind::Number) => return self.float(value.text),
            (Node::Float, Kind::True | Kind::False) | (Node::Model(_), Kind::Array) => {
                return Err(Miss::Unsure);
            }
            (Node::List(inner), Kind::Array) => {
                return self.list(value.text, |this, part| this.constructed(*inner, part));
            }
            (Node::Dict(inner), Kind::Object) => {
                return self.dict(value.text, |this, part| this.constructed(*inner, part));
            }
            (Node::Model(model), Kind::Object) => {
                let matched = Matched::new(self.py, model, value.text, locate(value.text)?)?;
                return self.constructed_model(model, value.text, &matched);
            }
            (Node::Union(union), _) => &union.construct,
            (Node::Tagged(tagged), _) => &tagged.construct,
            (Node::Sdk(sdk), _) => return self.by_sdk(&sdk.construct, value, Miss::Unsure),
            _ => return self.any(value),
        };
        match self.validated(place, value) {
            Err(Miss::Fails | Miss::Unsure) => self.by_sdk(construct, value, Miss::Unsure),
            made => made,
        }
    }

    fn by_sdk(&mut self, function: &Py<PyAny>, value: Value<'_>, failure: Miss) -> Built<'py> {
        let value = self.any(value)?;
        function.bind(self.py).call1((value,)).map_err(|_| failure)
    }

    fn list(
        &mut self,
        text: &[u8],
        mut part: impl FnMut(&mut Self, Value<'_>) -> Built<'py>,
    ) -> Built<'py> {
        let list = PyList::empty(self.py);
        if text == b"[]" {
            return Ok(list.into_any());
        }
        let mut parts = Vec::new();
        if !json::elements(text, &mut parts) {
            return Err(Miss::Unsure);
        }
        for (start, end, kind) in parts {
            list.append(part(self, Value { text: &text[start..end], kind })?)?;
        }
        Ok(list.into_any())
    }

    fn dict(
        &mut self,
        text: &[u8],
        mut part: impl FnMut(&mut Self, Value<'_>) -> Built<'py>,
    ) -> Built<'py> {
        let dict = PyDict::new(self.py);
        for member in locate(text)? {
            let key = PyString::new(self.py, &json::decode_key(text, &member));
            if dict.contains(&key)? {
                return Err(Miss::Unsure);
            }
            dict.set_item(key, part(self, Value::of(&member, text))?)?;
        }
        Ok(dict.into_any())
    }

    /// The value as `json.loads` gives it.
    fn any(&mut self, value: Value<'_>) -> Built<'py> {
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
            && json::parse_index(text).is_none_or(|number| !(-EXACT..=EXACT).contains(&number))
        {
            return Err(Miss::Unsure);
        }
        let number = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(Miss::Unsure)?;
        Ok(PyFloat::new(self.py, number).into_any())
    }

    /// A quoted string.
    fn string(&mut self, quoted: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let text = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        if memchr(b'\\', text).is_some() {
            return Ok(PyString::new(self.py, &json::decode_str(quoted)).into_any());
        }
        Ok(self.memory.strings.get(self.py, text)?.into_any())
    }
}

/// The event of a model, or a draft of it.
fn finished<'py>(
    py: Python<'py>,
    node: &Arc<Node>,
    model: &Model,
    parts: Parts<'py>,
    is_draft: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if is_draft { Ok(SdkDraft::new(py, node, parts)?.into_any()) } else { model.object(parts) }
}

/// None for what only the SDK can do.
fn sure(built: Built<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    match built {
        Ok(value) => Ok(Some(value)),
        Err(Miss::Fails | Miss::Unsure) => Ok(None),
        Err(Miss::Raised(error)) => Err(error),
    }
}

//! Objects inside events that have a class of their own, such as the delta of a chunk.
//!
//! An event that repeats a cached one has the same objects around its delta, except for the delta. They are created with the
//! event, from values that all repetitions share; the members that differ otherwise are decoded from the text when they are read.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::has_plain_keys;

use super::cpython;
use super::fragment::TextSpan;
use super::slots::{NewObject, ObjectTemplate, SlotClass};
use super::string_cache::StringCache;
use crate::convert::json::{MEMBERS_CAPACITY, scalar};
use crate::interpreter::call;

/// The maximum size in bytes of objects that are created together with their event.
const MAX_BYTES: usize = 4096;
/// The number of slots that are filled; those behind them are decoded when they are read.
const MAX_SLOTS: usize = 64;

/// The objects in one member of an event or payload.
pub struct Part {
    pub name: Py<PyString>,
    pub key: Box<str>,
    classes: Classes,
}

/// The class of the objects, or their classes by their member `type`, with that of other types.
enum Classes {
    One(KnownClass),
    ByType(Vec<(Box<str>, KnownClass)>, KnownClass),
}

/// A class whose description is looked up on first use.
struct KnownClass(Py<PyType>, PyOnceLock<&'static PartClass>);

/// A class of payloads: its slots, and the objects in its members.
pub struct PartClass {
    pub slots: SlotClass,
    names: Vec<String>,
    parts: Vec<Part>,
    /// Whether a declared member that is missing reads as None.
    or_none: bool,
}

/// The class of an object with these members, of a class or of several by type.
pub fn class_of<'py>(
    part: &Bound<'py, PyAny>,
    object: &[u8],
    members: &[Member],
) -> PyResult<Bound<'py, PyType>> {
    let Ok(classes) = part.cast::<PyDict>() else { return Ok(part.cast::<PyType>()?.clone()) };
    let class = match type_of(object, members) {
        Some(kind) => classes.get_item(kind)?,
        None => None,
    };
    let class = match class {
        Some(class) => class,
        None => classes.as_any().get_item("")?,
    };
    Ok(class.cast_into::<PyType>()?)
}

/// The member `type` of an object, if it is a string.
fn type_of<'a>(object: &'a [u8], members: &[Member]) -> Option<Cow<'a, str>> {
    let kind = json::find(object, members, "type").filter(|kind| kind.kind == Kind::String)?;
    Some(json::decode_str(kind.value(object)))
}

impl Part {
    /// From the name of the member, and the class of the objects or a dict of the classes by their member `type`, in which that of
    /// other types has the name "".
    pub fn new((name, class): (Bound<'_, PyAny>, Bound<'_, PyAny>)) -> PyResult<Self> {
        let known = |class: Bound<'_, PyAny>| {
            Ok::<_, PyErr>(KnownClass(class.cast_into::<PyType>()?.unbind(), PyOnceLock::new()))
        };
        let classes = match class.cast::<PyDict>() {
            Ok(classes) => {
                let entry = |(kind, class): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
                    Ok((kind.extract::<String>()?.into(), known(class)?))
                };
                let other = known(classes.as_any().get_item("")?)?;
                Classes::ByType(classes.iter().map(entry).collect::<PyResult<_>>()?, other)
            }
            Err(_) => Classes::One(known(class)?),
        };
        let key: String = name.extract()?;
        let name = PyString::intern(name.py(), &key).unbind();
        Ok(Self { name, key: key.into(), classes })
    }

    /// The part of this name.
    pub fn find<'a>(parts: &'a [Self], name: &[u8]) -> Option<&'a Self> {
        parts.iter().find(|part| part.key.as_bytes() == name)
    }

    /// The class of an object with these members.
    fn class_of(
        &self,
        py: Python<'_>,
        object: &[u8],
        members: &[Member],
    ) -> PyResult<&'static PartClass> {
        let known = match &self.classes {
            Classes::One(class) => class,
            Classes::ByType(classes, other) => {
                let kind = type_of(object, members);
                let known = classes.iter().find(|(known, _)| Some(&**known) == kind.as_deref());
                known.map_or(other, |(_, class)| class)
            }
        };
        known.1.get_or_try_init(py, || PartClass::of(known.0.bind(py))).copied()
    }
}

impl PartClass {
    /// The description of a class; classes are few and kept for ever.
    pub fn of(class: &Bound<'_, PyType>) -> PyResult<&'static Self> {
        static CLASSES: Mutex<Vec<&'static PartClass>> = Mutex::new(Vec::new());
        let find = |classes: &Vec<&'static Self>| {
            classes.iter().find(|known| known.slots.is(class)).copied()
        };
        let lock = || CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = find(&lock()) {
            return Ok(known);
        }
        let new = Self::new(class)?;
        let mut classes = lock();
        Ok(find(&classes).unwrap_or_else(|| {
            let new: &'static Self = Box::leak(Box::new(new));
            classes.push(new);
            new
        }))
    }

    fn new(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let mut names = slot_names(class)?;
        names.truncate(MAX_SLOTS);
        let slots: Vec<&str> = names.iter().map(String::as_str).collect();
        // Untracked is safe: payloads contain what was decoded of a text, which never leads back to them.
        let slots = SlotClass::new(class, &slots)?.untracked(class.py())?;
        let part =
            call(class.py(), || class.py().import("respstream.protocols.part"))?.getattr("Part")?;
        let missing = intern!(class.py(), "_missing");
        let or_none = class.getattr(missing)?.is(&part.getattr(missing)?);
        Ok(Self { slots, names, parts: parts_of(class)?, or_none })
    }

    /// The slot of a member. `expected`: the one that is tried first.
    fn slot(&self, name: &[u8], expected: usize) -> Option<usize> {
        let is = |slot: &String| slot.as_bytes() == name;
        match self.names.get(expected) {
            Some(slot) if is(slot) => Some(expected),
            _ => self.names.iter().position(is),
        }
    }
}

/// The names of a class's own slots.
fn slot_names(class: &Bound<'_, PyType>) -> PyResult<Vec<String>> {
    let slots = class.getattr(intern!(class.py(), "__slots__"))?.cast_into::<PyTuple>()?;
    slots.iter().map(|slot| slot.extract()).collect()
}

/// The objects in the members of the objects of a class.
pub fn parts_of(class: &Bound<'_, PyType>) -> PyResult<Vec<Part>> {
    let parts = class.getattr(intern!(class.py(), "_parts"))?.cast_into::<PyDict>()?;
    parts.iter().map(Part::new).collect()
}

/// Where a text begins or ends in an event that repeats a cached one.
#[derive(Clone, Copy)]
enum Edge {
    /// So many bytes before the delta, or after it.
    Delta(usize),
    /// So many bytes after the start of the event, or before its end.
    Event(usize),
}

/// An object around the delta.
struct Level {
    object: ObjectTemplate,
    /// Whether it is the only element of a list.
    is_element: bool,
    start: Edge,
    end: Edge,
    /// The name of the member with the object, or with the list.
    name: Py<PyString>,
    /// The slot with the next object, or with the delta. `None` if the class does not declare it.
    inner: Option<usize>,
}

/// The objects around the delta of a cached event, from the outermost to the innermost.
pub struct PartsTemplate {
    /// The slot of the event with the first of them.
    pub slot: usize,
    levels: Vec<Level>,
    /// Whether the innermost has the delta in a slot.
    pub has_delta: bool,
}

/// The text of a cached event, and the spans of what differs in the events that repeat it.
pub struct CachedText<'a> {
    pub raw: &'a [u8],
    /// Without quotes.
    pub delta: Range<usize>,
    /// The delta is one of them.
    pub holes: &'a [Range<usize>],
}

impl CachedText<'_> {
    /// Whether nothing differs in a span without the delta. What is empty in this event may be filled in others.
    fn is_constant(&self, span: &Range<usize>) -> bool {
        let mut others = self.holes.iter().filter(|hole| **hole != self.delta);
        !others.any(|hole| hole.start < span.end && span.start < hole.end.max(hole.start + 1))
    }

    fn edges(&self, span: &Range<usize>) -> Option<(Edge, Edge)> {
        let (delta, size) = (&self.delta, self.raw.len());
        let start = if self.is_constant(&(span.start..delta.start)) {
            Edge::Delta(delta.start - span.start)
        } else {
            Some(Edge::Event(span.start)).filter(|_| self.is_constant(&(0..span.start)))?
        };
        let end = if self.is_constant(&(delta.end..span.end)) {
            Edge::Delta(span.end - delta.end)
        } else {
            Some(Edge::Event(size - span.end)).filter(|_| self.is_constant(&(span.end..size)))?
        };
        Some((start, end))
    }

    /// Whether the type of an object with these members may differ.
    fn varies_in_type(&self, members: &[Member]) -> bool {
        let kind = members.iter().find(|member| member.raw_key(self.raw) == b"type");
        kind.is_some_and(|kind| !self.is_constant(&range(kind)))
    }

    /// Whether the value of a member contains the delta, or is it.
    fn is_around_delta(&self, member: &Member) -> bool {
        (member.start as usize) < self.delta.start && (member.end as usize) > self.delta.end
    }
}

impl PartsTemplate {
    /// The objects in a member of an event of a class, if the delta is inside of one whose class is known.
    pub fn new(
        class: &SlotClass,
        parts: &[Part],
        text: &CachedText<'_>,
        members: &[Member],
        py: Python<'_>,
    ) -> PyResult<Option<Self>> {
        let Some(member) = members.iter().find(|member| text.is_around_delta(member)) else {
            return Ok(None);
        };
        let Some(mut part) = Part::find(parts, member.raw_key(text.raw)) else { return Ok(None) };
        let Some(slot) = class.slot(py, &part.key) else { return Ok(None) };
        let mut template = Self { slot, levels: Vec::new(), has_delta: false };
        let mut member = *member;
        while let Some((level, next)) = Level::new(py, text, member, part)? {
            let is_declared = level.inner.is_some();
            template.levels.push(level);
            let Some((next, next_part)) = next.filter(|_| is_declared) else { break };
            if next.kind == Kind::String {
                template.has_delta = true;
                break;
            }
            let Some(next_part) = next_part else { break };
            (member, part) = (next, next_part);
        }
        Ok(template.finish())
    }

    /// Removes the slot of the object that is not created. `None` without any object.
    fn finish(mut self) -> Option<Self> {
        let has_delta = self.has_delta;
        let last = self.levels.last_mut()?;
        last.inner = last.inner.filter(|_| has_delta);
        Some(self)
    }

    /// The value of the event's slot, for the event with this payload, delta and text.
    #[inline]
    pub fn build<'py>(
        &self,
        block: &Bound<'py, PyBytes>,
        delta: Range<usize>,
        text: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, size) = (block.py(), block.as_bytes().len());
        let mut value = text;
        for level in self.levels.iter().rev() {
            let object = level.object.create(py)?;
            if let (Some(slot), Some(value)) = (level.inner, value.take()) {
                object.set(slot, value)?;
            }
            let start = match level.start {
                Edge::Delta(before) => delta.start - before,
                Edge::Event(start) => start,
            };
            let end = match level.end {
                Edge::Delta(after) => delta.end + after,
                Edge::Event(after) => size - after,
            };
            let text = TextSpan { block, start, size: end - start };
            object.set_fragment(text, level.name.bind(py));
            let object = object.finish();
            value = Some(if level.is_element { cpython::list_of(object)? } else { object });
        }
        Ok(value)
    }
}

/// The member that contains the delta, and its part if it is an object with a class of its own.
type Next = (Member, Option<&'static Part>);

impl Level {
    /// The object in a member, or the only one in its list; and what is next. `None` if it is not known well enough.
    fn new(
        py: Python<'_>,
        text: &CachedText<'_>,
        member: Member,
        part: &Part,
    ) -> PyResult<Option<(Self, Option<Next>)>> {
        let is_element = member.kind == Kind::Array;
        let span = if is_element { only_element(text.raw, &member) } else { Some(range(&member)) };
        let Some(span) = span else { return Ok(None) };
        let Some((start, end)) = text.edges(&span) else { return Ok(None) };
        let Some(members) = members_in(text.raw, &span) else { return Ok(None) };
        let class = part.class_of(py, text.raw, &members)?;
        if !class.slots.is_fragment() || text.varies_in_type(&members) {
            return Ok(None);
        }
        let next = members.iter().find(|member| text.is_around_delta(member)).copied();
        let inner = next.and_then(|next| class.slot(next.raw_key(text.raw), 0));
        let object = ObjectTemplate::new(&class.slots, class.constants(text, &members, py)?);
        let name = part.name.clone_ref(py);
        let next = next.map(|next| (next, Part::find(&class.parts, next.raw_key(text.raw))));
        Ok(Some((Self { object, is_element, start, end, name, inner }, next)))
    }
}

/// The value of a member, an object or a list of objects with a class of their own; `None` if it is read later instead: if it is
/// another value, large, or has keys that are not plain.
pub fn part_value<'py>(
    part: &Part,
    text: TextSpan<'_, 'py>,
    kind: Kind,
    strings: &mut StringCache,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match kind {
        _ if text.size > MAX_BYTES => Ok(None),
        Kind::Object => part.object(text, strings),
        Kind::Array => {
            let (mut spans, mut objects) = (Vec::new(), Vec::new());
            json::elements(text.bytes(), &mut spans);
            for (start, end, _) in spans {
                let element = TextSpan { start: text.start + start, size: end - start, ..text };
                match part.object(element, strings)? {
                    Some(object) => objects.push(object),
                    None => return Ok(None),
                }
            }
            Ok(Some(PyList::new(text.block.py(), objects)?.into_any()))
        }
        _ => Ok(None),
    }
}

impl Part {
    fn object<'py>(
        &self,
        text: TextSpan<'_, 'py>,
        strings: &mut StringCache,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(members) = members_in(text.bytes(), &(0..text.size)) else { return Ok(None) };
        let py = text.block.py();
        let class = self.class_of(py, text.bytes(), &members)?;
        class.object(text, &members, self.name.bind(py), strings)
    }
}

impl PartClass {
    /// An object with these members; `None` if objects of the class cannot be filled in memory.
    fn object<'py>(
        &self,
        text: TextSpan<'_, 'py>,
        members: &[Member],
        name: &Bound<'py, PyString>,
        strings: &mut StringCache,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.slots.is_fragment() {
            return Ok(None);
        }
        let object = self.slots.create(text.block.py())?;
        object.set_fragment(text, name);
        self.fill(&object, text, members, strings)?;
        Ok(Some(object.finish()))
    }

    /// Sets the slots of a new object with these members, whose keys differ.
    fn fill<'py>(
        &self,
        object: &NewObject<'_, 'py>,
        text: TextSpan<'_, 'py>,
        members: &[Member],
        strings: &mut StringCache,
    ) -> PyResult<()> {
        let (py, bytes) = (text.block.py(), text.bytes());
        let (mut present, mut expected) = (0_u64, 0);
        for member in members {
            let key = member.raw_key(bytes);
            let Some(slot) = self.slot(key, expected) else { continue };
            (present, expected) = (present | 1 << slot, slot + 1);
            if let Some(value) = self.member(text, member, key, strings)? {
                object.set(slot, value)?;
            }
        }
        if self.or_none {
            for slot in (0..self.names.len()).filter(|slot| present & 1 << slot == 0) {
                object.set(slot, py.None().into_bound(py))?;
            }
        }
        Ok(())
    }

    fn member<'py>(
        &self,
        text: TextSpan<'_, 'py>,
        member: &Member,
        key: &[u8],
        strings: &mut StringCache,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = text.block.py();
        if !matches!(member.kind, Kind::Object | Kind::Array) {
            return member_scalar(py, member.value(text.bytes()), member, strings);
        }
        let Some(part) = Part::find(&self.parts, key) else { return Ok(None) };
        let (start, size) = (member.start as usize, (member.end - member.start) as usize);
        let text = TextSpan { start: text.start + start, size, ..text };
        part_value(part, text, member.kind, strings)
    }

    /// The values of slots that all repetitions share: scalars, and None for the members that are missing.
    fn constants(
        &self,
        text: &CachedText<'_>,
        members: &[Member],
        py: Python<'_>,
    ) -> PyResult<Vec<(usize, Py<PyAny>)>> {
        let mut constants = Vec::new();
        for (slot, name) in self.names.iter().enumerate() {
            let member = members.iter().find(|member| member.raw_key(text.raw) == name.as_bytes());
            let value = match member {
                None => self.or_none.then(|| py.None().into_bound(py)),
                Some(member) if text.is_constant(&range(member)) => {
                    scalar(py, member.value(text.raw))?
                }
                Some(_) => None,
            };
            constants.extend(value.map(|value| (slot, value.unbind())));
        }
        Ok(constants)
    }
}

/// The value of a valid string, integer or null; `None` for other values, which are decoded when they are read.
pub fn member_scalar<'py>(
    py: Python<'py>,
    value: &[u8],
    member: &Member,
    strings: &mut StringCache,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(match member.kind {
        Kind::String if member.escaped => {
            Some(PyString::new(py, &json::decode_str(value)).into_any())
        }
        Kind::String => {
            let text = value.get(1..value.len() - 1).unwrap_or_default();
            Some(strings.get(py, text)?.into_any())
        }
        Kind::Number => match json::parse_index(value) {
            Some(number) => Some(number.into_pyobject(py)?.into_any()),
            None => None,
        },
        Kind::Null => Some(py.None().into_bound(py)),
        Kind::True | Kind::False | Kind::Array | Kind::Object => None,
    })
}

fn range(member: &Member) -> Range<usize> {
    member.start as usize..member.end as usize
}

/// The span of the only element of a list.
fn only_element(raw: &[u8], list: &Member) -> Option<Range<usize>> {
    let mut spans = Vec::new();
    json::elements(list.value(raw), &mut spans);
    let [(start, end, _)] = spans[..] else { return None };
    Some(list.start as usize + start..list.start as usize + end)
}

/// The members of an object with plain keys, as spans into the text around it.
fn members_in(raw: &[u8], span: &Range<usize>) -> Option<Vec<Member>> {
    let (object, mut members) = (raw.get(span.clone())?, Vec::with_capacity(MEMBERS_CAPACITY));
    if object.first() != Some(&b'{') || !json::locate(object, &mut members) {
        return None;
    }
    for member in &mut members {
        *member = member.shifted(span.start as u32);
    }
    has_plain_keys(raw, &members).then_some(members)
}

//! Parsed events as objects of the classes in `respstream.types`.
//!
//! Scalar fields that most users read are set when the event is built. All other fields are decoded from `raw` when they are
//! read.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyString, PyType};
use respstream_core::decoder::EventSink;
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::Delta;
use respstream_core::predict::{CachedEvent, Members, has_plain_keys};
use respstream_core::protocols::Api;
use respstream_core::protocols::any_api::{AnyApi, AnyEvent, AnyRoute};
use respstream_core::protocols::chat::catalogue as chat;
use respstream_core::protocols::messages::catalogue as messages;
use respstream_core::protocols::responses::catalogue::EVENTS;

use crate::interpreter::call;

use super::fragment::TextSpan;
use super::parts::{CachedText, Part, PartsTemplate, member_scalar, part_value, parts_of};
use super::record::RecordFields;
use super::slots::{NewObject, ObjectTemplate, SlotClass};
use super::string_cache::StringCache;

/// The class of an event: the slots of the members that are stored decoded, in their order, then those of members with a class of
/// their own; and these classes by member.
struct EventClass {
    slots: SlotClass,
    parts: Vec<Part>,
}

/// The classes of the events of one API, in the order of its catalogue.
type ApiClasses = Vec<EventClass>;

/// The classes of all events.
struct EventClasses {
    by_name: bool,
    responses: PyOnceLock<ApiClasses>,
    chat: PyOnceLock<ApiClasses>,
    messages: PyOnceLock<ApiClasses>,
    unknown: PyOnceLock<EventClass>,
}

/// The slots of `UnknownEvent`, in the order in which `build` fills them.
const UNKNOWN_SLOTS: [&str; 2] = ["type", "api"];

/// Whether slots are filled through `setattr`; set only by tests.
static FILL_BY_NAME: AtomicBool = AtomicBool::new(false);

/// Chooses, for tests, whether slots are filled by name (`setattr`) or in memory.
#[pyfunction]
pub fn fill_slots_by_name(by_name: bool) {
    FILL_BY_NAME.store(by_name, Ordering::Relaxed);
}

impl EventClasses {
    const fn new(by_name: bool) -> Self {
        Self {
            by_name,
            responses: PyOnceLock::new(),
            chat: PyOnceLock::new(),
            messages: PyOnceLock::new(),
            unknown: PyOnceLock::new(),
        }
    }

    fn current() -> &'static Self {
        static IN_MEMORY: EventClasses = EventClasses::new(false);
        static BY_NAME: EventClasses = EventClasses::new(true);
        if FILL_BY_NAME.load(Ordering::Relaxed) { &BY_NAME } else { &IN_MEMORY }
    }

    /// The class of the events with this route. The classes of an API are imported when it is first used.
    #[inline]
    fn of(&'static self, py: Python<'_>, route: &AnyRoute) -> PyResult<&'static EventClass> {
        match route {
            AnyRoute::Responses(route) => {
                let entries = || EVENTS.iter().map(|entry| (entry.ty, entry.eager));
                let classes =
                    self.responses.get_or_try_init(py, || self.load(py, Api::Responses, entries()));
                Ok(&classes?[index_in(&EVENTS, route.entry)])
            }
            AnyRoute::Chat(route) => {
                let entries = || chat::EVENTS.iter().map(|entry| (entry.ty, entry.eager));
                let classes = self.chat.get_or_try_init(py, || self.load(py, Api::Chat, entries()));
                Ok(&classes?[index_in(&chat::EVENTS, route.entry)])
            }
            AnyRoute::Messages(route) => {
                let entries = || messages::EVENTS.iter().map(|entry| (entry.ty, entry.eager));
                let classes =
                    self.messages.get_or_try_init(py, || self.load(py, Api::Messages, entries()));
                Ok(&classes?[index_in(&messages::EVENTS, route.entry)])
            }
        }
    }

    fn unknown(&'static self, py: Python<'_>) -> PyResult<&'static EventClass> {
        self.unknown.get_or_try_init(py, || {
            let module = call(py, || py.import("respstream.protocols.event"))?;
            self.prepare(module.getattr("UnknownEvent")?.cast::<PyType>()?, &UNKNOWN_SLOTS)
        })
    }

    fn load(
        &self,
        py: Python<'_>,
        api: Api,
        entries: impl Iterator<Item = (&'static str, &'static [&'static str])>,
    ) -> PyResult<ApiClasses> {
        let table = call(py, || {
            py.import("respstream.protocols.classes")?.call_method1("classes_of", (api.name(),))
        })?;
        let class = |(kind, eager): (&str, &[&str])| {
            let class = table.get_item(kind)?.cast_into::<PyType>()?;
            self.prepare(&class, eager)
        };
        entries.map(class).collect()
    }

    /// Untracked is safe: the slots of an event contain what was decoded of its payload, which never leads back to the event.
    fn prepare(&self, class: &Bound<'_, PyType>, eager: &[&str]) -> PyResult<EventClass> {
        let parts = parts_of(class)?;
        let names: Vec<&str> =
            eager.iter().copied().chain(parts.iter().map(|part| &*part.key)).collect();
        let slots = SlotClass::new(class, &names)?;
        let slots =
            if self.by_name { slots.through_setattr() } else { slots.untracked(class.py())? };
        Ok(EventClass { slots, parts })
    }
}

/// The members that events with this route store decoded.
fn eager_members(route: &AnyRoute) -> &'static [&'static str] {
    match route {
        AnyRoute::Responses(route) => route.entry.eager,
        AnyRoute::Chat(route) => route.entry.eager,
        AnyRoute::Messages(route) => route.entry.eager,
    }
}

/// The index of an entry in its catalogue.
fn index_in<T>(catalogue: &'static [T], entry: &'static T) -> usize {
    let distance = std::ptr::from_ref(entry).addr() - catalogue.as_ptr().addr();
    distance / size_of::<T>()
}

/// Objects that a decoder reuses from chunk to chunk.
#[derive(Default)]
pub struct ObjectCache {
    strings: StringCache,
    /// The events of the current chunk. Empty between chunks.
    events: Vec<Py<PyAny>>,
    /// Templates of the latest events that repeated an earlier one.
    templates: Vec<EventTemplate>,
    /// Index of the template that was used last.
    current: usize,
    /// Index of the template that is replaced next.
    next: usize,
}

/// The values that all repetitions of one cached event have in common, in one lane.
struct EventTemplate {
    /// Serial number of the cached event.
    serial: u64,
    /// Part of the key because a row that wraps the event may define its lane.
    lane: Option<Box<str>>,
    stream_id: Option<Py<PyString>>,
    object: ObjectTemplate,
    /// Slots of the members that vary, each with the index of the member.
    varying: Vec<(usize, usize)>,
    /// The slot of the delta, if it has one.
    delta_slot: Option<usize>,
    /// The objects around the delta, if it is inside of a member.
    parts: Option<PartsTemplate>,
    /// Whether nothing varies but the payload, the sequence number and the delta.
    is_delta_only: bool,
}

impl EventTemplate {
    #[inline]
    fn record_fields<'a, 'py>(
        &self,
        py: Python<'py>,
        raw: &'a [u8],
        offset: u64,
        sequence: Option<i64>,
    ) -> RecordFields<'a, 'py> {
        let lane = self.stream_id.as_ref().map(|lane| lane.bind(py).clone());
        RecordFields { raw, offset, sequence, lane, event_name: None }
    }

    /// Sets the objects around the delta, which is a part of the payload without its quotes.
    #[inline]
    fn set_parts(
        &self,
        event: &NewObject<'_, '_>,
        raw: &[u8],
        (delta, escaped): (&[u8], bool),
        strings: &mut StringCache,
    ) -> PyResult<()> {
        let Some((parts, block)) = self.parts.as_ref().zip(event.payload()) else {
            return Ok(());
        };
        let start = delta.as_ptr().addr() - raw.as_ptr().addr();
        let span = start..start + delta.len();
        let text = if parts.has_delta {
            Some(text_of(block.py(), delta, escaped, strings)?.into_any())
        } else {
            None
        };
        match parts.build(&block, span, text)? {
            Some(value) => event.set(parts.slot, value),
            None => Ok(()),
        }
    }
}

/// Number of cached templates.
const MAX_TEMPLATES: usize = 8;
/// Capacity that is kept from chunk to chunk for the events of a chunk.
const EVENTS_CAPACITY: usize = 4096;

impl ObjectCache {
    /// The index of a template, which becomes the current one.
    #[inline]
    fn find(&mut self, serial: u64, lane: Option<&str>) -> Option<usize> {
        let matches = |template: &EventTemplate| {
            template.serial == serial && template.lane.as_deref() == lane
        };
        if !self.templates.get(self.current).is_some_and(matches) {
            self.current = self.templates.iter().position(matches)?;
        }
        Some(self.current)
    }

    /// Adds a template, which becomes the current one and may replace the oldest; returns its index.
    fn insert(&mut self, template: EventTemplate) -> usize {
        if self.templates.len() < MAX_TEMPLATES {
            self.current = self.templates.len();
            self.templates.push(template);
        } else {
            (self.current, self.next) = (self.next, (self.next + 1) % MAX_TEMPLATES);
            self.templates[self.current] = template;
        }
        self.current
    }
}

/// Builds event objects and collects them in a list. The first error is kept, and stops the building.
pub struct EventBuilder<'a, 'py> {
    py: Python<'py>,
    classes: &'static EventClasses,
    error: Option<PyErr>,
    cache: &'a mut ObjectCache,
}

impl<'a, 'py> EventBuilder<'a, 'py> {
    pub fn new(py: Python<'py>, cache: &'a mut ObjectCache) -> Self {
        Self { py, classes: EventClasses::current(), error: None, cache }
    }

    /// The events built so far. Raises the first error that occurred in building one.
    pub fn finish(self) -> PyResult<Bound<'py, PyList>> {
        let ObjectCache { events, .. } = self.cache;
        if let Some(error) = self.error {
            events.clear();
            return Err(error);
        }
        let list = PyList::new(self.py, events.drain(..));
        events.shrink_to(EVENTS_CAPACITY);
        list
    }

    fn build(&mut self, parsed: &AnyEvent<'_>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        if let Members::Repeated(cached) = parsed.members
            && !parsed.invalid_utf8
        {
            return self.build_repeated(parsed, cached);
        }
        let Some(route) = &parsed.route else {
            let event = self.classes.unknown(py)?.slots.create(py)?;
            self.set_record(&event, parsed)?;
            event.set(0, PyString::new(py, &parsed.kind).into_any())?;
            event.set(1, PyString::intern(py, parsed.api.name()).into_any())?;
            return Ok(event.finish());
        };
        let class = self.classes.of(py, route)?;
        let event = class.slots.create(py)?;
        let eager = eager_members(route);
        self.set_record(&event, parsed)?;
        match parsed.members {
            Members::Repeated(_) => {
                let members: Vec<Member> = parsed.members.iter().collect();
                self.set_slots(&event, parsed, eager, &members)?;
            }
            Members::Parsed(members) => {
                self.set_slots(&event, parsed, eager, members)?;
                self.set_parts(&event, parsed, (class, eager.len()), members)?;
            }
        }
        Ok(event.finish())
    }

    /// Builds an event that repeats a cached one: only the varying members are read.
    fn build_repeated(
        &mut self,
        parsed: &AnyEvent<'_>,
        cached: &CachedEvent,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let found = self.cache.find(cached.serial, parsed.lane.as_deref());
        let index = if let Some(index) = found {
            index
        } else {
            let template = self.new_template(parsed, cached)?;
            self.cache.insert(template)
        };
        let ObjectCache { strings, templates, .. } = &mut *self.cache;
        let template = &templates[index];
        let event = template.object.create(py)?;
        let record = template.record_fields(py, parsed.raw, parsed.offset, parsed.sequence);
        event.set_record(record)?;
        for (slot, place) in &template.varying {
            if let Some(value) = varying_value(py, parsed, cached, *place, strings)? {
                event.set(*slot, value)?;
            }
        }
        if let Some(delta) = cached.delta(parsed.raw) {
            template.set_parts(&event, parsed.raw, delta, strings)?;
        }
        Ok(event.finish())
    }

    /// Builds an event of a run of deltas. The current template is that of the run.
    #[inline]
    fn build_delta(&mut self, delta: &Delta<'_>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let ObjectCache { strings, templates, current, .. } = &mut *self.cache;
        let template = &templates[*current];
        let event = template.object.create(py)?;
        let record = template.record_fields(py, delta.raw, delta.offset, delta.sequence);
        event.set_record(record)?;
        if let Some(slot) = template.delta_slot {
            let text = text_of(py, delta.body(), delta.escaped, strings)?;
            event.set(slot, text.into_any())?;
        }
        template.set_parts(&event, delta.raw, (delta.body(), delta.escaped), strings)?;
        Ok(event.finish())
    }

    fn new_template(
        &mut self,
        parsed: &AnyEvent<'_>,
        cached: &CachedEvent,
    ) -> PyResult<EventTemplate> {
        let py = self.py;
        let class = match &parsed.route {
            Some(route) => self.classes.of(py, route)?,
            None => self.classes.unknown(py)?,
        };
        let (mut constant, mut varying) = (Vec::new(), Vec::new());
        for (place, slot) in cached.eager.iter().enumerate() {
            let Some(slot) = *slot else { continue };
            if cached.varies(place) {
                varying.push((slot, place));
            } else if let Some(member) = cached.member(Some(place))
                && let Some(value) = scalar(py, parsed, &member, &mut self.cache.strings)?
            {
                constant.push((slot, value.unbind()));
            }
        }
        let lane = parsed.lane.as_deref();
        let stream_id = lane.map(|lane| PyString::new(py, lane).unbind());
        let delta = varying.iter().find(|(_, place)| cached.value == Some(*place));
        let delta_slot = delta.map(|(slot, _)| *slot);
        let is_delta_only = varying.len() == usize::from(delta_slot.is_some());
        let parts = parts_template(py, class, parsed.raw, cached)?;
        Ok(EventTemplate {
            serial: cached.serial,
            lane: lane.map(Into::into),
            stream_id,
            object: ObjectTemplate::new(&class.slots, constant),
            varying,
            delta_slot,
            parts,
            is_delta_only,
        })
    }

    fn set_slots(
        &mut self,
        event: &NewObject<'_, 'py>,
        parsed: &AnyEvent<'_>,
        eager: &[&str],
        members: &[Member],
    ) -> PyResult<()> {
        let mut filled = 0_u32;
        // Last to first, because the last of duplicate members counts.
        for member in members.iter().rev() {
            let slot = if member.key_escaped {
                slot_of(eager, json::decode_key(parsed.raw, member).as_bytes())
            } else {
                slot_of(eager, member.raw_key(parsed.raw))
            };
            let Some(slot) = slot.filter(|slot| filled & (1 << slot) == 0) else { continue };
            filled |= 1 << slot;
            if let Some(value) = scalar(self.py, parsed, member, &mut self.cache.strings)? {
                event.set(slot, value)?;
            }
        }
        Ok(())
    }

    /// Sets the slots of members with a class of their own; the first of them has the index `first`.
    fn set_parts(
        &mut self,
        event: &NewObject<'_, 'py>,
        parsed: &AnyEvent<'_>,
        (class, first): (&EventClass, usize),
        members: &[Member],
    ) -> PyResult<()> {
        let is_plain = !parsed.invalid_utf8 && has_plain_keys(parsed.raw, members);
        let Some(block) = event.payload().filter(|_| is_plain) else { return Ok(()) };
        for (number, part) in class.parts.iter().enumerate() {
            let is_named = |member: &&Member| member.raw_key(parsed.raw) == part.key.as_bytes();
            let Some(member) = members.iter().find(is_named) else { continue };
            let (start, size) = (member.start as usize, (member.end - member.start) as usize);
            let text = TextSpan { block: &block, start, size };
            let strings = &mut self.cache.strings;
            let value = part_value(part, text, member.kind, strings)?;
            if let Some(value) = value {
                event.set(first + number, value)?;
            }
        }
        Ok(())
    }

    fn set_record(&mut self, event: &NewObject<'_, 'py>, parsed: &AnyEvent<'_>) -> PyResult<()> {
        let string = |text: &str| PyString::new(self.py, text);
        let fields = RecordFields {
            raw: parsed.raw,
            offset: parsed.offset,
            sequence: parsed.sequence,
            lane: parsed.lane.as_deref().map(string),
            event_name: parsed.named.then(|| string(&parsed.kind)),
        };
        event.set_record(fields)
    }

    #[inline]
    fn collect(&mut self, event: PyResult<Bound<'py, PyAny>>) {
        match event {
            Ok(event) => self.cache.events.push(event.unbind()),
            Err(error) => self.error = Some(error),
        }
    }
}

impl EventSink<AnyApi> for EventBuilder<'_, '_> {
    fn takes_runs(&mut self, cached: &CachedEvent, _: &AnyRoute, lane: Option<&str>) -> bool {
        let index = self.cache.find(cached.serial, lane);
        index.is_some_and(|index| self.cache.templates[index].is_delta_only)
    }

    fn delta(&mut self, delta: &Delta<'_>) {
        if self.error.is_none() {
            let event = self.build_delta(delta);
            self.collect(event);
        }
    }

    fn event(&mut self, parsed: &AnyEvent<'_>) {
        if self.error.is_none() {
            let event = self.build(parsed);
            self.collect(event);
        }
    }
}

/// The objects around the delta of a cached event, `None` if the delta is a member of the event itself.
fn parts_template(
    py: Python<'_>,
    class: &EventClass,
    raw: &[u8],
    cached: &CachedEvent,
) -> PyResult<Option<PartsTemplate>> {
    let Some((delta, _)) = cached.delta(raw).filter(|_| !class.parts.is_empty()) else {
        return Ok(None);
    };
    let start = delta.as_ptr().addr() - raw.as_ptr().addr();
    let members: Vec<Member> = Members::Repeated(cached).iter().collect();
    let holes: Vec<_> = cached.holes().collect();
    let text = CachedText { raw, delta: start..start + delta.len(), holes: &holes };
    PartsTemplate::new(&class.slots, &class.parts, &text, &members, py)
}

/// The string of a text without quotes.
#[inline]
fn text_of<'py>(
    py: Python<'py>,
    text: &[u8],
    escaped: bool,
    strings: &mut StringCache,
) -> PyResult<Bound<'py, PyString>> {
    if escaped { strings.escaped(py, text) } else { strings.get(py, text) }
}

fn slot_of(eager: &[&str], key: &[u8]) -> Option<usize> {
    eager.iter().position(|name| name.as_bytes() == key)
}

/// The value of a member that varies among the repetitions of a cached event.
#[inline]
fn varying_value<'py>(
    py: Python<'py>,
    parsed: &AnyEvent<'_>,
    cached: &CachedEvent,
    place: usize,
    strings: &mut StringCache,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // The fast path: the cached event knows the position of its delta, which is almost always all that varies.
    if cached.value == Some(place)
        && let Some((text, false)) = cached.delta(parsed.raw)
    {
        return Ok(Some(strings.get(py, text)?.into_any()));
    }
    cached.member(Some(place)).map_or(Ok(None), |member| scalar(py, parsed, &member, strings))
}

/// The value of a string, integer or null member. None for other values, which are decoded when they are read.
fn scalar<'py>(
    py: Python<'py>,
    parsed: &AnyEvent<'_>,
    member: &Member,
    strings: &mut StringCache,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = parsed.bytes(member);
    if member.kind == Kind::String && parsed.invalid_utf8 {
        return Ok(Some(PyString::new(py, &json::decode_str(text)).into_any()));
    }
    member_scalar(py, text, member, strings)
}

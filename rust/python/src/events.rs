//! The binding of `events`: parsed events as objects of the classes in `respstream.types`.
//!
//! The scalar members that nearly everybody reads are set at once; all others are decoded from `raw` when they are read.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyType};
use respstream_core::catalogue::{EVENTS, Entry};
use respstream_core::events::Parsed;
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::{Known, Members};

use crate::slots::{Filling, SlotClass};

/// The slots that every event has, in front of those of its class.
const COMMON: [&str; 5] = ["raw", "offset", "stream_id", "sequence_number", "_named"];

/// The classes of all known events, in catalogue order, and that of the unknown ones.
struct Classes {
    known: Vec<SlotClass>,
    unknown: SlotClass,
}

/// The switch for tests: whether slots are filled through setattr.
static BY_NAME: AtomicBool = AtomicBool::new(false);

/// Chooses for the tests how slots are filled: where they are, or by name.
#[pyfunction]
pub fn fill_slots_by_name(by_name: bool) {
    BY_NAME.store(by_name, Ordering::Relaxed);
}

fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    static FAST: PyOnceLock<Classes> = PyOnceLock::new();
    static SLOW: PyOnceLock<Classes> = PyOnceLock::new();
    let by_name = BY_NAME.load(Ordering::Relaxed);
    let place = if by_name { &SLOW } else { &FAST };
    place.get_or_try_init(py, || {
        let prepared = |class: SlotClass| if by_name { class.forget_layout() } else { class };
        let types = py.import("respstream.types")?;
        let table = types.getattr("CLASSES")?.cast_into::<PyDict>()?;
        let mut known = Vec::with_capacity(EVENTS.len());
        for entry in &EVENTS {
            let class = table.as_any().get_item(entry.ty)?.cast_into::<PyType>()?;
            let names: Vec<&str> = COMMON.iter().chain(entry.eager).copied().collect();
            known.push(prepared(SlotClass::new(&class, &names)?));
        }
        let class = py.import("respstream.base")?.getattr("UnknownEvent")?.cast_into::<PyType>()?;
        let names: Vec<&str> = COMMON.iter().copied().chain(["type"]).collect();
        Ok(Classes { known, unknown: prepared(SlotClass::new(&class, &names)?) })
    })
}

/// Makes event objects, and appends them to a list. Strings that repeat from event to event are made once.
pub struct Maker<'py> {
    py: Python<'py>,
    classes: &'static Classes,
    list: Bound<'py, PyList>,
    error: Option<PyErr>,
    last: Vec<(Vec<u8>, Bound<'py, PyString>)>,
    /// The template of the latest event that repeated one, and what its events share.
    serial: Option<u64>,
    shared: Option<Shared<'py>>,
}

/// What the events of one template have in common.
struct Shared<'py> {
    class: &'static SlotClass,
    /// The lane of the first, as text and as an object: a row around an event gives it one too.
    lane_text: Option<Box<str>>,
    lane: Bound<'py, PyAny>,
    /// Slots with the values of the members that stay.
    constant: Vec<(usize, Bound<'py, PyAny>)>,
    /// Slots with the places of the members that vary.
    varying: Vec<(usize, usize)>,
}

/// How many of the latest ids are kept as objects.
const REMEMBERED: usize = 4;

impl<'py> Maker<'py> {
    pub fn new(py: Python<'py>) -> PyResult<Self> {
        let (classes, list) = (classes(py)?, PyList::empty(py));
        Ok(Self { py, classes, list, error: None, last: Vec::new(), serial: None, shared: None })
    }

    /// The events made so far. Raises what went wrong while one was made.
    pub fn finish(self) -> PyResult<Bound<'py, PyList>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.list),
        }
    }

    fn make(&mut self, parsed: &Parsed<'_>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        if let Members::Repeated(known) = parsed.members
            && !parsed.odd
        {
            return self.make_again(parsed, known);
        }
        let Some(entry) = parsed.entry else {
            let event = self.classes.unknown.make(py)?;
            self.fill_common(&event, parsed)?;
            event.set(COMMON.len(), PyString::new(py, &parsed.kind).into_any())?;
            return Ok(event.done());
        };
        let event = self.classes.known[place(entry)].make(py)?;
        self.fill_common(&event, parsed)?;
        match parsed.members {
            Members::Repeated(known) => {
                let members: Vec<Member> = parsed.members.iter().collect();
                self.fill(&event, parsed, known.entry, &members)?;
            }
            Members::Read(members) => self.fill(&event, parsed, entry, members)?,
        }
        Ok(event.done())
    }

    /// An event like others of this chunk: only what varies is read.
    fn make_again(&mut self, parsed: &Parsed<'_>, known: &'_ Known) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let same = |shared: &Shared<'_>| {
            self.serial == Some(known.serial)
                && shared.lane_text.as_deref() == parsed.lane.as_deref()
        };
        let shared = match self.shared.take().filter(same) {
            Some(shared) => shared,
            None => self.share(parsed, known)?,
        };
        self.serial = Some(known.serial);
        let event = shared.class.make(py)?;
        event.set(0, PyBytes::new(py, parsed.raw).into_any())?;
        event.set(1, parsed.offset.into_pyobject(py)?.into_any())?;
        event.set(2, shared.lane.clone())?;
        event.set(3, parsed.sequence_number.into_pyobject(py)?.into_any())?;
        event.set(4, py.None().into_bound(py))?;
        for (slot, value) in &shared.constant {
            event.set(*slot, value.clone())?;
        }
        for (slot, place) in &shared.varying {
            let member = known.member(Some(*place));
            if let Some(value) = member.map(|member| self.scalar(parsed, &member)).transpose()?
                && let Some(value) = value
            {
                event.set(*slot, value)?;
            }
        }
        self.shared = Some(shared);
        Ok(event.done())
    }

    fn share(&mut self, parsed: &Parsed<'_>, known: &Known) -> PyResult<Shared<'py>> {
        let lane = parsed.lane.as_deref().into_pyobject(self.py)?.into_any();
        let class = &self.classes.known[place(known.entry)];
        let (mut constant, mut varying) = (Vec::new(), Vec::new());
        for (place, slot) in known.eager.iter().enumerate() {
            let Some(slot) = slot.map(|slot| COMMON.len() + slot) else { continue };
            if known.varies(place) {
                varying.push((slot, place));
            } else if let Some(member) = known.member(Some(place))
                && let Some(value) = self.scalar(parsed, &member)?
            {
                constant.push((slot, value));
            }
        }
        let lane_text = parsed.lane.as_deref().map(Into::into);
        Ok(Shared { class, lane_text, lane, constant, varying })
    }

    fn fill(
        &mut self,
        event: &Filling<'_, 'py>,
        parsed: &Parsed<'_>,
        entry: &Entry,
        members: &[Member],
    ) -> PyResult<()> {
        let mut filled = 0_u32;
        for member in members.iter().rev() {
            let slot = if member.key_escaped {
                slot_of(entry, json::decode_key(parsed.raw, member).as_bytes())
            } else {
                slot_of(entry, member.raw_key(parsed.raw))
            };
            // From the last to the first: of equal names the last counts.
            let Some(slot) = slot.filter(|slot| filled & (1 << slot) == 0) else { continue };
            filled |= 1 << slot;
            if let Some(value) = self.scalar(parsed, member)? {
                event.set(COMMON.len() + slot, value)?;
            }
        }
        Ok(())
    }

    fn fill_common(&self, event: &Filling<'_, 'py>, parsed: &Parsed<'_>) -> PyResult<()> {
        let py = self.py;
        event.set(0, PyBytes::new(py, parsed.raw).into_any())?;
        event.set(1, parsed.offset.into_pyobject(py)?.into_any())?;
        event.set(2, parsed.lane.as_deref().into_pyobject(py)?.into_any())?;
        event.set(3, parsed.sequence_number.into_pyobject(py)?.into_any())?;
        event.set(4, parsed.named.then_some(&*parsed.kind).into_pyobject(py)?.into_any())
    }

    /// The value of a member that is no container and no fraction; None for those, which are decoded when they are read.
    fn scalar(
        &mut self,
        parsed: &Parsed<'_>,
        member: &Member,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let text = parsed.bytes(member);
        Ok(match member.kind {
            Kind::String if member.escaped || parsed.odd => {
                Some(PyString::new(py, &json::decode_str(text)).into_any())
            }
            Kind::String => Some(self.string(text.get(1..text.len() - 1).unwrap_or_default())),
            Kind::Number => match json::parse_index(text) {
                Some(number) => Some(number.into_pyobject(py)?.into_any()),
                None => None,
            },
            Kind::Null => Some(py.None().into_bound(py)),
            Kind::True | Kind::False | Kind::Array | Kind::Object => None,
        })
    }

    /// A string without escapes. Long ones are often ids, which repeat.
    fn string(&mut self, text: &[u8]) -> Bound<'py, PyAny> {
        if !(16..=128).contains(&text.len()) {
            return PyString::new(self.py, &String::from_utf8_lossy(text)).into_any();
        }
        if let Some((_, known)) = self.last.iter().find(|(bytes, _)| bytes == text) {
            return known.clone().into_any();
        }
        let made = PyString::new(self.py, &String::from_utf8_lossy(text));
        if self.last.len() == REMEMBERED {
            self.last.remove(0);
        }
        self.last.push((text.to_vec(), made.clone()));
        made.into_any()
    }
}

impl respstream_core::decoder::Sink for Maker<'_> {
    fn event(&mut self, parsed: &Parsed<'_>) {
        if self.error.is_none() {
            let made = self.make(parsed).and_then(|event| self.list.append(event));
            self.error = made.err();
        }
    }
}

/// The place of a catalogue entry in its table.
fn place(entry: &'static Entry) -> usize {
    let distance = std::ptr::from_ref(entry).addr() - EVENTS.as_ptr().addr();
    distance / size_of::<Entry>()
}

fn slot_of(entry: &Entry, key: &[u8]) -> Option<usize> {
    entry.eager.iter().position(|name| name.as_bytes() == key)
}

//! The binding of `events`: parsed events as objects of the classes in `respstream.types`.
//!
//! The scalar members that nearly everybody reads are set at once; all others are decoded from `raw` when they are read.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};
use respstream_core::catalogue::{EVENTS, Entry};
use respstream_core::events::Parsed;
use respstream_core::json::{self, Kind, Member};
use respstream_core::predict::{Known, Members};
use respstream_core::runs::Piece;

use crate::record::{Given, Pages};
use crate::slots::{Filling, Mould, SlotClass};
use crate::strings::Strings;

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
        // What an event holds is read from its payload, and leads nowhere.
        let prepared = |class: SlotClass| {
            if by_name { Ok(class.forget_layout()) } else { class.out_of_sight(py) }
        };
        let types = py.import("respstream.protocols.responses.types")?;
        let table = types.getattr("CLASSES")?.cast_into::<PyDict>()?;
        let mut known = Vec::with_capacity(EVENTS.len());
        for entry in &EVENTS {
            let class = table.as_any().get_item(entry.ty)?.cast_into::<PyType>()?;
            known.push(prepared(SlotClass::new(&class, entry.eager)?)?);
        }
        let class = py.import("respstream.protocols.event")?.getattr("UnknownEvent")?.cast_into::<PyType>()?;
        Ok(Classes { known, unknown: prepared(SlotClass::new(&class, &["type"])?)? })
    })
}

/// What a decoder keeps from chunk to chunk of what its events shared.
#[derive(Default)]
pub struct Memory {
    strings: Strings,
    pages: Pages,
    /// The events of a chunk, which become a list at its end; nothing in between.
    made: Vec<Py<PyAny>>,
    /// For the templates of the latest events that repeated one, what their events have in common.
    shared: Vec<Shared>,
    latest: usize,
    next: usize,
}

/// What the events of one template, in one lane, have in common.
struct Shared {
    serial: u64,
    /// A row around an event gives it a lane too.
    lane: Option<Box<str>>,
    stream_id: Option<Py<PyString>>,
    mould: Mould,
    /// Slots with the places of the members that vary.
    varying: Vec<(usize, usize)>,
    /// The slot of the delta, where nothing else varies but the sequence number.
    piece: Option<usize>,
}

impl Shared {
    /// What an event of the template begins with.
    #[inline]
    fn given<'a, 'py>(
        &self,
        py: Python<'py>,
        raw: &'a [u8],
        offset: u64,
        sequence: Option<i64>,
    ) -> Given<'a, 'py> {
        let lane = self.stream_id.as_ref().map(|lane| lane.bind(py).clone());
        Given { raw, offset, sequence, lane, named: None }
    }
}

/// How many templates are kept.
const KEPT: usize = 8;
/// Space for so many events of a chunk is kept for the next.
const AT_ONCE: usize = 4096;

impl Memory {
    /// What the events of this template share, if it is known.
    #[inline]
    fn find(&mut self, serial: u64, lane: Option<&str>) -> Option<usize> {
        let fits = |shared: &Shared| shared.serial == serial && shared.lane.as_deref() == lane;
        if !self.shared.get(self.latest).is_some_and(fits) {
            self.latest = self.shared.iter().position(fits)?;
        }
        Some(self.latest)
    }

    fn keep(&mut self, shared: Shared) -> usize {
        if self.shared.len() < KEPT {
            self.latest = self.shared.len();
            self.shared.push(shared);
        } else {
            (self.latest, self.next) = (self.next, (self.next + 1) % KEPT);
            self.shared[self.latest] = shared;
        }
        self.latest
    }
}

/// Makes event objects, and a list of them. Strings that repeat from event to event are made once.
pub struct Maker<'a, 'py> {
    py: Python<'py>,
    classes: &'static Classes,
    error: Option<PyErr>,
    memory: &'a mut Memory,
}

impl<'a, 'py> Maker<'a, 'py> {
    pub fn new(py: Python<'py>, memory: &'a mut Memory) -> PyResult<Self> {
        Ok(Self { py, classes: classes(py)?, error: None, memory })
    }

    /// The events made so far. Raises what went wrong while one was made.
    pub fn finish(self) -> PyResult<Bound<'py, PyList>> {
        let Memory { made, .. } = self.memory;
        if let Some(error) = self.error {
            made.clear();
            return Err(error);
        }
        let list = PyList::new(self.py, made.drain(..));
        made.shrink_to(AT_ONCE);
        list
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
            self.begin(&event, parsed)?;
            event.set(0, PyString::new(py, &parsed.kind).into_any())?;
            return Ok(event.done());
        };
        let event = self.classes.known[place(entry)].make(py)?;
        self.begin(&event, parsed)?;
        match parsed.members {
            Members::Repeated(known) => {
                let members: Vec<Member> = parsed.members.iter().collect();
                self.fill(&event, parsed, known.entry, &members)?;
            }
            Members::Read(members) => self.fill(&event, parsed, entry, members)?,
        }
        Ok(event.done())
    }

    /// An event like others before: only what varies is read.
    fn make_again(&mut self, parsed: &Parsed<'_>, known: &'_ Known) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let found = self.memory.find(known.serial, parsed.lane.as_deref());
        let place = if let Some(place) = found {
            place
        } else {
            let shared = self.share(parsed, known)?;
            self.memory.keep(shared)
        };
        let Memory { strings, pages, shared, .. } = &mut *self.memory;
        let shared = &shared[place];
        let event = shared.mould.cast(py)?;
        event.begin(pages, shared.given(py, parsed.raw, parsed.offset, parsed.sequence_number))?;
        for (slot, place) in &shared.varying {
            if let Some(value) = varying(py, parsed, known, *place, strings)? {
                event.set(*slot, value)?;
            }
        }
        Ok(event.done())
    }

    /// An event of a run: `Memory::latest` is what it has in common with the others.
    #[inline]
    fn make_piece(&mut self, piece: &Piece<'_>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let Memory { strings, pages, shared, latest, .. } = &mut *self.memory;
        let shared = &shared[*latest];
        let event = shared.mould.cast(py)?;
        event.begin(pages, shared.given(py, piece.raw, piece.offset, Some(piece.sequence)))?;
        if let Some(slot) = shared.piece {
            let text = if piece.escaped {
                PyString::new(py, &json::decode_str(piece.text))
            } else {
                strings.get(py, piece.body())?
            };
            event.set(slot, text.into_any())?;
        }
        Ok(event.done())
    }

    fn share(&mut self, parsed: &Parsed<'_>, known: &Known) -> PyResult<Shared> {
        let py = self.py;
        let class = &self.classes.known[place(known.entry)];
        let (mut constant, mut varying) = (Vec::new(), Vec::new());
        for (place, slot) in known.eager.iter().enumerate() {
            let Some(slot) = *slot else { continue };
            if known.varies(place) {
                varying.push((slot, place));
            } else if let Some(member) = known.member(Some(place))
                && let Some(value) = scalar(py, parsed, &member, &mut self.memory.strings)?
            {
                constant.push((slot, value.unbind()));
            }
        }
        let lane = parsed.lane.as_deref();
        let stream_id = lane.map(|lane| PyString::new(py, lane).unbind());
        let piece = match varying[..] {
            [(slot, place)] if known.value == Some(place) => Some(slot),
            _ => None,
        };
        let mould = Mould::new(class, constant);
        Ok(Shared {
            serial: known.serial,
            lane: lane.map(Into::into),
            stream_id,
            mould,
            varying,
            piece,
        })
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
            if let Some(value) = scalar(self.py, parsed, member, &mut self.memory.strings)? {
                event.set(slot, value)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, event: &Filling<'_, 'py>, parsed: &Parsed<'_>) -> PyResult<()> {
        let string = |text: &str| PyString::new(self.py, text);
        let given = Given {
            raw: parsed.raw,
            offset: parsed.offset,
            sequence: parsed.sequence_number,
            lane: parsed.lane.as_deref().map(string),
            named: parsed.named.then(|| string(&parsed.kind)),
        };
        event.begin(&mut self.memory.pages, given)
    }
}

impl respstream_core::decoder::Sink for Maker<'_, '_> {
    fn is_for_pieces(&mut self, known: &Known, lane: Option<&str>) -> bool {
        let place = self.memory.find(known.serial, lane);
        place.is_some_and(|place| self.memory.shared[place].piece.is_some())
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        if self.error.is_none() {
            match self.make_piece(piece) {
                Ok(event) => self.memory.made.push(event.unbind()),
                Err(error) => self.error = Some(error),
            }
        }
    }

    fn event(&mut self, parsed: &Parsed<'_>) {
        if self.error.is_none() {
            match self.make(parsed) {
                Ok(event) => self.memory.made.push(event.unbind()),
                Err(error) => self.error = Some(error),
            }
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

/// The value of a member that varies among the events of a template.
#[inline]
fn varying<'py>(
    py: Python<'py>,
    parsed: &Parsed<'_>,
    known: &Known,
    place: usize,
    strings: &mut Strings,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // The template knows where the delta stands: nearly always all that varies.
    if known.value == Some(place)
        && let Some((text, false)) = known.delta(parsed.raw)
    {
        return Ok(Some(strings.get(py, text)?.into_any()));
    }
    known.member(Some(place)).map_or(Ok(None), |member| scalar(py, parsed, &member, strings))
}

/// The value of a member that is no container and no fraction; None for those, which are decoded when they are read.
fn scalar<'py>(
    py: Python<'py>,
    parsed: &Parsed<'_>,
    member: &Member,
    strings: &mut Strings,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = parsed.bytes(member);
    Ok(match member.kind {
        Kind::String if member.escaped || parsed.odd => {
            Some(PyString::new(py, &json::decode_str(text)).into_any())
        }
        Kind::String => {
            let text = text.get(1..text.len() - 1).unwrap_or_default();
            Some(strings.get(py, text)?.into_any())
        }
        Kind::Number => match json::parse_index(text) {
            Some(number) => Some(number.into_pyobject(py)?.into_any()),
            None => None,
        },
        Kind::Null => Some(py.None().into_bound(py)),
        Kind::True | Kind::False | Kind::Array | Kind::Object => None,
    })
}

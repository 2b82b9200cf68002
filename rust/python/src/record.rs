//! What every event keeps, as the base of the event classes: its payload, offset, sequence number, lane and name.
//!
//! Small payloads lie behind one another in pages, and numbers as they are: an event is one object, and not one with
//! three more. What is read of it is made then. A page is no larger than what makes its allocation cheap, since one event
//! that is kept keeps all of its page.
//!
//! Before 3.12 Python looks two names up for each attribute of a class with `__getattr__`, before it looks for the
//! attribute itself. There the base finds attributes, and calls `_absent` for those that are not there.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::mem::{offset_of, size_of};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBytes, PyString, PyType};
use pyo3::{ffi, intern};

/// The bytes of a page, which are a block of 4 KiB with what an allocator and Python need; and of the largest payload
/// that shares one.
const PAGE: usize = 4_000;
const SHARED: usize = PAGE / 4;
/// The bytes of what every object begins with.
const HEAD: usize = size_of::<ffi::PyObject>();

/// The head of every event object; zeros are a valid one, which has nothing yet.
#[repr(C)]
struct Record {
    head: ffi::PyObject,
    /// The bytes that the payload is in.
    page: *mut ffi::PyObject,
    stream_id: *mut ffi::PyObject,
    named: *mut ffi::PyObject,
    offset: Number,
    sequence: Number,
    offset_is_plain: bool,
    sequence_is_plain: bool,
    /// Where in the page the payload is. If the size is 0 the page is the payload's own, or whatever was set.
    start: u16,
    size: u16,
    /// The room that takes the object in when nobody has it any more; 0 if there is none.
    room: u16,
}

/// A number as it is, or an object that was set: null if there is none.
#[repr(C)]
union Number {
    plain: i64,
    object: *mut ffi::PyObject,
}

/// What an event begins with.
pub struct Given<'a, 'py> {
    pub raw: &'a [u8],
    pub offset: u64,
    pub sequence: Option<i64>,
    pub lane: Option<Bound<'py, PyString>>,
    pub named: Option<Bound<'py, PyString>>,
}

/// Where payloads are put: the page that is being filled.
#[derive(Default)]
pub struct Pages {
    page: Option<Py<PyBytes>>,
    used: usize,
}

impl Pages {
    /// Puts a payload of at most `SHARED` bytes into a page; gives a reference to that, and where it begins.
    #[inline]
    fn put(&mut self, py: Python<'_>, raw: &[u8]) -> PyResult<(*mut ffi::PyObject, u16)> {
        let page = match &self.page {
            Some(page) if self.used + raw.len() <= PAGE => page,
            _ => {
                // SAFETY: a null pointer asks for bytes that are filled later; nobody reads them before.
                let made = unsafe {
                    let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), PAGE.cast_signed());
                    Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked::<PyBytes>()
                };
                self.used = 0;
                self.page.insert(made.unbind())
            }
        };
        let start = self.used;
        // SAFETY: the page has PAGE bytes, of which those from `used` on were given to nobody; the payload fits, as was
        // asked above. No Python code ever has the page itself: `payload` copies from it.
        unsafe {
            let bytes = ffi::PyBytes_AsString(page.as_ptr()).cast::<u8>();
            bytes.add(start).copy_from_nonoverlapping(raw.as_ptr(), raw.len());
        }
        self.used += raw.len();
        Ok((page.clone_ref(py).into_ptr(), start as u16))
    }
}

/// Fills the head of an event that nobody has seen yet.
///
/// # Safety
/// `object` is a fresh object of a class that derives from [`class`], its head zeroed, and `room` is that of the class.
#[inline]
pub unsafe fn fill(
    object: &Bound<'_, PyAny>,
    room: Option<&Room>,
    pages: &mut Pages,
    given: Given<'_, '_>,
) -> PyResult<()> {
    let py = object.py();
    let (page, start, size) = if (1..=SHARED).contains(&given.raw.len()) {
        let (page, start) = pages.put(py, given.raw)?;
        (page, start, given.raw.len() as u16)
    } else {
        (PyBytes::new(py, given.raw).into_ptr(), 0, 0)
    };
    // SAFETY: the caller's promise; nothing is overwritten but zeros.
    let record = unsafe { &mut *object.as_ptr().cast::<Record>() };
    (record.page, record.start, record.size) = (page, start, size);
    record.room = room.map_or(0, |room| room.number);
    let or_none = |string: Option<Bound<'_, PyString>>| {
        string.map_or_else(|| py.None().into_ptr(), Bound::into_ptr)
    };
    (record.stream_id, record.named) = (or_none(given.lane), or_none(given.named));
    (record.offset.plain, record.offset_is_plain) = (given.offset.cast_signed(), true);
    match given.sequence {
        Some(number) => (record.sequence.plain, record.sequence_is_plain) = (number, true),
        None => record.sequence.object = py.None().into_ptr(),
    }
    Ok(())
}

/// The objects of one class that nobody has any more, to be used again: without slots set, and unseen by the collector.
/// What `@cython.freelist` makes is the same.
pub struct Room {
    class: *mut ffi::PyTypeObject,
    number: u16,
    objects: UnsafeCell<Vec<*mut ffi::PyObject>>,
}

// SAFETY: there are rooms only where one thread at a time runs Python code, and only such code uses them.
unsafe impl Send for Room {}
// SAFETY: likewise.
unsafe impl Sync for Room {}

/// The rooms by their numbers.
static ROOMS: [AtomicPtr<Room>; 128] = [const { AtomicPtr::new(null_mut()) }; 128];
/// How many objects are kept of a class: those of a chunk of 64 KiB.
const KEPT: usize = 256;
/// Whether one thread at a time runs Python code: free-threaded interpreters have another head of objects.
const HAS_GIL: bool = HEAD == 2 * size_of::<usize>();

impl Room {
    /// The room of a class whose objects begin with a record and have the collector's header; None where there can be none.
    pub fn new(class: &Bound<'_, PyType>) -> Option<&'static Self> {
        let taken = |room: &AtomicPtr<Room>| !room.load(Ordering::Relaxed).is_null();
        let number = ROOMS.iter().skip(1).position(|room| !taken(room)).filter(|_| HAS_GIL)? + 1;
        let objects = UnsafeCell::new(Vec::with_capacity(KEPT));
        let class = class.clone().unbind().into_ptr().cast();
        let room = Box::leak(Box::new(Self { class, number: number as u16, objects }));
        ROOMS[number].store(room, Ordering::Relaxed);
        Some(room)
    }

    /// An object without anything set.
    #[inline]
    pub fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: with a GIL nobody else is here. The object is one of the class whose parts were given back and whose
        // memory was not; the function makes it a new one.
        unsafe {
            let object = (*self.objects.get()).pop()?;
            object.cast::<u8>().add(HEAD).write_bytes(0, size_of::<Record>() - HEAD);
            Some(Bound::from_owned_ptr(py, ffi::PyObject_Init(object, self.class)))
        }
    }

    /// Keeps the memory of an object, if it is of the class and there is space.
    unsafe fn keep(number: u16, object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) -> bool {
        let Some(room) = ROOMS.get(usize::from(number)) else { return false };
        // SAFETY: as in `take`; rooms are never taken away.
        unsafe {
            let Some(room) = room.load(Ordering::Relaxed).as_ref() else { return false };
            let objects = &mut *room.objects.get();
            let keeps = room.class == class && objects.len() < KEPT;
            if keeps {
                objects.push(object);
            }
            keeps
        }
    }
}

/// The base class. Its objects come from `object.__new__`, and are filled by setting attributes, or by [`fill`].
pub fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || make_class(py)).map(|class| class.bind(py))
}

fn make_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    // Python keeps pointers into these tables as long as the class lives, which is for ever.
    let members = Box::leak(Box::new([
        member(c"stream_id", offset_of!(Record, stream_id)),
        member(c"_named", offset_of!(Record, named)),
        ffi::PyMemberDef::default(),
    ]));
    let properties = Box::leak(Box::new([
        property(c"raw", get_raw, set_raw),
        property(name::<false>(), get_number::<false>, set_number::<false>),
        property(name::<true>(), get_number::<true>, set_number::<true>),
        ffi::PyGetSetDef::default(),
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, properties.as_mut_ptr().cast()),
    ];
    if py.version_info() < (3, 12) {
        slots.push(slot(ffi::Py_tp_getattro, find as *mut c_void));
    }
    slots.push(slot(0, null_mut()));
    let mut spec = ffi::PyType_Spec {
        name: c"respstream._native.Record".as_ptr(),
        basicsize: const { size_of::<Record>() as u32 }.cast_signed(),
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end with zeros and stay where they are; the functions have the types of their slots.
    unsafe {
        let class = ffi::PyType_FromSpec(&raw mut spec);
        Ok(Bound::from_owned_ptr_or_err(py, class)?.cast_into_unchecked().unbind())
    }
}

fn member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_OBJECT_EX,
        offset: offset.cast_signed(),
        ..Default::default()
    }
}

fn property(name: &'static CStr, get: ffi::getter, set: ffi::setter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef { name: name.as_ptr(), get: Some(get), set: Some(set), ..Default::default() }
}

// SAFETY of all that follow: Python calls them for objects of the class alone, attached, with live arguments, and takes a
// null pointer (or -1) for the exception that is set. Whatever reads or changes more than one word holds the object's
// critical section, which costs nothing where there is a GIL.

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    unsafe {
        let record = &*object.cast::<Record>();
        ffi::Py_XDECREF(record.page);
        ffi::Py_XDECREF(record.stream_id);
        ffi::Py_XDECREF(record.named);
        if !record.offset_is_plain {
            ffi::Py_XDECREF(record.offset.object);
        }
        if !record.sequence_is_plain {
            ffi::Py_XDECREF(record.sequence.object);
        }
        let class = ffi::Py_TYPE(object);
        if record.room != 0 && Room::keep(record.room, object, class) {
            // Its memory is not given back.
        } else if ffi::PyType_GetFlags(class) & ffi::Py_TPFLAGS_HAVE_GC == 0 {
            ffi::PyObject_Free(object.cast());
        } else {
            // A class that adds slots has its objects seen by the collector.
            ffi::PyObject_GC_Del(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// The attribute, or what `_absent` has to say of it.
unsafe extern "C" fn find(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    unsafe {
        let found = ffi::PyObject_GenericGetAttr(object, name);
        if !found.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
            return found;
        }
        ffi::PyErr_Clear();
        let absent = intern!(Python::assume_attached(), "_absent");
        ffi::PyObject_CallMethodObjArgs(object, absent.as_ptr(), name, null_mut::<ffi::PyObject>())
    }
}

/// Runs it alone with the object's head.
unsafe fn alone<T>(object: *mut ffi::PyObject, run: impl FnOnce(&mut Record) -> T) -> T {
    unsafe {
        let bound = Bound::from_borrowed_ptr(Python::assume_attached(), object);
        with_critical_section(&bound, || run(&mut *object.cast::<Record>()))
    }
}

unsafe fn absent(name: &'static CStr) -> *mut ffi::PyObject {
    unsafe { ffi::PyErr_SetString(ffi::PyExc_AttributeError, name.as_ptr()) };
    null_mut()
}

/// The payload, which has its own bytes from then on.
unsafe extern "C" fn get_raw(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let (raw, page) = alone(object, |record| {
            if record.size == 0 {
                ffi::Py_XINCREF(record.page);
                return (record.page, null_mut());
            }
            let start = ffi::PyBytes_AsString(record.page).add(record.start.into());
            let raw = ffi::PyBytes_FromStringAndSize(start, usize::from(record.size).cast_signed());
            if raw.is_null() {
                return (raw, raw);
            }
            ffi::Py_INCREF(raw);
            record.size = 0;
            (raw, std::mem::replace(&mut record.page, raw))
        });
        ffi::Py_XDECREF(page);
        if raw.is_null() && ffi::PyErr_Occurred().is_null() { absent(c"raw") } else { raw }
    }
}

unsafe extern "C" fn set_raw(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let page = alone(object, |record| {
            record.size = 0;
            std::mem::replace(&mut record.page, value)
        });
        if value.is_null() && page.is_null() {
            absent(c"raw");
            return -1;
        }
        ffi::Py_XDECREF(page);
    }
    0
}

const fn name<const SEQUENCE: bool>() -> &'static CStr {
    if SEQUENCE { c"sequence_number" } else { c"offset" }
}

impl Record {
    fn number(&mut self, sequence: bool) -> (&mut Number, &mut bool) {
        if sequence {
            (&mut self.sequence, &mut self.sequence_is_plain)
        } else {
            (&mut self.offset, &mut self.offset_is_plain)
        }
    }
}

unsafe extern "C" fn get_number<const SEQUENCE: bool>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    unsafe {
        let (found, plain) = alone(object, |record| {
            let (number, plain) = record.number(SEQUENCE);
            if *plain {
                return (ffi::PyLong_FromLongLong(number.plain), true);
            }
            ffi::Py_XINCREF(number.object);
            (number.object, false)
        });
        if found.is_null() && !plain {
            return absent(name::<SEQUENCE>());
        }
        found
    }
}

unsafe extern "C" fn set_number<const SEQUENCE: bool>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let (before, plain) = alone(object, |record| {
            let (number, plain) = record.number(SEQUENCE);
            let before = (if *plain { null_mut() } else { number.object }, *plain);
            (number.object, *plain) = (value, false);
            before
        });
        if value.is_null() && before.is_null() && !plain {
            absent(name::<SEQUENCE>());
            return -1;
        }
        ffi::Py_XDECREF(before);
    }
    0
}

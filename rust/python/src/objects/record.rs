//! `Record`, the base of the event classes: payload, offset, sequence number, lane and event name.
//!
//! Small payloads are stored one after the other in shared blocks, and numbers as C integers: an event is one Python object
//! instead of four. Attributes are converted to Python objects when they are read. A block is as small as allocation costs
//! allow, because one event keeps its whole block alive.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyType};

use super::base_class::{
    self, BaseClass, FreeList, Layout, locked, member, property, raise_missing,
};

/// Size of a block in bytes: 4 KiB less the overhead of the allocator and of `bytes`.
const BLOCK_BYTES: usize = 4_000;
/// Size of the largest payload that shares a block.
const SHARED_MAX_BYTES: usize = BLOCK_BYTES / 4;
/// Size of an object of the class `Record` in bytes.
pub const SIZE: usize = size_of::<Record>();

/// The layout of every event object up to its slots. All zeros after the header are a valid record without attributes.
#[repr(C)]
pub struct Record {
    header: ffi::PyObject,
    /// The block that contains the payload; or, if `size` is 0, the payload's own `bytes` or any object set as `raw`.
    block: *mut ffi::PyObject,
    stream_id: *mut ffi::PyObject,
    event_name: *mut ffi::PyObject,
    offset: Number,
    sequence: Number,
    offset_is_int: bool,
    sequence_is_int: bool,
    /// Start and size of the payload in the block.
    start: u16,
    size: u16,
    /// Number of the free list that receives the object's memory; 0 if there is none.
    free_list: u16,
}

impl Layout for Record {
    #[inline]
    fn free_list(&self) -> u16 {
        self.free_list
    }

    #[inline]
    unsafe fn release(&self) {
        // SAFETY: the fields own their references; a number is an object if it is not marked as an integer.
        unsafe {
            ffi::Py_XDECREF(self.block);
            ffi::Py_XDECREF(self.stream_id);
            ffi::Py_XDECREF(self.event_name);
            if !self.offset_is_int {
                ffi::Py_XDECREF(self.offset.object);
            }
            if !self.sequence_is_int {
                ffi::Py_XDECREF(self.sequence.object);
            }
        }
    }
}

/// A C integer, or a Python object that was set as the attribute (null if there is none).
#[repr(C)]
union Number {
    int: i64,
    object: *mut ffi::PyObject,
}

/// The attributes that all events have.
pub struct RecordFields<'a, 'py> {
    pub raw: &'a [u8],
    pub offset: u64,
    pub sequence: Option<i64>,
    pub lane: Option<Bound<'py, PyString>>,
    /// Set if the type comes from the `event:` line instead of the payload.
    pub event_name: Option<Bound<'py, PyString>>,
}

/// Stores payloads one after the other in shared blocks.
#[derive(Default)]
pub struct PayloadArena {
    /// The block that is being filled.
    block: Option<Py<PyBytes>>,
    used: usize,
}

impl PayloadArena {
    /// Copies a payload of at most `SHARED_MAX_BYTES` into a block. Returns an owned reference to the block, and the start of
    /// the payload in it.
    #[inline]
    fn store(&mut self, py: Python<'_>, raw: &[u8]) -> PyResult<(*mut ffi::PyObject, u16)> {
        let block = match &self.block {
            Some(block) if self.used + raw.len() <= BLOCK_BYTES => block,
            _ => {
                // SAFETY: a null pointer requests uninitialised bytes. Each part is written below before a record refers
                // to it, and only those parts are read.
                let block = unsafe {
                    let size = BLOCK_BYTES.cast_signed();
                    let block = ffi::PyBytes_FromStringAndSize(std::ptr::null(), size);
                    Bound::from_owned_ptr_or_err(py, block)?.cast_into_unchecked::<PyBytes>()
                };
                self.used = 0;
                self.block.insert(block.unbind())
            }
        };
        let start = self.used;
        // SAFETY: the block has BLOCK_BYTES bytes, and no record refers to those from `used` on. The payload fits, as
        // checked above. Python code never sees the block itself: `get_raw` copies from it.
        unsafe {
            let bytes = ffi::PyBytes_AsString(block.as_ptr()).cast::<u8>();
            bytes.add(start).copy_from_nonoverlapping(raw.as_ptr(), raw.len());
        }
        self.used += raw.len();
        Ok((block.clone_ref(py).into_ptr(), start as u16))
    }
}

/// Fills the record of an event that no other code can see yet.
///
/// # Safety
/// `object` is a new object of a class that derives from [`class`], its record is zeroed, and `free_list` is that of its class.
#[inline]
pub unsafe fn fill(
    object: &Bound<'_, PyAny>,
    free_list: Option<&FreeList>,
    arena: &mut PayloadArena,
    fields: RecordFields<'_, '_>,
) -> PyResult<()> {
    let py = object.py();
    let (block, start, size) = if (1..=SHARED_MAX_BYTES).contains(&fields.raw.len()) {
        let (block, start) = arena.store(py, fields.raw)?;
        (block, start, fields.raw.len() as u16)
    } else {
        (PyBytes::new(py, fields.raw).into_ptr(), 0, 0)
    };
    // SAFETY: the caller guarantees the type and that no other code can see the object. Only zeros are overwritten, so no
    // reference is lost.
    let record = unsafe { &mut *object.as_ptr().cast::<Record>() };
    (record.block, record.start, record.size) = (block, start, size);
    record.free_list = free_list.map_or(0, |free_list| free_list.number);
    let or_none = |string: Option<Bound<'_, PyString>>| {
        string.map_or_else(|| py.None().into_ptr(), Bound::into_ptr)
    };
    (record.stream_id, record.event_name) = (or_none(fields.lane), or_none(fields.event_name));
    (record.offset.int, record.offset_is_int) = (fields.offset.cast_signed(), true);
    match fields.sequence {
        Some(number) => (record.sequence.int, record.sequence_is_int) = (number, true),
        None => record.sequence.object = py.None().into_ptr(),
    }
    Ok(())
}

/// The bytes that contain the payload of a filled record, and its start in them.
///
/// # Safety
/// `object` is an instance of a class that derives from [`class`].
#[inline]
pub unsafe fn payload<'py>(object: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyBytes>, usize)> {
    // SAFETY: the caller guarantees the type, and `fill` that the block is `bytes`.
    unsafe {
        let record = &*object.as_ptr().cast::<Record>();
        let block = Bound::from_borrowed_ptr_or_opt(object.py(), record.block)?;
        Some((block.cast_into_unchecked(), record.start.into()))
    }
}

/// The class `Record`. Its objects are created by `object.__new__` and filled by setting attributes, or by [`fill`].
pub fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || new_class(py)).map(|class| class.bind(py))
}

fn new_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    let object = ffi::Py_T_OBJECT_EX;
    let class = BaseClass {
        name: c"respstream._native.Record",
        size: SIZE,
        dealloc: base_class::dealloc::<Record>,
        members: vec![
            member(c"stream_id", object, offset_of!(Record, stream_id)),
            member(c"_named", object, offset_of!(Record, event_name)),
        ],
        properties: vec![
            property(c"raw", get_raw, set_raw),
            property(number_name::<false>(), get_number::<false>, set_number::<false>),
            property(number_name::<true>(), get_number::<true>, set_number::<true>),
        ],
    };
    // SAFETY: the functions have the signatures of their slots, and the members are fields of `Record`.
    unsafe { class.create(py) }
}

// SAFETY of all functions below: Python calls them only for instances of the class, from an attached thread, with live
// arguments; a null pointer (or -1) reports the exception that is set. Code that reads or changes more than one word runs in
// the object's critical section, which costs nothing with a GIL.

/// The payload. It is copied from its block on first use, and has its own `bytes` from then on.
unsafe extern "C" fn get_raw(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let (raw, block) = locked(object, |record: &mut Record| {
            if record.size == 0 {
                ffi::Py_XINCREF(record.block);
                return (record.block, null_mut());
            }
            let start = ffi::PyBytes_AsString(record.block).add(record.start.into());
            let raw = ffi::PyBytes_FromStringAndSize(start, usize::from(record.size).cast_signed());
            if raw.is_null() {
                return (raw, raw);
            }
            ffi::Py_INCREF(raw);
            record.size = 0;
            (raw, std::mem::replace(&mut record.block, raw))
        });
        ffi::Py_XDECREF(block);
        if raw.is_null() && ffi::PyErr_Occurred().is_null() { raise_missing(c"raw") } else { raw }
    }
}

unsafe extern "C" fn set_raw(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let block = locked(object, |record: &mut Record| {
            record.size = 0;
            std::mem::replace(&mut record.block, value)
        });
        if value.is_null() && block.is_null() {
            raise_missing(c"raw");
            return -1;
        }
        ffi::Py_XDECREF(block);
    }
    0
}

const fn number_name<const SEQUENCE: bool>() -> &'static CStr {
    if SEQUENCE { c"sequence_number" } else { c"offset" }
}

impl Record {
    fn number(&mut self, sequence: bool) -> (&mut Number, &mut bool) {
        if sequence {
            (&mut self.sequence, &mut self.sequence_is_int)
        } else {
            (&mut self.offset, &mut self.offset_is_int)
        }
    }
}

unsafe extern "C" fn get_number<const SEQUENCE: bool>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    unsafe {
        let (found, is_int) = locked(object, |record: &mut Record| {
            let (number, is_int) = record.number(SEQUENCE);
            if *is_int {
                return (ffi::PyLong_FromLongLong(number.int), true);
            }
            ffi::Py_XINCREF(number.object);
            (number.object, false)
        });
        if found.is_null() && !is_int {
            return raise_missing(number_name::<SEQUENCE>());
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
        let (before, was_int) = locked(object, |record: &mut Record| {
            let (number, is_int) = record.number(SEQUENCE);
            let before = (if *is_int { null_mut() } else { number.object }, *is_int);
            (number.object, *is_int) = (value, false);
            before
        });
        if value.is_null() && before.is_null() && !was_int {
            raise_missing(number_name::<SEQUENCE>());
            return -1;
        }
        ffi::Py_XDECREF(before);
    }
    0
}

//! `Record`, the base of the event classes: payload, offset, sequence number, lane and event name.
//!
//! Numbers are stored as C integers, and become Python objects when they are read. Each event has a payload of its own, so that
//! one that is kept keeps no other alive.
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

/// Size of an object of the class `Record` in bytes.
pub const SIZE: usize = size_of::<Record>();

/// The layout of every event object up to its slots. All zeros after the header are a valid record without attributes.
#[repr(C)]
pub struct Record {
    header: ffi::PyObject,
    /// The payload as `bytes`, or any object set as `raw`.
    raw: *mut ffi::PyObject,
    stream_id: *mut ffi::PyObject,
    event_name: *mut ffi::PyObject,
    offset: Number,
    sequence: Number,
    offset_is_int: bool,
    sequence_is_int: bool,
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
            ffi::Py_XDECREF(self.raw);
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

/// Fills the record of an event that no other code can see yet.
///
/// # Safety
/// `object` is a new object of a class that derives from [`class`], its record is zeroed, and `free_list` is that of its class.
#[inline]
pub unsafe fn fill(
    object: &Bound<'_, PyAny>,
    free_list: Option<&FreeList>,
    fields: RecordFields<'_, '_>,
) {
    let py = object.py();
    // SAFETY: the caller guarantees the type and that no other code can see the object. Only zeros are overwritten, so no
    // reference is lost.
    let record = unsafe { &mut *object.as_ptr().cast::<Record>() };
    record.raw = PyBytes::new(py, fields.raw).into_ptr();
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
}

/// The payload of a filled record.
///
/// # Safety
/// `object` is an instance of a class that derives from [`class`].
#[inline]
pub unsafe fn payload<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    // SAFETY: the caller guarantees the type, and `fill` that the payload is `bytes`.
    unsafe {
        let record = &*object.as_ptr().cast::<Record>();
        let raw = Bound::from_borrowed_ptr_or_opt(object.py(), record.raw)?;
        Some(raw.cast_into_unchecked())
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

unsafe extern "C" fn get_raw(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let raw = locked(object, |record: &mut Record| {
            ffi::Py_XINCREF(record.raw);
            record.raw
        });
        if raw.is_null() { raise_missing(c"raw") } else { raw }
    }
}

unsafe extern "C" fn set_raw(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let before =
            locked(object, |record: &mut Record| std::mem::replace(&mut record.raw, value));
        if value.is_null() && before.is_null() {
            raise_missing(c"raw");
            return -1;
        }
        ffi::Py_XDECREF(before);
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

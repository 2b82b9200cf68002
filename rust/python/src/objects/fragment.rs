//! `Fragment`, the base of the classes of JSON objects inside events and responses: a text, and what was decoded of it.
//!
//! The text may be a part of larger bytes, which are shared: it is copied when it is first read as a whole. The dict of decoded
//! members is created when it is first used.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::mem::{offset_of, size_of};
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};

use super::base_class::{
    self, BaseClass, FreeList, Layout, locked, member, property, raise_missing,
};

/// Size of an object of the class `Fragment` in bytes.
pub const SIZE: usize = size_of::<Fragment>();

/// The layout of every payload up to its slots. All zeros after the header are a valid fragment without attributes.
#[repr(C)]
pub struct Fragment {
    header: ffi::PyObject,
    /// The text, or bytes of which it is a part.
    block: *mut ffi::PyObject,
    seen: *mut ffi::PyObject,
    data: *mut ffi::PyObject,
    spans: *mut ffi::PyObject,
    member: *mut ffi::PyObject,
    /// Start and size of the text, if it is a part of the block.
    start: u32,
    size: u32,
    is_part: bool,
    /// Number of the free list that receives the object's memory; 0 if there is none.
    free_list: u16,
}

impl Layout for Fragment {
    #[inline]
    fn free_list(&self) -> u16 {
        self.free_list
    }

    #[inline]
    unsafe fn release(&self) {
        for reference in [self.block, self.seen, self.data, self.spans, self.member] {
            // SAFETY: the fields own their references.
            unsafe { ffi::Py_XDECREF(reference) };
        }
    }
}

/// A text inside of bytes.
#[derive(Clone, Copy)]
pub struct TextSpan<'a, 'py> {
    pub block: &'a Bound<'py, PyBytes>,
    pub start: usize,
    pub size: usize,
}

impl TextSpan<'_, '_> {
    pub fn bytes(&self) -> &[u8] {
        self.block.as_bytes().get(self.start..self.start + self.size).unwrap_or_default()
    }
}

/// Fills the fragment of a payload that no other code can see yet. `name`: that of the member with the object.
///
/// # Safety
/// `object` is a new object of a class that derives from [`class`], its fragment is zeroed, and `free_list` is that of its class.
#[inline]
pub unsafe fn fill(
    object: &Bound<'_, PyAny>,
    free_list: Option<&FreeList>,
    text: TextSpan<'_, '_>,
    name: &Bound<'_, PyAny>,
) {
    // SAFETY: the caller guarantees the type and that no other code can see the object. Only zeros are overwritten, so no
    // reference is lost.
    let fragment = unsafe { &mut *object.as_ptr().cast::<Fragment>() };
    fragment.block = text.block.clone().into_ptr();
    (fragment.start, fragment.size, fragment.is_part) = (text.start as u32, text.size as u32, true);
    fragment.member = name.clone().into_ptr();
    fragment.free_list = free_list.map_or(0, |free_list| free_list.number);
}

/// The text of a payload that was made from bytes, the dict of its decoded members, and whether it was made from a dict.
type Parts<'py> = (Bound<'py, PyAny>, Bound<'py, PyDict>, bool);

/// The parts of a payload; `None` if the object is none.
pub fn parts<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Parts<'py>>> {
    if !object.is_instance(class(object.py())?)? {
        return Ok(None);
    }
    let (pointer, none) = (object.as_ptr(), null_mut());
    // SAFETY: the object is an instance of the class; the functions return owned references, or null with the exception set.
    unsafe {
        let raw = Bound::from_owned_ptr_or_err(object.py(), get_raw(pointer, none))?;
        let seen = Bound::from_owned_ptr_or_err(object.py(), get_seen(pointer, none))?;
        let has_data = locked(pointer, |fragment: &mut Fragment| {
            !fragment.data.is_null() && fragment.data != ffi::Py_None()
        });
        Ok(seen.cast_into().ok().map(|seen| (raw, seen, has_data)))
    }
}

/// The class `Fragment`. Its objects are created by `object.__new__` and filled by setting attributes, or by [`fill`].
pub fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || new_class(py)).map(|class| class.bind(py))
}

fn new_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    #[expect(deprecated, reason = "None instead of an error while the attribute is not set")]
    let or_none = ffi::_Py_T_OBJECT;
    let class = BaseClass {
        name: c"respstream._native.Fragment",
        size: SIZE,
        dealloc: base_class::dealloc::<Fragment>,
        members: vec![
            member(c"_data", or_none, offset_of!(Fragment, data)),
            member(c"_spans", or_none, offset_of!(Fragment, spans)),
            member(c"_member", or_none, offset_of!(Fragment, member)),
        ],
        properties: vec![
            property(c"_raw", get_raw, set_raw),
            property(c"_seen", get_seen, set_seen),
        ],
    };
    // SAFETY: the functions have the signatures of their slots, and the members are fields of `Fragment`.
    unsafe { class.create(py) }
}

// SAFETY of all functions below: Python calls them only for instances of the class, from an attached thread, with live
// arguments; a null pointer (or -1) reports the exception that is set. Code that reads or changes more than one word runs in
// the object's critical section, which costs nothing with a GIL.

/// The text. A part of larger bytes is copied on first use, and has its own `bytes` from then on.
unsafe extern "C" fn get_raw(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let (raw, block) = locked(object, |fragment: &mut Fragment| {
            if !fragment.is_part {
                ffi::Py_XINCREF(fragment.block);
                return (fragment.block, null_mut());
            }
            let start = ffi::PyBytes_AsString(fragment.block).add(fragment.start as usize);
            let raw = ffi::PyBytes_FromStringAndSize(start, (fragment.size as usize).cast_signed());
            if raw.is_null() {
                return (raw, raw);
            }
            ffi::Py_INCREF(raw);
            fragment.is_part = false;
            (raw, std::mem::replace(&mut fragment.block, raw))
        });
        ffi::Py_XDECREF(block);
        if raw.is_null() && ffi::PyErr_Occurred().is_null() { raise_missing(c"_raw") } else { raw }
    }
}

unsafe extern "C" fn set_raw(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let block = locked(object, |fragment: &mut Fragment| {
            fragment.is_part = false;
            std::mem::replace(&mut fragment.block, value)
        });
        ffi::Py_XDECREF(block);
    }
    0
}

/// The dict of decoded members.
unsafe extern "C" fn get_seen(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let seen = || {
            locked(object, |fragment: &mut Fragment| {
                ffi::Py_XINCREF(fragment.seen);
                fragment.seen
            })
        };
        let found = seen();
        if !found.is_null() {
            return found;
        }
        // Outside of the section: creating a dict may run the garbage collector, and finalizers that read this object.
        let new = ffi::PyDict_New();
        let unused = locked(object, |fragment: &mut Fragment| {
            if fragment.seen.is_null() { std::mem::replace(&mut fragment.seen, new) } else { new }
        });
        ffi::Py_XDECREF(unused);
        if new.is_null() { new } else { seen() }
    }
}

unsafe extern "C" fn set_seen(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    unsafe {
        ffi::Py_XINCREF(value);
        let seen =
            locked(object, |fragment: &mut Fragment| std::mem::replace(&mut fragment.seen, value));
        ffi::Py_XDECREF(seen);
    }
    0
}

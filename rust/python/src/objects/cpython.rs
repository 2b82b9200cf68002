//! Functions of the `CPython` API that PyO3 does not wrap.
#![allow(unsafe_code)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section2;
use pyo3::types::{PyDict, PySet, PyString};

/// Removes the object from the garbage collector's lists. Its class must support garbage collection.
pub fn untrack(object: &Bound<'_, PyAny>) {
    // SAFETY: the object is live and fully initialised, and its class has the collector's header. Untracking an object
    // that is not tracked has no effect.
    unsafe { ffi::PyObject_GC_UnTrack(object.as_ptr().cast()) };
}

/// Makes the dict the object's `__dict__`. Raises `AttributeError` if the class has none.
pub fn set_dict(object: &Bound<'_, PyAny>, dict: &Bound<'_, PyDict>) -> PyResult<()> {
    // SAFETY: both are live objects; the function itself checks that the class has a dict, and sets an exception if not.
    let failed = unsafe {
        ffi::PyObject_GenericSetDict(object.as_ptr(), dict.as_ptr(), std::ptr::null_mut())
    };
    if failed == 0 { Ok(()) } else { Err(PyErr::fetch(object.py())) }
}

/// The object's `__dict__`. Raises `AttributeError` if the class has none.
pub fn dict_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: the object is live; the function itself checks that its class has a dict, and returns a new reference, or null with
    // the exception set, which becomes an error.
    let dict = unsafe {
        let dict = ffi::PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(object.py(), dict)?
    };
    Ok(dict.cast_into_exact()?)
}

/// Whether the dict has exactly these keys in this order, compared by identity, and no value is None.
pub fn has_keys(dict: &Bound<'_, PyDict>, keys: &[Py<PyString>]) -> bool {
    let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    let mut expected = keys.iter();
    // SAFETY: the dict is live and no code changes it during the loop. The pointers that the function stores are borrowed;
    // they are compared and never dereferenced.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0
        {
            let is = expected.next().is_some_and(|expected| expected.as_ptr() == key);
            if !is || value == ffi::Py_None() {
                return false;
            }
        }
    }
    expected.next().is_none()
}

/// Whether two dicts have the same keys in the same order, and the same values but under these names; compared by identity.
pub fn same_except<'n>(
    one: &Bound<'_, PyDict>,
    other: &Bound<'_, PyDict>,
    names: &(impl Iterator<Item = &'n Py<PyString>> + Clone),
) -> bool {
    let null = std::ptr::null_mut;
    let (mut at, mut key, mut value) = (0, null(), null());
    let (mut other_at, mut other_key, mut other_value) = (0, null(), null());
    // SAFETY: both dicts are live, and nothing changes them during the loop, which runs no other code and is in the critical
    // section of both. The pointers that the functions store are borrowed; they are compared and never dereferenced.
    with_critical_section2(one, other, || unsafe {
        if one.len() != other.len() {
            return false;
        }
        while ffi::PyDict_Next(one.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
            let (next_key, next_value) = (&raw mut other_key, &raw mut other_value);
            let more = ffi::PyDict_Next(other.as_ptr(), &raw mut other_at, next_key, next_value);
            let is_excepted = || names.clone().any(|name| name.as_ptr() == key);
            if more == 0 || key != other_key || (value != other_value && !is_excepted()) {
                return false;
            }
        }
        true
    })
}

/// A new set of the same elements. Faster than the method `copy`, which Python must look up.
pub fn copy_set<'py>(set: &Bound<'py, PySet>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the set is a live object; a null pointer with the exception set becomes an error.
    unsafe { Bound::from_owned_ptr_or_err(set.py(), ffi::PySet_New(set.as_ptr())) }
}

/// The text followed by `more`. `CPython` extends the text in place, without a copy, if this is its only reference.
pub fn append_str<'py>(
    text: Bound<'py, PyString>,
    more: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyString>> {
    let py = text.py();
    let mut pointer = text.into_ptr();
    // SAFETY: `pointer` owns the reference that `into_ptr` gave up. The function replaces it with an owned reference to the
    // result, or with null and the exception set, which becomes an error.
    let joined = unsafe {
        ffi::PyUnicode_Append(&raw mut pointer, more.as_ptr());
        Bound::from_owned_ptr_or_err(py, pointer)?
    };
    Ok(joined.cast_into()?)
}

/// A list of one object, which the garbage collector does not track: the object must not lead back to the list.
#[inline]
pub fn list_of(object: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = object.py();
    // SAFETY: a null pointer with the exception set becomes an error. The new list has one unset element, which takes over the
    // reference of the object; no other code can see the list.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(1))?;
        ffi::PyList_SetItem(list.as_ptr(), 0, object.into_ptr());
        ffi::PyObject_GC_UnTrack(list.as_ptr().cast());
        Ok(list)
    }
}

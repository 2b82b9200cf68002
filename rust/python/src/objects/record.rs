//! `Record`, the base of the event classes: payload, offset, sequence number, lane and event name.
//!
//! Small payloads are stored one after the other in shared blocks, and numbers as C integers: an event is one Python object
//! instead of four. Attributes are converted to Python objects when they are read. A block is as small as allocation costs
//! allow, because one event keeps its whole block alive.
//!
//! Before 3.12, Python looks up two names for each attribute of a class with `__getattr__` before the attribute itself.
//! For those versions the base class finds attributes, and calls `_absent` for missing ones.
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

/// Size of a block in bytes: 4 KiB less the overhead of the allocator and of `bytes`.
const BLOCK_BYTES: usize = 4_000;
/// Size of the largest payload that shares a block.
const SHARED_MAX_BYTES: usize = BLOCK_BYTES / 4;
/// Size of the object header in bytes.
const HEADER: usize = size_of::<ffi::PyObject>();

/// The layout of every event object up to its slots. All zeros after the header are a valid record without attributes.
#[repr(C)]
struct Record {
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

/// Memory of deallocated objects of one class, for reuse (as `@cython.freelist` does): no slot is set, and the garbage
/// collector does not track them.
pub struct FreeList {
    class: *mut ffi::PyTypeObject,
    number: u16,
    objects: UnsafeCell<Vec<*mut ffi::PyObject>>,
}

// SAFETY: free lists exist only with a GIL (see `FreeList::new`), and only code that has the GIL uses them.
unsafe impl Send for FreeList {}
// SAFETY: likewise.
unsafe impl Sync for FreeList {}

/// The free lists by number. Number 0 is not used.
static FREE_LISTS: [AtomicPtr<FreeList>; 128] = [const { AtomicPtr::new(null_mut()) }; 128];
/// Objects per free list: about as many as a chunk of 64 KiB has events.
const FREE_LIST_SIZE: usize = 256;
/// Whether the interpreter has a GIL. Free-threaded interpreters have a larger object header.
const HAS_GIL: bool = HEADER == 2 * size_of::<usize>();

impl FreeList {
    /// The free list of a class that derives from `Record` and has the collector's header. None without a GIL, or if all
    /// numbers are in use.
    pub fn new(class: &Bound<'_, PyType>) -> Option<&'static Self> {
        let in_use = |list: &AtomicPtr<Self>| !list.load(Ordering::Relaxed).is_null();
        let unused = FREE_LISTS.iter().skip(1).position(|list| !in_use(list));
        let number = unused.filter(|_| HAS_GIL)? + 1;
        let objects = UnsafeCell::new(Vec::with_capacity(FREE_LIST_SIZE));
        let class = class.clone().unbind().into_ptr().cast();
        let list = Box::leak(Box::new(Self { class, number: number as u16, objects }));
        FREE_LISTS[number].store(list, Ordering::Relaxed);
        Some(list)
    }

    /// An object without any attribute set.
    #[inline]
    pub fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: the GIL excludes other users. The pointer refers to the memory of a deallocated object of this class:
        // `dealloc` released its references and did not free it. Its slots are null, as the deallocation of the class
        // cleared them; `write_bytes` zeroes the record, and `PyObject_Init` sets class and reference count.
        unsafe {
            let object = (*self.objects.get()).pop()?;
            object.cast::<u8>().add(HEADER).write_bytes(0, size_of::<Record>() - HEADER);
            Some(Bound::from_owned_ptr(py, ffi::PyObject_Init(object, self.class)))
        }
    }

    /// Stores the memory of a deallocated object. False if its class differs or the list is full, and for a class with
    /// `__del__`: the collector's header remembers that it ran, and would not run it for the next object.
    unsafe fn put(number: u16, object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) -> bool {
        let Some(list) = FREE_LISTS.get(usize::from(number)) else { return false };
        // SAFETY: the GIL excludes other users, and free lists are never freed.
        unsafe {
            let Some(list) = list.load(Ordering::Relaxed).as_ref() else { return false };
            let objects = &mut *list.objects.get();
            let stores = list.class == class
                && objects.len() < FREE_LIST_SIZE
                && ffi::PyType_GetSlot(class, ffi::Py_tp_finalize).is_null();
            if stores {
                objects.push(object);
            }
            stores
        }
    }
}

/// The class `Record`. Its objects are created by `object.__new__` and filled by setting attributes, or by [`fill`].
pub fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || new_class(py)).map(|class| class.bind(py))
}

fn new_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    // The class refers to these tables for the life of the process.
    let members = Box::leak(Box::new([
        member(c"stream_id", offset_of!(Record, stream_id)),
        member(c"_named", offset_of!(Record, event_name)),
        ffi::PyMemberDef::default(),
    ]));
    let properties = Box::leak(Box::new([
        property(c"raw", get_raw, set_raw),
        property(number_name::<false>(), get_number::<false>, set_number::<false>),
        property(number_name::<true>(), get_number::<true>, set_number::<true>),
        ffi::PyGetSetDef::default(),
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, properties.as_mut_ptr().cast()),
    ];
    if py.version_info() < (3, 12) {
        slots.push(slot(ffi::Py_tp_getattro, get_attribute as *mut c_void));
    }
    slots.push(slot(0, null_mut()));
    let mut spec = ffi::PyType_Spec {
        name: c"respstream._native.Record".as_ptr(),
        basicsize: const { size_of::<Record>() as u32 }.cast_signed(),
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end with zeroed entries and are never moved or freed; each function has the signature of its slot.
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

// SAFETY of all functions below: Python calls them only for instances of the class, from an attached thread, with live
// arguments; a null pointer (or -1) reports the exception that is set. Code that reads or changes more than one word runs in
// the object's critical section, which costs nothing with a GIL.

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    unsafe {
        let record = &*object.cast::<Record>();
        ffi::Py_XDECREF(record.block);
        ffi::Py_XDECREF(record.stream_id);
        ffi::Py_XDECREF(record.event_name);
        if !record.offset_is_int {
            ffi::Py_XDECREF(record.offset.object);
        }
        if !record.sequence_is_int {
            ffi::Py_XDECREF(record.sequence.object);
        }
        let class = ffi::Py_TYPE(object);
        if record.free_list != 0 && FreeList::put(record.free_list, object, class) {
            // The free list owns the memory.
        } else if ffi::PyType_GetFlags(class) & ffi::Py_TPFLAGS_HAVE_GC == 0 {
            ffi::PyObject_Free(object.cast());
        } else {
            // Subclasses that add slots support garbage collection.
            ffi::PyObject_GC_Del(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// The attribute, or the result of `_absent` if there is none.
unsafe extern "C" fn get_attribute(
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
        // Not through this function: it would call itself for a class without `_absent`.
        let method = ffi::PyObject_GenericGetAttr(object, absent.as_ptr());
        if method.is_null() {
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) != 0 {
                ffi::PyErr_Clear();
                return ffi::PyObject_GenericGetAttr(object, name); // raises the first error again
            }
            return method;
        }
        let value = ffi::PyObject_CallFunctionObjArgs(method, name, null_mut::<ffi::PyObject>());
        ffi::Py_DECREF(method);
        value
    }
}

/// Runs a function in the object's critical section.
unsafe fn locked<T>(object: *mut ffi::PyObject, run: impl FnOnce(&mut Record) -> T) -> T {
    unsafe {
        let bound = Bound::from_borrowed_ptr(Python::assume_attached(), object);
        with_critical_section(&bound, || run(&mut *object.cast::<Record>()))
    }
}

unsafe fn raise_missing(name: &'static CStr) -> *mut ffi::PyObject {
    unsafe { ffi::PyErr_SetString(ffi::PyExc_AttributeError, name.as_ptr()) };
    null_mut()
}

/// The payload. It is copied from its block on first use, and has its own `bytes` from then on.
unsafe extern "C" fn get_raw(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    unsafe {
        let (raw, block) = locked(object, |record| {
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
        let block = locked(object, |record| {
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
        let (found, is_int) = locked(object, |record| {
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
        let (before, was_int) = locked(object, |record| {
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

//! What the base classes in C have in common: their tables of attributes, and memory that is used again.
//!
//! Before 3.12, Python looks up two names for each attribute of a class with `__getattr__` before the attribute itself.
//! For those versions the base classes find attributes, and call `_absent` for missing ones.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::mem::size_of;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyString, PyType};
use pyo3::{ffi, intern};

/// Size of the object header in bytes.
const HEADER: usize = size_of::<ffi::PyObject>();

/// The layout of the objects of a base class.
pub trait Layout {
    /// The number of the free list that receives the object's memory; 0 if there is none.
    fn free_list(&self) -> u16;

    /// Gives up all references.
    ///
    /// # Safety
    /// The object is not used again.
    unsafe fn release(&self);
}

/// A base class in C. Its objects are created by `object.__new__` and filled by setting attributes, or in memory.
pub struct BaseClass {
    pub name: &'static CStr,
    /// Size of an object in bytes.
    pub size: usize,
    pub dealloc: ffi::destructor,
    pub members: Vec<ffi::PyMemberDef>,
    pub properties: Vec<ffi::PyGetSetDef>,
}

impl BaseClass {
    /// Creates the class.
    ///
    /// # Safety
    /// Each function has the signature of its slot, and each member lies inside of an object.
    pub unsafe fn create(mut self, py: Python<'_>) -> PyResult<Py<PyType>> {
        self.members.push(ffi::PyMemberDef::default());
        self.properties.push(ffi::PyGetSetDef::default());
        // The class refers to these tables for the life of the process.
        let (members, properties) = (self.members.leak(), self.properties.leak());
        let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
        let mut slots = vec![
            slot(ffi::Py_tp_dealloc, self.dealloc as *mut c_void),
            slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
            slot(ffi::Py_tp_getset, properties.as_mut_ptr().cast()),
        ];
        if py.version_info() < (3, 12) {
            slots.push(slot(ffi::Py_tp_getattro, get_attribute as *mut c_void));
        }
        slots.push(slot(0, null_mut()));
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: (self.size as u32).cast_signed(),
            itemsize: 0,
            flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the tables end with zeroed entries and are never moved or freed; the caller guarantees their contents.
        unsafe {
            let class = ffi::PyType_FromSpec(&raw mut spec);
            Ok(Bound::from_owned_ptr_or_err(py, class)?.cast_into_unchecked().unbind())
        }
    }
}

pub fn member(name: &'static CStr, type_code: c_int, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code,
        offset: offset.cast_signed(),
        ..Default::default()
    }
}

pub fn property(name: &'static CStr, get: ffi::getter, set: ffi::setter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef { name: name.as_ptr(), get: Some(get), set: Some(set), ..Default::default() }
}

/// Where slots of classes are, for [`get_attribute`]: a slot whose class and name are those of an entry is read without searching
/// the class and its bases. Each pair has one possible entry; a newer one replaces an older one there.
struct SlotTable(UnsafeCell<[SlotEntry; SLOT_ENTRIES]>);

#[derive(Clone, Copy)]
struct SlotEntry {
    class: *mut ffi::PyTypeObject,
    name: *mut ffi::PyObject,
    /// Offset of the slot in words.
    offset: usize,
}

const SLOT_ENTRIES: usize = 1024;
const NO_SLOT: SlotEntry = SlotEntry { class: null_mut(), name: null_mut(), offset: 0 };
static SLOTS: SlotTable = SlotTable(UnsafeCell::new([NO_SLOT; SLOT_ENTRIES]));

// SAFETY: only code that has the GIL uses the table, and `add` changes it only where there is one.
unsafe impl Sync for SlotTable {}

impl SlotTable {
    /// The index of the only possible entry: objects are at multiples of 16 bytes.
    fn index(class: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> usize {
        ((class.addr() >> 4) ^ (name.addr() >> 4).wrapping_mul(5)) % SLOT_ENTRIES
    }
}

/// Makes reading a slot of objects of this class faster, before Python 3.12, which does so itself. `name` is interned, and
/// Python sets the word at `offset` for it. Later changes of the class's descriptor for the slot have no effect on reading.
pub fn add_slot(class: &Bound<'_, PyType>, name: &Py<PyString>, offset: usize) {
    if !HAS_GIL || class.py().version_info() >= (3, 12) {
        return;
    }
    // The table refers to both for ever.
    let name = name.clone_ref(class.py()).into_ptr();
    let class = class.clone().into_ptr().cast();
    let entry = SlotEntry { class, name, offset };
    // SAFETY: the GIL excludes other users.
    unsafe { (*SLOTS.0.get())[SlotTable::index(class, name)] = entry };
}

/// Memory of deallocated objects of one class, for reuse (as `@cython.freelist` does): no slot is set, and the garbage
/// collector does not track them.
pub struct FreeList {
    pub class: *mut ffi::PyTypeObject,
    /// Its number in [`FREE_LISTS`].
    pub number: u16,
    /// Size of the base class in bytes: all zeros after the header are a valid object without attributes.
    base_size: usize,
    /// Size of an object in bytes: all words after those of the base class are slots.
    size: usize,
    objects: UnsafeCell<Vec<*mut ffi::PyObject>>,
}

// SAFETY: free lists exist only with a GIL (see `FreeList::new`), and only code that has the GIL uses them.
unsafe impl Send for FreeList {}
// SAFETY: likewise.
unsafe impl Sync for FreeList {}

/// The free lists by number. Number 0 is not used.
static FREE_LISTS: [AtomicPtr<FreeList>; 128] = [const { AtomicPtr::new(null_mut()) }; 128];
/// Objects per free list: about as many as a chunk of 64 KiB has events.
const FREE_LIST_SIZE: usize = 512;
/// Whether the interpreter has a GIL. Free-threaded interpreters have a larger object header.
const HAS_GIL: bool = HEADER == 2 * size_of::<usize>();

impl FreeList {
    /// The free list of a class with objects of this size, which derives from a base class of that size, and has the collector's header.
    /// None without a GIL, or if all numbers are in use.
    pub fn new(class: &Bound<'_, PyType>, size: usize, base_size: usize) -> Option<&'static Self> {
        let in_use = |list: &AtomicPtr<Self>| !list.load(Ordering::Relaxed).is_null();
        let unused = FREE_LISTS.iter().skip(1).position(|list| !in_use(list));
        let number = unused.filter(|_| HAS_GIL)? + 1;
        let objects = UnsafeCell::new(Vec::with_capacity(FREE_LIST_SIZE));
        let class = class.clone().unbind().into_ptr().cast();
        let list =
            Box::leak(Box::new(Self { class, number: number as u16, base_size, size, objects }));
        FREE_LISTS[number].store(list, Ordering::Relaxed);
        Some(list)
    }

    /// The free list with this number.
    #[inline]
    pub fn of(number: u16) -> Option<&'static Self> {
        let list = FREE_LISTS.get(usize::from(number))?.load(Ordering::Relaxed);
        // SAFETY: null, or from `Box::leak`.
        unsafe { list.as_ref() }
    }

    /// The free list of a class, or of the nearest class above it that has one.
    pub unsafe fn above(mut class: *mut ffi::PyTypeObject) -> Option<&'static Self> {
        loop {
            let mut lists = (1..FREE_LISTS.len()).filter_map(|number| Self::of(number as u16));
            if let Some(list) = lists.find(|list| list.class == class) {
                return Some(list);
            }
            // SAFETY: the class and those above it are live.
            class = unsafe { ffi::PyType_GetSlot(class, ffi::Py_tp_base).cast() };
            if class.is_null() {
                return None;
            }
        }
    }

    /// Clears the slots of an object of the class or of one below it.
    #[inline]
    pub unsafe fn clear_slots(&self, object: *mut ffi::PyObject) {
        // SAFETY: the words are slots, null or owned references. Each is null before other code can run.
        unsafe {
            let words = object.cast::<*mut ffi::PyObject>();
            let mut slot = words.add(self.base_size / size_of::<usize>());
            let end = words.add(self.size / size_of::<usize>());
            while slot < end {
                let value = *slot;
                if !value.is_null() {
                    *slot = null_mut();
                    ffi::Py_DECREF(value);
                }
                slot = slot.add(1);
            }
        }
    }

    /// An object without any attribute set.
    #[inline]
    pub fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: the GIL excludes other users. The pointer refers to the memory of a deallocated object of this class:
        // `dealloc` released its references and did not free it. Its slots are null, as the deallocation of the class
        // cleared them; `write_bytes` zeroes the base, and `PyObject_Init` sets class and reference count.
        unsafe {
            let object = (*self.objects.get()).pop()?;
            object.cast::<u8>().add(HEADER).write_bytes(0, self.base_size - HEADER);
            Some(Bound::from_owned_ptr(py, ffi::PyObject_Init(object, self.class)))
        }
    }

    /// Stores the memory of a deallocated object. False if its class differs or the list is full, and for a class with
    /// `__del__`: the collector's header remembers that it ran, and would not run it for the next object.
    unsafe fn put(number: u16, object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) -> bool {
        let Some(list) = Self::of(number) else { return false };
        // SAFETY: the GIL excludes other users.
        unsafe {
            let objects = &mut *list.objects.get();
            let stores =
                list.class == class && objects.len() < FREE_LIST_SIZE && !has_finalizer(class);
            if stores {
                objects.push(object);
            }
            stores
        }
    }
}

// SAFETY of all functions below: Python calls them, or functions of base classes do, only for instances of such a class, from an
// attached thread, with live arguments; a null pointer (or -1) reports the exception that is set.

/// Whether a class has `__del__`.
pub unsafe fn has_finalizer(class: *mut ffi::PyTypeObject) -> bool {
    unsafe { !ffi::PyType_GetSlot(class, ffi::Py_tp_finalize).is_null() }
}

/// Deallocates an object without slots, or whose slots are cleared.
pub unsafe extern "C" fn dealloc<B: Layout>(object: *mut ffi::PyObject) {
    unsafe {
        let base = &*object.cast::<B>();
        base.release();
        free(object, base.free_list());
    }
}

/// Frees an object whose base has released its references. `number`: that of its free list, 0 without one.
unsafe fn free(object: *mut ffi::PyObject, number: u16) {
    unsafe {
        let class = ffi::Py_TYPE(object);
        if number != 0 && FreeList::put(number, object, class) {
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
        let class = ffi::Py_TYPE(object);
        let entry = (*SLOTS.0.get())[SlotTable::index(class, name)];
        if entry.class == class && entry.name == name {
            let value = *object.cast::<*mut ffi::PyObject>().add(entry.offset);
            if !value.is_null() {
                ffi::Py_INCREF(value);
                return value;
            }
        }
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

/// Runs a function in the object's critical section, which costs nothing with a GIL. `T`: the layout of the object.
pub unsafe fn locked<T, R>(object: *mut ffi::PyObject, run: impl FnOnce(&mut T) -> R) -> R {
    unsafe {
        let bound = Bound::from_borrowed_ptr(Python::assume_attached(), object);
        with_critical_section(&bound, || run(&mut *object.cast::<T>()))
    }
}

pub unsafe fn raise_missing(name: &'static CStr) -> *mut ffi::PyObject {
    unsafe { ffi::PyErr_SetString(ffi::PyExc_AttributeError, name.as_ptr()) };
    null_mut()
}

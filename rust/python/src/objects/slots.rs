//! Objects of Python classes with `__slots__`, filled by writing the slots in memory instead of through `setattr`.
//!
//! The offset of each slot is measured when a class is first used: a marker is set through Python on a new object, and the
//! words of the object are searched for it. If that does not find exactly one offset per slot, the class is filled through
//! `setattr`: an unknown future layout makes it slower, and nothing else.
#![allow(unsafe_code)]

use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBytes, PyList, PyString, PyType};
use pyo3::{ffi, intern};

use super::base_class::{FreeList, add_slot};
use super::dealloc;
use super::fragment::{self, Fragment, TextSpan};
use super::record::{self, Record, RecordFields};

/// Size of the object header, in words.
const HEADER: usize = size_of::<ffi::PyObject>() / size_of::<usize>();

/// The class in C from which a class derives, if its layout is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Other,
    Record,
    Fragment,
}

impl Base {
    fn of(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = class.py();
        Ok(if class.is_subclass(record::class(py)?)? {
            Self::Record
        } else if class.is_subclass(fragment::class(py)?)? {
            Self::Fragment
        } else {
            Self::Other
        })
    }

    /// Size of the base in bytes.
    fn size(self) -> Option<usize> {
        match self {
            Self::Other => None,
            Self::Record => Some(record::SIZE),
            Self::Fragment => Some(fragment::SIZE),
        }
    }
}

/// A Python class and the offsets of its slots.
pub struct SlotClass {
    class: Py<PyType>,
    names: Vec<Py<PyString>>,
    /// Offsets of the slots from the start of the object, in words. None if they are unknown: then `setattr` is used.
    offsets: Option<Vec<usize>>,
    /// Size of an object in words, if objects are created without tracking by the garbage collector.
    untracked_size: Option<usize>,
    /// The base in C, whose fields are written in memory too.
    base: Base,
    /// Deallocated objects for reuse.
    free_list: Option<&'static FreeList>,
}

impl SlotClass {
    /// Prepares a class for being filled. Other methods identify a slot by its index in `names`.
    pub fn new(class: &Bound<'_, PyType>, names: &[&str]) -> PyResult<Self> {
        let py = class.py();
        let names: Vec<_> = names.iter().map(|name| PyString::intern(py, name).unbind()).collect();
        let offsets =
            if fixed_size(class)?.is_some() { slot_offsets(class, &names)? } else { None };
        let base = if offsets.is_some() { Base::of(class)? } else { Base::Other };
        if base != Base::Other {
            for (name, offset) in names.iter().zip(offsets.iter().flatten()) {
                add_slot(class, name, *offset);
            }
        }
        Ok(Self {
            class: class.clone().unbind(),
            names,
            offsets,
            untracked_size: None,
            base,
            free_list: None,
        })
    }

    /// Creates objects that the garbage collector does not track. The values of their slots must not lead back to them.
    pub fn untracked(mut self, py: Python<'_>) -> PyResult<Self> {
        let size =
            if self.offsets.is_some() { slots_only_size(self.class.bind(py))? } else { None };
        self.untracked_size = size;
        let (class, word) = (self.class.bind(py), size_of::<usize>());
        let sizes = size.map(|size| size * word).zip(self.base.size());
        self.free_list = sizes.and_then(|(size, base)| FreeList::new(class, size, base));
        if let Some(free_list) = self.free_list {
            match self.base {
                Base::Record => dealloc::install::<Record>(free_list),
                Base::Fragment => dealloc::install::<Fragment>(free_list),
                Base::Other => {}
            }
        }
        Ok(self)
    }

    /// Fills objects through `setattr`, as for an unknown layout.
    pub fn through_setattr(mut self) -> Self {
        self.offsets = None;
        self.untracked_size = None;
        self.base = Base::Other;
        self.free_list = None;
        self
    }

    /// A new object without any slot set.
    #[inline]
    pub fn create<'py>(&self, py: Python<'py>) -> PyResult<NewObject<'_, 'py>> {
        if let Some(object) = self.free_list.and_then(|free_list| free_list.take(py)) {
            return Ok(NewObject { class: self, object });
        }
        let class = self.class.bind(py);
        let object = match self.untracked_size {
            Some(size) => allocate_untracked(class, size)?,
            None => allocate(class)?,
        };
        Ok(NewObject { class: self, object })
    }

    /// The value of a slot that is never set again after the object was created. None for an object of any other class,
    /// subclasses included, and if the offsets are unknown.
    #[inline]
    pub fn get<'py>(&self, object: &Bound<'py, PyAny>, slot: usize) -> Option<Bound<'py, PyAny>> {
        let offsets = self.offsets.as_ref()?;
        if object.get_type_ptr() != self.class.as_ptr().cast() {
            return None;
        }
        // SAFETY: the object is an instance of this class, and `slot_offset` measured that the word is a slot inside of
        // such objects. The slot is null or owns a reference; a null pointer becomes None. Python sets slots in the object's
        // critical section, so the reference is valid until it is counted, also if another thread sets a private slot.
        with_critical_section(object, || unsafe {
            let value = *object.as_ptr().cast::<*mut ffi::PyObject>().add(offsets[slot]);
            Bound::from_borrowed_ptr_or_opt(object.py(), value)
        })
    }

    /// Whether the fields of the payload's base are written in memory.
    pub fn is_fragment(&self) -> bool {
        self.base == Base::Fragment
    }

    /// The index of a slot.
    pub fn slot(&self, py: Python<'_>, name: &str) -> Option<usize> {
        self.names.iter().position(|slot| slot.bind(py).to_str().is_ok_and(|slot| slot == name))
    }

    pub fn is(&self, class: &Bound<'_, PyType>) -> bool {
        self.class.is(class)
    }
}

/// Creates objects of one class that share some values.
pub struct ObjectTemplate {
    class: &'static SlotClass,
    /// The shared values, each with the offset of its slot, or with its index if the offsets are unknown.
    values: Vec<(usize, Py<PyAny>)>,
}

impl ObjectTemplate {
    /// `values`: the shared values with the indexes of their slots; no index may occur twice.
    pub fn new(class: &'static SlotClass, mut values: Vec<(usize, Py<PyAny>)>) -> Self {
        if let Some(offsets) = &class.offsets {
            for (slot, _) in &mut values {
                *slot = offsets[*slot];
            }
        }
        Self { class, values }
    }

    /// A new object with the shared values.
    #[inline]
    pub fn create<'py>(&self, py: Python<'py>) -> PyResult<NewObject<'static, 'py>> {
        let new = self.class.create(py)?;
        let words = new.object.as_ptr().cast::<*mut ffi::PyObject>();
        for (slot, value) in &self.values {
            if self.class.offsets.is_none() {
                new.set(*slot, value.bind(py).clone())?;
            } else {
                // SAFETY: as in `NewObject::set`; `new` has replaced the indexes by the offsets of the class.
                unsafe { *words.add(*slot) = value.clone_ref(py).into_ptr() };
            }
        }
        Ok(new)
    }
}

/// An object that no other code can see yet.
pub struct NewObject<'a, 'py> {
    class: &'a SlotClass,
    object: Bound<'py, PyAny>,
}

impl<'py> NewObject<'_, 'py> {
    /// Sets a slot, by its index. Each slot may be set only once.
    #[inline]
    pub fn set(&self, slot: usize, value: Bound<'py, PyAny>) -> PyResult<()> {
        let Some(offsets) = &self.class.offsets else {
            let name = self.class.names[slot].bind(self.object.py());
            return generic_setattr(&self.object, name, &value);
        };
        // SAFETY: `slot_offset` measured that the word is a slot inside of objects of this class. `create` returned a new
        // zeroed object that no other code can see, and each slot is set only once, so no reference is overwritten. The
        // object takes over the reference of `value`.
        unsafe {
            *self.object.as_ptr().cast::<*mut ffi::PyObject>().add(offsets[slot]) =
                value.into_ptr();
        }
        Ok(())
    }

    /// Sets the attributes that all events have.
    #[inline]
    pub fn set_record(&self, fields: RecordFields<'_, 'py>) -> PyResult<()> {
        let py = self.object.py();
        if self.class.base == Base::Record {
            // SAFETY: the class derives from `Record`; `create` returned a new object whose record is zeroed, and the free
            // list is the one of this class.
            unsafe { record::fill(&self.object, self.class.free_list, fields) };
            return Ok(());
        }
        let set = |name: &Bound<'py, PyString>, value: Bound<'py, PyAny>| {
            generic_setattr(&self.object, name, &value)
        };
        set(intern!(py, "raw"), PyBytes::new(py, fields.raw).into_any())?;
        set(intern!(py, "offset"), fields.offset.into_pyobject(py)?.into_any())?;
        set(intern!(py, "sequence_number"), fields.sequence.into_pyobject(py)?.into_any())?;
        set(intern!(py, "stream_id"), fields.lane.into_pyobject(py)?.into_any())?;
        set(intern!(py, "_named"), fields.event_name.into_pyobject(py)?.into_any())
    }

    /// The payload of an event after [`Self::set_record`]; `None` if the layout is unknown.
    #[inline]
    pub fn payload(&self) -> Option<Bound<'py, PyBytes>> {
        // SAFETY: the class derives from `Record`.
        (self.class.base == Base::Record).then(|| unsafe { record::payload(&self.object) })?
    }

    /// Sets the text of a payload, if its layout is known. `name`: that of the member with the object.
    #[inline]
    pub fn set_fragment(&self, text: TextSpan<'_, '_>, name: &Bound<'_, PyAny>) {
        if self.class.base == Base::Fragment {
            // SAFETY: the class derives from `Fragment`; `create` returned a new object whose fragment is zeroed, and the free
            // list is the one of this class.
            unsafe { fragment::fill(&self.object, self.class.free_list, text, name) };
        }
    }

    pub fn finish(self) -> Bound<'py, PyAny> {
        self.object
    }
}

fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: the class is a live Python class made by a class statement, whose only base in C is `object`, `Record` or `Fragment`. For
    // those the generic allocation (zeroed, tracked by the collector) does the same as `object.__new__`. A null pointer with
    // the exception set becomes an error.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_type_ptr(), 0)) }
}

/// Like [`allocate`], but the garbage collector does not track the object and never traverses it.
fn allocate_untracked<'py>(class: &Bound<'py, PyType>, size: usize) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: the class is as in `allocate`. `slots_only_size` found that its objects have the collector's header, and that
    // their `size` words are the object header followed only by slots and the base. The function initialises the header
    // and the reference count; all other words are zeroed before any code sees the object. A null pointer becomes an error
    // before that.
    unsafe {
        let object: *mut ffi::PyObject = ffi::PyObject_GC_New(class.as_type_ptr());
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let slots = object.as_ptr().cast::<usize>().add(HEADER);
        slots.write_bytes(0, size - HEADER);
        Ok(object)
    }
}

/// The size of an object in words. None unless it has neither `__dict__` nor weak references and the collector would track it.
fn slots_only_size(class: &Bound<'_, PyType>) -> PyResult<Option<usize>> {
    let py = class.py();
    let dict: isize = class.getattr(intern!(py, "__dictoffset__"))?.extract()?;
    let weak: isize = class.getattr(intern!(py, "__weakrefoffset__"))?.extract()?;
    // SAFETY: the class is a live type object.
    let flags = unsafe { ffi::PyType_GetFlags(class.as_type_ptr()) };
    let slots_only = dict == 0 && weak == 0 && flags & ffi::Py_TPFLAGS_HAVE_GC != 0;
    Ok(fixed_size(class)?.filter(|_| slots_only))
}

/// The size of an object in words. None if objects of the class vary in size or have no words of their own.
fn fixed_size(class: &Bound<'_, PyType>) -> PyResult<Option<usize>> {
    let py = class.py();
    let size: usize = class.getattr(intern!(py, "__basicsize__"))?.extract()?;
    let item: usize = class.getattr(intern!(py, "__itemsize__"))?.extract()?;
    let word = size_of::<usize>();
    Ok((item == 0 && size.is_multiple_of(word) && size > size_of::<ffi::PyObject>())
        .then_some(size / word))
}

/// `object.__setattr__`, which bypasses a `__setattr__` of the class.
fn generic_setattr<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = object.py();
    let set = intern!(py, "__setattr__");
    py.get_type::<PyAny>().call_method1(set, (object, name, value)).map(|_| ())
}

/// The offsets of all slots, in words. None unless each slot has an offset of its own.
fn slot_offsets(class: &Bound<'_, PyType>, names: &[Py<PyString>]) -> PyResult<Option<Vec<usize>>> {
    let mut offsets = Vec::with_capacity(names.len());
    for name in names {
        match slot_offset(class, name.bind(class.py()))? {
            Some(offset) if !offsets.contains(&offset) => offsets.push(offset),
            _ => return Ok(None),
        }
    }
    Ok(Some(offsets))
}

/// The only word of an object that contains the value set through Python as this slot.
fn slot_offset(class: &Bound<'_, PyType>, name: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
    let Some(size) = fixed_size(class)? else { return Ok(None) };
    let object = allocate(class)?;
    let marker = PyList::empty(class.py());
    generic_setattr(&object, name, marker.as_any())?;
    let found: Vec<usize> = (HEADER..size)
        .filter(|word| {
            // SAFETY: `word` lies inside the object, whose size is `__basicsize__` bytes. It is read as an address, which is
            // compared and never dereferenced.
            let address = unsafe { *object.as_ptr().cast::<*mut ffi::PyObject>().add(*word) };
            address == marker.as_ptr()
        })
        .collect();
    Ok(if let [word] = found[..] { Some(word) } else { None })
}

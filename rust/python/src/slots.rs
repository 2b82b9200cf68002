//! Event objects at the cost of their allocation: the slots of a class are written where they are, not through setattr.
//!
//! The place of each slot is found by experiment when the class is first used: a marker is set through Python on a fresh
//! object, and the object's words are searched for it. A class where that does not give exactly one place for each slot
//! is filled through setattr instead, so that a future layout costs time and nothing else.
//!
//! With `record`, the one module of the binding with `unsafe`; each block says what it relies on.
#![allow(unsafe_code)]

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySet, PyString, PyType};
use pyo3::{ffi, intern};

use crate::record::{self, Given, Pages, Room};

/// The words of what every object begins with.
const HEADER: usize = size_of::<ffi::PyObject>() / size_of::<usize>();

/// A class whose objects are made here, and the places of its slots: in words from the beginning of the object. None
/// where they are not sure: then setattr is used.
pub struct SlotClass {
    class: Py<PyType>,
    names: Vec<Py<PyString>>,
    words: Option<Vec<usize>>,
    /// The number of words of an object that the collector is not to see.
    unseen: Option<usize>,
    /// Its objects begin with a record, which is filled as it lies there.
    is_record: bool,
    /// Where such objects wait that nobody has any more.
    room: Option<&'static Room>,
}

impl SlotClass {
    /// Prepares a class for being filled through the slots `names`; they are known by their place in that list.
    pub fn new(class: &Bound<'_, PyType>, names: &[&str]) -> PyResult<Self> {
        let py = class.py();
        let names: Vec<_> = names.iter().map(|name| PyString::intern(py, name).unbind()).collect();
        let words = if plain_layout(class)?.is_some() { find_all(class, &names)? } else { None };
        let is_record = words.is_some() && class.is_subclass(record::class(py)?)?;
        Ok(Self {
            class: class.clone().unbind(),
            names,
            words,
            unseen: None,
            is_record,
            room: None,
        })
    }

    /// The collector does not see its objects from now on: they are to hold nothing that leads back to them.
    pub fn out_of_sight(mut self, py: Python<'_>) -> PyResult<Self> {
        self.unseen = if self.words.is_some() { bare_layout(self.class.bind(py))? } else { None };
        let has_room = self.is_record && self.unseen.is_some();
        self.room = if has_room { Room::new(self.class.bind(py)) } else { None };
        Ok(self)
    }

    /// A new object without any slot set.
    #[inline]
    pub fn make<'py>(&self, py: Python<'py>) -> PyResult<Filling<'_, 'py>> {
        if let Some(object) = self.room.and_then(|room| room.take(py)) {
            return Ok(Filling { class: self, object });
        }
        let class = self.class.bind(py);
        let object = match self.unseen {
            Some(words) => allocate_unseen(class, words)?,
            None => allocate(class)?,
        };
        Ok(Filling { class: self, object })
    }

    /// What an object of this very class has in a slot that is set when the object is made and never again; None for every
    /// other object, and where the places of slots are not sure.
    #[inline]
    pub fn get<'py>(&self, object: &Bound<'py, PyAny>, slot: usize) -> Option<Bound<'py, PyAny>> {
        let words = self.words.as_ref()?;
        if object.get_type_ptr() != self.class.as_ptr().cast() {
            return None;
        }
        // SAFETY: the word is a slot of this class, proved by `find` to lie inside its objects, and the object is one of
        // them. The slot is null or holds a reference, which nobody takes away while the object is held, as it is not set
        // again; a null pointer gives None.
        unsafe {
            let value = *object.as_ptr().cast::<*mut ffi::PyObject>().add(words[slot]);
            Bound::from_borrowed_ptr_or_opt(object.py(), value)
        }
    }

    pub fn is(&self, class: &Bound<'_, PyType>) -> bool {
        self.class.is(class)
    }

    /// Fills by setattr from now on: the path that unforeseen layouts take.
    pub fn forget_layout(mut self) -> Self {
        (self.words, self.unseen, self.is_record, self.room) = (None, None, false, None);
        self
    }
}

/// Objects of one class that have some values in common.
pub struct Mould {
    class: &'static SlotClass,
    /// The common values with their slots; where the words of the slots are known, with those.
    values: Vec<(usize, Py<PyAny>)>,
}

impl Mould {
    /// Takes the common values with their slots, each of which is there once.
    pub fn new(class: &'static SlotClass, mut values: Vec<(usize, Py<PyAny>)>) -> Self {
        if let Some(words) = &class.words {
            for (slot, _) in &mut values {
                *slot = words[*slot];
            }
        }
        Self { class, values }
    }

    /// A new object that has the common values, and no other.
    #[inline]
    pub fn cast<'py>(&self, py: Python<'py>) -> PyResult<Filling<'static, 'py>> {
        let filling = self.class.make(py)?;
        let object = filling.object.as_ptr().cast::<*mut ffi::PyObject>();
        for (place, value) in &self.values {
            if self.class.words.is_none() {
                filling.set(*place, value.bind(py).clone())?;
            } else {
                // SAFETY: as in `Filling::set`, of which this is the loop: the words are those of the class.
                unsafe { *object.add(*place) = value.clone_ref(py).into_ptr() };
            }
        }
        Ok(filling)
    }
}

/// An object that nobody else has seen yet.
pub struct Filling<'a, 'py> {
    class: &'a SlotClass,
    object: Bound<'py, PyAny>,
}

impl<'py> Filling<'_, 'py> {
    /// Sets the slot at this place of the class's list. A slot may be set once only.
    #[inline]
    pub fn set(&self, slot: usize, value: Bound<'py, PyAny>) -> PyResult<()> {
        let Some(words) = &self.class.words else {
            let name = self.class.names[slot].bind(self.object.py());
            return set_plainly(&self.object, name, &value);
        };
        // SAFETY: the word is a slot of this class, proved by `find` to lie inside the object; `make` gave a fresh
        // zeroed object that no other code has a reference to, and `set` is called once a slot, so that nothing
        // is overwritten. The object takes over the reference of `value`.
        unsafe {
            *self.object.as_ptr().cast::<*mut ffi::PyObject>().add(words[slot]) = value.into_ptr();
        }
        Ok(())
    }

    /// Sets what every event begins with.
    #[inline]
    pub fn begin(&self, pages: &mut Pages, given: Given<'_, 'py>) -> PyResult<()> {
        let py = self.object.py();
        if self.class.is_record {
            // SAFETY: the class derives from that of the records, and `make` gave a fresh object, its head all zeros.
            return unsafe { record::fill(&self.object, self.class.room, pages, given) };
        }
        let set = |name: &Bound<'py, PyString>, value: Bound<'py, PyAny>| {
            set_plainly(&self.object, name, &value)
        };
        set(intern!(py, "raw"), PyBytes::new(py, given.raw).into_any())?;
        set(intern!(py, "offset"), given.offset.into_pyobject(py)?.into_any())?;
        set(intern!(py, "sequence_number"), given.sequence.into_pyobject(py)?.into_any())?;
        set(intern!(py, "stream_id"), given.lane.into_pyobject(py)?.into_any())?;
        set(intern!(py, "_named"), given.named.into_pyobject(py)?.into_any())
    }

    /// Gives the object this dict as its `__dict__`.
    pub fn set_dict(&self, dict: &Bound<'py, PyDict>) -> PyResult<()> {
        // SAFETY: both are live objects; the function checks by itself that the class has a dict, and sets an exception.
        let failed = unsafe {
            ffi::PyObject_GenericSetDict(self.object.as_ptr(), dict.as_ptr(), std::ptr::null_mut())
        };
        if failed == 0 { Ok(()) } else { Err(PyErr::fetch(self.object.py())) }
    }

    pub fn done(self) -> Bound<'py, PyAny> {
        self.object
    }
}

/// The collector does not see the object from now on.
pub fn untrack(object: &Bound<'_, PyAny>) {
    // SAFETY: the object is live, of a class with the collector's header, and whole; one that is not tracked stays so.
    unsafe { ffi::PyObject_GC_UnTrack(object.as_ptr().cast()) };
}

/// Whether the dict has these keys in this order, the very objects, and no value is None.
pub fn has_keys(dict: &Bound<'_, PyDict>, keys: &[Py<PyString>]) -> bool {
    let (mut place, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    let mut expected = keys.iter();
    // SAFETY: the dict is live, and nothing changes it in between; what the function gives is borrowed, and looked at only.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut place, &raw mut key, &raw mut value) != 0 {
            let is = expected.next().is_some_and(|expected| expected.as_ptr() == key);
            if !is || value == ffi::Py_None() {
                return false;
            }
        }
    }
    expected.next().is_none()
}

/// A new set of the same elements; quicker than its method `copy`, which must be looked up.
pub fn copy_set<'py>(set: &Bound<'py, PySet>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the set is a live object; a null pointer with the exception set is turned into an error.
    unsafe { Bound::from_owned_ptr_or_err(set.py(), ffi::PySet_New(set.as_ptr())) }
}

/// The text with more behind it; extended in place, without a copy, if nobody else has it.
pub fn append<'py>(
    text: Bound<'py, PyString>,
    more: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyString>> {
    let py = text.py();
    let mut place = text.into_ptr();
    // SAFETY: `place` holds the one reference that was given up above. The function replaces it by a reference to the
    // result, or by null with the exception set, which is turned into an error.
    let joined = unsafe {
        ffi::PyUnicode_Append(&raw mut place, more.as_ptr());
        Bound::from_owned_ptr_or_err(py, place)?
    };
    Ok(joined.cast_into()?)
}

fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: the class is a live Python class made by a class statement with `object` as its only foreign base, for
    // which the generic allocation (zeroed, tracked by the collector) is what `object.__new__` does. A null pointer with
    // the exception set is turned into an error.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_type_ptr(), 0)) }
}

/// The same, but the collector does not know of the object: it need not look at it, again and again, as long as it lives.
fn allocate_unseen<'py>(class: &Bound<'py, PyType>, words: usize) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    // SAFETY: the class is as in `allocate`, and `bare_layout` found that its objects have the collector's header, and
    // `words` words with nothing but slots in them behind their own. The function sets the header and the reference count
    // alone; all slots are made empty before anybody sees the object. A null pointer is turned into an error before that.
    unsafe {
        let object: *mut ffi::PyObject = ffi::PyObject_GC_New(class.as_type_ptr());
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let slots = object.as_ptr().cast::<usize>().add(HEADER);
        slots.write_bytes(0, words - HEADER);
        Ok(object)
    }
}

/// The words of an object of this class, if they are slots all of them, and the collector would see it.
fn bare_layout(class: &Bound<'_, PyType>) -> PyResult<Option<usize>> {
    let py = class.py();
    let dict: isize = class.getattr(intern!(py, "__dictoffset__"))?.extract()?;
    let weak: isize = class.getattr(intern!(py, "__weakrefoffset__"))?.extract()?;
    // SAFETY: the class is a live type object.
    let flags = unsafe { ffi::PyType_GetFlags(class.as_type_ptr()) };
    let bare = dict == 0 && weak == 0 && flags & ffi::Py_TPFLAGS_HAVE_GC != 0;
    Ok(plain_layout(class)?.filter(|_| bare))
}

/// The number of words of an object of this class; None where its size is not fixed.
fn plain_layout(class: &Bound<'_, PyType>) -> PyResult<Option<usize>> {
    let py = class.py();
    let size: usize = class.getattr(intern!(py, "__basicsize__"))?.extract()?;
    let item: usize = class.getattr(intern!(py, "__itemsize__"))?.extract()?;
    let word = size_of::<usize>();
    Ok((item == 0 && size.is_multiple_of(word) && size > size_of::<ffi::PyObject>())
        .then_some(size / word))
}

/// `object.__setattr__`: what a class does on setting is left out.
fn set_plainly<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = object.py();
    let set = intern!(py, "__setattr__");
    py.get_type::<PyAny>().call_method1(set, (object, name, value)).map(|_| ())
}

/// The words of all slots; None unless each has one of its own.
fn find_all(class: &Bound<'_, PyType>, names: &[Py<PyString>]) -> PyResult<Option<Vec<usize>>> {
    let mut words = Vec::with_capacity(names.len());
    for name in names {
        match find(class, name.bind(class.py()))? {
            Some(word) if !words.contains(&word) => words.push(word),
            _ => return Ok(None),
        }
    }
    Ok(Some(words))
}

/// The one word of an object that holds what was set through Python as this slot.
fn find(class: &Bound<'_, PyType>, name: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
    let Some(words) = plain_layout(class)? else { return Ok(None) };
    let object = allocate(class)?;
    let marker = pyo3::types::PyList::empty(class.py());
    set_plainly(&object, name, marker.as_any())?;
    let found: Vec<usize> = (HEADER..words)
        .filter(|word| {
            // SAFETY: `word` lies inside the object, whose size is `__basicsize__` bytes; it is read as an address that
            // is compared and never followed.
            let address = unsafe { *object.as_ptr().cast::<*mut ffi::PyObject>().add(*word) };
            address == marker.as_ptr()
        })
        .collect();
    Ok(if let [word] = found[..] { Some(word) } else { None })
}

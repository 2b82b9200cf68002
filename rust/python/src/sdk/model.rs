//! One of the SDK's model classes: its fields, and how its objects are made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString, PyTuple, PyType};

use super::copy_dict;
use crate::slots::{SlotClass, copy_set, untrack};

/// The slots of a pydantic model, in the order in which they are set here.
const SLOTS: [&str; 3] = ["__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"];

/// More different sets of given fields than this are not kept.
const SETS: usize = 64;

pub struct Field {
    pub name: Py<PyString>,
    /// What the member is called on the wire.
    pub key: Box<str>,
    pub node: usize,
    /// The name differs from the key.
    pub aliased: bool,
}

pub struct Model {
    class: SlotClass,
    pub fields: Vec<Field>,
    /// One bit for each field that must be there.
    pub required: u64,
    /// The `__dict__` of an object without any member.
    template: Py<PyDict>,
    sets: Mutex<Vec<(u64, Py<PySet>)>>,
    last: Mutex<Option<Arc<Last>>>,
}

/// What an object is made of.
pub struct Parts<'py> {
    pub dict: Bound<'py, PyDict>,
    pub extra: Bound<'py, PyDict>,
    /// One bit for each field that was there.
    pub given: u64,
    /// Validation counts extra members as set too, construction does not.
    pub counted: bool,
}

/// The set of the latest object with extra members, and what it is of.
struct Last {
    given: u64,
    names: Vec<Py<PyString>>,
    set: Py<PySet>,
}

impl Model {
    /// From `("model", class, [(name, key, node, required, default), …])`.
    pub fn new(spec: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = spec.py();
        let class = spec.get_item(1)?.cast_into::<PyType>()?;
        let template = PyDict::new(py);
        let (mut fields, mut required) = (Vec::new(), 0_u64);
        for (place, field) in spec.get_item(2)?.try_iter()?.enumerate() {
            let (name, key, node, must, default): (String, String, usize, bool, Py<PyAny>) =
                field?.extract()?;
            if place >= 64 {
                return Err(PyValueError::new_err("a model of more than 64 fields"));
            }
            let (aliased, name) = (name != key, PyString::intern(py, &name));
            required |= u64::from(must) << place;
            template.set_item(&name, &default)?;
            fields.push(Field { name: name.unbind(), key: key.into(), node, aliased });
        }
        let class = SlotClass::new(&class, &SLOTS)?;
        Ok(Self {
            class,
            fields,
            required,
            template: template.unbind(),
            sets: Mutex::default(),
            last: Mutex::default(),
        })
    }

    /// The place of the field with this key, looked for from the place where it is expected.
    pub fn field(&self, key: &[u8], expected: usize) -> Option<usize> {
        let is = |field: &Field| field.key.as_bytes() == key;
        match self.fields.get(expected) {
            Some(field) if is(field) => Some(expected),
            _ => self.fields.iter().position(is),
        }
    }

    /// A member of this name would be taken for a field by some ways of building and not by others.
    pub fn is_hidden_name(&self, py: Python<'_>, key: &str) -> bool {
        self.fields.iter().any(|field| field.aliased && field.name.bind(py) == key)
    }

    /// The `__dict__` of an object, to be filled.
    pub fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        copy_dict(py, &self.template)
    }

    /// An object with this content.
    pub fn object<'py>(&self, parts: Parts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Parts { dict, extra, given, counted } = parts;
        let py = dict.py();
        let object = self.class.make(py)?;
        object.set_dict(&dict)?;
        let set = if counted && !extra.is_empty() {
            self.set_with(&extra, given)?
        } else {
            self.set_of(py, given)?
        };
        untrack(set.as_any()); // it holds names
        object.set(0, set.into_any())?;
        object.set(1, extra.into_any())?;
        object.set(2, py.None().into_bound(py))?;
        Ok(object.done())
    }

    pub fn is_of_class(&self, class: &Bound<'_, PyType>) -> bool {
        self.class.is(class)
    }

    /// The name of an extra member, where the latest object had the same one at this place.
    pub fn extra_name<'py>(
        &self,
        py: Python<'py>,
        place: usize,
        name: &str,
    ) -> Option<Bound<'py, PyString>> {
        let last = self.last();
        let known = last.as_ref()?.names.get(place)?.bind(py);
        known.to_str().is_ok_and(|text| text == name).then(|| known.clone())
    }

    /// The set of the given fields' names.
    fn set_of<'py>(&self, py: Python<'py>, given: u64) -> PyResult<Bound<'py, PySet>> {
        let is = |(of, _): &&(u64, Py<PySet>)| *of == given;
        let known = self.locked().iter().find(is).map(|(_, set)| set.clone_ref(py));
        if let Some(set) = known {
            return Ok(copy_set(set.bind(py))?.cast_into()?);
        }
        let set = PySet::empty(py)?;
        for (place, field) in self.fields.iter().enumerate() {
            if given & (1 << place) != 0 {
                set.add(field.name.bind(py))?;
            }
        }
        let copy = copy_set(&set)?.cast_into()?;
        let mut sets = self.locked();
        if sets.len() < SETS {
            sets.push((given, set.unbind()));
        }
        Ok(copy)
    }

    /// The same with the names of extra members, which are mostly those of the object before.
    fn set_with<'py>(&self, extra: &Bound<'py, PyDict>, given: u64) -> PyResult<Bound<'py, PySet>> {
        let py = extra.py();
        let last =
            self.last().filter(|last| last.given == given && last.names.len() == extra.len());
        if let Some(last) = last {
            let same = |(name, (key, _)): (&Py<PyString>, (Bound<'_, PyAny>, _))| {
                name.as_ptr() == key.as_ptr()
            };
            if last.names.iter().zip(extra.iter()).all(same) {
                return Ok(copy_set(last.set.bind(py))?.cast_into()?);
            }
        }
        let set = self.set_of(py, given)?;
        let mut names = Vec::with_capacity(extra.len());
        for (key, _) in extra.iter() {
            set.add(&key)?;
            names.push(key.cast_into::<PyString>()?.unbind());
        }
        let copy = copy_set(&set)?.cast_into()?;
        if names.len() <= SETS {
            let last = Last { given, names, set: set.unbind() };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(last));
        }
        Ok(copy)
    }

    fn last(&self) -> Option<Arc<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<(u64, Py<PySet>)>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

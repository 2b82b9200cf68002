//! One of the SDK's model classes: its fields, and the creation of its objects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString, PyTuple, PyType};

use crate::objects::cpython::{copy_set, set_dict, untrack};
use crate::objects::slots::SlotClass;

/// The slots of a pydantic model, and their indexes.
const SLOTS: [&str; 3] = ["__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"];
const FIELDS_SET: usize = 0;
const EXTRA: usize = 1;
const PRIVATE: usize = 2;

/// Number of cached `__pydantic_fields_set__`, and of names in a cached one with extra members.
const MAX_CACHED_SETS: usize = 64;

pub struct Field {
    pub name: Py<PyString>,
    /// The name of the member on the wire.
    pub key: Box<str>,
    pub node: usize,
    /// The name differs from the key.
    pub aliased: bool,
}

/// A class of models, whose objects are filled in memory.
pub struct ModelClass(SlotClass);

impl ModelClass {
    pub fn new(class: &Bound<'_, PyType>) -> PyResult<Self> {
        Ok(Self(SlotClass::new(class, &SLOTS)?))
    }

    pub fn is(&self, class: &Bound<'_, PyType>) -> bool {
        self.0.is(class)
    }

    pub fn is_of(&self, object: &Bound<'_, PyAny>) -> bool {
        self.0.is(&object.get_type())
    }

    /// A new object with a copy of the set.
    pub fn object<'py>(
        &self,
        dict: &Bound<'py, PyDict>,
        extra: Option<Bound<'py, PyDict>>,
        fields_set: &Bound<'py, PySet>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let set = copy_set(fields_set)?.cast_into()?;
        self.with_set(dict, extra, set)
    }

    fn with_set<'py>(
        &self,
        dict: &Bound<'py, PyDict>,
        extra: Option<Bound<'py, PyDict>>,
        set: Bound<'py, PySet>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = dict.py();
        let new = self.0.create(py)?;
        untrack(set.as_any()); // its elements are strings
        new.set(FIELDS_SET, set.into_any())?;
        new.set(EXTRA, extra.map_or_else(|| py.None().into_bound(py), Bound::into_any))?;
        new.set(PRIVATE, py.None().into_bound(py))?;
        let object = new.finish();
        set_dict(&object, dict)?;
        Ok(object)
    }

    /// The `__pydantic_fields_set__` and the `__pydantic_extra__` of an object of this class without private members.
    pub fn state<'py>(
        &self,
        object: &Bound<'py, PyAny>,
    ) -> Option<(Bound<'py, PySet>, Option<Bound<'py, PyDict>>)> {
        let set = self.0.get(object, FIELDS_SET)?.cast_into_exact().ok()?;
        self.0.get(object, PRIVATE).filter(PyAnyMethods::is_none)?;
        let extra = self.0.get(object, EXTRA)?;
        let extra = if extra.is_none() { None } else { Some(extra.cast_into_exact().ok()?) };
        Some((set, extra))
    }
}

pub struct Model {
    pub class: Arc<ModelClass>,
    pub fields: Vec<Field>,
    /// One bit per field that must be present.
    pub required: u64,
    /// The `__dict__` of an object without any member.
    defaults: Py<PyDict>,
    /// Sets of names, by the bits of their fields.
    sets: Mutex<Vec<(u64, Py<PySet>)>>,
    last_with_extra: Mutex<Option<Arc<SetWithExtra>>>,
}

/// The parts of an object.
pub struct ObjectParts<'py> {
    pub dict: Bound<'py, PyDict>,
    pub extra: Bound<'py, PyDict>,
    /// One bit per field that is present.
    pub present: u64,
    /// Whether extra members belong to `__pydantic_fields_set__`: validation adds them, construction does not.
    pub extra_is_set: bool,
}

/// The `__pydantic_fields_set__` of the latest object with extra members.
struct SetWithExtra {
    present: u64,
    extra_names: Vec<Py<PyString>>,
    set: Py<PySet>,
}

impl Model {
    /// From `("model", class, [(name, key, node, required, default), …])`.
    pub fn new(spec: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = spec.py();
        let class = spec.get_item(1)?.cast_into::<PyType>()?;
        let defaults = PyDict::new(py);
        let (mut fields, mut required) = (Vec::new(), 0_u64);
        for (index, field) in spec.get_item(2)?.try_iter()?.enumerate() {
            let (name, key, node, is_required, default): (String, String, usize, bool, Py<PyAny>) =
                field?.extract()?;
            if index >= 64 {
                return Err(PyValueError::new_err("a model may not have more than 64 fields"));
            }
            let (aliased, name) = (name != key, PyString::intern(py, &name));
            required |= u64::from(is_required) << index;
            defaults.set_item(&name, &default)?;
            fields.push(Field { name: name.unbind(), key: key.into(), node, aliased });
        }
        let class = Arc::new(ModelClass::new(&class)?);
        Ok(Self {
            class,
            fields,
            required,
            defaults: defaults.unbind(),
            sets: Mutex::default(),
            last_with_extra: Mutex::default(),
        })
    }

    /// The index of the field with this key. `expected`: the index that is tried first.
    pub fn field(&self, key: &[u8], expected: usize) -> Option<usize> {
        let is = |field: &Field| field.key.as_bytes() == key;
        match self.fields.get(expected) {
            Some(field) if is(field) => Some(expected),
            _ => self.fields.iter().position(is),
        }
    }

    /// Whether this is the name, but not the key, of a field. Some ways of building treat such a member as the field, others
    /// do not.
    pub fn is_name_behind_alias(&self, py: Python<'_>, key: &str) -> bool {
        self.fields.iter().any(|field| field.aliased && field.name.bind(py) == key)
    }

    /// A new `__dict__` with the defaults of all fields.
    pub fn new_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.defaults.bind(py).copy()
    }

    /// A new object of these parts.
    pub fn object<'py>(&self, parts: ObjectParts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ObjectParts { dict, extra, present, extra_is_set } = parts;
        let py = dict.py();
        let set = if extra_is_set && !extra.is_empty() {
            self.set_with_extra(&extra, present)?
        } else {
            self.fields_set(py, present)?
        };
        self.class.with_set(&dict, Some(extra), set)
    }

    pub fn is_of_class(&self, class: &Bound<'_, PyType>) -> bool {
        self.class.is(class)
    }

    /// The string of an extra member's name, if the latest object with extra members had the same name at this position.
    pub fn cached_extra_name<'py>(
        &self,
        py: Python<'py>,
        position: usize,
        name: &str,
    ) -> Option<Bound<'py, PyString>> {
        let last = self.last_with_extra();
        let cached = last.as_ref()?.extra_names.get(position)?.bind(py);
        cached.to_str().is_ok_and(|text| text == name).then(|| cached.clone())
    }

    /// A new set of the names of the fields that are present.
    fn fields_set<'py>(&self, py: Python<'py>, present: u64) -> PyResult<Bound<'py, PySet>> {
        let is = |(bits, _): &&(u64, Py<PySet>)| *bits == present;
        let cached = self.sets().iter().find(is).map(|(_, set)| set.clone_ref(py));
        if let Some(set) = cached {
            return Ok(copy_set(set.bind(py))?.cast_into()?);
        }
        let set = PySet::empty(py)?;
        for (index, field) in self.fields.iter().enumerate() {
            if present & (1 << index) != 0 {
                set.add(field.name.bind(py))?;
            }
        }
        let copy = copied_fast(&set)?;
        let mut sets = self.sets();
        if sets.len() < MAX_CACHED_SETS {
            sets.push((present, copy.unbind()));
        }
        Ok(set)
    }

    /// Like `fields_set`, with the names of extra members, which are usually those of the object before.
    fn set_with_extra<'py>(
        &self,
        extra: &Bound<'py, PyDict>,
        present: u64,
    ) -> PyResult<Bound<'py, PySet>> {
        let py = extra.py();
        let fits = |last: &Arc<SetWithExtra>| {
            last.present == present && last.extra_names.len() == extra.len()
        };
        if let Some(last) = self.last_with_extra().filter(fits) {
            let same = |(name, (key, _)): (&Py<PyString>, (Bound<'_, PyAny>, _))| {
                name.as_ptr() == key.as_ptr()
            };
            if last.extra_names.iter().zip(extra.iter()).all(same) {
                return Ok(copy_set(last.set.bind(py))?.cast_into()?);
            }
        }
        let set = self.fields_set(py, present)?;
        let mut extra_names = Vec::with_capacity(extra.len());
        for (key, _) in extra.iter() {
            set.add(&key)?;
            extra_names.push(key.cast_into::<PyString>()?.unbind());
        }
        if extra_names.len() <= MAX_CACHED_SETS {
            let last = SetWithExtra { present, extra_names, set: copied_fast(&set)?.unbind() };
            *self.last_with_extra.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Arc::new(last));
        }
        Ok(set)
    }

    fn last_with_extra(&self) -> Option<Arc<SetWithExtra>> {
        self.last_with_extra.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sets(&self) -> MutexGuard<'_, Vec<(u64, Py<PySet>)>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A set of the same elements that is copied faster: its table has the size that the table of a copy has.
pub fn copied_fast<'py>(set: &Bound<'py, PySet>) -> PyResult<Bound<'py, PySet>> {
    Ok(copy_set(set)?.cast_into()?)
}

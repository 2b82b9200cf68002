//! Classes of the SDK's helpers: events that are made of members, and messages of which copies are made.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyType};

use super::copies::{DictPart, ModelPart, Part};
use super::model::{ModelClass, copied_fast};
use crate::objects::cpython::dict_of;

/// Makes objects like one of the SDK's: of its class, with the same names in `__pydantic_fields_set__`, without extra members.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkClass {
    class: ModelClass,
    fields_set: Py<PySet>,
}

#[pymethods]
impl SdkClass {
    #[new]
    fn new(model: &Bound<'_, PyAny>) -> PyResult<Self> {
        let class = ModelClass::new(&model.get_type())?;
        let fields_set = model.getattr("__pydantic_fields_set__")?;
        let fields_set = copied_fast(fields_set.cast()?)?.unbind();
        Ok(Self { class, fields_set })
    }

    /// The object with these members; the dict becomes that of the object.
    pub fn build<'py>(&self, members: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let py = members.py();
        self.class.object(members, Some(PyDict::new(py)), self.fields_set.bind(py))
    }
}

/// The classes of the models that are copied; each is prepared once.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkClasses {
    classes: Mutex<Vec<(Py<PyType>, Arc<ModelClass>)>>,
    shared: Vec<Py<PyString>>,
}

#[pymethods]
impl SdkClasses {
    /// `shared`: the names of members whose values all copies share, whatever they are.
    #[new]
    fn new(shared: Vec<Bound<'_, PyString>>) -> Self {
        let shared = shared.into_iter().map(Bound::unbind).collect();
        Self { classes: Mutex::default(), shared }
    }
}

/// The way to a value inside of another one: the names of members, and the indexes of elements.
pub type Path<'a, 'py> = &'a [Bound<'py, PyAny>];

impl SdkClasses {
    fn class(&self, class: &Bound<'_, PyType>) -> PyResult<Arc<ModelClass>> {
        let known = |classes: &[(Py<PyType>, Arc<ModelClass>)]| {
            let found = classes.iter().find(|(known, _)| known.is(class));
            found.map(|(_, found)| Arc::clone(found))
        };
        if let Some(found) = known(&self.classes.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let made = Arc::new(ModelClass::new(class)?); // runs Python code, so that the lock may not be held
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        classes.push((class.clone().unbind(), Arc::clone(&made)));
        Ok(made)
    }

    fn is_shared(&self, name: &Bound<'_, PyString>) -> bool {
        self.shared.iter().any(|shared| name.as_any().eq(shared).unwrap_or(false))
    }

    /// The parts of a value, with holes at the ends of these paths. None if it has other objects than models, lists, dicts and
    /// scalars.
    pub fn part<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        holes: &[(usize, Path<'_, 'py>)],
    ) -> PyResult<Option<Part>> {
        if let Some((number, _)) = holes.iter().find(|(_, path)| path.is_empty()) {
            return Ok(Some(Part::Hole(*number)));
        }
        if is_scalar(object) {
            return Ok(Some(Part::Shared(object.clone().unbind())));
        }
        if let Ok(list) = object.cast_exact::<PyList>() {
            let mut parts = Vec::with_capacity(list.len());
            for (index, value) in list.iter().enumerate() {
                let index = index.into_pyobject(list.py())?;
                let Some(part) = self.part(&value, &inside(holes, index.as_any())?)? else {
                    return Ok(None);
                };
                parts.push(part);
            }
            return Ok(Some(Part::List(parts)));
        }
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            return Ok(self.dict(dict, holes)?.map(Part::Dict));
        }
        self.model(object, holes)
    }

    fn model<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        holes: &[(usize, Path<'_, 'py>)],
    ) -> PyResult<Option<Part>> {
        if !object.hasattr("__pydantic_fields_set__")? {
            return Ok(None);
        }
        let class = self.class(&object.get_type())?;
        let Some((fields_set, extra)) = class.state(object) else { return Ok(None) };
        let Some(members) = self.dict(&dict_of(object)?, holes)? else { return Ok(None) };
        let extra = match extra {
            None => None,
            Some(extra) => match self.dict(&extra, holes)? {
                None => return Ok(None),
                made => made,
            },
        };
        let fields_set = copied_fast(&fields_set)?.unbind();
        Ok(Some(Part::Model(Box::new(ModelPart { class, members, extra, fields_set }))))
    }

    fn dict<'py>(
        &self,
        dict: &Bound<'py, PyDict>,
        holes: &[(usize, Path<'_, 'py>)],
    ) -> PyResult<Option<DictPart>> {
        let mut inner = Vec::new();
        for (name, value) in dict.iter() {
            let Ok(name) = name.cast_into_exact::<PyString>() else { return Ok(None) };
            let holes = inside(holes, name.as_any())?;
            if holes.is_empty() && self.is_shared(&name) {
                continue;
            }
            match self.part(&value, &holes)? {
                None => return Ok(None),
                Some(Part::Shared(_)) => {}
                Some(part) => inner.push((name.unbind(), part)),
            }
        }
        DictPart::new(dict, inner).map(Some)
    }
}

/// The paths that go on under a name, or at an index, from there.
fn inside<'a, 'py>(
    holes: &[(usize, Path<'a, 'py>)],
    step: &Bound<'py, PyAny>,
) -> PyResult<Vec<(usize, Path<'a, 'py>)>> {
    let mut found = Vec::new();
    for (number, path) in holes {
        if let [first, rest @ ..] = path
            && first.eq(step)?
        {
            found.push((*number, rest));
        }
    }
    Ok(found)
}

fn is_scalar(object: &Bound<'_, PyAny>) -> bool {
    object.is_none()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
}

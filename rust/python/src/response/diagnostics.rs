//! The Python objects of diagnostics, which are created once however often a list of them is read.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyList;
use respstream_core::diagnostics::Diagnostic;

use crate::convert;
use crate::interpreter::lock;

/// The objects of a list of diagnostics that grows. One is created again if the id of its response changes.
#[derive(Default)]
pub struct DiagnosticObjects {
    objects: Vec<Py<PyAny>>,
    /// The response id of each object.
    ids: Vec<Option<String>>,
}

impl DiagnosticObjects {
    /// The diagnostics without a current object, with their indexes.
    fn outdated(&self, diagnostics: &[Diagnostic]) -> Vec<(usize, Diagnostic)> {
        let is_current = |place: usize, id: Option<&str>| {
            self.ids.get(place).is_some_and(|known| known.as_deref() == id)
        };
        let places = diagnostics.iter().enumerate();
        places
            .filter(|(place, found)| !is_current(*place, found.response_id.as_deref()))
            .map(|(place, found)| (place, found.clone()))
            .collect()
    }

    /// Stores a new object; returns the one that it replaces.
    fn set(&mut self, place: usize, id: Option<String>, object: Py<PyAny>) -> Option<Py<PyAny>> {
        if let (Some(old_id), Some(old)) = (self.ids.get_mut(place), self.objects.get_mut(place)) {
            *old_id = id;
            return Some(std::mem::replace(old, object));
        }
        self.ids.push(id);
        self.objects.push(object);
        None
    }

    /// A list of `respstream.diagnostics.Diagnostic`. `read` passes the diagnostics to its argument, under their own lock.
    ///
    /// `made` is locked last, and only while no Python code runs: creating and dropping objects can run finalizers.
    pub fn list<'py>(
        py: Python<'py>,
        made: &Mutex<Self>,
        read: impl Fn(&mut dyn FnMut(&[Diagnostic])) -> PyResult<()>,
    ) -> PyResult<Bound<'py, PyList>> {
        loop {
            let (mut outdated, mut objects, mut count) = (Vec::new(), Vec::new(), 0);
            read(&mut |diagnostics| {
                let known = lock(py, made);
                outdated = known.outdated(diagnostics);
                count = known.ids.len();
                if outdated.is_empty() {
                    objects.extend(known.objects.iter().map(|object| object.clone_ref(py)));
                }
            })?;
            if outdated.is_empty() {
                return PyList::new(py, objects);
            }
            for (_, found) in &outdated {
                objects.push(convert::diagnostic(py, found)?.unbind());
            }
            let mut known = lock(py, made);
            let mut replaced = Vec::new();
            // Otherwise another thread stored some meanwhile.
            if known.ids.len() == count {
                for ((place, found), object) in outdated.into_iter().zip(objects) {
                    replaced.extend(known.set(place, found.response_id, object));
                }
            }
            drop(known);
            drop(replaced);
        }
    }
}

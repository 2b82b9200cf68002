//! The items of batches as one iterator.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

/// The items of the iterables that an iterator returns, one after the other, without a step of Python for each.
///
/// Unlike `itertools.chain.from_iterable` it goes on after an error: a second thread that asks while the first one reads gets
/// `ValueError`, as from a generator, and the first one loses nothing.
#[pyclass(module = "respstream._native")]
pub struct Items {
    batches: Option<Py<PyIterator>>,
    batch: Option<Py<PyIterator>>,
}

/// The items of the iterables that `batches` returns.
#[pyfunction]
pub fn items_of(batches: &Bound<'_, PyAny>) -> PyResult<Items> {
    Ok(Items { batches: Some(batches.try_iter()?.unbind()), batch: None })
}

#[pymethods]
impl Items {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(this: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = this.py();
        let Ok(mut items) = this.try_borrow_mut() else {
            return Err(PyValueError::new_err("generator already executing"));
        };
        loop {
            if let Some(batch) = &items.batch {
                if let Some(item) = batch.bind(py).clone().next() {
                    return item.map(Some);
                }
                items.batch = None;
            }
            let Some(batches) = &items.batches else { return Ok(None) };
            let Some(batch) = batches.bind(py).clone().next() else { return Ok(None) };
            items.batch = Some(batch?.try_iter()?.unbind());
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.batches)?;
        visit.call(&self.batch)
    }

    fn __clear__(&mut self) {
        self.batches = None;
        self.batch = None;
    }
}

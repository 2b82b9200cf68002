//! The events of `messages.stream()`, without a step of Python for deltas that only continue a block.

use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, intern};

use super::block_run::SdkBlockRun;

/// An iterator over the events of the reader, like a generator: an error ends it, and asking while it is running raises `ValueError`.
#[pyclass(module = "respstream._native")]
pub struct SdkBlockEvents {
    /// What gives the events of the stream when the first one is read; None after the end.
    open: Option<Py<PyAny>>,
    source: Option<Py<PyIterator>>,
    /// Has the method `events` for events that do not only continue a block, and the attribute `run`, of which they set the next.
    accumulator: Option<Py<PyAny>>,
    run: Option<Py<SdkBlockRun>>,
    /// What the latest event of the stream gives besides itself.
    made: Option<Py<PyAny>>,
    /// The other events that the latest event of the stream gives.
    others: Option<Py<PyIterator>>,
}

#[pymethods]
impl SdkBlockEvents {
    #[new]
    fn new(source: Py<PyAny>, accumulator: Py<PyAny>) -> Self {
        let accumulator = Some(accumulator);
        Self { open: Some(source), source: None, accumulator, run: None, made: None, others: None }
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(this: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(mut events) = this.try_borrow_mut() else {
            return Err(PyValueError::new_err("generator already executing"));
        };
        let next = events.next(this.py());
        if !matches!(next, Ok(Some(_))) {
            events.__clear__();
        }
        next
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.open)?;
        visit.call(&self.source)?;
        visit.call(&self.accumulator)?;
        visit.call(&self.run)?;
        visit.call(&self.made)?;
        visit.call(&self.others)
    }

    fn __clear__(&mut self) {
        *self = Self {
            open: None,
            source: None,
            accumulator: None,
            run: None,
            made: None,
            others: None,
        };
    }
}

impl SdkBlockEvents {
    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(made) = self.made.take() {
            return Ok(Some(made.into_bound(py)));
        }
        loop {
            if let Some(others) = &self.others {
                if let Some(event) = others.bind(py).clone().next() {
                    return event.map(Some);
                }
                self.others = None;
            }
            let Some(event) = self.read(py)? else { return Ok(None) };
            if let Some(run) = &self.run
                && let Some(made) = run.bind(py).try_borrow_mut()?.made_of(&event)?
            {
                self.made = Some(made.unbind());
                return Ok(Some(event));
            }
            self.add(&event)?;
        }
    }

    /// The next event of the stream.
    fn read<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.source.is_none() {
            let Some(open) = &self.open else { return Ok(None) };
            self.source = Some(open.bind(py).call0()?.try_iter()?.unbind());
        }
        let source = self.source.as_ref().map(|source| source.bind(py).clone());
        source.and_then(|mut source| source.next()).transpose()
    }

    /// Adds an event that does not only continue the block.
    fn add(&mut self, event: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = event.py();
        let Some(accumulator) = &self.accumulator else { return Ok(()) };
        let accumulator = accumulator.bind(py);
        let events = accumulator.call_method1(intern!(py, "events"), (event,))?;
        self.others = Some(events.try_iter()?.unbind());
        let run: Option<Bound<'_, SdkBlockRun>> =
            accumulator.getattr(intern!(py, "run"))?.extract()?;
        self.run = run.map(Bound::unbind);
        Ok(())
    }
}

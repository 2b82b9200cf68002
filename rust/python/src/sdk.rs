//! The openai SDK's own event objects, built natively.
//!
//! Python derives a plan for each event type from the SDK's model classes and adds it to an [`SdkPlan`]; an [`SdkReader`]
//! turns the bytes of one stream into events. What has no plan, or is not surely what the SDK would make, goes back to
//! Python as text, for the SDK to do: `(event name or None, data)`. From a byte on whose framing is out of the ordinary
//! all that follows goes back as `bytes`.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

mod blocks;
mod build;
mod latest;
mod members;
mod model;
mod plan;
mod stamp;

use blocks::{Block, Blocks};
use build::{Builder, Memory};
use plan::Table;

pub use stamp::{SdkDraft, SdkRun, SdkStamp};

/// How the events of each type are built. It grows while it is used; readers see what was there when they were fed.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkPlan(Mutex<Arc<Table>>);

impl SdkPlan {
    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl SdkPlan {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Arc::new(Table::default())))
    }

    /// Appends nodes (tuples of a kind and its arguments) to those there are; each is known by its place.
    fn extend(&self, nodes: &Bound<'_, PyList>) -> PyResult<()> {
        let mut table = Table::clone(&self.table());
        for node in nodes {
            table.push(&node)?;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        Ok(())
    }

    /// Events of this type are built by this node from now on; with None, by the SDK.
    #[pyo3(signature = (kind, node))]
    fn set_event(&self, kind: &str, node: Option<usize>) {
        let mut table = Table::clone(&self.table());
        match node {
            Some(node) => table.events.insert(kind.into(), node),
            None => table.events.remove(kind),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    /// What the node makes of one JSON text as the SDK would; None where that is not sure.
    fn build<'py>(
        &self,
        py: Python<'py>,
        node: usize,
        text: &[u8],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let table = self.table();
        Builder::new(py, &table, &mut Memory::default()).whole(node, text)
    }
}

/// Reads one stream.
#[pyclass(module = "respstream._native")]
pub struct SdkReader {
    plan: Py<SdkPlan>,
    blocks: Blocks,
    memory: Memory,
    drafts: Vec<String>,
    /// The plans that the memory is of.
    table: Option<Arc<Table>>,
}

#[pymethods]
impl SdkReader {
    /// `drafts`: the types whose events are to come as drafts, for an `SdkRun` to take.
    #[new]
    #[pyo3(signature = (plan, drafts = Vec::new()))]
    fn new(plan: Py<SdkPlan>, drafts: Vec<String>) -> Self {
        Self { plan, blocks: Blocks::default(), memory: Memory::default(), drafts, table: None }
    }

    /// The events that a chunk completes: a list of event objects, or a tuple where texts or bytes are among them.
    fn feed<'py>(&mut self, py: Python<'py>, chunk: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let table = self.plan.get().table();
        if !self.table.as_ref().is_some_and(|known| Arc::ptr_eq(known, &table)) {
            self.memory.forget();
            self.table = Some(Arc::clone(&table));
        }
        let mut builder = Builder::new(py, &table, &mut self.memory);
        let list = PyList::empty(py);
        let mut odd = false;
        let mut error = None;
        let drafts = &self.drafts;
        self.blocks.feed(chunk, &mut |block| match item(&mut builder, &block, drafts).and_then(
            |(item, plain)| {
                odd |= !plain;
                list.append(item)
            },
        ) {
            Ok(()) => true,
            Err(raised) => {
                error = Some(raised);
                false
            }
        });
        match error {
            Some(error) => Err(error),
            None if odd => Ok(PyTuple::new(py, list.iter())?.into_any()),
            None => Ok(list.into_any()),
        }
    }

    /// The bytes of the block that is not complete.
    #[getter]
    fn rest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.blocks.rest())
    }
}

/// What a block gives, and whether it is an event.
fn item<'py>(
    builder: &mut Builder<'_, 'py>,
    block: &Block<'_>,
    drafts: &[String],
) -> PyResult<(Bound<'py, PyAny>, bool)> {
    let py = builder.py;
    match *block {
        Block::Odd(rest) => Ok((PyBytes::new(py, rest).into_any(), false)),
        Block::Event { name, data } => {
            if let Some(event) = builder.event(name, data, drafts)? {
                return Ok((event, true));
            }
            let text = |bytes| PyString::from_bytes(py, bytes);
            Ok(((name.map(text).transpose()?, text(data)?).into_pyobject(py)?.into_any(), false))
        }
    }
}

/// A copy of a dict that nobody else has.
fn copy_dict<'py>(py: Python<'py>, dict: &Py<PyDict>) -> PyResult<Bound<'py, PyDict>> {
    dict.bind(py).copy()
}

//! The class `SdkReader`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use super::builder::{Builder, BuilderCache};
use super::framing::{Block, BlockFramer};
use super::nodes::NodeTable;
use super::plan::SdkPlan;

/// Reads one stream.
#[pyclass(module = "respstream._native")]
pub struct SdkReader {
    plan: Py<SdkPlan>,
    framer: BlockFramer,
    cache: BuilderCache,
    drafts: Vec<String>,
    named: bool,
    /// The nodes that the cache was filled from.
    table: Option<Arc<NodeTable>>,
}

#[pymethods]
impl SdkReader {
    /// `drafts`: the event types that are returned as drafts, for an `SdkDeltaRun`. `named`: messages without a name, and those
    /// named `ping` or `error`, are for the SDK.
    #[new]
    #[pyo3(signature = (plan, drafts = Vec::new(), named = false))]
    fn new(plan: Py<SdkPlan>, drafts: Vec<String>, named: bool) -> Self {
        let (framer, cache) = (BlockFramer::default(), BuilderCache::default());
        Self { plan, framer, cache, drafts, named, table: None }
    }

    /// The events that a chunk completes: a list of event objects, or a tuple if texts or bytes for the SDK are among them.
    fn feed<'py>(&mut self, py: Python<'py>, chunk: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let table = self.plan.get().table();
        if !self.table.as_ref().is_some_and(|previous| Arc::ptr_eq(previous, &table)) {
            self.cache.clear();
            self.table = Some(Arc::clone(&table));
        }
        let mut builder = Builder::new(py, &table, &mut self.cache);
        let list = PyList::empty(py);
        let mut only_events = true;
        let mut error = None;
        let (drafts, named) = (&self.drafts, self.named);
        self.framer.feed(chunk, &mut |block| {
            let appended =
                item(&mut builder, &block, drafts, named).and_then(|(item, is_event)| {
                    only_events &= is_event;
                    list.append(item)
                });
            error = appended.err();
            error.is_none()
        });
        match error {
            Some(error) => Err(error),
            None if only_events => Ok(list.into_any()),
            None => Ok(PyTuple::new(py, list.iter())?.into_any()),
        }
    }

    /// The bytes of the incomplete block.
    #[getter]
    fn rest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.framer.rest())
    }
}

/// The item that a block adds to the result, and whether it is an event.
fn item<'py>(
    builder: &mut Builder<'_, 'py>,
    block: &Block<'_>,
    drafts: &[String],
    named: bool,
) -> PyResult<(Bound<'py, PyAny>, bool)> {
    let py = builder.py;
    match *block {
        Block::Unsupported(rest) => Ok((PyBytes::new(py, rest).into_any(), false)),
        Block::Message { name, data } => {
            let is_event = !named || name.is_some_and(|name| name != b"ping" && name != b"error");
            if is_event && let Some(event) = builder.event(name, data, drafts)? {
                return Ok((event, true));
            }
            let text = |bytes| PyString::from_bytes(py, bytes);
            Ok(((name.map(text).transpose()?, text(data)?).into_pyobject(py)?.into_any(), false))
        }
    }
}

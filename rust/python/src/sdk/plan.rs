//! The class `SdkPlan`.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::builder::{Builder, BuilderCache};
use super::error::{BuildError, Built, certain};
use super::events::EventBuilder;
use super::nodes::{EventPlan, NodeTable};

/// The number of builders that are kept for further streams.
const KEPT_BUILDERS: usize = 4;

/// How the events of each type are built. It may change while readers use it; a reader sees its state as of each `feed`.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkPlan {
    table: Mutex<Arc<NodeTable>>,
    builders: Mutex<Vec<EventBuilder>>,
}

impl SdkPlan {
    pub fn table(&self) -> Arc<NodeTable> {
        Arc::clone(&self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A builder that knows the events of an earlier stream, or a new one.
    pub fn take_builder(&self) -> EventBuilder {
        self.builders.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps a builder for a further stream.
    pub fn keep_builder(&self, mut builder: EventBuilder) {
        builder.shrink();
        let mut builders = self.builders.lock().unwrap_or_else(PoisonError::into_inner);
        if builders.len() < KEPT_BUILDERS {
            builders.push(builder);
        }
    }

    fn object<'py>(&self, py: Python<'py>, node: usize, text: &[u8], alone: bool) -> Built<'py> {
        Builder::new(py, &self.table(), &mut BuilderCache::default()).object(node, text, alone)
    }

    fn replace(&self, table: NodeTable) {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

#[pymethods]
impl SdkPlan {
    /// `validates`: the SDK validates events, and constructs those that do not validate; without it, it constructs all.
    #[new]
    #[pyo3(signature = (validates = true))]
    fn new(validates: bool) -> Self {
        let table = Mutex::new(Arc::new(NodeTable::new(validates)));
        Self { table, builders: Mutex::default() }
    }

    /// Appends nodes, tuples of a kind and its arguments. A node is identified by its index.
    fn extend(&self, nodes: &Bound<'_, PyList>) -> PyResult<()> {
        let mut table = NodeTable::clone(&self.table());
        for node in nodes {
            table.push(&node)?;
        }
        self.replace(table);
        Ok(())
    }

    /// Builds events of this type from this node from now on; with None, the SDK builds them. With `alone` only those that validate
    /// without a function of the SDK.
    #[pyo3(signature = (kind, node, alone = false))]
    fn set_event(&self, kind: &str, node: Option<usize>, alone: bool) {
        let mut table = NodeTable::clone(&self.table());
        match node {
            Some(node) => table.events.insert(kind.into(), EventPlan { node, alone }),
            None => table.events.remove(kind),
        };
        self.replace(table);
    }

    /// Builds a JSON object from a node as the SDK would, with `alone` as for an event. None if the result is not certain.
    #[pyo3(signature = (node, text, alone = false))]
    fn build<'py>(
        &self,
        py: Python<'py>,
        node: usize,
        text: &[u8],
        alone: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        certain(self.object(py, node, text, alone))
    }

    /// Whether an object is not built with `alone`, but may be without.
    fn needs_sdk(&self, py: Python<'_>, node: usize, text: &[u8]) -> bool {
        matches!(self.object(py, node, text, true), Err(BuildError::Invalid))
    }
}

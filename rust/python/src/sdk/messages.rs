//! The class `SdkMessages`.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::builder::{Builder, BuilderCache};
use super::nodes::NodeTable;
use super::plan::SdkPlan;

/// Builds the events of messages that contain one event each, such as the frames of a WebSocket.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkMessages {
    plan: Py<SdkPlan>,
    latest: Mutex<Latest>,
}

/// What a message leaves for the next one.
#[derive(Default)]
struct Latest {
    cache: BuilderCache,
    /// The nodes that the cache was filled from.
    table: Option<Arc<NodeTable>>,
}

#[pymethods]
impl SdkMessages {
    #[new]
    fn new(plan: Py<SdkPlan>) -> Self {
        Self { plan, latest: Mutex::default() }
    }

    /// The event of a message, `str` or `bytes`; None if the SDK must build it.
    fn event<'py>(&self, message: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = message.py();
        if let Ok(text) = message.cast::<PyString>() {
            // Not valid with lone surrogates, which the SDK reads.
            return text.to_str().map_or(Ok(None), |text| self.build(py, text.as_bytes()));
        }
        match message.cast::<PyBytes>() {
            Ok(bytes) if std::str::from_utf8(bytes.as_bytes()).is_ok() => {
                self.build(py, bytes.as_bytes())
            }
            _ => Ok(None),
        }
    }
}

impl SdkMessages {
    fn build<'py>(&self, py: Python<'py>, text: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let table = self.plan.get().table();
        // Building may run Python code, and with it other threads: a second message at that time uses a cache of its own.
        let Ok(mut latest) = self.latest.try_lock() else {
            return Builder::new(py, &table, &mut BuilderCache::default()).event(None, text, &[]);
        };
        if !latest.table.as_ref().is_some_and(|previous| Arc::ptr_eq(previous, &table)) {
            latest.cache.clear();
            latest.table = Some(Arc::clone(&table));
        }
        Builder::new(py, &table, &mut latest.cache).event(None, text, &[])
    }
}

//! The class `SdkMessages`.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::events::EventBuilder;
use super::plan::SdkPlan;

/// Builds the events of messages that contain one event each, such as the frames of a WebSocket.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkMessages {
    plan: Py<SdkPlan>,
    events: Mutex<EventBuilder>,
}

#[pymethods]
impl SdkMessages {
    #[new]
    fn new(plan: Py<SdkPlan>) -> Self {
        Self { plan, events: Mutex::default() }
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
        let (mut shared, mut own) = (self.events.try_lock().ok(), EventBuilder::default());
        let events = shared.as_deref_mut().unwrap_or(&mut own);
        events.use_table(table);
        events.event(py, None, text, &[])
    }
}

//! A text that grows by deltas, whose state after each delta is given away.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::objects::cpython::append_str;

/// The text is built in two strings that are extended alternately. A consumer usually keeps its latest event alive, and with it
/// the newer string; the older one has no other reference, so `CPython` can extend it in place.
pub struct GrowingText {
    /// The text without the last delta.
    older: Option<Py<PyString>>,
    /// The text so far.
    newer: Py<PyString>,
    /// The part of `newer` that is not in `older`.
    last_delta: Py<PyString>,
}

impl GrowingText {
    pub fn new(text: &Bound<'_, PyString>) -> Self {
        let newer = text.clone().unbind();
        Self { older: None, last_delta: newer.clone_ref(text.py()), newer }
    }

    /// The text so far.
    pub fn text(&self) -> &Py<PyString> {
        &self.newer
    }

    /// The text with one more delta.
    pub fn append<'py>(&mut self, delta: Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
        let py = delta.py();
        let older =
            self.older.take().map_or_else(|| PyString::new(py, ""), |older| older.into_bound(py));
        let text = append_str(append_str(older, self.last_delta.bind(py))?, &delta)?;
        self.older = Some(std::mem::replace(&mut self.newer, text.clone().unbind()));
        self.last_delta = delta.unbind();
        Ok(text)
    }
}

//! `respstream_core::frames` for the tests.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use respstream_core::diagnostics::Note;
use respstream_core::frames::{Form, Frame, FrameSink, Framer, OnEof, Options};

use crate::convert;

/// The output of the framer for a source cut into these chunks.
///
/// A list of `("frame", data, name, offset, end, line, what, missing, unfinished, members)`,
/// `("note", code, offset, length, line, detail)` and `("done",)`; `members` is the number of top-level members if the
/// framer checked the payload and found it valid and within the limits, else `None`.
#[pyfunction]
#[pyo3(signature = (chunks, form = "auto", on_eof = "flush", limit = None, force_slow = false))]
pub fn frame<'py>(
    py: Python<'py>,
    chunks: Vec<Vec<u8>>,
    form: &str,
    on_eof: &str,
    limit: Option<u64>,
    force_slow: bool,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let form = match form {
        "auto" => Form::Auto,
        "sse" => Form::Sse,
        "jsonl" => Form::Jsonl,
        _ => return Err(PyValueError::new_err("form is 'auto', 'sse' or 'jsonl'")),
    };
    let on_eof = match on_eof {
        "flush" => OnEof::Flush,
        "discard" => OnEof::Discard,
        _ => return Err(PyValueError::new_err("on_eof is 'flush' or 'discard'")),
    };
    let mut framer = Framer::new(Options { form, on_eof, limit });
    framer.force_slow = force_slow;
    let mut collector = Collector { py, items: Vec::new() };
    for chunk in chunks {
        framer.feed(&chunk, &mut collector);
    }
    framer.finish(&mut collector);
    collector.items.into_iter().collect()
}

struct Collector<'py> {
    py: Python<'py>,
    items: Vec<PyResult<Bound<'py, PyAny>>>,
}

impl FrameSink for Collector<'_> {
    fn frame(&mut self, frame: Frame<'_>) {
        let members = matches!(frame.checked, Some(Ok(_))).then_some(frame.members.len());
        let item = (
            "frame",
            PyBytes::new(self.py, frame.data),
            frame.name.map(|name| PyBytes::new(self.py, name)),
            frame.offset,
            frame.end,
            frame.line,
            frame.kind.name(),
            frame.missing_blank_line,
            frame.unfinished,
            members,
        );
        self.items.push(item.into_bound_py_any(self.py));
    }

    fn note(&mut self, note: Note) {
        self.items.push(note_tuple(self.py, &note));
    }

    fn done(&mut self) {
        self.items.push(("done",).into_bound_py_any(self.py));
    }
}

fn note_tuple<'py>(py: Python<'py>, note: &Note) -> PyResult<Bound<'py, PyAny>> {
    let detail = convert::detail(py, &note.detail)?;
    let code = note.code.kind().code;
    ("note", code, note.offset, note.length, note.line, detail).into_bound_py_any(py)
}

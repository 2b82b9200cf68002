//! `respstream_core::frames` for Python: only so that the tests can compare the twins.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use respstream_core::diagnostics::Note;
use respstream_core::frames::{Form, Frame, Framer, OnEof, Options, Sink};

use crate::convert::detail;

/// What one source gives, cut into these chunks.
///
/// A list of `("frame", data, name, offset, end, line, what, missing, unfinished, members)`,
/// `("note", code, offset, length, line, detail)` and `("done",)`; `members` is the number of top-level members where the
/// framer checked the payload and found it within the limits, else `None`.
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
    let mut items = Items { py, given: Vec::new() };
    for chunk in chunks {
        framer.feed(&chunk, &mut items);
    }
    framer.finish(&mut items);
    items.given.into_iter().collect()
}

struct Items<'py> {
    py: Python<'py>,
    given: Vec<PyResult<Bound<'py, PyAny>>>,
}

impl Sink for Items<'_> {
    fn frame(&mut self, frame: Frame<'_>) {
        let members = matches!(frame.scanned, Some(Ok(_))).then_some(frame.members.len());
        let item = (
            "frame",
            PyBytes::new(self.py, frame.data),
            frame.name.map(|name| PyBytes::new(self.py, name)),
            frame.offset,
            frame.end,
            frame.line,
            frame.what.name(),
            frame.missing,
            frame.unfinished,
            members,
        );
        self.given.push(item.into_bound_py_any(self.py));
    }

    fn note(&mut self, note: Note) {
        self.given.push(note_tuple(self.py, &note));
    }

    fn done(&mut self) {
        self.given.push(("done",).into_bound_py_any(self.py));
    }
}

fn note_tuple<'py>(py: Python<'py>, note: &Note) -> PyResult<Bound<'py, PyAny>> {
    let detail = detail(py, &note.detail)?;
    let code = note.code.kind().code;
    ("note", code, note.offset, note.length, note.line, detail).into_bound_py_any(py)
}

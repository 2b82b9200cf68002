//! The generated tables of the core, which a test compares with those of the pure-Python fallback.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use respstream_core::diagnostics::DIAGNOSTICS;
use respstream_core::protocols::responses::catalogue::{EVENTS, Entry, INDEX_FIELDS};

/// The event table: one dict per entry, with the fields of the fallback's `Entry`, `class` and `terminal`.
#[pyfunction]
pub fn catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = EVENTS.iter().map(|entry| row(py, entry)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, rows)
}

/// The diagnostics by code: `(severity, template)`.
#[pyfunction]
pub fn diagnostic_kinds(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let kinds = PyDict::new(py);
    for kind in &DIAGNOSTICS {
        kinds.set_item(kind.code, (kind.severity.name(), kind.template))?;
    }
    Ok(kinds)
}

fn row<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let steps =
        entry.steps.iter().map(|step| (step.member, step.index.map(|slot| INDEX_FIELDS[slot])));
    let row = PyDict::new(py);
    row.set_item("type", entry.ty)?;
    row.set_item("class", entry.class)?;
    row.set_item("op", entry.op.name())?;
    row.set_item("phase", entry.phase.name())?;
    row.set_item("target", PyTuple::new(py, steps.collect::<Vec<_>>())?)?;
    row.set_item("value", entry.value)?;
    row.set_item("item", entry.item)?;
    row.set_item("part", entry.part)?;
    row.set_item("begins", entry.begins)?;
    row.set_item("status", entry.status)?;
    row.set_item("extend", entry.extend)?;
    row.set_item("eager", PyTuple::new(py, entry.eager)?)?;
    row.set_item("terminal", entry.terminal)?;
    Ok(row)
}

//! The extension module `respstream._native`: conversions only, one file for each module of the core that it wraps.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

mod attach;
mod calls;
mod catalogue;
mod convert;
mod decoder;
mod events;
mod frames;
mod json;
mod record;
mod response;
mod rows;
mod scan;
mod sdk;
mod slots;
mod sse;
mod strings;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::catalogue::{catalogue, diagnostic_kinds};
    #[pymodule_export]
    use super::decoder::Decoder;
    #[pymodule_export]
    use super::events::fill_slots_by_name;
    #[pymodule_export]
    use super::frames::frame;
    #[pymodule_export]
    use super::json::{json_odd_text, json_verdict, line_check, locate, read_member};
    #[pymodule_export]
    const SEARCHED: usize = super::json::SEARCHED;
    #[pymodule_export]
    use super::response::State;
    #[pymodule_export]
    use super::rows::response_row;
    #[pymodule_export]
    use super::scan::{Batch, Scan, Schema, Stream};
    #[pymodule_export]
    use super::sdk::{SdkDraft, SdkPlan, SdkReader, SdkRun, SdkStamp};
    #[pymodule_export]
    use super::sse::SseDecoder;

    #[pymodule_init]
    fn begin(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;

        super::only_interpreter(module)?;
        module.add("Record", super::record::class(module.py())?)?;
        super::attach::register(module)
    }
}

/// Refuses every interpreter of the process but the one that comes first: the types that are held here are its own.
fn only_interpreter(module: &Bound<'_, PyModule>) -> PyResult<()> {
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let py = module.py();
    let builtins = py.import("builtins")?; // each interpreter has one of its own
    if FIRST.get_or_init(py, || builtins.clone().unbind()).is(&builtins) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "the extension of respstream serves the first interpreter of a process that imports it, and this is another; \
         RESPSTREAM_BACKEND=python chooses the pure-Python one, which serves all",
    ))
}

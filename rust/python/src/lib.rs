//! The extension module `respstream._native`: conversions between Python objects and the Rust crates, no parsing of its own.
//!
//! Layers, lowest first. A module imports only modules of the lines above its own:
//!
//! 1. `interpreter`: when Rust threads may run Python code
//! 2. `convert`: arguments, options, diagnostics and JSON values
//! 3. `objects`: Python objects built without `__init__` or `setattr`: slots, event records, payloads, events
//! 4. `shared_decoder`: a core decoder shared with the responses that it assembles
//! 5. `response`: the state, view and tool calls of a response
//! 6. `decoder`, `items`, `rows`, `scan`, `sse`, `sdk`, `testing`: what Python imports; none of them imports another
//!
//! Within a folder, `mod.rs` only declares modules and names their order; the same rule applies to that list.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

mod convert;
mod decoder;
mod interpreter;
mod items;
mod objects;
mod response;
mod rows;
mod scan;
mod sdk;
mod shared_decoder;
mod sse;
mod testing;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::convert::json::locate;
    #[pymodule_export]
    const SEARCHED: usize = super::convert::json::SEARCH_MAX_BYTES;
    #[pymodule_export]
    use super::decoder::Decoder;
    #[pymodule_export]
    use super::items::{Items, items_of};
    #[pymodule_export]
    use super::objects::events::fill_slots_by_name;
    #[pymodule_export]
    use super::objects::payload::member_value;
    #[pymodule_export]
    use super::response::State;
    #[pymodule_export]
    use super::rows::response_row;
    #[pymodule_export]
    use super::scan::{Batch, Scan, Schema, Stream, has_row};
    #[pymodule_export]
    use super::sdk::{
        SdkBlockEvents, SdkBlockRun, SdkClass, SdkClasses, SdkDeltaRun, SdkDraft, SdkGrowth,
        SdkMessageRun, SdkMessages, SdkPlan, SdkReader, SdkSnapshotBuilder,
    };
    #[pymodule_export]
    use super::sse::SseDecoder;
    #[pymodule_export]
    use super::testing::catalogue::{catalogue, diagnostic_kinds};
    #[pymodule_export]
    use super::testing::frames::frame;
    #[pymodule_export]
    use super::testing::json::{json_invalid_unicode, json_verdict, line_check};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;

        super::require_first_interpreter(module)?;
        module.add("Record", super::objects::record::class(module.py())?)?;
        module.add("Fragment", super::objects::fragment::class(module.py())?)?;
        super::interpreter::register_shutdown(module)
    }
}

/// Refuses every interpreter of the process except the first one that imports the module: the statics of this crate keep
/// types that belong to that interpreter.
fn require_first_interpreter(module: &Bound<'_, PyModule>) -> PyResult<()> {
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let py = module.py();
    let builtins = py.import("builtins")?; // a separate module object in each interpreter
    if FIRST.get_or_init(py, || builtins.clone().unbind()).is(&builtins) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "respstream's extension module supports only the first interpreter of a process that imports it; set \
         RESPSTREAM_BACKEND=python to use the pure-Python fallback, which supports every interpreter",
    ))
}

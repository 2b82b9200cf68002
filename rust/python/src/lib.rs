//! The extension module `respstream._native`: conversions only, one file for each module of the core that it wraps.

use pyo3::prelude::*;

mod catalogue;
mod convert;
mod decoder;
mod events;
mod frames;
mod json;
mod response;
mod rows;
mod scan;
mod sdk;
mod slots;
mod sse;

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
    use super::sdk::{SdkPlan, SdkReader, SdkRun, SdkStamp};
    #[pymodule_export]
    use super::sse::SseDecoder;
}

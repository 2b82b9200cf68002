//! Diagnostics: codes, the store of a source, error bodies of an API.

mod appearance;
mod codes;
mod error_body;
mod store;

pub use appearance::{
    SAMPLE as HEAD_SAMPLE, UNUSED_EVENTS, appearance, are_adjacent_objects, recording_appearance,
};
pub use codes::{Code, DIAGNOSTICS, DiagnosticKind, Severity};
pub use error_body::{
    SAMPLE, detail_error, error_body, error_detail, error_in, error_object, error_of_detail,
    error_value, is_error_object, with_message,
};
pub use store::{Detail, Diagnostic, Issue, KEPT, Note, Span, Store, Value, clip};

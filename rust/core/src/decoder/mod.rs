//! The decoder: frames, records, protocol and lanes wired together, without any I/O.

mod counters;
#[expect(clippy::module_inception, reason = "the folder is named by its layer")]
mod decoder;
mod event_sink;
mod lifecycle_only;
mod stages;

pub use counters::Counters;
pub use decoder::Decoder;
pub use event_sink::{EventSink, Ignore};
pub use lifecycle_only::LifecycleOnly;

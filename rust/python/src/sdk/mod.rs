//! The openai SDK's own event objects, built natively.
//!
//! Python derives a plan for each event type from the SDK's model classes and adds it to an [`SdkPlan`]. An [`SdkReader`] turns
//! the bytes of one stream into events, and an [`SdkMessages`] each message of a WebSocket into one. Events without a plan, and
//! events for which the result of the SDK is not certain, are for the SDK to parse: a reader returns `(event name or None, data)`,
//! messages return None. If the framing of a stream is not plain SSE, all bytes from that block on are returned as `bytes`.
//!
//! Order, lowest first: `framing`, `error`, `model`; `nodes` and `members`; `snapshots` and `previous_event`; `builder`; `plan`;
//! `reader` and `messages`.

mod builder;
mod error;
mod framing;
mod members;
mod messages;
mod model;
mod nodes;
mod plan;
mod previous_event;
mod reader;
mod snapshots;

pub use messages::SdkMessages;
pub use plan::SdkPlan;
pub use reader::SdkReader;
pub use snapshots::{SdkDeltaRun, SdkDraft, SdkSnapshotBuilder};

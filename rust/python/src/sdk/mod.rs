//! The openai SDK's own event objects, built natively.
//!
//! Python derives a plan for each event type from the SDK's model classes and adds it to an [`SdkPlan`]. An [`SdkReader`] turns
//! the bytes of one stream into events, and an [`SdkMessages`] each message of a WebSocket into one. Events without a plan, and
//! events for which the result of the SDK is not certain, are for the SDK to parse: a reader returns `(event name or None, data)`,
//! messages return None. If the framing of a stream is not plain SSE, all bytes from that block on are returned as `bytes`.
//!
//! Order, lowest first: `framing`, `error`, `growing_text`, `model`; `nodes`, `members` and `copies`; `snapshots`, `patterns` and
//! `made_classes`; `block_run`, `message_run` and `builder`; `block_events`, `walk`; `events`; `plan`; `reader` and `messages`.

mod block_events;
mod block_run;
mod builder;
mod copies;
mod error;
mod events;
mod framing;
mod growing_text;
mod made_classes;
mod members;
mod message_run;
mod messages;
mod model;
mod nodes;
mod patterns;
mod plan;
mod reader;
mod snapshots;
mod walk;

pub use block_events::SdkBlockEvents;
pub use block_run::SdkBlockRun;
pub use made_classes::{SdkClass, SdkClasses};
pub use message_run::{SdkGrowth, SdkMessageRun};
pub use messages::SdkMessages;
pub use plan::SdkPlan;
pub use reader::SdkReader;
pub use snapshots::{SdkDeltaRun, SdkDraft, SdkSnapshotBuilder};

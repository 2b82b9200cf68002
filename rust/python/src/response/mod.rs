//! Responses for Python. Order, lowest first: `diagnostics`, `state`, `tool_calls`, `view`.

mod diagnostics;
mod state;
mod tool_calls;
mod view;

pub use diagnostics::DiagnosticObjects;
pub use state::State;
pub use view::OpenViews;

//! Responses for Python. Order, lowest first: `state`, `tool_calls`, `view`.

mod state;
mod tool_calls;
mod view;

pub use state::State;
pub use view::OpenViews;

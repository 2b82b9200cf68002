//! The binding of `rows`: one row as a tuple, in the order of the columns.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use respstream_core::rows;

use crate::response::State;

/// The row of one response; with `whole` its JSON is among them. Times are microseconds since the epoch.
#[pyfunction]
#[pyo3(signature = (state, source, *, whole = false))]
pub fn response_row<'py>(
    py: Python<'py>,
    state: &Bound<'py, State>,
    source: &str,
    whole: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    // The row borrows from the response; Python objects are made of it before the lock is released, and none of them
    // runs other code.
    state.get().read(py, |folded| tuple(py, &rows::response_row(folded, source, whole)))?
}

fn tuple<'py>(py: Python<'py>, row: &rows::ResponseRow<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let mut values: Vec<Bound<'py, PyAny>> = Vec::with_capacity(46);
    macro_rules! add {
        ($($value:expr),* $(,)?) => { $( values.push($value.into_pyobject(py)?.into_any()); )* };
    }
    add!(row.source, row.stream_index, row.byte_start, row.byte_end);
    add!(
        row.response_id.as_deref(),
        row.previous_response_id.as_deref(),
        row.conversation_id.as_deref()
    );
    add!(
        row.model.as_deref(),
        row.status.as_deref(),
        row.terminal,
        row.created_at,
        row.completed_at
    );
    add!(row.service_tier.as_deref(), row.input_tokens, row.cached_tokens, row.output_tokens);
    add!(
        row.reasoning_tokens,
        row.total_tokens,
        row.output_text.as_deref(),
        row.refusal.as_deref()
    );
    add!(row.reasoning_text.as_deref(), row.reasoning_summary.as_deref(), row.items);
    let calls: Vec<_> = row
        .tool_calls
        .iter()
        .map(|call| {
            (call.kind, call.call_id.as_deref(), call.name.as_deref(), call.arguments.as_deref())
        })
        .collect();
    add!(
        calls,
        row.incomplete_reason.as_deref(),
        row.error_code.as_deref(),
        row.error_message.as_deref()
    );
    add!(row.metadata.as_deref(), row.events, row.deltas, row.first_sequence, row.last_sequence);
    add!(row.started_at, row.first_delta_at, row.ended_at, row.lane, row.diagnostics.as_slice());
    add!(row.response_json.as_deref());
    for figure in row.latency.all() {
        add!(figure);
    }
    PyTuple::new(py, values)
}

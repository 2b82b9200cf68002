//! The binding of the table `responses`: one row as a tuple, in the order of the columns.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use respstream_core::protocols::Response as _;
use respstream_core::protocols::rows::ResponseRow;
use respstream_core::protocols::view::ToolCall;
use respstream_scan::tables::Cell;
use respstream_scan::tables::columns::RESPONSES;

use crate::response::State;

/// The row of one response. Extra columns are None unless `whole` is set. Times are microseconds since the epoch.
#[pyfunction]
#[pyo3(signature = (state, source, *, whole = false))]
pub fn response_row<'py>(
    py: Python<'py>,
    state: &Bound<'py, State>,
    source: &str,
    whole: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    // The row borrows from the response, whose lock is held while the Python objects are made. None of them runs other code.
    state.get().read(py, |folded| {
        let row = ResponseRow::new(folded, source, folded.tracking().stream_index);
        let values = RESPONSES.iter().map(|column| {
            let selected = whole || !column.info.extra;
            value(py, if selected { (column.cells)(&row) } else { Cell::Null })
        });
        PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
    })?
}

fn value<'py>(py: Python<'py>, cell: Cell<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match cell {
        Cell::Null => py.None().into_bound(py),
        Cell::Text(text) => text.into_pyobject(py)?.into_any(),
        Cell::Int(number) => number.into_pyobject(py)?.into_any(),
        Cell::Double(number) => number.into_pyobject(py)?.into_any(),
        Cell::TextList(texts) => texts.into_pyobject(py)?.into_any(),
        Cell::ToolCalls(calls) => {
            calls.iter().map(tool_call).collect::<Vec<_>>().into_pyobject(py)?.into_any()
        }
    })
}

type ToolCallTuple<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn tool_call(call: &ToolCall) -> ToolCallTuple<'_> {
    (&call.kind, call.call_id.as_deref(), call.name.as_deref(), call.arguments.as_deref())
}

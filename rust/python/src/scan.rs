//! The binding of `respstream-scan`: scans, and the Arrow `PyCapsule` interface of their batches.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use respstream_core::diagnostics::{Code, DIAGNOSTICS};
use respstream_core::records::RecordSpan;
use respstream_scan::input::counted::Bytes;
use respstream_scan::input::{
    Input, Location, OpenInput, Parsing, Part, Problem, Record, RecordingFormat, RecordingOptions,
    RecordingReader,
};
use respstream_scan::pool::{Failure, Plan, Stream as Core};
use respstream_scan::read::{ReadOptions, StrictError};
use respstream_scan::splits;
use respstream_scan::tables::schema::depth;
use respstream_scan::tables::{Depth, Selection, Summary, Table};

use crate::convert;
use crate::interpreter::{self, attach_for_io, run_detached, try_attach};

/// The name of a table, and its selected columns; None for all but the extra ones.
type TableColumns = (String, Option<Vec<String>>);

/// The start and the end of a part; without an end it includes the rest of the source.
type Range = (u64, Option<u64>);

/// The default of the maximum size of a part.
const PART_BYTES: u64 = 32 << 20;

/// A scan that can run any number of times. An input consists of its name, its path as bytes or a callable that opens it, and
/// the part to read, None for all. With `split`, responses have no numbers, unless the part is the whole source. With `full`,
/// sources are read and checked completely, whatever the columns need.
#[pyclass(frozen, module = "respstream._native")]
pub struct Scan {
    plan: Plan,
    stored: Arc<AtomicU64>,
}

#[pymethods]
impl Scan {
    #[new]
    #[allow(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "Python's arguments"
    )]
    #[pyo3(signature = (inputs, tables, *, threads, batch_rows, split = false, full = false, part_bytes = PART_BYTES, api = "auto", form = "auto", on_eof = "flush", strict = false,
        max_event_bytes = None, field = None, time = None, lane = None))]
    fn new(
        inputs: Vec<(String, Bound<'_, PyAny>, Option<Range>)>,
        tables: Vec<TableColumns>,
        threads: usize,
        batch_rows: usize,
        split: bool,
        full: bool,
        part_bytes: u64,
        api: &str,
        form: &str,
        on_eof: &str,
        strict: bool,
        max_event_bytes: Option<i64>,
        field: Option<&str>,
        time: Option<&str>,
        lane: Option<&str>,
    ) -> PyResult<Self> {
        let api = convert::api(api)?;
        let format = recording_format(form);
        let rows = convert::row_options(form, field, time, lane)?;
        let read_as = if format.is_some() {
            "auto"
        } else if rows.only {
            "rows"
        } else {
            form
        };
        let options = convert::options(read_as, on_eof, max_event_bytes)?;
        let detect = form == "auto" && !rows.only;
        let reader = Arc::new(PythonRecordings);
        let recordings = RecordingOptions { rows, format, detect, reader };
        let stored = Arc::default();
        let inputs: PyResult<Vec<Input>> = inputs
            .into_iter()
            .map(|(name, from, range)| input(name, &from, range, &stored))
            .collect();
        let selections: PyResult<Vec<Selection>> =
            tables.iter().map(|table| selection(table, split)).collect();
        let selections = selections?;
        let depth = if strict || full { Depth::Whole } else { depth(&selections) };
        Ok(Self {
            stored,
            plan: Plan {
                inputs: inputs?.into(),
                selections: selections.into(),
                options: ReadOptions { parsing: Parsing { framing: options, api }, strict, depth },
                recordings,
                threads,
                batch_rows,
                part_bytes,
            },
        })
    }

    /// Starts a pass over the inputs.
    fn stream(&self) -> PyResult<Stream> {
        let stored = self.stored.clone();
        stored.store(0, Ordering::Relaxed);
        let core = Core::start(&self.plan)?;
        let pass = Pass { core: Some(Mutex::new(core)), process: std::process::id() };
        Ok(Stream { pass: Arc::new(pass), selections: self.plan.selections.clone(), stored })
    }
}

/// Whether some bytes of a source have a row that wraps a stream. `mid_line`: they may begin inside of a line.
#[pyfunction]
#[pyo3(signature = (data, *, mid_line, api = "auto", form = "auto", on_eof = "flush", max_event_bytes = None))]
pub fn has_row(
    data: &[u8],
    mid_line: bool,
    api: &str,
    form: &str,
    on_eof: &str,
    max_event_bytes: Option<i64>,
) -> PyResult<bool> {
    let framing = convert::options(form, on_eof, max_event_bytes)?;
    Ok(splits::has_row(data, mid_line, Parsing { framing, api: convert::api(api)? }))
}

fn selection((table, names): &TableColumns, split: bool) -> PyResult<Selection> {
    let table =
        Table::named(table).ok_or_else(|| PyValueError::new_err(format!("no table '{table}'")))?;
    let unknown = |name| {
        PyValueError::new_err(format!("the table '{}' has no column '{name}'", table.name()))
    };
    Selection::new(table, names.as_deref(), split).map_err(unknown)
}

fn input(
    name: String,
    from: &Bound<'_, PyAny>,
    range: Option<Range>,
    stored: &Arc<AtomicU64>,
) -> PyResult<Input> {
    let location = match from.cast::<PyBytes>() {
        Ok(path) => Location::File(file(path.as_bytes())?),
        Err(_) => Location::Other(Arc::new(Opener(from.clone().unbind()))),
    };
    let part = range.map(|(start, end)| {
        let end = end.unwrap_or(u64::MAX);
        Part { start, end, numbered: start == 0 && end == u64::MAX }
    });
    Ok(Input { name, location, part, lines: Arc::default(), stored: stored.clone() })
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have paths that are not bytes")]
fn file(path: &[u8]) -> PyResult<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

#[cfg(not(unix))]
fn file(path: &[u8]) -> PyResult<PathBuf> {
    Ok(PathBuf::from(std::str::from_utf8(path)?))
}

fn recording_format(form: &str) -> Option<RecordingFormat> {
    match form {
        "har" => Some(RecordingFormat::Har),
        "vcr" => Some(RecordingFormat::Vcr),
        _ => None,
    }
}

/// Reads recordings with the Python package.
struct PythonRecordings;

/// The position of a record: its start and end offset, and its line.
type Span = (u64, u64, u64);

/// A stream: its data, the times of request and response, its position, and whether it ends there.
type StreamRecord = (Vec<u8>, (Option<f64>, Option<f64>), Span, bool);

impl RecordingReader for PythonRecordings {
    fn records(&self, format: RecordingFormat, text: &[u8]) -> Result<Vec<Record>, Problem> {
        let form = match format {
            RecordingFormat::Har => "har",
            RecordingFormat::Vcr => "vcr",
        };
        let read = attach_for_io(|py| {
            let module = PyModule::import(py, "respstream.recordings.file_decoder")?;
            let found = module.call_method1("unwrapped", (form, PyBytes::new(py, text)))?;
            found.try_iter()?.map(|one| record(&one?)).collect()
        });
        read.map_err(|error| Problem { code: Code::Unreadable, reason: error.to_string() })
    }
}

/// Converts a record: a stream, or a field that cannot be read with the expected value.
fn record(found: &Bound<'_, PyAny>) -> PyResult<Record> {
    let record_span = |(offset, end, line): Span, (requested_at, time)| RecordSpan {
        offset,
        end,
        line,
        time,
        requested_at,
    };
    if let Ok((field, expected, span)) = found.extract::<(String, String, Span)>() {
        return Ok(Record::Invalid { field, expected, span: record_span(span, (None, None)) });
    }
    let (data, times, span, ends): StreamRecord = found.extract()?;
    Ok(Record::Stream { data, span: record_span(span, times), ends })
}

/// A Python callable that returns a binary file object.
struct Opener(Py<PyAny>);

impl OpenInput for Opener {
    fn open(&self) -> io::Result<Bytes> {
        attach_for_io(|py| {
            let file = self.0.call0(py)?;
            Ok(Box::new(File(file)) as Bytes)
        })
    }
}

/// A binary file object.
struct File(Py<PyAny>);

impl Read for File {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        attach_for_io(|py| {
            let data = self.0.bind(py).call_method1("read", (block.len(),))?;
            let data = convert::to_bytes(&data)?;
            let bytes = data.as_bytes();
            let Some(target) = block.get_mut(..bytes.len()) else {
                return Err(PyValueError::new_err("read() returned more bytes than requested"));
            };
            target.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // All needed bytes were read, so an error of closing is ignored.
        drop(attach_for_io(|py| self.0.call_method0(py, "close")));
    }
}

/// A run of a scan. Its threads belong to one process.
struct Pass {
    core: Option<Mutex<Core>>,
    process: u32,
}

impl Pass {
    /// Locks the pass. Fails in a forked child: it has no worker threads, and a lock may be held forever.
    fn enter(&self) -> Result<MutexGuard<'_, Core>, ArrowError> {
        let core = self.core.as_ref().filter(|_| self.process == std::process::id());
        let core = core.ok_or_else(|| {
            let message = "the scan was started before the fork: start another one in this process";
            ArrowError::ComputeError(message.to_owned())
        })?;
        Ok(core.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.core.take());
        }
    }
}

/// One run of a scan.
#[pyclass(frozen, module = "respstream._native")]
pub struct Stream {
    pass: Arc<Pass>,
    selections: Arc<[Selection]>,
    stored: Arc<AtomicU64>,
}

#[pymethods]
impl Stream {
    /// The bytes that the running pass has read so far, before decompression.
    #[getter]
    fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// The next batch and the index of its table; None at the end.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<(usize, Batch)>> {
        let mut raised = None;
        let run = || next(&self.pass, || check_signals(&mut raised));
        let found = match interpreter::detach(py, run) {
            Ok(found) => found,
            Err(Failure::Interrupted) => return raised.map_or(Ok(None), Err),
            Err(Failure::Arrow(error)) => return Err(arrow_error(error)),
            Err(Failure::Strict(error)) => {
                let StrictError { source, diagnostic } = *error;
                let events = PyList::empty(py);
                return Err(convert::stream_error(py, &diagnostic, events, Some(&source))?);
            }
        };
        Ok(found.map(|(table, batch)| (table, Batch(batch))))
    }

    /// The summary of the run so far, as a dict.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let summary =
            interpreter::detach(py, || self.pass.enter().map(|core| core.summary.clone()))
                .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        to_dict(py, &summary)
    }

    /// The remaining batches of the only table, as an Arrow stream.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema); // Consumers cast the stream themselves.
        let [only] = &*self.selections else {
            return Err(PyValueError::new_err(
                "an Arrow stream contains one table: request one table",
            ));
        };
        let batches = Batches { pass: self.pass.clone(), schema: only.schema.clone() };
        PyCapsule::new_with_value(
            py,
            FFI_ArrowArrayStream::new(Box::new(batches)),
            c"arrow_array_stream",
        )
    }
}

fn next(
    pass: &Pass,
    proceed: impl FnMut() -> bool,
) -> Result<Option<(usize, RecordBatch)>, Failure> {
    pass.enter()?.next_batch_while(proceed)
}

/// Runs pending signal handlers. Returns false if one has raised an exception, which is stored in `raised`.
fn check_signals(raised: &mut Option<PyErr>) -> bool {
    *raised = try_attach(|py| py.check_signals().err()).flatten();
    raised.is_none()
}

struct Batches {
    pass: Arc<Pass>,
    schema: SchemaRef,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A consumer may hold the GIL while it waits, and a thread of the scan may need it to read. An exception of a signal
        // handler cannot pass through the consumer, so it ends the stream.
        let mut raised = None;
        let found = run_detached(|| next(&self.pass, || check_signals(&mut raised)));
        found.map(|found| found.map(|(_, batch)| batch)).map_err(to_arrow_error).transpose()
    }
}

fn to_arrow_error(failure: Failure) -> ArrowError {
    match failure {
        Failure::Arrow(error) => error,
        Failure::Interrupted => ArrowError::ComputeError("interrupted".to_owned()),
        Failure::Strict(error) => {
            let StrictError { source, diagnostic } = *error;
            let kind = diagnostic.code.kind();
            let message = kind.message(&diagnostic.detail);
            ArrowError::ParseError(format!(
                "{source}: {} at byte {}, line {}: {message}",
                kind.code, diagnostic.offset, diagnostic.line
            ))
        }
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

fn to_dict<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("sources", summary.sources)?;
    dict.set_item("bytes", summary.bytes)?;
    dict.set_item("rows", &summary.rows)?;
    dict.set_item("responses", &summary.responses)?;
    let diagnostics = PyDict::new(py);
    for (kind, count) in DIAGNOSTICS.iter().zip(summary.diagnostics).filter(|(_, count)| *count > 0)
    {
        diagnostics.set_item(kind.code, count)?;
    }
    dict.set_item("diagnostics", diagnostics)?;
    let problems = PyList::empty(py);
    for (name, problem) in &summary.problems {
        problems.append((name, problem.code.kind().code, &problem.reason))?;
    }
    dict.set_item("problems", problems)?;
    dict.set_item("without_responses", &summary.without_responses)?;
    dict.set_item("skipped", summary.skipped)?;
    dict.set_item("complete", summary.complete)?;
    Ok(dict)
}

/// A batch of rows of a table, for Arrow consumers.
#[pyclass(frozen, module = "respstream._native")]
pub struct Batch(RecordBatch);

#[pymethods]
impl Batch {
    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __repr__(&self) -> String {
        format!("<respstream batch of {} rows>", self.0.num_rows())
    }

    /// The schema, for Arrow consumers.
    #[getter]
    fn schema(&self) -> Schema {
        Schema(self.0.schema())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.0.schema())
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        drop(requested_schema);
        let rows = StructArray::from(self.0.clone());
        let (array, _): (FFI_ArrowArray, _) = to_ffi(&rows.to_data()).map_err(arrow_error)?;
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        Ok((schema_capsule(py, &self.0.schema())?, array))
    }
}

/// The schema of a table, for Arrow consumers.
#[pyclass(frozen, module = "respstream._native")]
pub struct Schema(SchemaRef);

#[pymethods]
impl Schema {
    #[new]
    #[pyo3(signature = (table, columns = None, *, split = false))]
    fn new(table: String, columns: Option<Vec<String>>, split: bool) -> PyResult<Self> {
        Ok(Self(selection(&(table, columns), split)?.schema))
    }

    /// The names of the columns.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __repr__(&self) -> String {
        let lines = self.0.fields().iter().map(|field| {
            let not_null = if field.is_nullable() { "" } else { " not null" };
            format!("{}: {}{not_null}", field.name(), field.data_type())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.0)
    }
}

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that map_err needs")]
fn arrow_error(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

//! The binding of `respstream-scan`: scans, and the capsule interface of Arrow for what they give.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use respstream_core::catalogue::{Code, DIAGNOSTICS};
use respstream_core::wrapped::Place as Standing;
use respstream_scan::pool::{Failure, Plan, Stream as Core};
use respstream_scan::reader::{How, Refused};
use respstream_scan::schema::{Depth, Selection, Table};
use respstream_scan::source::{Bytes, Input, Open, Place, Problem};
use respstream_scan::splits::Part;
use respstream_scan::summary::Summary;
use respstream_scan::wrapped::{Record, Unwrap, Wrapper, Wrapping};

use crate::attach::{attached, entered};
use crate::convert;

/// A table that is wanted, and its columns, None for all.
type Wanted = (String, Option<Vec<String>>);

/// Where a part begins and ends; without an end it goes on to that of the source.
type Range = (u64, Option<u64>);

/// A larger plain file is read in parts of this size.
const PART_BYTES: u64 = 32 << 20;

/// A scan that can be run any number of times. An input is its name, a path as bytes or a callable that opens it, and the
/// part that is wanted, None for all. With `split` responses have no numbers, unless the part is the whole. With `full` all is
/// read and checked, whatever the columns need.
#[pyclass(frozen, module = "respstream._native")]
pub struct Scan {
    plan: Plan,
}

#[pymethods]
impl Scan {
    #[new]
    #[allow(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "Python's arguments"
    )]
    #[pyo3(signature = (inputs, tables, *, threads, batch_rows, split = false, full = false, part_bytes = PART_BYTES, form = "auto", on_eof = "flush", strict = false,
        max_event_bytes = None, field = None, time = None, lane = None))]
    fn new(
        inputs: Vec<(String, Bound<'_, PyAny>, Option<Range>)>,
        tables: Vec<Wanted>,
        threads: usize,
        batch_rows: usize,
        split: bool,
        full: bool,
        part_bytes: u64,
        form: &str,
        on_eof: &str,
        strict: bool,
        max_event_bytes: Option<i64>,
        field: Option<&str>,
        time: Option<&str>,
        lane: Option<&str>,
    ) -> PyResult<Self> {
        let wrapper = wrapper(form);
        let rows = convert::rows(form, field, time, lane)?;
        let read_as = if wrapper.is_some() {
            "auto"
        } else if rows.only {
            "rows"
        } else {
            form
        };
        let options = convert::options(read_as, on_eof, max_event_bytes)?;
        let sniffs = form == "auto" && !rows.only;
        let wrapping = Wrapping { rows, form: wrapper, sniffs, reader: Arc::new(Unwrapper) };
        let inputs: PyResult<Vec<Input>> =
            inputs.into_iter().map(|(name, place, range)| input(name, &place, range)).collect();
        let selections: PyResult<Vec<Selection>> =
            tables.iter().map(|wanted| selection(wanted, split)).collect();
        let selections = selections?;
        let depth = if strict || full { Depth::Whole } else { Depth::of(&selections) };
        Ok(Self {
            plan: Plan {
                inputs: inputs?.into(),
                selections: selections.into(),
                how: How { options, strict, depth },
                wrapping,
                threads,
                batch_rows,
                part_bytes,
            },
        })
    }

    /// Starts a pass over the inputs.
    fn stream(&self) -> PyResult<Stream> {
        let core = Core::start(&self.plan)?;
        let pass = Pass { core: Some(Mutex::new(core)), process: std::process::id() };
        Ok(Stream { pass: Arc::new(pass), selections: self.plan.selections.clone() })
    }
}

fn selection((table, names): &Wanted, split: bool) -> PyResult<Selection> {
    let table =
        Table::named(table).ok_or_else(|| PyValueError::new_err(format!("no table '{table}'")))?;
    let unknown = |name| {
        PyValueError::new_err(format!("the table '{}' has no column '{name}'", table.name()))
    };
    Selection::new(table, names.as_deref(), split).map_err(unknown)
}

fn input(name: String, place: &Bound<'_, PyAny>, range: Option<Range>) -> PyResult<Input> {
    let place = match place.cast::<PyBytes>() {
        Ok(path) => Place::File(file(path.as_bytes())?),
        Err(_) => Place::Opened(Arc::new(Opener(place.clone().unbind()))),
    };
    let part = range.map(|(start, end)| {
        let end = end.unwrap_or(u64::MAX);
        Part { start, end, numbered: start == 0 && end == u64::MAX }
    });
    Ok(Input { name, place, part, lines: Arc::default() })
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere paths are text")]
fn file(path: &[u8]) -> PyResult<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

#[cfg(not(unix))]
fn file(path: &[u8]) -> PyResult<PathBuf> {
    Ok(PathBuf::from(std::str::from_utf8(path)?))
}

fn wrapper(form: &str) -> Option<Wrapper> {
    match form {
        "har" => Some(Wrapper::Har),
        "vcr" => Some(Wrapper::Vcr),
        _ => None,
    }
}

/// Has Python read the files that wrap streams whole.
struct Unwrapper;

/// Where a record stands: its first byte, the byte behind it, its line.
type Span = (u64, u64, u64);

/// A stream, when it was asked for and when it came, where it stands, and whether it ends there.
type Found = (Vec<u8>, (Option<f64>, Option<f64>), Span, bool);

impl Unwrap for Unwrapper {
    fn records(&self, wrapper: Wrapper, text: &[u8]) -> Result<Vec<Record>, Problem> {
        let form = match wrapper {
            Wrapper::Har => "har",
            Wrapper::Vcr => "vcr",
        };
        let read = attached(|py| {
            let module = PyModule::import(py, "respstream.recordings.file_decoder")?;
            let found = module.call_method1("unwrapped", (form, PyBytes::new(py, text)))?;
            found.try_iter()?.map(|one| record(&one?)).collect()
        });
        read.map_err(|error| Problem { code: Code::Unreadable, reason: error.to_string() })
    }
}

/// A record as Python gives it: a stream with its times, or a field that cannot be read, what was expected there.
fn record(found: &Bound<'_, PyAny>) -> PyResult<Record> {
    let place =
        |(offset, end, line): Span, (began, time)| Standing { offset, end, line, time, began };
    if let Ok((field, expected, span)) = found.extract::<(String, String, Span)>() {
        return Ok(Record::Bad { field, expected, place: place(span, (None, None)) });
    }
    let (data, times, span, ends): Found = found.extract()?;
    Ok(Record::Stream { data, place: place(span, times), ends })
}

/// A Python callable that gives a binary file object.
struct Opener(Py<PyAny>);

impl Open for Opener {
    fn open(&self) -> io::Result<Bytes> {
        attached(|py| {
            let file = self.0.call0(py)?;
            Ok(Box::new(File(file)) as Bytes)
        })
    }
}

/// A binary file object.
struct File(Py<PyAny>);

impl Read for File {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        attached(|py| {
            let data = self.0.bind(py).call_method1("read", (block.len(),))?;
            let data = convert::to_bytes(&data)?;
            let bytes = data.as_bytes();
            let Some(place) = block.get_mut(..bytes.len()) else {
                return Err(PyValueError::new_err("read() gave more bytes than it was asked for"));
            };
            place.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // What closing says is of no interest: everything that is wanted has been read.
        drop(attached(|py| self.0.call_method0(py, "close")));
    }
}

/// A pass of a scan, whose threads run in one process.
struct Pass {
    core: Option<Mutex<Core>>,
    process: u32,
}

impl Pass {
    /// Locks the pass. Not in a child of the process: no thread works there, and one may have left a lock closed.
    fn enter(&self) -> Result<MutexGuard<'_, Core>, ArrowError> {
        let core = self.core.as_ref().filter(|_| self.process == std::process::id());
        let core = core.ok_or_else(|| {
            let words = "this pass of a scan belongs to the process that forked; begin another";
            ArrowError::ComputeError(words.to_owned())
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

/// One pass of a scan.
#[pyclass(frozen, module = "respstream._native")]
pub struct Stream {
    pass: Arc<Pass>,
    selections: Arc<[Selection]>,
}

#[pymethods]
impl Stream {
    /// The next batch and the number of its table, None at the end.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<(usize, Batch)>> {
        let mut raised = None;
        let found = match py.detach(|| next(&self.pass, || heeds_signals(&mut raised))) {
            Ok(found) => found,
            Err(Failure::Interrupted) => return raised.map_or(Ok(None), Err),
            Err(Failure::Arrow(error)) => return Err(arrow_error(error)),
            Err(Failure::Refused(refused)) => {
                let Refused { source, diagnostic } = *refused;
                let events = PyList::empty(py);
                return Err(convert::stream_error(py, &diagnostic, events, Some(&source))?);
            }
        };
        Ok(found.map(|(place, batch)| (place, Batch(batch))))
    }

    /// What came of the pass so far, as a dict.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let summary = py
            .detach(|| self.pass.enter().map(|core| core.summary.clone()))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        to_dict(py, &summary)
    }

    /// The rest of the only table, as an Arrow stream.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema); // the consumer casts
        let [only] = &*self.selections else {
            return Err(PyValueError::new_err("an Arrow stream is of one table; ask for one"));
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
    goes_on: impl FnMut() -> bool,
) -> Result<Option<(usize, RecordBatch)>, Failure> {
    pass.enter()?.next_batch_while(goes_on)
}

/// Runs the handlers of signals that have come; false where one has raised an exception, which is kept.
fn heeds_signals(raised: &mut Option<PyErr>) -> bool {
    *raised = entered(|py| py.check_signals().err()).flatten();
    raised.is_none()
}

struct Batches {
    pass: Arc<Pass>,
    schema: SchemaRef,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A consumer may hold the interpreter while it waits, and a thread of the scan may need it to read. What a signal's
        // handler raises cannot pass through the consumer, but ends the stream.
        let mut raised = None;
        let found =
            Python::try_attach(|py| py.detach(|| next(&self.pass, || heeds_signals(&mut raised))));
        let found = found.unwrap_or_else(|| next(&self.pass, || true));
        found.map(|found| found.map(|(_, batch)| batch)).map_err(to_arrow_error).transpose()
    }
}

fn to_arrow_error(failure: Failure) -> ArrowError {
    match failure {
        Failure::Arrow(error) => error,
        Failure::Interrupted => ArrowError::ComputeError("interrupted".to_owned()),
        Failure::Refused(refused) => {
            let Refused { source, diagnostic } = *refused;
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
    dict.set_item("skipped", summary.skipped)?;
    dict.set_item("complete", summary.complete)?;
    Ok(dict)
}

/// Some rows of a table, for whoever speaks Arrow.
#[pyclass(frozen, module = "respstream._native")]
pub struct Batch(RecordBatch);

#[pymethods]
impl Batch {
    /// How many rows there are.
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

    /// The schema, for whoever speaks Arrow.
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

/// The schema of a table, for whoever speaks Arrow.
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
            let must = if field.is_nullable() { "" } else { " not null" };
            format!("{}: {}{must}", field.name(), field.data_type())
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

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn arrow_error(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

//! Running Python code from Rust threads, and waiting for that code when the interpreter shuts down.
//!
//! Before 3.14, Python ends a thread that runs Python code during shutdown by unwinding it. The unwinding aborts the process
//! at the first Rust frame. Therefore no Python code starts once shutdown has begun, and shutdown waits for running calls.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use respstream_core::diagnostics::Code;
use respstream_scan::input::Problem;

/// How long shutdown waits for running calls. The wait is bounded because a blocked read may never return.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The calls into Python that Rust threads are running.
struct ActiveCalls {
    count: usize,
    shutting_down: bool,
    process: u32,
}

static ACTIVE: Mutex<ActiveCalls> =
    Mutex::new(ActiveCalls { count: 0, shutting_down: false, process: 0 });
static CALL_ENDED: Condvar = Condvar::new();

/// Locks the counter. It starts at zero in a forked process, where the threads of the parent do not run.
fn active_calls() -> MutexGuard<'static, ActiveCalls> {
    let mut active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if active.process != process {
        *active = ActiveCalls { count: 0, shutting_down: false, process };
    }
    active
}

/// Counts as one active call until it is dropped.
struct CallGuard;

impl CallGuard {
    /// None once shutdown has begun.
    fn new() -> Option<Self> {
        let mut active = active_calls();
        (!active.shutting_down).then(|| {
            active.count += 1;
            Self
        })
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let mut active = active_calls();
        active.count = active.count.saturating_sub(1);
        CALL_ENDED.notify_all();
    }
}

/// Runs Python code from a Rust thread, or from a thread that has detached from the interpreter. None during shutdown.
pub fn try_attach<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _guard = CallGuard::new()?;
    Python::try_attach(run)
}

/// Like [`try_attach`], with exceptions and shutdown converted to I/O errors that carry the message of the exception.
pub fn attach_for_io<T>(run: impl FnOnce(Python<'_>) -> PyResult<T>) -> io::Result<T> {
    let result = try_attach(|py| run(py).map_err(|error| io_error(error.value(py))));
    result.unwrap_or_else(|| Err(io::Error::other("Python is shutting down")))
}

/// The error of a read, with the message of the exception. For a `CorruptFile` it contains the problem.
fn io_error(exception: &Bound<'_, PyBaseException>) -> io::Error {
    let text = |name| exception.getattr(name).and_then(|text| text.extract::<String>()).ok();
    let reason = text("strerror").unwrap_or_else(|| exception.to_string());
    let code = match text("code").as_deref() {
        Some("truncated_file") => Code::TruncatedFile,
        Some("bad_compression") => Code::BadCompression,
        _ => return io::Error::other(reason),
    };
    io::Error::other(Problem { code, reason })
}

/// Registers the wait for active calls with `atexit`.
pub fn register_shutdown(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let shutdown = wrap_pyfunction!(shutdown, module)?;
    module.py().import("atexit")?.call_method1("register", (shutdown,)).map(drop)
}

#[pyfunction]
fn shutdown(py: Python<'_>) {
    py.detach(|| {
        let mut active = active_calls();
        active.shutting_down = true;
        let running = |active: &mut ActiveCalls| active.count > 0;
        drop(CALL_ENDED.wait_timeout_while(active, SHUTDOWN_TIMEOUT, running));
    });
}

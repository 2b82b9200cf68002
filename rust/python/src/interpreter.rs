//! Running Python code from Rust threads, and waiting for that code when the interpreter shuts down.
//!
//! Before 3.14, Python ends a thread that runs Python code during shutdown by unwinding it. The unwinding aborts the process
//! at the first Rust frame. Therefore no Python code starts once shutdown has begun, and shutdown waits for running calls.
//! For the same reason a thread that detached from the interpreter does not attach again after that: it waits for the end of the
//! process, as Python itself lets such threads wait since 3.14.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use respstream_core::diagnostics::Code;
use respstream_scan::input::Problem;

/// How long shutdown waits for running calls. The wait is bounded because a blocked read may never return.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long it waits for threads that attach: a busy machine may leave them without a processor for a while.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(30);

/// The calls into Python that Rust threads are running, and the threads that attach to the interpreter again.
struct ActiveCalls {
    calls: usize,
    attaching: usize,
    /// The thread that shuts down, once shutdown has begun.
    shutting_down: Option<ThreadId>,
    process: u32,
}

impl ActiveCalls {
    /// Whether another thread shuts down.
    fn ends_elsewhere(&self) -> bool {
        self.shutting_down.is_some_and(|thread| thread != thread::current().id())
    }
}

static ACTIVE: Mutex<ActiveCalls> =
    Mutex::new(ActiveCalls { calls: 0, attaching: 0, shutting_down: None, process: 0 });
static CALL_ENDED: Condvar = Condvar::new();

/// Locks the counter. It starts at zero in a forked process, where the threads of the parent do not run.
fn active_calls() -> MutexGuard<'static, ActiveCalls> {
    let mut active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if active.process != process {
        *active = ActiveCalls { calls: 0, attaching: 0, shutting_down: None, process };
    }
    active
}

/// Counts in this member of [`ActiveCalls`] until it is dropped.
struct ActiveGuard(fn(&mut ActiveCalls) -> &mut usize);

impl ActiveGuard {
    fn count(active: &mut ActiveCalls, member: fn(&mut ActiveCalls) -> &mut usize) -> Self {
        *member(active) += 1;
        Self(member)
    }

    /// For a call into Python. None once shutdown has begun.
    fn call() -> Option<Self> {
        let mut active = active_calls();
        let may_run = active.shutting_down.is_none();
        may_run.then(|| Self::count(&mut active, |active| &mut active.calls))
    }

    /// For a thread that detached and attaches again. During shutdown only the thread that shuts down returns.
    fn attaching() -> Self {
        let mut active = active_calls();
        if active.ends_elsewhere() {
            drop(active);
            wait_for_end();
        }
        Self::count(&mut active, |active| &mut active.attaching)
    }
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        let mut active = active_calls();
        let count = self.0(&mut active);
        *count = count.saturating_sub(1); // it is zero in a forked process
        CALL_ENDED.notify_all();
    }
}

fn wait_for_end() -> ! {
    loop {
        thread::park();
    }
}

/// Runs Python code for a caller from Python. Does not return if shutdown has begun in another thread.
pub fn call<T>(py: Python<'_>, run: impl FnOnce() -> T) -> T {
    let active = ActiveGuard::call();
    if active.is_none() && active_calls().ends_elsewhere() {
        py.detach(|| wait_for_end());
    }
    run()
}

/// Runs Python code from a Rust thread, or from a thread that has detached from the interpreter. None during shutdown.
pub fn try_attach<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _guard = ActiveGuard::call()?;
    Python::try_attach(run)
}

/// Runs `work` detached from the interpreter. Does not return if shutdown has begun meanwhile in another thread.
pub fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (result, _attaching) = py.detach(|| {
        let result = work();
        (result, ActiveGuard::attaching())
    });
    result
}

/// Runs `work` detached from the interpreter, in a thread that may be attached or not. During shutdown it runs in any case.
pub fn run_detached<T: Send>(mut work: impl FnMut() -> T + Send) -> T {
    let result = ActiveGuard::call().and_then(|attaching| {
        Python::try_attach(|py| {
            detach(py, || {
                drop(attaching);
                work()
            })
        })
    });
    result.unwrap_or_else(work)
}

/// Locks a mutex, detached from the interpreter while it waits. A poisoned mutex is used as it is.
pub fn lock<'a, T: Send>(py: Python<'_>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            // A thread that waits for the end of the process must not have the lock, so it is not taken here.
            Err(TryLockError::WouldBlock) => detach(py, || drop(mutex.lock())),
        }
    }
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
        active.shutting_down = Some(thread::current().id());
        let attaching = |active: &mut ActiveCalls| active.attaching > 0;
        let waited = CALL_ENDED.wait_timeout_while(active, ATTACH_TIMEOUT, attaching);
        let (active, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let running = |active: &mut ActiveCalls| active.calls > 0;
        drop(CALL_ENDED.wait_timeout_while(active, SHUTDOWN_TIMEOUT, running));
    });
}

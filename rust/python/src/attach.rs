//! Python code that is run by threads of Rust, and what becomes of it when the interpreter ends.
//!
//! Before 3.14 Python ends a thread that it finds in the middle of Python code by unwinding it, which aborts the process at
//! the first frame of Rust. So no such code begins once the interpreter is about to end, and the end waits for what has begun.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// How long the end of the interpreter waits for code that has begun: a read may never come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The calls of Python code that threads of Rust are in.
struct Calls {
    inside: usize,
    closed: bool,
    process: u32,
}

static CALLS: Mutex<Calls> = Mutex::new(Calls { inside: 0, closed: false, process: 0 });
static LEFT: Condvar = Condvar::new();

/// The calls of this process: the threads of the one that forked it do not run here.
fn calls() -> MutexGuard<'static, Calls> {
    let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if calls.process != process {
        *calls = Calls { inside: 0, closed: false, process };
    }
    calls
}

/// While it lives, Python code may run.
struct Call;

impl Call {
    fn begin() -> Option<Self> {
        let mut calls = calls();
        (!calls.closed).then(|| {
            calls.inside += 1;
            Self
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = calls();
        calls.inside = calls.inside.saturating_sub(1);
        LEFT.notify_all();
    }
}

/// Runs Python code from a thread of Rust, or from one that has let go of the interpreter; not where that is about to end.
pub fn entered<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _call = Call::begin()?;
    Python::try_attach(run)
}

/// The same; an exception becomes an error that has its words.
pub fn attached<T>(run: impl FnOnce(Python<'_>) -> PyResult<T>) -> io::Result<T> {
    let done = entered(|py| {
        run(py).map_err(|error| {
            let value = error.value(py);
            let words = value.getattr("strerror").and_then(|words| words.extract::<String>());
            io::Error::other(words.unwrap_or_else(|_| value.to_string()))
        })
    });
    done.unwrap_or_else(|| Err(io::Error::other("Python is shutting down")))
}

/// Has the end of the interpreter wait for Python code that threads of Rust are in.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let close = wrap_pyfunction!(close, module)?;
    module.py().import("atexit")?.call_method1("register", (close,)).map(drop)
}

#[pyfunction]
fn close(py: Python<'_>) {
    py.detach(|| {
        let mut calls = calls();
        calls.closed = true;
        drop(LEFT.wait_timeout_while(calls, PATIENCE, |calls| calls.inside > 0));
    });
}

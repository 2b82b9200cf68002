//! A core decoder behind a mutex, shared by the Python decoder and the responses that it still assembles.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use respstream_core::decoder::Decoder;
use respstream_core::protocols::any_api::AnyApi;

use crate::interpreter::lock;
use crate::objects::events::ObjectCache;

/// The decoder of the core.
pub type CoreDecoder = Decoder<AnyApi>;

/// A core decoder and the state that belongs to it.
pub struct DecoderParts {
    pub core: CoreDecoder,
    /// Objects that its events reuse.
    pub cache: ObjectCache,
    /// Why it accepts no more bytes: the message of the exception that is raised.
    pub refusal: Option<&'static str>,
}

pub type SharedDecoder = Arc<Mutex<DecoderParts>>;

thread_local! {
    /// The decoders for which this thread is building events.
    static BUILDING: RefCell<Vec<*const Mutex<DecoderParts>>> = const { RefCell::new(Vec::new()) };
}

/// Marks a decoder as locked by this thread while it builds events. A finalizer that runs meanwhile must not wait for the
/// lock, which its own thread has.
pub struct ReentrancyGuard;

impl ReentrancyGuard {
    pub fn new(decoder: &Mutex<DecoderParts>) -> Self {
        BUILDING.with_borrow_mut(|decoders| decoders.push(std::ptr::from_ref(decoder)));
        Self
    }
}

impl Drop for ReentrancyGuard {
    fn drop(&mut self) {
        BUILDING.with_borrow_mut(Vec::pop);
    }
}

/// Raises `RuntimeError` if locking the decoder would deadlock, because this thread is building its events.
pub fn check_reentrancy(decoder: &Mutex<DecoderParts>) -> PyResult<()> {
    if BUILDING.with_borrow(|decoders| decoders.contains(&std::ptr::from_ref(decoder))) {
        return Err(PyRuntimeError::new_err("the decoder was called from within its own feed()"));
    }
    Ok(())
}

/// Locks the decoder. Raises `RuntimeError` instead of deadlocking.
pub fn lock_decoder<'a>(
    py: Python<'_>,
    decoder: &'a Mutex<DecoderParts>,
) -> PyResult<MutexGuard<'a, DecoderParts>> {
    check_reentrancy(decoder)?;
    Ok(lock(py, decoder))
}

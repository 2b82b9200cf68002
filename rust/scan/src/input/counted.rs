//! Reading of stored bytes, and their count.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::input::problem::Problem;

/// A reader of bytes that a worker thread may own.
pub type Bytes = Box<dyn Read + Send>;

/// A reader of bytes that counts them, if there is a counter.
pub struct Counted {
    bytes: Bytes,
    pub counter: Option<Arc<AtomicU64>>,
}

impl Counted {
    pub const fn new(bytes: Bytes) -> Self {
        Self { bytes, counter: None }
    }

    /// Reads once; repeats an interrupted call. Returns 0 at the end.
    pub fn read(&mut self, block: &mut [u8]) -> Result<usize, Problem> {
        loop {
            match self.bytes.read(block) {
                Ok(size) => {
                    if let Some(counter) = &self.counter {
                        counter.fetch_add(size as u64, Ordering::Relaxed);
                    }
                    return Ok(size);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::unreadable(&error)),
            }
        }
    }
}

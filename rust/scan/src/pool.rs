//! Worker threads: each takes the next few inputs, and batches come out in the order of the input.
//!
//! A worker that claims inputs puts the receiving end of a short channel into a queue of few places, in the order of the
//! claims; the stream empties one channel after the other. So at most a few batches for each thread wait, whatever the
//! input, and a stream that is dropped stops the workers at their next batch.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use respstream_core::frames::Options;

use crate::batches::{Batch, Tables};
use crate::reader::{Out, Reader, Stop};
use crate::schema::Selection;
use crate::source::Input;
use crate::summary::Summary;

/// Small inputs are claimed together, up to so many bytes or files.
const CLAIM_BYTES: u64 = 1 << 20;
const CLAIM_INPUTS: usize = 256;
/// Batches that wait in a channel.
const WAITING: usize = 1;
/// Small batches are joined up to this size.
const JOINED_BYTES: usize = 2 << 20;
/// The most threads that a scan starts.
const THREADS: usize = 256;

/// What a scan does.
#[derive(Clone)]
pub struct Plan {
    pub inputs: Arc<[Input]>,
    pub selections: Arc<[Selection]>,
    pub options: Options,
    pub threads: usize,
    pub batch_rows: usize,
}

enum Message {
    Batch(Batch),
    End(Box<Summary>),
    Failed(ArrowError),
}

/// Hands inputs to workers, in order.
struct Queue {
    inputs: Arc<[Input]>,
    next: usize,
    claims: SyncSender<Receiver<Message>>,
}

impl Queue {
    /// The next inputs, and the channel for what comes of them; None when there are no more, or nobody wants them.
    fn claim(&mut self) -> Option<(std::ops::Range<usize>, SyncSender<Message>)> {
        let start = self.next;
        let (mut end, mut bytes) = (start, 0);
        while end < self.inputs.len() && end - start < CLAIM_INPUTS && bytes < CLAIM_BYTES {
            bytes += self.inputs[end].size();
            end += 1;
        }
        if start == end {
            return None;
        }
        self.next = end;
        let (sender, receiver) = sync_channel(WAITING);
        self.claims.send(receiver).ok()?;
        Some((start..end, sender))
    }
}

/// The batches of a scan in the order of the input.
pub struct Stream {
    claims: Receiver<Receiver<Message>>,
    current: Option<Receiver<Message>>,
    selections: Arc<[Selection]>,
    batch_rows: usize,
    /// Small batches, by table, that wait to be joined.
    small: Vec<Vec<RecordBatch>>,
    ready: VecDeque<Batch>,
    pub summary: Summary,
}

impl Stream {
    /// Starts the workers.
    pub fn start(plan: &Plan) -> std::io::Result<Self> {
        let threads = plan.threads.clamp(1, THREADS).min(plan.inputs.len().max(1));
        let (sender, claims) = sync_channel(threads);
        let queue = Queue { inputs: plan.inputs.clone(), next: 0, claims: sender };
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let (queue, plan) = (queue.clone(), plan.clone());
            let builder = thread::Builder::new().name(format!("respstream-{number}"));
            let started = builder.spawn(move || work(&queue, &plan));
            // One worker does the work of all, if more slowly.
            if let Err(error) = started
                && number == 0
            {
                return Err(error);
            }
        }
        Ok(Self {
            claims,
            current: None,
            selections: plan.selections.clone(),
            batch_rows: plan.batch_rows.max(1),
            small: vec![Vec::new(); plan.selections.len()],
            ready: VecDeque::new(),
            summary: Summary { rows: vec![0; plan.selections.len()], ..Summary::default() },
        })
    }

    /// The next batch, and the place of its table.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, ArrowError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.current.is_none() {
                self.current = self.claims.recv().ok();
            }
            let Some(current) = &self.current else {
                self.summary.complete = true;
                self.join_all()?;
                return Ok(self.ready.pop_front());
            };
            match current.recv() {
                Ok(Message::Batch(batch)) => self.keep(batch)?,
                Ok(Message::End(summary)) => {
                    self.summary.add(*summary);
                    self.current = None;
                }
                Ok(Message::Failed(error)) => return Err(error),
                Err(_) => {
                    return Err(ArrowError::ComputeError(
                        "a thread of the scan broke down".to_owned(),
                    ));
                }
            }
        }
    }

    /// Takes a batch; small ones wait for the next.
    fn keep(&mut self, (place, batch): Batch) -> Result<(), ArrowError> {
        let waiting = &mut self.small[place];
        waiting.push(batch);
        let rows: usize = waiting.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = waiting.iter().map(RecordBatch::get_array_memory_size).sum();
        if rows >= self.batch_rows || bytes >= JOINED_BYTES {
            self.join(place, bytes >= JOINED_BYTES)?;
        }
        Ok(())
    }

    /// Joins what waits, into batches of as many rows as there may be; what is left over waits on, or comes too with `all`.
    fn join(&mut self, place: usize, all: bool) -> Result<(), ArrowError> {
        let waiting = std::mem::take(&mut self.small[place]);
        let joined = match waiting.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            several => concat_batches(&self.selections[place].schema, several)?,
        };
        let mut from = 0;
        while from < joined.num_rows() {
            let size = self.batch_rows.min(joined.num_rows() - from);
            let batch = joined.slice(from, size);
            if size == self.batch_rows || all {
                self.ready.push_back((place, batch));
            } else {
                self.small[place].push(batch);
            }
            from += size;
        }
        Ok(())
    }

    fn join_all(&mut self) -> Result<(), ArrowError> {
        (0..self.small.len()).try_for_each(|place| self.join(place, true))
    }
}

/// Works until nothing is left, or nobody wants more.
fn work(queue: &Mutex<Queue>, plan: &Plan) {
    loop {
        let claim = queue.lock().unwrap_or_else(PoisonError::into_inner).claim();
        let Some((inputs, sender)) = claim else { return };
        let mut out = Sender(sender);
        let mut reader =
            Reader::new(Tables::new(&plan.selections, plan.batch_rows), plan.options, &mut out);
        let read = plan.inputs[inputs].iter().try_for_each(|input| reader.read(input));
        let message = match read.and_then(|()| reader.finish()) {
            Ok(summary) => Message::End(Box::new(summary)),
            Err(Stop::Arrow(error)) => Message::Failed(error),
            Err(Stop::Unwanted) => return,
        };
        if out.0.send(message).is_err() {
            return;
        }
    }
}

struct Sender(SyncSender<Message>);

impl Out for Sender {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.0.send(Message::Batch(batch)).map_err(|_| Stop::Unwanted)
    }
}

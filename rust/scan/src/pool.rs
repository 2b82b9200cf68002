//! Worker threads. Batches are returned in the order of the input.
//!
//! A worker claims the next inputs, and puts the receiving end of a bounded channel into a bounded queue in the order of the
//! claims. The stream empties the channels one after the other. So a limited number of batches per thread is in memory for any
//! input, and dropping the stream stops the workers at their next batch.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;

use crate::input::{Input, Parsing, Part, RecordingOptions};
use crate::read::{BatchSink, ReadOptions, Reader, Stop, StrictError};
use crate::splits::{MAX_LOOK_BACK, Remainder, look_back, splittable_size};
use crate::tables::columns::STREAM_INDEX;
use crate::tables::{Batch, Selection, Summary, Tables};

/// The limits up to which small inputs are claimed together.
const CLAIM_BYTES: u64 = 1 << 20;
const CLAIM_INPUTS: usize = 256;
/// The capacity of a channel of batches: about the batches of a part, so that no worker waits for an earlier part.
const CHANNEL_BATCHES: usize = 6;
/// Small batches are joined up to this size.
const JOINED_BYTES: usize = 2 << 20;
/// A batch with the full number of rows and at least this size is not copied to be joined.
const COPIED_BYTES: usize = 1 << 18;
/// The interval at which a waiting receiver checks whether to continue: a scan may read for hours before its first row.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum number of threads of a scan.
const MAX_THREADS: usize = 256;

/// The inputs, the tables and the options of a scan.
#[derive(Clone)]
pub struct Plan {
    pub inputs: Arc<[Input]>,
    pub selections: Arc<[Selection]>,
    pub options: ReadOptions,
    pub recordings: RecordingOptions,
    pub threads: usize,
    pub batch_rows: usize,
    /// The maximum size of a part. Larger files are read by several threads, if they can be split.
    pub part_bytes: u64,
}

/// The inputs that a worker reads, or a part of an input.
enum Claim {
    /// Whether a thread is without work that could decompress.
    Inputs(Range<usize>, bool),
    Part(usize, PartStart, Remainder),
}

/// A part of a file, and the offset where its reading begins.
#[derive(Clone, Copy)]
struct PartStart {
    part: Part,
    from: u64,
}

/// The receiver for the results of a claim.
struct Pending {
    messages: Receiver<Message>,
    /// The claim is a further part of the input before.
    continues: bool,
}

enum Message {
    Batch(Batch),
    End(Box<End>),
    Failed(ArrowError),
}

/// The end of a claim.
struct End {
    summary: Summary,
    /// The error that ends a strict scan there.
    error: Option<Box<StrictError>>,
    /// It is a part that has read the remainder of its input.
    reads_remainder: bool,
}

/// Why a scan ended before its end.
#[derive(Debug)]
pub enum Failure {
    Arrow(ArrowError),
    /// The error that ended a strict scan.
    Strict(Box<StrictError>),
    /// The caller stopped waiting. The next call continues.
    Interrupted,
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// Assigns inputs to workers, in order.
struct Queue {
    inputs: Arc<[Input]>,
    recordings: RecordingOptions,
    parsing: Parsing,
    next: usize,
    threads: u64,
    /// The number of workers with a claim. A worker ends its claim without the lock, which may be held until the stream takes
    /// what the worker is about to send.
    active: Arc<AtomicU64>,
    /// The maximum size of a part.
    part_bytes: u64,
    /// The next part of the input before `next`, if there is one, and the size of that input.
    part: Option<(PartStart, u64)>,
    /// The remainder of that input, which its parts share.
    remainder: Remainder,
    pending: SyncSender<Pending>,
}

impl Queue {
    /// The next claim, and the channel for its results. None after the last one, or if the stream was dropped.
    fn claim(&mut self) -> Option<(Claim, SyncSender<Message>)> {
        let claim = match self.part.take() {
            Some((next, size)) if !self.remainder.includes(next.part.start) => {
                self.claim_part(next, size)
            }
            _ => self.claim_inputs()?,
        };
        self.active.fetch_add(1, Ordering::Relaxed);
        let (sender, messages) = sync_channel(CHANNEL_BATCHES);
        let continues = matches!(claim, Claim::Part(_, claimed, _) if claimed.part.start > 0);
        self.pending.send(Pending { messages, continues }).ok()?;
        Some((claim, sender))
    }

    /// Claims a part. It ends where the next one can begin, or at the end of the file.
    fn claim_part(&mut self, PartStart { mut part, from }: PartStart, size: u64) -> Claim {
        let index = self.next - 1;
        while part.end < u64::MAX {
            let next = self.part_from(part.end, size);
            let from = look_back(&self.inputs[index], next.start, self.parsing, MAX_LOOK_BACK);
            if let Ok(Some(from)) = from {
                self.part = Some((PartStart { part: next, from }, size));
                break;
            }
            part.end = next.end;
        }
        Claim::Part(index, PartStart { part, from }, self.remainder.clone())
    }

    /// The part from an offset on. The last one has no end, as the file may grow. Parts become smaller towards the end, so that
    /// all threads finish at about the same time.
    fn part_from(&self, start: u64, size: u64) -> Part {
        let share = size.saturating_sub(start) / (3 * self.threads);
        let bytes = share.clamp((self.part_bytes / 4).max(1), self.part_bytes);
        let end = start + bytes;
        // Less than half a part is not read on its own.
        let last = end + bytes / 2 >= size;
        Part { start, end: if last { u64::MAX } else { end }, numbered: true }
    }

    fn claim_inputs(&mut self) -> Option<Claim> {
        let start = self.next;
        let mut bytes = 0;
        while self.next < self.inputs.len()
            && self.next - start < CLAIM_INPUTS
            && bytes < CLAIM_BYTES
        {
            let input = &self.inputs[self.next];
            let size = input.size();
            let large = size > self.part_bytes && input.part.is_none();
            let split =
                large.then(|| splittable_size(input, &self.recordings, self.parsing)).flatten();
            let Some(size) = split else {
                bytes += size;
                self.next += 1;
                continue;
            };
            if self.next == start {
                self.next += 1;
                self.remainder = Remainder::default();
                let first = PartStart { part: self.part_from(0, size), from: 0 };
                return Some(self.claim_part(first, size));
            }
            break;
        }
        let is_idle = self.active.load(Ordering::Relaxed) + 1 < self.threads;
        let is_last = self.next == self.inputs.len() && is_idle;
        (start < self.next).then_some(Claim::Inputs(start..self.next, is_last))
    }
}

/// The batches of a scan in the order of the input.
pub struct Stream {
    pending: Receiver<Pending>,
    current: Option<Pending>,
    /// The number of responses in the earlier parts of the current input.
    responses_before: u64,
    /// An earlier part has read the remainder of the current input. The results of further parts are dropped.
    remainder_read: bool,
    selections: Arc<[Selection]>,
    batch_rows: usize,
    /// Small batches to be joined, by table.
    small: Vec<Vec<RecordBatch>>,
    ready: VecDeque<Batch>,
    /// Returned after the batches that are ready.
    failure: Option<Failure>,
    failed: bool,
    pub summary: Summary,
}

impl Stream {
    /// Starts the workers.
    pub fn start(plan: &Plan) -> std::io::Result<Self> {
        let threads = plan.threads.clamp(1, MAX_THREADS);
        let (sender, pending) = sync_channel(threads);
        let active = Arc::new(AtomicU64::new(0));
        let queue = Queue {
            inputs: plan.inputs.clone(),
            recordings: plan.recordings.clone(),
            parsing: plan.options.parsing,
            next: 0,
            threads: threads as u64,
            active: active.clone(),
            // A single thread reads files whole.
            part_bytes: if threads == 1 { u64::MAX } else { plan.part_bytes.max(1) },
            part: None,
            remainder: Remainder::default(),
            pending: sender,
        };
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let (queue, plan, active) = (queue.clone(), plan.clone(), active.clone());
            let builder = thread::Builder::new().name(format!("respstream-{number}"));
            let started = builder.spawn(move || work(&queue, &active, &plan));
            // One worker is enough.
            if let Err(error) = started
                && number == 0
            {
                return Err(error);
            }
        }
        Ok(Self {
            pending,
            current: None,
            responses_before: 0,
            remainder_read: false,
            selections: plan.selections.clone(),
            batch_rows: plan.batch_rows.max(1),
            small: vec![Vec::new(); plan.selections.len()],
            ready: VecDeque::new(),
            failure: None,
            failed: false,
            summary: Summary { rows: vec![0; plan.selections.len()], ..Summary::default() },
        })
    }

    /// The next batch, and the position of its table among the selections. None after the last one and after a failure.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Failure> {
        self.next_batch_while(|| true)
    }

    /// As [`Self::next_batch`]; while it waits, `proceed` is called at intervals and can interrupt it.
    pub fn next_batch_while(
        &mut self,
        mut proceed: impl FnMut() -> bool,
    ) -> Result<Option<Batch>, Failure> {
        let mut polled = Instant::now();
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if polled.elapsed() >= POLL_INTERVAL {
                if !proceed() {
                    return Err(Failure::Interrupted);
                }
                polled = Instant::now();
            }
            if self.current.is_none() {
                self.current = match self.pending.recv_timeout(POLL_INTERVAL) {
                    Err(RecvTimeoutError::Timeout) => continue,
                    pending => pending.ok(),
                };
                if self.current.as_ref().is_some_and(|pending| !pending.continues) {
                    (self.responses_before, self.remainder_read) = (0, false);
                }
            }
            let Some(current) = &self.current else {
                self.summary.complete = !self.failed;
                self.join_all()?;
                return Ok(self.ready.pop_front());
            };
            match current.messages.recv_timeout(POLL_INTERVAL) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::End(_) | Message::Failed(_)) if self.remainder_read => {
                    self.current = None;
                }
                Ok(Message::Batch(_)) if self.remainder_read => {}
                Ok(Message::Batch(batch)) => self.add(batch)?,
                Ok(Message::End(end)) => self.end(*end)?,
                Ok(Message::Failed(error)) => self.fail(error.into())?,
                Err(RecvTimeoutError::Disconnected) => {
                    let message = "a worker thread of the scan panicked".to_owned();
                    self.fail(ArrowError::ComputeError(message).into())?;
                }
            }
        }
    }

    fn end(&mut self, end: End) -> Result<(), Failure> {
        let End { summary, error, reads_remainder } = end;
        self.responses_before += summary.responses.values().sum::<u64>();
        self.remainder_read = reads_remainder;
        self.summary.add(summary);
        self.current = None;
        error.map_or(Ok(()), |error| self.fail(Failure::Strict(error)))
    }

    /// Ends the scan after the batches before the failure.
    fn fail(&mut self, failure: Failure) -> Result<(), Failure> {
        (self.failure, self.failed) = (Some(failure), true);
        self.current = None;
        self.pending = sync_channel(0).1;
        Ok(self.join_all()?)
    }

    /// Adds a batch. Small batches are joined with the following ones.
    fn add(&mut self, (table, batch): Batch) -> Result<(), ArrowError> {
        let batch = match &self.current {
            Some(current) if current.continues => renumber(batch, self.responses_before)?,
            _ => batch,
        };
        let full = batch.num_rows() >= self.batch_rows;
        if full && batch.get_array_memory_size() >= COPIED_BYTES {
            self.join(table, true)?;
            self.ready.push_back((table, batch));
            return Ok(());
        }
        let small = &mut self.small[table];
        small.push(batch);
        let rows: usize = small.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = small.iter().map(RecordBatch::get_array_memory_size).sum();
        if rows >= self.batch_rows || bytes >= JOINED_BYTES {
            self.join(table, bytes >= JOINED_BYTES)?;
        }
        Ok(())
    }

    /// Joins small batches into full ones. The remaining rows stay small, or make a batch with `all`.
    fn join(&mut self, table: usize, all: bool) -> Result<(), ArrowError> {
        let small = std::mem::take(&mut self.small[table]);
        let joined = match small.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            several => concat_batches(&self.selections[table].schema, several)?,
        };
        let mut from = 0;
        while from < joined.num_rows() {
            let size = self.batch_rows.min(joined.num_rows() - from);
            let batch = joined.slice(from, size);
            if size == self.batch_rows || all {
                self.ready.push_back((table, batch));
            } else {
                self.small[table].push(batch);
            }
            from += size;
        }
        Ok(())
    }

    fn join_all(&mut self) -> Result<(), ArrowError> {
        (0..self.small.len()).try_for_each(|table| self.join(table, true))
    }
}

/// Adds `before` to the numbers of responses in a batch.
fn renumber(batch: RecordBatch, before: u64) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let Some((position, _)) = schema.column_with_name(STREAM_INDEX) else { return Ok(batch) };
    let mut columns = batch.columns().to_vec();
    let numbers = columns[position].as_primitive::<Int64Type>();
    let numbers: Int64Array = numbers.unary(|number| number + before.cast_signed());
    columns[position] = Arc::new(numbers);
    RecordBatch::try_new(schema, columns)
}

/// Reads claims until none is left, or the stream is dropped.
fn work(queue: &Mutex<Queue>, active: &AtomicU64, plan: &Plan) {
    let mut block = Vec::new();
    loop {
        let claim = queue.lock().unwrap_or_else(PoisonError::into_inner).claim();
        let Some((claim, sender)) = claim else { return };
        let mut output = BatchSender(sender);
        let tables = Tables::new(&plan.selections, plan.batch_rows);
        let mut reader = Reader::new(tables, plan.options, &plan.recordings, &mut output);
        reader.block = block;
        let read = match claim {
            Claim::Inputs(range, ahead) => {
                reader.ahead = ahead;
                plan.inputs[range].iter().try_for_each(|input| reader.read(input))
            }
            Claim::Part(index, PartStart { part, from }, remainder) => {
                reader.read_part(&plan.inputs[index], (part, Some(remainder)), from)
            }
        };
        active.fetch_sub(1, Ordering::Relaxed);
        block = std::mem::take(&mut reader.block);
        let reads_remainder = reader.reads_remainder;
        let ended = match read {
            Err(Stop::Strict(error)) => reader.finish().map(|summary| (summary, Some(error))),
            read => read.and_then(|()| reader.finish()).map(|summary| (summary, None)),
        };
        let message = match ended {
            Ok((summary, error)) => Message::End(Box::new(End { summary, error, reads_remainder })),
            Err(Stop::Arrow(error)) => Message::Failed(error),
            Err(_) => return,
        };
        if output.0.send(message).is_err() {
            return;
        }
    }
}

struct BatchSender(SyncSender<Message>);

impl BatchSink for BatchSender {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.0.send(Message::Batch(batch)).map_err(|_| Stop::Cancelled)
    }
}

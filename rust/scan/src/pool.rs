//! Worker threads: each takes the next few inputs, and batches come out in the order of the input.
//!
//! A worker that claims inputs puts the receiving end of a short channel into a queue of few places, in the order of the
//! claims; the stream empties one channel after the other. So at most a few batches for each thread wait, whatever the
//! input, and a stream that is dropped stops the workers at their next batch.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use respstream_core::frames::Options;

use crate::batches::{Batch, Tables};
use crate::reader::{How, Out, Reader, Refused, Stop};
use crate::schema::Selection;
use crate::source::Input;
use crate::splits::{self, Part, REACH, Rest, divisible};
use crate::summary::Summary;
use crate::wrapped::Wrapping;

/// Small inputs are claimed together, up to so many bytes or files.
const CLAIM_BYTES: u64 = 1 << 20;
const CLAIM_INPUTS: usize = 256;
/// Batches that wait in a channel: about what comes of a part, so that no worker waits for the one before it.
const WAITING: usize = 6;
/// Small batches are joined up to this size; from that size on a full one is not copied to be joined.
const JOINED_BYTES: usize = 2 << 20;
const COPIED_BYTES: usize = 1 << 18;
/// Who waits for a batch is asked at this interval whether to go on: a scan may read for hours before it has a row.
const PATIENCE: Duration = Duration::from_millis(50);
/// The most threads that a scan starts.
const THREADS: usize = 256;

/// What a scan does.
#[derive(Clone)]
pub struct Plan {
    pub inputs: Arc<[Input]>,
    pub selections: Arc<[Selection]>,
    pub how: How,
    pub wrapping: Wrapping,
    pub threads: usize,
    pub batch_rows: usize,
    /// A larger plain file is read in parts of at most this size, by several threads.
    pub part_bytes: u64,
}

/// What a worker claims: some inputs, or a part of one.
enum Claim {
    Inputs(Range<usize>),
    Part(usize, Span, Rest),
}

/// A part of a file, and where its reading begins.
#[derive(Clone, Copy)]
struct Span {
    part: Part,
    from: u64,
}

/// The channel for what comes of a claim; `continues` tells that it is a part of the input before.
struct Coming {
    messages: Receiver<Message>,
    continues: bool,
}

enum Message {
    Batch(Batch),
    End(Box<End>),
    Failed(ArrowError),
}

/// What came of a claim.
struct End {
    summary: Summary,
    /// The error that ends a strict scan there.
    refused: Option<Box<Refused>>,
    /// It is a part that gave the rest of its input too.
    takes_rest: bool,
}

/// Why a scan ended early.
#[derive(Debug)]
pub enum Failure {
    Arrow(ArrowError),
    /// A strict scan met an error.
    Refused(Box<Refused>),
    /// Whoever waited wants to wait no more; the next call goes on.
    Interrupted,
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// Hands inputs to workers, in order.
struct Queue {
    inputs: Arc<[Input]>,
    wrapping: Wrapping,
    options: Options,
    next: usize,
    threads: u64,
    /// The most bytes of a part.
    part_bytes: u64,
    /// The next part of the input before `next`, if it has further ones, and the size of that input.
    part: Option<(Span, u64)>,
    /// What its parts share.
    rest: Rest,
    coming: SyncSender<Coming>,
}

impl Queue {
    /// The next claim, and the channel for what comes of it; None when there is nothing more, or nobody wants it.
    fn claim(&mut self) -> Option<(Claim, SyncSender<Message>)> {
        let claim = match self.part.take() {
            Some((span, size)) if !self.rest.has(span.part.start) => self.claim_part(span, size),
            _ => self.claim_inputs()?,
        };
        let (sender, messages) = sync_channel(WAITING);
        let continues = matches!(claim, Claim::Part(_, span, _) if span.part.start > 0);
        self.coming.send(Coming { messages, continues }).ok()?;
        Some((claim, sender))
    }

    /// A part ends where the next one can begin; in a file where none can it goes on to the end.
    fn claim_part(&mut self, Span { mut part, from }: Span, size: u64) -> Claim {
        let place = self.next - 1;
        while part.end < u64::MAX {
            let next = self.part_from(part.end, size);
            let from = splits::look_back(&self.inputs[place], next.start, self.options, REACH);
            if let Ok(Some(from)) = from {
                self.part = Some((Span { part: next, from }, size));
                break;
            }
            part.end = next.end;
        }
        Claim::Part(place, Span { part, from }, self.rest.clone())
    }

    /// The part from an offset on; the last one goes on to the end, wherever that is by then. Parts shrink towards the end,
    /// so that all threads come to theirs at about the same time.
    fn part_from(&self, start: u64, size: u64) -> Part {
        let share = size.saturating_sub(start) / (3 * self.threads);
        let bytes = share.clamp((self.part_bytes / 4).max(1), self.part_bytes);
        let end = start + bytes;
        // The rest is not worth a part of its own.
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
            let Some(size) = large.then(|| divisible(input, &self.wrapping)).flatten() else {
                bytes += size;
                self.next += 1;
                continue;
            };
            if self.next == start {
                self.next += 1;
                self.rest = Rest::default();
                let first = Span { part: self.part_from(0, size), from: 0 };
                return Some(self.claim_part(first, size));
            }
            break;
        }
        (start < self.next).then_some(Claim::Inputs(start..self.next))
    }
}

/// The batches of a scan in the order of the input.
pub struct Stream {
    coming: Receiver<Coming>,
    current: Option<Coming>,
    /// How many responses the parts before have of the same input.
    before: u64,
    /// One of them has given the rest of it; what comes of further parts is dropped.
    rest_given: bool,
    selections: Arc<[Selection]>,
    batch_rows: usize,
    /// Small batches, by table, that wait to be joined.
    small: Vec<Vec<RecordBatch>>,
    ready: VecDeque<Batch>,
    /// Told when what is ready was taken.
    failure: Option<Failure>,
    failed: bool,
    pub summary: Summary,
}

impl Stream {
    /// Starts the workers.
    pub fn start(plan: &Plan) -> std::io::Result<Self> {
        let threads = plan.threads.clamp(1, THREADS);
        let (sender, coming) = sync_channel(threads);
        let queue = Queue {
            inputs: plan.inputs.clone(),
            wrapping: plan.wrapping.clone(),
            options: plan.how.options,
            next: 0,
            threads: threads as u64,
            // One thread has nobody to share a file with.
            part_bytes: if threads == 1 { u64::MAX } else { plan.part_bytes.max(1) },
            part: None,
            rest: Rest::default(),
            coming: sender,
        };
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
            coming,
            current: None,
            before: 0,
            rest_given: false,
            selections: plan.selections.clone(),
            batch_rows: plan.batch_rows.max(1),
            small: vec![Vec::new(); plan.selections.len()],
            ready: VecDeque::new(),
            failure: None,
            failed: false,
            summary: Summary { rows: vec![0; plan.selections.len()], ..Summary::default() },
        })
    }

    /// The next batch, and the place of its table. After a failure there is none.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Failure> {
        self.next_batch_while(|| true)
    }

    /// The same, as long as it is told to go on, which it asks every now and then.
    pub fn next_batch_while(
        &mut self,
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Option<Batch>, Failure> {
        let mut asked = Instant::now();
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if asked.elapsed() >= PATIENCE {
                if !goes_on() {
                    return Err(Failure::Interrupted);
                }
                asked = Instant::now();
            }
            if self.current.is_none() {
                self.current = match self.coming.recv_timeout(PATIENCE) {
                    Err(RecvTimeoutError::Timeout) => continue,
                    coming => coming.ok(),
                };
                if self.current.as_ref().is_some_and(|coming| !coming.continues) {
                    (self.before, self.rest_given) = (0, false);
                }
            }
            let Some(current) = &self.current else {
                self.summary.complete = !self.failed;
                self.join_all()?;
                return Ok(self.ready.pop_front());
            };
            match current.messages.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::End(_) | Message::Failed(_)) if self.rest_given => self.current = None,
                Ok(Message::Batch(_)) if self.rest_given => {}
                Ok(Message::Batch(batch)) => self.keep(batch)?,
                Ok(Message::End(end)) => self.end(*end)?,
                Ok(Message::Failed(error)) => self.fail(error.into())?,
                Err(RecvTimeoutError::Disconnected) => {
                    let told = "a thread of the scan broke down".to_owned();
                    self.fail(ArrowError::ComputeError(told).into())?;
                }
            }
        }
    }

    fn end(&mut self, end: End) -> Result<(), Failure> {
        let End { summary, refused, takes_rest } = end;
        self.before += summary.responses.values().sum::<u64>();
        self.rest_given = takes_rest;
        self.summary.add(summary);
        self.current = None;
        refused.map_or(Ok(()), |refused| self.fail(Failure::Refused(refused)))
    }

    /// Ends the scan behind what was read before.
    fn fail(&mut self, failure: Failure) -> Result<(), Failure> {
        (self.failure, self.failed) = (Some(failure), true);
        self.current = None;
        self.coming = sync_channel(0).1;
        Ok(self.join_all()?)
    }

    /// Takes a batch; small ones wait for the next.
    fn keep(&mut self, (place, batch): Batch) -> Result<(), ArrowError> {
        let batch = match &self.current {
            Some(current) if current.continues => numbered(batch, self.before)?,
            _ => batch,
        };
        let full = batch.num_rows() >= self.batch_rows;
        if full && batch.get_array_memory_size() >= COPIED_BYTES {
            self.join(place, true)?;
            self.ready.push_back((place, batch));
            return Ok(());
        }
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

/// The batch with the numbers of responses counted on from `before`.
fn numbered(batch: RecordBatch, before: u64) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let Some((place, _)) = schema.column_with_name("stream_index") else { return Ok(batch) };
    let mut columns = batch.columns().to_vec();
    let counted: Int64Array =
        columns[place].as_primitive::<Int64Type>().unary(|number| number + before.cast_signed());
    columns[place] = Arc::new(counted);
    RecordBatch::try_new(schema, columns)
}

/// Works until nothing is left, or nobody wants more.
fn work(queue: &Mutex<Queue>, plan: &Plan) {
    let mut block = Vec::new();
    loop {
        let claim = queue.lock().unwrap_or_else(PoisonError::into_inner).claim();
        let Some((claim, sender)) = claim else { return };
        let mut out = Sender(sender);
        let tables = Tables::new(&plan.selections, plan.batch_rows);
        let mut reader = Reader::new(tables, plan.how, &plan.wrapping, &mut out);
        reader.block = block;
        let read = match claim {
            Claim::Inputs(places) => {
                plan.inputs[places].iter().try_for_each(|input| reader.read(input))
            }
            Claim::Part(place, Span { part, from }, rest) => {
                reader.read_part(&plan.inputs[place], (part, Some(rest)), from)
            }
        };
        block = std::mem::take(&mut reader.block);
        let takes_rest = reader.takes_rest;
        let ended = match read {
            Err(Stop::Refused(refused)) => reader.finish().map(|summary| (summary, Some(refused))),
            read => read.and_then(|()| reader.finish()).map(|summary| (summary, None)),
        };
        let message = match ended {
            Ok((summary, refused)) => Message::End(Box::new(End { summary, refused, takes_rest })),
            Err(Stop::Arrow(error)) => Message::Failed(error),
            Err(_) => return,
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

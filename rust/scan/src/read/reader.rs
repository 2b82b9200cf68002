//! Reads sources one after the other, each by a full or an events-only scan.

use arrow_schema::ArrowError;
use respstream_core::diagnostics::Diagnostic;

use crate::input::recordings::RecordingBuffer;
use crate::input::{Input, Part, Problem, RecordingOptions, Source};
use crate::read::events_only::EventsOnly;
use crate::read::full::{FullScan, ReadOptions};
use crate::splits::{Remainder, look_back};
use crate::tables::{Batch, Depth, Summary, Tables};

/// After its part, a source is read in blocks of this size until all responses of the part have ended.
const BLOCK_AFTER_PART: usize = 1 << 13;

/// The smallest compressed file that is worth a thread for its decompression.
const AHEAD_BYTES: u64 = 1 << 18;

/// The error that ended a strict scan, and its source.
#[derive(Clone, Debug)]
pub struct StrictError {
    pub source: String,
    pub diagnostic: Diagnostic,
}

/// Receives full batches. An error stops the reading.
pub trait BatchSink {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop>;
}

/// Why reading stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// The receiver of the batches was dropped.
    Cancelled,
    Arrow(ArrowError),
    Strict(Box<StrictError>),
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// The scan of one source, or of a part of one.
enum SourceScan<'n> {
    Full(Box<FullScan<'n>>),
    EventsOnly(Box<EventsOnly<'n>>),
}

impl SourceScan<'_> {
    /// Reads the next bytes.
    fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        let own = self.end().saturating_sub(self.position());
        let own = usize::try_from(own).unwrap_or(usize::MAX);
        let (own, after) = bytes.split_at(own.min(bytes.len()));
        let own = Some(own).filter(|own| !own.is_empty());
        for block in own.into_iter().chain(after.chunks(BLOCK_AFTER_PART)) {
            match self {
                Self::Full(scan) => scan.feed(block, tables, summary),
                Self::EventsOnly(scan) => scan.feed(block, tables, summary),
            }
            if self.is_done() {
                return;
            }
        }
    }

    /// The offset after the last byte that was fed.
    fn position(&self) -> u64 {
        match self {
            Self::Full(scan) => scan.position,
            Self::EventsOnly(scan) => scan.position,
        }
    }

    /// The end of the part, as far as it is known.
    fn end(&self) -> u64 {
        match self {
            Self::Full(scan) => scan.end(),
            Self::EventsOnly(scan) => scan.end(),
        }
    }

    /// Whether the part reads the source to its end.
    fn reads_remainder(&self) -> bool {
        match self {
            Self::Full(scan) => scan.reads_remainder(),
            Self::EventsOnly(scan) => scan.reads_remainder(),
        }
    }

    fn is_redundant(&self) -> bool {
        match self {
            Self::Full(scan) => scan.is_redundant(),
            Self::EventsOnly(scan) => scan.is_redundant(),
        }
    }

    fn strict_error(&self) -> Option<Diagnostic> {
        match self {
            Self::Full(scan) => scan.strict_error(),
            Self::EventsOnly(_) => None,
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Full(scan) => scan.is_done(),
            Self::EventsOnly(scan) => scan.is_done(),
        }
    }

    fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        match self {
            Self::Full(scan) => scan.finish(tables, summary),
            Self::EventsOnly(scan) => scan.finish(tables, summary),
        }
    }
}

/// Reads sources one after the other. The rows of small sources share batches.
pub struct Reader<'o, O> {
    pub tables: Tables,
    pub summary: Summary,
    /// Whether the last part reads its source to the end. The parts after it are not needed.
    pub reads_remainder: bool,
    options: ReadOptions,
    recordings: &'o RecordingOptions,
    /// Whether large compressed sources are decompressed in a thread of their own.
    pub ahead: bool,
    /// The read buffer, which all sources share.
    pub block: Vec<u8>,
    output: &'o mut O,
}

impl<'o, O: BatchSink> Reader<'o, O> {
    pub fn new(
        tables: Tables,
        mut options: ReadOptions,
        recordings: &'o RecordingOptions,
        output: &'o mut O,
    ) -> Self {
        if recordings.rows.only {
            options.depth = Depth::Whole;
        }
        Self {
            tables,
            summary: Summary::default(),
            reads_remainder: false,
            options,
            recordings,
            ahead: false,
            block: Vec::new(),
            output,
        }
    }

    /// Reads a source, or the part of it that the input names.
    pub fn read(&mut self, input: &Input) -> Result<(), Stop> {
        if let Some(part) = input.part {
            return self.read_split(input, part);
        }
        self.summary.sources += 1;
        let opened = input.open_with(std::mem::take(&mut self.block));
        let opened = opened.and_then(|source| {
            let source = source.counting(&input.stored);
            if self.ahead && input.size() >= AHEAD_BYTES { source.ahead() } else { Ok(source) }
        });
        match opened {
            Ok(source) => self.read_open(input, source, (Part::WHOLE, None), 0),
            Err(problem) => self.problem(input, None, problem),
        }
    }

    /// Reads a part of a file on its own.
    fn read_split(&mut self, input: &Input, part: Part) -> Result<(), Stop> {
        match look_back(input, part.start, self.options.parsing, u64::MAX) {
            Ok(from) => self.read_part(input, (part, None), from.unwrap_or(0)),
            Err(problem) => {
                self.summary.sources += u64::from(part.start == 0);
                self.problem(input, None, problem)
            }
        }
    }

    /// Reads a part of a file from the offset `from` on. Parts that are read together share the remainder.
    pub fn read_part(
        &mut self,
        input: &Input,
        part: (Part, Option<Remainder>),
        from: u64,
    ) -> Result<(), Stop> {
        self.summary.sources += u64::from(part.0.start == 0);
        match input.open_at(from, std::mem::take(&mut self.block)) {
            Ok(source) => self.read_open(input, source.counting(&input.stored), part, from),
            Err(problem) => self.problem(input, None, problem),
        }
    }

    fn read_open(
        &mut self,
        input: &Input,
        mut source: Source,
        (part, remainder): (Part, Option<Remainder>),
        from: u64,
    ) -> Result<(), Stop> {
        let mut buffer = if part.is_whole() {
            RecordingBuffer::new(self.recordings)
        } else {
            RecordingBuffer::pass_through()
        };
        let ReadOptions { parsing, depth, .. } = self.options;
        let mut scan = if depth == Depth::Events {
            let scan = EventsOnly::new(input, parsing, (part, remainder), from, &self.tables);
            SourceScan::EventsOnly(Box::new(scan))
        } else {
            SourceScan::Full(Box::new(self.full_scan(input, (part, remainder), from)))
        };
        let ended = self.read_all(&mut source, &mut scan, &mut buffer)?;
        self.read_buffered(input, &mut scan, buffer)?;
        self.block = source.into_block();
        if scan.is_redundant() {
            return Ok(());
        }
        self.reads_remainder = scan.reads_remainder();
        scan.finish(&mut self.tables, &mut self.summary);
        self.stop_if(input, scan.strict_error())?;
        match ended {
            Ok(()) => self.flush(false),
            Err(problem) => self.problem(input, Some(scan.position()), problem),
        }
    }

    fn full_scan<'n>(
        &self,
        input: &'n Input,
        part: (Part, Option<Remainder>),
        from: u64,
    ) -> FullScan<'n> {
        FullScan::new(input, self.options, &self.recordings.rows, part, from, &self.tables)
    }

    /// Reads to the end of the part, or as far as the source can be read.
    fn read_all(
        &mut self,
        source: &mut Source,
        scan: &mut SourceScan<'_>,
        buffer: &mut RecordingBuffer,
    ) -> Result<Result<(), Problem>, Stop> {
        loop {
            let mut flushed = Ok(());
            let more = source.next(|bytes| {
                if let Some(bytes) = buffer.add(bytes) {
                    scan.feed(bytes, &mut self.tables, &mut self.summary);
                }
                flushed = flush(&mut self.tables, self.output, false);
                let continues = !scan.is_done() && !scan.is_redundant();
                flushed.is_ok() && continues && scan.strict_error().is_none()
            });
            flushed?;
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(())),
                Err(problem) => return Ok(Err(problem)),
            }
        }
    }

    /// Reads the bytes that were buffered until the end of the source: a recording, or too few bytes to decide.
    fn read_buffered<'n>(
        &mut self,
        input: &'n Input,
        scan: &mut SourceScan<'n>,
        buffer: RecordingBuffer,
    ) -> Result<(), Stop> {
        let (format, bytes) = buffer.finish();
        let Some(format) = format else {
            if !bytes.is_empty() {
                scan.feed(&bytes, &mut self.tables, &mut self.summary);
            }
            return Ok(());
        };
        let mut full = self.full_scan(input, (Part::WHOLE, None), 0);
        full.count_bytes(bytes.len(), &mut self.summary);
        match self.recordings.reader.records(format, &bytes) {
            Ok(records) => {
                for record in &records {
                    full.record(record, &mut self.tables, &mut self.summary);
                }
                full.set_recording(format);
            }
            Err(problem) => self.problem(input, Some(0), problem)?,
        }
        *scan = SourceScan::Full(Box::new(full));
        Ok(())
    }

    /// Ends a strict scan at an error, after the rows before it.
    fn stop_if(&mut self, input: &Input, error: Option<Diagnostic>) -> Result<(), Stop> {
        let Some(diagnostic) = error else { return Ok(()) };
        self.flush(true)?;
        Err(Stop::Strict(Box::new(StrictError { source: input.name.clone(), diagnostic })))
    }

    fn problem(
        &mut self,
        input: &Input,
        offset: Option<u64>,
        problem: Problem,
    ) -> Result<(), Stop> {
        self.summary.diagnostics[problem.code as usize] += 1;
        self.tables.problem(&input.name, offset, &problem);
        let strict = self.options.strict;
        let error = strict.then(|| problem.diagnostic(offset.unwrap_or_default()));
        self.summary.problems.push((input.name.clone(), problem));
        self.stop_if(input, error)?;
        self.flush(false)
    }

    /// Passes on the full batches, and with `all` the rows that follow them, too.
    pub fn flush(&mut self, all: bool) -> Result<(), Stop> {
        flush(&mut self.tables, self.output, all)
    }

    /// Ends the reading.
    pub fn finish(mut self) -> Result<Summary, Stop> {
        self.flush(true)?;
        self.summary.rows = std::mem::take(&mut self.tables.rows);
        Ok(self.summary)
    }
}

fn flush<O: BatchSink>(tables: &mut Tables, output: &mut O, all: bool) -> Result<(), Stop> {
    for batch in tables.take(all)? {
        output.batch(batch)?;
    }
    Ok(())
}

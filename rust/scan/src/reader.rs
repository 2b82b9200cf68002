//! One source, or a part of one, from its bytes to rows.

use arrow_schema::ArrowError;
use respstream_core::diagnostics::Diagnostic;
use respstream_core::frames::Options;

use crate::batches::{Batch, Tables};
use crate::fold::Fold;
use crate::light::Light;
use crate::schema::Depth;
use crate::source::{Input, Problem, Source};
use crate::splits::{self, Part, Rest};
use crate::summary::Summary;
use crate::wrapped::{Held, Wrapping};

/// Behind its part a source is read in pieces of this size, until nothing is open there that began in the part.
const BEHIND: usize = 1 << 13;

/// How a source is read; a `strict` scan ends at the first error that it meets.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub options: Options,
    pub strict: bool,
    pub depth: Depth,
}

/// The error that ended a strict scan, and the source that has it.
#[derive(Clone, Debug)]
pub struct Refused {
    pub source: String,
    pub diagnostic: Diagnostic,
}

/// Takes batches as they are full; an error of it stops the reading.
pub trait Out {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop>;
}

/// Why reading stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// Nobody wants more.
    Unwanted,
    Arrow(ArrowError),
    Refused(Box<Refused>),
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// What makes rows of the bytes of a source: with a fold, or without one where nobody wants it.
enum Rows<'n> {
    Fold(Box<Fold<'n>>),
    Light(Box<Light<'n>>),
}

impl Rows<'_> {
    /// Takes the next bytes of a source, or of a part of one.
    fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        let own = self.end().saturating_sub(self.position());
        let own = usize::try_from(own).unwrap_or(usize::MAX);
        let (own, behind) = bytes.split_at(own.min(bytes.len()));
        let pieces = Some(own).filter(|own| !own.is_empty()).into_iter();
        for piece in pieces.chain(behind.chunks(BEHIND)) {
            match self {
                Self::Fold(fold) => fold.feed(piece, tables, summary),
                Self::Light(light) => light.feed(piece, tables, summary),
            }
            if self.is_done() {
                return;
            }
        }
    }

    /// The offset behind the last byte that was fed.
    fn position(&self) -> u64 {
        match self {
            Self::Fold(fold) => fold.position,
            Self::Light(light) => light.position,
        }
    }

    /// Where the part ends, as far as is known.
    fn end(&self) -> u64 {
        match self {
            Self::Fold(fold) => fold.end(),
            Self::Light(light) => light.end(),
        }
    }

    /// Whether the part goes on to the end of the source. Without a fold rows come in the order of the input anyway.
    fn takes_rest(&self) -> bool {
        matches!(self, Self::Fold(fold) if fold.takes_rest())
    }

    fn is_needless(&self) -> bool {
        matches!(self, Self::Fold(fold) if fold.is_needless())
    }

    fn refused(&self) -> Option<Diagnostic> {
        match self {
            Self::Fold(fold) => fold.refused(),
            Self::Light(_) => None,
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Fold(fold) => fold.is_done(),
            Self::Light(light) => light.is_done(),
        }
    }

    fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        match self {
            Self::Fold(fold) => fold.finish(tables, summary),
            Self::Light(light) => light.finish(tables, summary),
        }
    }
}

/// Reads sources one after the other; the rows of small ones share batches.
pub struct Reader<'o, O> {
    pub tables: Tables,
    pub summary: Summary,
    /// Whether the part that was read last goes on to the end of its source; those behind it are not needed.
    pub takes_rest: bool,
    how: How,
    wrapping: &'o Wrapping,
    /// The block of the last source, for the next one.
    pub block: Vec<u8>,
    out: &'o mut O,
}

impl<'o, O: Out> Reader<'o, O> {
    pub fn new(tables: Tables, mut how: How, wrapping: &'o Wrapping, out: &'o mut O) -> Self {
        if wrapping.rows.only {
            how.depth = Depth::Whole;
        }
        Self {
            tables,
            summary: Summary::default(),
            takes_rest: false,
            how,
            wrapping,
            block: Vec::new(),
            out,
        }
    }

    /// Reads a source through.
    pub fn read(&mut self, input: &Input) -> Result<(), Stop> {
        if let Some(part) = input.part {
            return self.read_split(input, part);
        }
        self.summary.sources += 1;
        match input.open_with(std::mem::take(&mut self.block)) {
            Ok(source) => self.read_open(input, source, (Part::WHOLE, None), 0),
            Err(problem) => self.problem(input, None, problem),
        }
    }

    /// Reads the responses that begin in a part of a plain file.
    fn read_split(&mut self, input: &Input, part: Part) -> Result<(), Stop> {
        match splits::look_back(input, part.start, self.how.options, u64::MAX) {
            Ok(from) => self.read_part(input, (part, None), from.unwrap_or(0)),
            Err(problem) => {
                self.summary.sources += u64::from(part.start == 0);
                self.problem(input, None, problem)
            }
        }
    }

    /// The same from an offset on. Parts that are read together share what takes the rest.
    pub fn read_part(
        &mut self,
        input: &Input,
        part: (Part, Option<Rest>),
        from: u64,
    ) -> Result<(), Stop> {
        self.summary.sources += u64::from(part.0.start == 0);
        match input.open_at(from, std::mem::take(&mut self.block)) {
            Ok(source) => self.read_open(input, source, part, from),
            Err(problem) => self.problem(input, None, problem),
        }
    }

    fn read_open(
        &mut self,
        input: &Input,
        mut source: Source,
        (part, rest): (Part, Option<Rest>),
        from: u64,
    ) -> Result<(), Stop> {
        let mut held = if part.is_whole() { Held::new(self.wrapping) } else { Held::default() };
        let mut rows = if self.how.depth == Depth::Events {
            Rows::Light(Box::new(Light::new(
                &input.name,
                self.how.options,
                part,
                from,
                &self.tables,
            )))
        } else {
            Rows::Fold(Box::new(self.fold(input, (part, rest), from)))
        };
        let ended = self.read_all(input, &mut source, &mut rows, &mut held)?;
        self.read_held(input, &mut rows, held)?;
        self.block = source.into_block();
        if rows.is_needless() {
            return Ok(());
        }
        self.takes_rest = rows.takes_rest();
        // Behind its part the source goes on, and what is open there is not ours.
        rows.finish(&mut self.tables, &mut self.summary);
        self.refuse(input, rows.refused())?;
        match ended {
            Ok(()) => self.flush(false),
            Err(problem) => self.problem(input, Some(rows.position()), problem),
        }
    }

    fn fold<'n>(&self, input: &'n Input, part: (Part, Option<Rest>), from: u64) -> Fold<'n> {
        Fold::new(input, self.how, &self.wrapping.rows, part, from, &self.tables)
    }

    /// Reads to the end of the part, or as far as the source can be read.
    fn read_all(
        &mut self,
        input: &Input,
        source: &mut Source,
        rows: &mut Rows<'_>,
        held: &mut Held,
    ) -> Result<Result<(), Problem>, Stop> {
        loop {
            let mut stopped = Ok(());
            let more = source.next(|bytes| {
                if let Some(bytes) = held.take(bytes) {
                    rows.feed(bytes, &mut self.tables, &mut self.summary);
                }
                stopped = flush(&mut self.tables, self.out, false);
                let goes_on = !rows.is_done() && !rows.is_needless();
                stopped.is_ok() && goes_on && rows.refused().is_none()
            });
            stopped?;
            self.refuse(input, rows.refused())?;
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(())),
                Err(problem) => return Ok(Err(problem)),
            }
        }
    }

    /// Reads what was kept back until the end of a source: a file that wraps streams whole, or too little to tell.
    fn read_held<'n>(
        &mut self,
        input: &'n Input,
        rows: &mut Rows<'n>,
        held: Held,
    ) -> Result<(), Stop> {
        let (wrapper, bytes) = held.rest();
        let Some(wrapper) = wrapper else {
            if !bytes.is_empty() {
                rows.feed(&bytes, &mut self.tables, &mut self.summary);
            }
            return Ok(());
        };
        let mut fold = self.fold(input, (Part::WHOLE, None), 0);
        fold.pass(bytes.len(), &mut self.summary);
        match self.wrapping.reader.records(wrapper, &bytes) {
            Ok(records) => {
                for record in &records {
                    fold.record(record, &mut self.tables, &mut self.summary);
                }
            }
            Err(problem) => self.problem(input, Some(0), problem)?,
        }
        *rows = Rows::Fold(Box::new(fold));
        Ok(())
    }

    /// Ends a strict scan; the rows before the error are handed over.
    fn refuse(&mut self, input: &Input, found: Option<Diagnostic>) -> Result<(), Stop> {
        let Some(diagnostic) = found else { return Ok(()) };
        self.flush(true)?;
        Err(Stop::Refused(Box::new(Refused { source: input.name.clone(), diagnostic })))
    }

    fn problem(
        &mut self,
        input: &Input,
        offset: Option<u64>,
        problem: Problem,
    ) -> Result<(), Stop> {
        self.summary.diagnostics[problem.code as usize] += 1;
        self.tables.problem(&input.name, offset, &problem);
        let found = self.how.strict.then(|| problem.diagnostic(offset.unwrap_or_default()));
        self.summary.problems.push((input.name.clone(), problem));
        self.refuse(input, found)?;
        self.flush(false)
    }

    /// Hands over what is full, or with `all` whatever there is.
    pub fn flush(&mut self, all: bool) -> Result<(), Stop> {
        flush(&mut self.tables, self.out, all)
    }

    /// Ends the reading: what came of it.
    pub fn finish(mut self) -> Result<Summary, Stop> {
        self.flush(true)?;
        self.summary.rows = std::mem::take(&mut self.tables.rows);
        Ok(self.summary)
    }
}

fn flush<O: Out>(tables: &mut Tables, out: &mut O, all: bool) -> Result<(), Stop> {
    for batch in tables.take(all)? {
        out.batch(batch)?;
    }
    Ok(())
}

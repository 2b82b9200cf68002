//! One source, or a part of one, from its bytes to rows.

use arrow_schema::ArrowError;
use respstream_core::frames::Options;

use crate::batches::{Batch, Tables};
use crate::fold::Fold;
use crate::light::{self, Light};
use crate::source::{Input, Problem, Source};
use crate::splits::{self, Part};
use crate::summary::Summary;
use crate::wrapped::{Held, Wrapping};

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
    fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        match self {
            Self::Fold(fold) => fold.feed(bytes, tables, summary),
            Self::Light(light) => light.feed(bytes, tables, summary),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Fold(fold) => fold.is_done(),
            Self::Light(light) => light.is_done(),
        }
    }

    /// Ends the source; gives the offset behind the last byte that was fed.
    fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) -> u64 {
        match self {
            Self::Fold(fold) => {
                fold.finish(tables, summary);
                fold.position
            }
            Self::Light(light) => {
                light.finish(tables, summary);
                light.position
            }
        }
    }
}

/// Reads sources one after the other; the rows of small ones share batches.
pub struct Reader<'o, O> {
    pub tables: Tables,
    pub summary: Summary,
    options: Options,
    wrapping: &'o Wrapping,
    /// Nobody wants responses.
    light: bool,
    out: &'o mut O,
}

impl<'o, O: Out> Reader<'o, O> {
    pub fn new(tables: Tables, options: Options, wrapping: &'o Wrapping, out: &'o mut O) -> Self {
        let light = light::is_enough(tables.selections()) && !wrapping.rows.only;
        Self { tables, summary: Summary::default(), options, wrapping, light, out }
    }

    /// Reads a source through.
    pub fn read(&mut self, input: &Input) -> Result<(), Stop> {
        if let Some(part) = input.part {
            return self.read_part(input, part);
        }
        self.summary.sources += 1;
        match input.open() {
            Ok(mut source) => {
                let rows = if self.light {
                    let light = Light::new(&input.name, self.options, Part::WHOLE, 0);
                    Rows::Light(Box::new(light))
                } else {
                    Rows::Fold(Box::new(self.fold(input)))
                };
                self.read_open(input, &mut source, rows, Held::new(self.wrapping))
            }
            Err(problem) => {
                self.problem(input, None, problem);
                self.flush(false)
            }
        }
    }

    /// Reads the responses that begin in a part of a plain file.
    pub fn read_part(&mut self, input: &Input, part: Part) -> Result<(), Stop> {
        self.summary.sources += u64::from(part.start == 0);
        let opened = splits::look_back(input, part.start, self.options)
            .and_then(|from| Ok((from, input.open_at(from)?)));
        match opened {
            Ok((from, mut source)) => {
                let rows = if self.light {
                    Rows::Light(Box::new(Light::new(&input.name, self.options, part, from)))
                } else {
                    Rows::Fold(Box::new(Fold::part(input, self.options, part, from)))
                };
                self.read_open(input, &mut source, rows, Held::default())
            }
            Err(problem) => {
                self.problem(input, None, problem);
                self.flush(false)
            }
        }
    }

    fn fold<'n>(&self, input: &'n Input) -> Fold<'n> {
        Fold::new(&input.name, self.options, &self.wrapping.rows)
    }

    fn read_open<'n>(
        &mut self,
        input: &'n Input,
        source: &mut Source,
        mut rows: Rows<'n>,
        mut held: Held,
    ) -> Result<(), Stop> {
        loop {
            let mut stopped = Ok(());
            let more = source.next(|bytes| {
                if let Some(bytes) = held.take(bytes) {
                    rows.feed(bytes, &mut self.tables, &mut self.summary);
                }
                stopped = flush(&mut self.tables, self.out, false);
                stopped.is_ok() && !rows.is_done()
            });
            stopped?;
            match more {
                Ok(true) => {}
                Ok(false) => {
                    self.read_held(input, &mut rows, held);
                    // Behind its part the source goes on, and what is open there is not ours.
                    rows.finish(&mut self.tables, &mut self.summary);
                    return self.flush(false);
                }
                Err(problem) => {
                    self.read_held(input, &mut rows, held);
                    let position = rows.finish(&mut self.tables, &mut self.summary);
                    self.problem(input, Some(position), problem);
                    return self.flush(false);
                }
            }
        }
    }

    /// Reads what was kept back until the end of a source: a file that wraps streams whole, or too little to tell.
    fn read_held<'n>(&mut self, input: &'n Input, rows: &mut Rows<'n>, held: Held) {
        let (wrapper, bytes) = held.rest();
        let Some(wrapper) = wrapper else {
            if !bytes.is_empty() {
                rows.feed(&bytes, &mut self.tables, &mut self.summary);
            }
            return;
        };
        let mut fold = self.fold(input);
        fold.pass(bytes.len(), &mut self.summary);
        match self.wrapping.reader.records(wrapper, &bytes) {
            Ok(records) => {
                for record in &records {
                    fold.record(record, &mut self.tables, &mut self.summary);
                }
            }
            Err(problem) => self.problem(input, Some(0), problem),
        }
        *rows = Rows::Fold(Box::new(fold));
    }

    fn problem(&mut self, input: &Input, offset: Option<u64>, problem: Problem) {
        self.summary.diagnostics[problem.code as usize] += 1;
        self.tables.problem(&input.name, offset, &problem);
        self.summary.problems.push((input.name.clone(), problem));
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

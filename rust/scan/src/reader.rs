//! One source, or a part of one, from its bytes to rows.

use std::collections::HashMap;

use arrow_schema::ArrowError;
use respstream_core::decoder::{Decoder, Ignore, Sink};
use respstream_core::diagnostics::{Diagnostic, KEPT};
use respstream_core::events::Parsed;
use respstream_core::frames::Options;
use respstream_core::response::Folded;

use crate::batches::{Batch, EventRow, Tables};
use crate::schema::Table;
use crate::source::{Input, Problem, Source};
use crate::summary::Summary;

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

/// Reads sources one after the other; the rows of small ones share batches.
pub struct Reader<'o, O> {
    pub tables: Tables,
    pub summary: Summary,
    options: Options,
    out: &'o mut O,
}

impl<'o, O: Out> Reader<'o, O> {
    pub fn new(tables: Tables, options: Options, out: &'o mut O) -> Self {
        Self { tables, summary: Summary::default(), options, out }
    }

    /// Reads a source through.
    pub fn read(&mut self, input: &Input) -> Result<(), Stop> {
        self.summary.sources += 1;
        match input.open() {
            Ok(mut source) => self.read_open(input, &mut source),
            Err(problem) => {
                self.problem(input, None, problem);
                self.flush(false)
            }
        }
    }

    fn read_open(&mut self, input: &Input, source: &mut Source) -> Result<(), Stop> {
        let mut fold = Fold::new(&input.name, self.options);
        loop {
            let mut stopped = Ok(());
            let more = source.next(|bytes| {
                fold.feed(bytes, &mut self.tables, &mut self.summary);
                stopped = flush(&mut self.tables, self.out, false);
                stopped.is_ok()
            });
            stopped?;
            match more {
                Ok(true) => {}
                Ok(false) => {
                    fold.finish(&mut self.tables, &mut self.summary);
                    return self.flush(false);
                }
                Err(problem) => {
                    fold.finish(&mut self.tables, &mut self.summary);
                    self.problem(input, Some(fold.bytes), problem);
                    return self.flush(false);
                }
            }
        }
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

/// The decoder of one source, and what its rows need beside it.
struct Fold<'n> {
    name: &'n str,
    decoder: Decoder,
    counting: Counting,
    /// The numbers of the responses that kept diagnostics belong to, by the place of the diagnostic.
    numbers: HashMap<u32, u64>,
    bytes: u64,
}

impl<'n> Fold<'n> {
    fn new(name: &'n str, options: Options) -> Self {
        Self {
            name,
            decoder: Decoder::new(options, false),
            counting: Counting::default(),
            numbers: HashMap::new(),
            bytes: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        self.bytes += bytes.len() as u64;
        summary.bytes += bytes.len() as u64;
        if tables.wants(Table::Events) {
            let mut rows = Events { name: self.name, tables, counting: &mut self.counting };
            self.decoder.feed(bytes, None, &mut rows);
        } else {
            self.decoder.feed(bytes, None, &mut Ignore);
        }
        self.take(tables, summary);
    }

    fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        if tables.wants(Table::Events) {
            let mut rows = Events { name: self.name, tables, counting: &mut self.counting };
            self.decoder.finish(None, &mut rows);
        } else {
            self.decoder.finish(None, &mut Ignore);
        }
        self.take(tables, summary);
        for (mine, count) in summary.diagnostics.iter_mut().zip(self.decoder.store().counts) {
            *mine += count;
        }
        if tables.wants(Table::Diagnostics) {
            for found in in_order(&self.decoder.store().kept) {
                let number = found.place.and_then(|place| self.numbers.get(&place)).copied();
                tables.diagnostic(self.name, number, found);
            }
        }
    }

    /// Takes over the responses that have ended.
    fn take(&mut self, tables: &mut Tables, summary: &mut Summary) {
        for folded in self.decoder.lanes_mut().take_ended() {
            let status = folded.status().unwrap_or_default().into_owned();
            *summary.responses.entry(status).or_default() += 1;
            tables.response(self.name, &folded, true);
            if self.numbers.len() < KEPT
                && let Some(number) = folded.stream_index
            {
                let places = folded.diagnostics.iter().filter_map(|found| found.place);
                self.numbers.extend(places.map(|place| (place, number)));
            }
        }
    }
}

/// The diagnostics by their offset.
fn in_order(kept: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut found: Vec<_> = kept.iter().collect();
    found.sort_by_key(|found| found.offset);
    found
}

/// What numbers the events of a source.
#[derive(Default)]
struct Counting {
    /// Lanes have names here: responses end in another order than they begin in.
    named: bool,
    /// Events so far that belong to no response.
    outside: u64,
}

/// Makes rows of events.
struct Events<'a> {
    name: &'a str,
    tables: &'a mut Tables,
    counting: &'a mut Counting,
}

impl Sink for Events<'_> {
    fn event(&mut self, _: &Parsed<'_>) {}

    fn taken(&mut self, parsed: &Parsed<'_>, folded: Option<&Folded>) {
        self.counting.named |= parsed.lane.is_some();
        let named = self.counting.named;
        let index = folded.map_or(self.counting.outside, |folded| folded.events.saturating_sub(1));
        self.counting.outside += u64::from(folded.is_none());
        let number = folded.map(|folded| folded.ordinal).filter(|_| !named);
        self.tables.event(self.name, &EventRow { parsed, folded, number, index });
    }
}

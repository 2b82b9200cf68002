//! Events without their responses: where the wanted columns tell of nothing but the event, nothing is folded.

use respstream_core::diagnostics::Issue;
use respstream_core::events::{Found, Reader};
use respstream_core::frames::{Frame, Framer, Note, Options, Sink};

use crate::batches::{EventRow, Tables};
use crate::schema::{Selection, Table};
use crate::splits::Part;
use crate::summary::Summary;

/// The columns that need a response.
const FOLDED: [&str; 3] = ["stream_index", "event_index", "response_id"];

/// Whether the tables can be had without a fold.
pub fn is_enough<'a>(mut selections: impl Iterator<Item = &'a Selection>) -> bool {
    selections.all(|selection| {
        selection.table == Table::Events && !FOLDED.iter().any(|name| selection.has(name))
    })
}

/// The events of one source, or of a part of one: those that begin there.
pub struct Light<'n> {
    name: &'n str,
    framer: Framer,
    reader: Reader,
    issues: Vec<Issue>,
    part: Part,
    reached: u64,
    /// The offset behind the last byte that was fed.
    pub position: u64,
}

impl<'n> Light<'n> {
    /// For a source that is read from the offset `from` on.
    pub fn new(name: &'n str, options: Options, part: Part, from: u64) -> Self {
        let mut reader = Reader::default();
        // What is recognised is folded by the decoder; without one there is nothing to learn for.
        reader.predictor.off = true;
        Self {
            name,
            framer: Framer::starting_at(options, from),
            reader,
            issues: Vec::new(),
            part,
            reached: 0,
            position: from,
        }
    }

    /// Takes the next bytes of the source.
    pub fn feed(&mut self, bytes: &[u8], tables: &mut Tables, summary: &mut Summary) {
        let before = self.position;
        self.position += bytes.len() as u64;
        let own = self.part.overlap(before, self.position);
        summary.bytes += own;
        summary.skipped += own;
        let Self { name, framer, reader, issues, part, reached, .. } = self;
        framer
            .feed(bytes, &mut Rows { name, reader, issues, part: *part, reached, tables, summary });
    }

    /// Whether all that begins in the part was seen.
    pub const fn is_done(&self) -> bool {
        self.reached >= self.part.end
    }

    /// Ends the source.
    pub fn finish(&mut self, tables: &mut Tables, summary: &mut Summary) {
        if !self.is_done() {
            let Self { name, framer, reader, issues, part, reached, .. } = self;
            framer.finish(&mut Rows {
                name,
                reader,
                issues,
                part: *part,
                reached,
                tables,
                summary,
            });
        }
    }
}

struct Rows<'a> {
    name: &'a str,
    reader: &'a mut Reader,
    issues: &'a mut Vec<Issue>,
    part: Part,
    reached: &'a mut u64,
    tables: &'a mut Tables,
    summary: &'a mut Summary,
}

impl Sink for Rows<'_> {
    fn frame(&mut self, mut frame: Frame<'_>) {
        let offset = frame.offset;
        *self.reached = offset;
        let found = self.reader.read(&mut frame, self.issues);
        let own = self.part.has(offset);
        if let Found::Event(parsed) = found
            && own
        {
            let row = EventRow { parsed: &parsed, folded: None, number: None, index: 0 };
            self.tables.event(self.name, &row);
        }
        for (code, _) in self.issues.drain(..).filter(|_| own) {
            self.summary.diagnostics[code as usize] += 1;
        }
    }

    fn note(&mut self, note: Note) {
        if self.part.has(note.offset) {
            self.summary.diagnostics[note.code as usize] += 1;
        }
    }

    fn done(&mut self) {}
}

//! What came of a scan: counts, and what could not be read.

use std::collections::BTreeMap;

use respstream_core::catalogue::DIAGNOSTICS;

use crate::source::Problem;

/// The counts of a scan, or of a part of one.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub sources: u64,
    /// Of plain bytes.
    pub bytes: u64,
    /// By table, in the order in which they were asked for.
    pub rows: Vec<u64>,
    /// By status; "" where there is none.
    pub responses: BTreeMap<String, u64>,
    /// By code, in the order of the catalogue.
    pub diagnostics: [u64; DIAGNOSTICS.len()],
    /// The sources that could not be read through, in the order of the input.
    pub problems: Vec<(String, Problem)>,
    /// The bytes of which not everything was checked, because nobody wants it.
    pub skipped: u64,
    /// The scan has come to its end.
    pub complete: bool,
}

impl Summary {
    /// Adds what came of a further part.
    pub fn add(&mut self, other: Self) {
        self.sources += other.sources;
        self.bytes += other.bytes;
        self.skipped += other.skipped;
        self.rows.resize(self.rows.len().max(other.rows.len()), 0);
        for (mine, rows) in self.rows.iter_mut().zip(other.rows) {
            *mine += rows;
        }
        for (status, count) in other.responses {
            *self.responses.entry(status).or_default() += count;
        }
        for (mine, count) in self.diagnostics.iter_mut().zip(other.diagnostics) {
            *mine += count;
        }
        self.problems.extend(other.problems);
    }
}

//! The summary of a scan: counts, and the sources that could not be read.

use std::collections::BTreeMap;

use respstream_core::diagnostics::DIAGNOSTICS;

use crate::input::problem::Problem;

/// The counts of a scan, or of a part of one.
#[derive(Clone, Debug)]
pub struct Summary {
    pub sources: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// By selected table, in the order of selection.
    pub rows: Vec<u64>,
    /// By status; "" for responses without a status.
    pub responses: BTreeMap<String, u64>,
    /// By code, in the order of the catalogue.
    pub diagnostics: [u64; DIAGNOSTICS.len()],
    /// The names of sources that could not be read completely, in the order of the input.
    pub problems: Vec<(String, Problem)>,
    /// Sources with bytes and no response: name, code and message.
    pub without_responses: Vec<(String, &'static str, String)>,
    /// Bytes that were not completely checked, because no selected column needs them.
    pub skipped: u64,
    /// The scan has read all sources.
    pub complete: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            sources: 0,
            bytes: 0,
            rows: Vec::new(),
            responses: BTreeMap::new(),
            diagnostics: [0; DIAGNOSTICS.len()],
            problems: Vec::new(),
            without_responses: Vec::new(),
            skipped: 0,
            complete: false,
        }
    }
}

impl Summary {
    /// Adds the summary of a further part.
    pub fn add(&mut self, other: Self) {
        self.sources += other.sources;
        self.bytes += other.bytes;
        self.skipped += other.skipped;
        self.rows.resize(self.rows.len().max(other.rows.len()), 0);
        for (total, rows) in self.rows.iter_mut().zip(other.rows) {
            *total += rows;
        }
        for (status, count) in other.responses {
            *self.responses.entry(status).or_default() += count;
        }
        for (total, count) in self.diagnostics.iter_mut().zip(other.diagnostics) {
            *total += count;
        }
        self.problems.extend(other.problems);
        self.without_responses.extend(other.without_responses);
    }
}

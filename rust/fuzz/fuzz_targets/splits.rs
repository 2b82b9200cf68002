//! Splits: the parts of a file, cut anywhere, have the rows, counts and diagnostics of the whole file; so has the file read by
//! threads; rows of few columns are those of all columns.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::decoder::{Decoder, EventSink};
use respstream_core::protocols::any_api::{AnyApi, AnyEvent};
use respstream_fuzz::Source;
use respstream_fuzz::tables::{self, Columns, Reading, Rows};
use respstream_scan::tables::Table;

/// The maximum number of parts: each may read the whole file.
const PARTS: usize = 8;

fuzz_target!(|source: Source| {
    if cuts_anywhere(&source) {
        let all = check(&source, false, &[]);
        for columns in [tables::EVENTS, tables::LIFECYCLE] {
            check_columns(&all, columns, &check(&source, false, columns));
        }
        check(&source, true, &[]);
    }
});

/// Whether splits have the rows of the file: events of several APIs and of lanes may come in another order.
fn cuts_anywhere(source: &Source) -> bool {
    let mut seen = Seen::default();
    let mut decoder = Decoder::<AnyApi>::new(source.options, false);
    decoder.feed(&source.bytes, None, &mut seen);
    decoder.finish(None, &mut seen);
    !seen.lanes && seen.apis.len() <= 1
}

/// The APIs of the events of a source, and whether some are of lanes.
#[derive(Default)]
struct Seen {
    apis: Vec<respstream_core::protocols::Api>,
    lanes: bool,
}

impl EventSink<AnyApi> for Seen {
    fn event(&mut self, event: &AnyEvent<'_>) {
        self.lanes |= event.lane.is_some() || event.response.is_some();
        if !self.apis.contains(&event.api) {
            self.apis.push(event.api);
        }
    }
}

/// Compares the ways to read a file; returns its rows.
fn check(source: &Source, strict: bool, columns: &Columns) -> Rows {
    let reading = Reading::new(&source.bytes, source.options, strict, columns);
    let whole = reading.whole();
    if reading.can_split() {
        compare(&whole, &reading.parts(parts(source)), strict, "parts");
        if columns.is_empty() {
            compare(&whole, &reading.shared(source.bytes.len() as u64 / 3), strict, "threads");
        }
    }
    whole
}

fn compare(whole: &Rows, others: &Rows, strict: bool, what: &str) {
    assert_eq!(whole.error, others.error, "{what}");
    if !strict {
        assert_eq!(whole, others, "{what}");
    }
}

/// The parts between some of the cuts.
fn parts(source: &Source) -> impl Iterator<Item = (u64, u64)> {
    let step = source.cuts.len().div_ceil(PARTS).max(1);
    let mut edges: Vec<u64> = source.cuts.iter().step_by(step).map(|cut| *cut as u64).collect();
    edges.insert(0, 0);
    edges.dedup();
    let ends: Vec<u64> = edges.iter().skip(1).copied().chain([u64::MAX]).collect();
    edges.into_iter().zip(ends)
}

/// Few columns have the values that they have among all columns.
fn check_columns(all: &Rows, columns: &Columns, few: &Rows) {
    for ((table, names), rows) in columns.iter().zip(&few.tables) {
        let place = Table::ALL.iter().position(|one| one == table).expect("a table");
        let every = tables::all_columns(*table);
        let positions: Vec<usize> = names
            .iter()
            .map(|name| every.iter().position(|one| one == name).expect("a column"))
            .collect();
        let expected = all.tables[place].project(&positions).expect("the columns exist");
        assert_eq!(expected.columns(), rows.columns());
    }
}

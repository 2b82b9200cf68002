//! Reading events: in full, and in the decoder, whose event cache recognises events that repeat.

mod stages;

use divan::Bencher;
use stages::{Log, measured};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn in_full(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::events_in_full);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn decoder(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::decoder);
}

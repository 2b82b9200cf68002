//! Reading events: each one in full, and with the caches of the decoder.

mod stages;

use divan::Bencher;
use stages::{Log, measure};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn in_full(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::events_in_full);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn decoder(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::decoder);
}

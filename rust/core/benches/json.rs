//! The JSON check of every payload, without the value cache.

mod stages;

use divan::Bencher;
use stages::{Log, measured};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn scan(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::json_in_full);
}

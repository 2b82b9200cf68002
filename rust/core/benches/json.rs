//! Checking every payload in full.

mod stages;

use divan::Bencher;
use stages::{Log, measure};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn scan(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::json_in_full);
}

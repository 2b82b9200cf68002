//! Assembling the responses of whole logs, with and without the fast paths.

mod stages;

use divan::Bencher;
use stages::{Log, measure};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn fold(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::fold);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn slow(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::fold_slow);
}

//! Framing, compared with memchr over the same bytes, the lower bound.

mod stages;

use divan::Bencher;
use stages::{Log, measure};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn memchr(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::newlines);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn frames(bencher: Bencher<'_, '_>, log: &Log) {
    measure(bencher, log, stages::frames);
}

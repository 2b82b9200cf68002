//! Framing, and memchr over the same bytes as an upper limit.

mod stages;

use divan::Bencher;
use stages::{Log, measured};

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn memchr(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::newlines);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn frames(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::frames);
}

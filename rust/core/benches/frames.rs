//! Framing, and memchr over the same bytes, which is the limit.

mod stages;

use divan::Bencher;
use divan::counter::BytesCount;
use stages::Log;

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
fn measured(bencher: Bencher<'_, '_>, log: &Log, stage: stages::Stage) {
    bencher.counter(BytesCount::of_slice(&log.data)).bench(|| stage(divan::black_box(&log.data)));
}

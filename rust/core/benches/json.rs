//! Every payload checked in full.

mod stages;

use divan::Bencher;
use divan::counter::BytesCount;
use stages::Log;

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn scan(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::json_in_full);
}
fn measured(bencher: Bencher<'_, '_>, log: &Log, stage: stages::Stage) {
    bencher.counter(BytesCount::of_slice(&log.data)).bench(|| stage(divan::black_box(&log.data)));
}

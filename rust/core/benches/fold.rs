//! The fold of whole logs, with and without the fast paths.

mod stages;

use divan::Bencher;
use divan::counter::BytesCount;
use stages::Log;

fn main() {
    divan::main();
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn fold(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::fold);
}

#[divan::bench(args = stages::logs(), max_time = 1)]
fn slow(bencher: Bencher<'_, '_>, log: &Log) {
    measured(bencher, log, stages::fold_slow);
}
fn measured(bencher: Bencher<'_, '_>, log: &Log, stage: stages::Stage) {
    bencher.counter(BytesCount::of_slice(&log.data)).bench(|| stage(divan::black_box(&log.data)));
}

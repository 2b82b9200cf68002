//! The stages of the core as functions from a whole log to a count, and the logs to measure them with.
//!
//! The micro benchmarks and the example `stages`, which counts instructions, use them.

#![allow(dead_code, reason = "each benchmark uses some of the functions")]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::BytesCount;
use respstream_core::decoder::{Decoder, EventSink, Ignore};
use respstream_core::diagnostics::Note;
use respstream_core::frames::{Form, Framer, OnEof, Options};
use respstream_core::frames::{Frame, FrameSink};
use respstream_core::json;
use respstream_core::protocols::any_api::{AnyApi, AnyEvent};
use respstream_core::protocols::{Classified, Reader};

/// Reads a log and returns a count, for example of frames.
pub type Stage = fn(&[u8]) -> usize;

/// Measures a stage on a log.
pub fn measure(bencher: Bencher<'_, '_>, log: &Log, stage: Stage) {
    bencher.counter(BytesCount::of_slice(&log.data)).bench(|| stage(divan::black_box(&log.data)));
}

/// All stages by name; the first is the lower bound.
pub const STAGES: [(&str, Stage); 7] = [
    ("memchr", newlines),
    ("frames", frames),
    ("json", json_in_full),
    ("events", events_in_full),
    ("decoder", decoder),
    ("fold", fold),
    ("fold_slow", fold_slow),
];

const OPTIONS: Options = Options { form: Form::Auto, on_eof: OnEof::Flush, limit: None };

/// The lower bound: memchr finds the newlines.
pub fn newlines(log: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', log).count()
}

/// Framing alone. JSON Lines are checked too, because the framer must know whether a line is JSON.
pub fn frames(log: &[u8]) -> usize {
    let mut count = Count(0);
    let mut framer = Framer::new(OPTIONS);
    framer.feed(log, &mut count);
    framer.finish(&mut count);
    count.0
}

/// Checks every payload in full and locates its members; memchr finds the lines.
pub fn json_in_full(log: &[u8]) -> usize {
    let mut members = Vec::new();
    let mut found = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', log) {
        let line = &log[start..end];
        start = end + 1;
        let text = line.strip_prefix(b"data: ").unwrap_or(line);
        if text.starts_with(b"{") {
            found += usize::from(json::check(text, &mut members).is_ok());
        }
    }
    found
}

/// Framing, and reading every event in full, without the event cache.
pub fn events_in_full(log: &[u8]) -> usize {
    let mut events = Events { reader: Reader::new(None), found: 0 };
    events.reader.events.off = true;
    let mut framer = Framer::new(OPTIONS);
    framer.feed(log, &mut events);
    framer.finish(&mut events);
    events.found
}

/// The whole decoder, with a sink that receives each event.
pub fn decoder(log: &[u8]) -> usize {
    let mut count = Count(0);
    let mut decoder = Decoder::<AnyApi>::new(OPTIONS, false);
    decoder.feed(log, None, &mut count);
    decoder.finish(None, &mut count);
    count.0
}

/// The whole decoder without an event sink; returns the number of responses.
pub fn fold(log: &[u8]) -> usize {
    fold_with(Decoder::new(OPTIONS, false), log)
}

/// As [`fold`], without fast paths.
pub fn fold_slow(log: &[u8]) -> usize {
    let mut decoder = Decoder::new(OPTIONS, false);
    decoder.force_slow();
    fold_with(decoder, log)
}

fn fold_with(mut decoder: Decoder<AnyApi>, log: &[u8]) -> usize {
    decoder.feed(log, None, &mut Ignore);
    decoder.finish(None, &mut Ignore);
    decoder.lanes_mut().take_ended().len()
}

struct Count(usize);

impl FrameSink for Count {
    fn frame(&mut self, _: Frame<'_>) {
        self.0 += 1;
    }
    fn note(&mut self, _: Note) {}
    fn done(&mut self) {}
}

impl EventSink<AnyApi> for Count {
    fn event(&mut self, event: &AnyEvent<'_>) {
        std::hint::black_box(event);
        self.0 += 1;
    }
}

struct Events {
    reader: Reader<AnyApi>,
    found: usize,
}

impl FrameSink for Events {
    fn frame(&mut self, mut frame: Frame<'_>) {
        let mut issues = Vec::new();
        if let Classified::Event(event, _) = self.reader.classify(&mut frame, None, &mut issues) {
            std::hint::black_box(&event);
            self.found += 1;
        }
    }
    fn note(&mut self, _: Note) {}
    fn done(&mut self) {}
}

/// A log with its name.
pub struct Log {
    pub name: String,
    pub data: Vec<u8>,
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// The files of the folder `RESPSTREAM_BENCH_LOGS` (`python -m benches.logs` writes one). Without the variable, one log of
/// at least 4 MB, made of the recorded streams of the tests.
///
/// # Panics
/// If the folder is empty or cannot be read.
pub fn logs() -> Vec<Log> {
    let logs = match std::env::var_os("RESPSTREAM_BENCH_LOGS") {
        Some(folder) => files(Path::new(&folder)).into_iter().map(|path| read(&path)).collect(),
        None => vec![recorded()],
    };
    assert!(!logs.is_empty(), "there is no log in RESPSTREAM_BENCH_LOGS");
    logs
}

fn recorded() -> Log {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/transcripts");
    let streams =
        files(&folder).into_iter().filter(|path| path.extension() == Some("sse".as_ref()));
    let once: Vec<u8> =
        streams.flat_map(|path| [read(&path).data, b"\n\n".to_vec()].concat()).collect();
    Log { name: "transcripts".to_owned(), data: once.repeat(4_000_000 / once.len() + 1) }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn read(path: &Path) -> Log {
    let data = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Log { name, data }
}

//! The stages of the core, each as a function from a whole log to a count, and the logs to measure them on.
//!
//! Used by the micro benches and by the example `stages`, which runs under valgrind.

#![allow(dead_code, reason = "each bench uses some of it")]

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
use respstream_core::protocols::responses::{Event, EventReader, Responses};
use respstream_core::protocols::{Classified, Protocol};

/// Processes a log; returns how many items it found.
pub type Stage = fn(&[u8]) -> usize;

/// Times a stage over a log.
pub fn measured(bencher: Bencher<'_, '_>, log: &Log, stage: Stage) {
    bencher.counter(BytesCount::of_slice(&log.data)).bench(|| stage(divan::black_box(&log.data)));
}

/// All stages by name; the first one is the upper limit.
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

/// The upper limit: memchr finds the newlines in the same bytes.
pub fn newlines(log: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', log).count()
}

/// Framing only. It includes the JSON check of JSON Lines, because a line is a frame only if it is valid.
pub fn frames(log: &[u8]) -> usize {
    let mut count = Count(0);
    let mut framer = Framer::new(OPTIONS);
    framer.feed(log, &mut count);
    framer.finish(&mut count);
    count.0
}

/// The JSON check of every payload, which finds its members. Lines are split by memchr.
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

/// Framing, and reading every event in full: none is compared with the ones before.
pub fn events_in_full(log: &[u8]) -> usize {
    let mut events = Events { reader: EventReader::new(Responses::CACHED_VALUES), found: 0 };
    events.reader.events.off = true; // or it would keep each event to know it again
    let mut framer = Framer::new(OPTIONS);
    framer.feed(log, &mut events);
    framer.finish(&mut events);
    events.found
}

/// The whole decoder, with a sink that reads each event.
pub fn decoder(log: &[u8]) -> usize {
    let mut count = Count(0);
    let mut decoder = Decoder::<Responses>::new(OPTIONS, false);
    decoder.feed(log, None, &mut count);
    decoder.finish(None, &mut count);
    count.0
}

/// The whole decoder, with a sink that ignores events: only responses are assembled.
pub fn fold(log: &[u8]) -> usize {
    folded(Decoder::new(OPTIONS, false), log)
}

/// Like `fold`, without fast paths.
pub fn fold_slow(log: &[u8]) -> usize {
    let mut decoder = Decoder::new(OPTIONS, false);
    decoder.force_slow();
    folded(decoder, log)
}

fn folded(mut decoder: Decoder<Responses>, log: &[u8]) -> usize {
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

impl EventSink<Responses> for Count {
    fn event(&mut self, event: &Event<'_>) {
        std::hint::black_box(event);
        self.0 += 1;
    }
}

struct Events {
    reader: EventReader,
    found: usize,
}

impl FrameSink for Events {
    fn frame(&mut self, mut frame: Frame<'_>) {
        let mut issues = Vec::new();
        if let Classified::Event(event) =
            Responses::classify(&mut self.reader, &mut frame, &mut issues)
        {
            std::hint::black_box(&event);
            self.found += 1;
        }
    }
    fn note(&mut self, _: Note) {}
    fn done(&mut self) {}
}

/// A log and its name.
pub struct Log {
    pub name: String,
    pub data: Vec<u8>,
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// The files of the folder `RESPSTREAM_BENCH_LOGS` (`python -m benches.logs` writes one). Without that variable, one log: the
/// recorded streams of the tests, concatenated and repeated to at least 4 MB.
///
/// # Panics
/// If there is no log.
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

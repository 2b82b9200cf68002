//! Splitting a plain file into parts that are read independently and return the same rows as the whole file.
//!
//! SEMANTICS ("Tables", a split). A part owns the responses that begin in it. Reading begins before the part, at the last
//! event that begins or ends a response, so that the response that is open at its first byte is known. Diagnostics that are
//! reported once per source, and line numbers, need the bytes before the part. These are read only if they are needed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use memchr::{memchr2, memmem, memrchr2};
use respstream_core::decoder::{Decoder, EventSink, Ignore};
use respstream_core::diagnostics::{Code, Diagnostic, Note, Value};
use respstream_core::frames::{Frame, FrameKind, FrameSink, Framer};
use respstream_core::json::{self, Kind};
use respstream_core::protocols::any_api::{AnyApi, AnyEvent, AnyResponse, BOUNDARIES};
use respstream_core::protocols::{Effect, Phase, Protocol as _, Response as _};
use respstream_core::records::RowOptions;
use respstream_core::sse::BOM;

use crate::input::{Compression, Input, Location, Parsing, Problem, RecordingOptions, Source};

/// A file is searched backwards in windows that grow from `FIRST_WINDOW` to this size. An event whose block begins more than a
/// window before its type is skipped.
const WINDOW: u64 = 1 << 18;
/// Most responses begin or end within this distance.
const FIRST_WINDOW: u64 = 1 << 15;
/// The number of bytes that are examined to decide whether a file can be split.
const HEAD: u64 = 1 << 16;
/// The number of samples of a file that are searched for lanes.
const SAMPLES: u64 = 16;
/// The maximum distance between the beginning of a part and the event before it where reading begins. The bytes between them
/// are read twice. A file without events that begin or end a response is one part.
pub const MAX_LOOK_BACK: u64 = 1 << 23;
/// The number of bytes before an event that are examined to see whether it is inside of a block, an array or a text that is not
/// closed.
const CONTEXT: u64 = 1 << 16;
static FINDERS: LazyLock<[memmem::Finder<'static>; BOUNDARIES.len()]> =
    LazyLock::new(|| BOUNDARIES.map(memmem::Finder::new));
/// The members by which interleaved responses are told apart, as JSON.
static ROUTING: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let keys = AnyApi::ROUTING_MEMBERS.iter();
    keys.map(|name| format!("\"{name}\"").into_bytes()).collect()
});
/// The length of the longest boundary, rounded up.
const BOUNDARY_BYTES: usize = 32;
/// Boundaries are searched for in steps of this size.
const STEP: usize = 1 << 13;
/// Diagnostics that are reported once per source.
const ONCE_PER_SOURCE: [Code; 3] =
    [Code::UnknownEvent, Code::MissingBlankLine, Code::ForeignStream];

/// The size of a file, if it can be split: a plain file that is no JSON array, has no rows at its beginning, has neither an
/// event that names its lane or response nor a row in some samples, and has a response.
pub fn splittable_size(
    input: &Input,
    recordings: &RecordingOptions,
    parsing: Parsing,
) -> Option<u64> {
    let Location::File(path) = &input.location else { return None };
    let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let source = input.open_at(0, vec![0; HEAD as usize]).ok()?;
    let head = read_head(source, HEAD)?;
    let text = head.strip_prefix(BOM).unwrap_or(&head).trim_ascii_start();
    let plain = Compression::detect(&head).is_none() && recordings.can_split(&head);
    let splittable = plain && !text.starts_with(b"[") && !begins_with_row(text);
    let splittable =
        splittable && !interleaves(input, found.len(), parsing) && begins_response(input, parsing);
    splittable.then_some(found.len())
}

/// Whether a response begins near the start of a file. A source without responses is read whole: it is reported as such.
fn begins_response(input: &Input, parsing: Parsing) -> bool {
    let Ok(mut source) = input.open_at(0, vec![0; HEAD as usize]) else { return false };
    let mut decoder = parsing.decoder_at(false, 0);
    let mut position = 0;
    while decoder.lanes().latest_ordinal.is_none() {
        let more = source.next(|bytes| {
            position += bytes.len() as u64;
            decoder.feed(bytes, None, &mut Ignore);
            true
        });
        if position > MAX_LOOK_BACK || !matches!(more, Ok(true)) {
            return false;
        }
    }
    true
}

/// Whether one of some samples, from the beginning of the file to its end, has an event that names its lane or response, or a
/// row.
fn interleaves(input: &Input, size: u64, parsing: Parsing) -> bool {
    let last = size.saturating_sub(HEAD);
    let mut offsets: Vec<u64> = (0..=SAMPLES).map(|sample| last * sample / SAMPLES).collect();
    offsets.dedup();
    offsets.into_iter().any(|offset| {
        let source = input.open_at(offset, vec![0; HEAD as usize]).ok();
        let bytes = source.and_then(|source| read_head(source, HEAD)).unwrap_or_default();
        ROUTING.iter().any(|member| memmem::find(&bytes, member).is_some())
            || has_row(&bytes, offset > 0, parsing)
    })
}

/// Whether some bytes of a source have a row that wraps a stream. `mid_line`: they may begin inside of a line.
pub fn has_row(bytes: &[u8], mid_line: bool, parsing: Parsing) -> bool {
    let start =
        if mid_line { memchr2(b'\n', b'\r', bytes).map_or(bytes.len(), |at| at + 1) } else { 0 };
    let (mut decoder, mut found) = (parsing.decoder_at(false, 0), FoundRow(false));
    decoder.feed(&bytes[start..], None, &mut found);
    decoder.finish(None, &mut found);
    found.0
}

/// Whether a row was read.
struct FoundRow(bool);

impl EventSink<AnyApi> for FoundRow {
    const READS_EVENTS: bool = false;

    fn event(&mut self, _: &AnyEvent<'_>) {}

    fn row(&mut self, _: u64) {
        self.0 = true;
    }
}

/// Whether a file begins with a JSON object that is no event. Rows that wrap streams have state that a part cannot look up.
fn begins_with_row(text: &[u8]) -> bool {
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let mut members = Vec::new();
    let event = json::check(line, &mut members).is_ok()
        && json::find(line, &members, "type").is_some_and(|member| member.kind == Kind::String);
    line.starts_with(b"{") && !event
}

fn read_head(mut source: Source, size: u64) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while (head.len() as u64) < size {
        let more = source.next(|bytes| {
            head.extend_from_slice(bytes);
            true
        });
        if !more.ok()? {
            break;
        }
    }
    head.truncate(size as usize);
    Some(head)
}

/// The number of bytes that one search reads to check boundaries. A text may contain many that are not events.
const CHECK_BYTES: u64 = 1 << 26;

/// The offset where the reading of a part that begins at `start` begins. None if there is none within `limit` bytes before, or
/// if the search was abandoned.
pub fn look_back(
    input: &Input,
    start: u64,
    parsing: Parsing,
    limit: u64,
) -> Result<Option<u64>, Problem> {
    let Location::File(path) = &input.location else { return Ok(Some(0)) };
    let mut file = File::open(path).map_err(|error| Problem::unreadable(&error))?;
    let mut window = FIRST_WINDOW;
    let mut high = start + window;
    let (mut bytes, mut left) = (Vec::new(), CHECK_BYTES);
    while high > 0 && start > 0 {
        if high < start.saturating_sub(limit) {
            return Ok(None);
        }
        let low = high.saturating_sub(window);
        // The margins contain the beginning of a block, and the end of a boundary.
        let base = low.saturating_sub(window);
        bytes.clear();
        file.seek(SeekFrom::Start(base)).map_err(|error| Problem::unreadable(&error))?;
        let size = high + 64 - base;
        Read::take(&mut file, size)
            .read_to_end(&mut bytes)
            .map_err(|error| Problem::unreadable(&error))?;
        let mut end = bytes.len();
        while let Some(hit) = last_boundary(&bytes[..end]).filter(|hit| base + *hit as u64 >= low) {
            let begin = block_start(&bytes, hit, base == 0);
            if let Ok(begin) = begin.map(|begin| base + begin as u64)
                && begin <= start
                && is_boundary(input, begin, start, parsing, &mut left)?
                && is_outermost(input, begin, parsing, &mut left)?
            {
                return Ok(Some(begin));
            }
            if left == 0 {
                return Ok(None);
            }
            // Further boundaries in the same block need no check. A text may contain thousands.
            let (Ok(before) | Err(before)) = begin;
            end = hit.min(before);
        }
        high = low;
        window = WINDOW.min(2 * window);
    }
    Ok(Some(0))
}

/// The position of the last boundary. Forward search in steps from the end is several times as fast as backward search.
fn last_boundary(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let step = &bytes[start..bytes.len().min(end + BOUNDARY_BYTES)];
        let found = FINDERS.iter().filter_map(|boundary| boundary.find_iter(step).last()).max();
        if let Some(found) = found {
            return Some(start + found);
        }
        end = start;
    }
    None
}

/// The start of the block or JSON line around a position, if it is independent of the bytes before it. The error is a
/// position below which the search goes on.
fn block_start(bytes: &[u8], position: usize, first: bool) -> Result<usize, usize> {
    let mut start = line_start(bytes, position, first).ok_or(0_usize)?;
    let json = bytes.get(start) == Some(&b'{');
    loop {
        let Some(end) = line_end_before(bytes, start) else {
            return if first { Ok(start) } else { Err(0) };
        };
        let before = line_start(bytes, end, first).ok_or(0_usize)?;
        if before == end || (json && bytes.get(before) == Some(&b'{')) {
            return Ok(start);
        }
        if json {
            return Err(start);
        }
        start = before;
    }
}

/// The start of the line around a position.
fn line_start(bytes: &[u8], position: usize, first: bool) -> Option<usize> {
    let found = memrchr2(b'\n', b'\r', bytes.get(..position)?);
    found.map_or(first.then_some(0), |found| Some(found + 1))
}

/// The end of the text of the previous line, for the start of a line.
fn line_end_before(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start.checked_sub(1)?;
    let crlf = bytes.get(end) == Some(&b'\n') && end > 0 && bytes.get(end - 1) == Some(&b'\r');
    Some(end - usize::from(crlf))
}

/// Whether reading can begin at this offset: at an event that begins a response, or, before `start`, at one that ends a
/// response. Subtracts the number of bytes read from `left`.
fn is_boundary(
    input: &Input,
    offset: u64,
    start: u64,
    parsing: Parsing,
    left: &mut u64,
) -> Result<bool, Problem> {
    let mut source = input.open_at(offset, vec![0; STEP])?;
    let mut decoder = parsing.decoder_at(false, offset);
    let mut first = FirstEvent(None);
    loop {
        let more = source.next(|bytes| {
            *left = left.saturating_sub(bytes.len() as u64);
            decoder.feed(bytes, None, &mut first);
            first.0.is_none()
        })?;
        if let Some(first) = first.0 {
            let begins = first.begins || (first.begins_and_ends && offset < start);
            return Ok(begins && first.offset == offset);
        }
        let diagnosed = decoder.store().counts.iter().any(|count| *count > 0);
        if !more || diagnosed || *left == 0 {
            return Ok(false);
        }
    }
}

/// Whether a frame begins at this offset although the bytes before it are read, too.
fn is_outermost(
    input: &Input,
    offset: u64,
    parsing: Parsing,
    left: &mut u64,
) -> Result<bool, Problem> {
    let mut position = offset.saturating_sub(CONTEXT);
    let mut source = input.open_at(position, vec![0; STEP])?;
    // Before the first line break, a line may have begun earlier.
    let mut framer = (position == 0).then(|| Framer::starting_at(parsing.framing, 0));
    let mut found = FrameAt { offset, begins: None };
    loop {
        let more = source.next(|bytes| {
            *left = left.saturating_sub(bytes.len() as u64);
            let begin = match framer {
                None => memchr2(b'\n', b'\r', bytes).map(|end| end + 1),
                Some(_) => Some(0),
            };
            if let Some(begin) = begin {
                let at = position + begin as u64;
                let framer = framer.get_or_insert_with(|| Framer::starting_at(parsing.framing, at));
                framer.feed(&bytes[begin..], &mut found);
            }
            position += bytes.len() as u64;
            found.begins.is_none()
        })?;
        if found.begins.is_some() || !more || *left == 0 {
            return Ok(found.begins == Some(true));
        }
    }
}

/// Finds out whether the first frame or note that ends after an offset begins there.
struct FrameAt {
    offset: u64,
    begins: Option<bool>,
}

impl FrameSink for FrameAt {
    fn frame(&mut self, frame: Frame<'_>) {
        if frame.end > self.offset {
            let begins = frame.offset == self.offset && frame.kind != FrameKind::Element;
            self.begins.get_or_insert(begins);
        }
    }

    fn note(&mut self, note: Note) {
        if note.offset + note.length > self.offset {
            self.begins.get_or_insert(false);
        }
    }

    fn done(&mut self) {}
}

/// The first event that was applied.
struct FirstEvent(Option<FoundEvent>);

/// What an event does that begins a source. An event of a named lane does nothing here.
struct FoundEvent {
    offset: u64,
    /// It begins a response wherever it is.
    begins: bool,
    /// It begins a response here, and the events behind it find that the response has ended.
    begins_and_ends: bool,
}

impl EventSink<AnyApi> for FirstEvent {
    fn event(&mut self, event: &AnyEvent<'_>) {
        self.applied(event, None);
    }

    fn applied(&mut self, event: &AnyEvent<'_>, response: Option<&AnyResponse>) {
        let unnamed = event.lane.is_none();
        let Effect { phase, begins, .. } = AnyApi::effect(event.route.as_ref());
        let ended = response.is_some_and(|response| response.tracking().ended);
        self.0.get_or_insert(FoundEvent {
            offset: event.offset,
            begins: unnamed && phase == Phase::Begin,
            begins_and_ends: unnamed && begins && phase == Phase::Terminal && ended,
        });
    }
}

/// The start of the part that reads the remainder of its source, shared by the parts of a source.
///
/// Responses in different lanes end in another order than they begin. The first part that contains a named lane therefore
/// reads the source to its end, as a single thread does, and the parts after it are not needed.
#[derive(Clone, Debug)]
pub struct Remainder(Arc<AtomicU64>);

impl Default for Remainder {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Remainder {
    /// The part that begins at `start` reads the remainder.
    pub fn claim(&self, start: u64) {
        self.0.fetch_min(start, Ordering::Relaxed);
    }

    /// Whether the part that begins at `start` belongs to the remainder, which another part reads.
    pub fn includes(&self, start: u64) -> bool {
        self.0.load(Ordering::Relaxed) < start
    }
}

/// The number of events before the first response of a source, among those before the offset `from`.
pub fn leading_events(input: &Input, parsing: Parsing, from: u64) -> u64 {
    let mut decoder = parsing.decoder(false, RowOptions::default());
    let mut found = LeadingEvents { events: 0, ended: from == 0 };
    let (mut source, mut position) = (input.open_at(0, vec![0; STEP]).ok(), 0);
    while let Some(reading) = source.as_mut().filter(|_| !found.ended && position < from) {
        let more = reading.next(|bytes| {
            let size = usize::try_from(from - position).unwrap_or(usize::MAX).min(bytes.len());
            decoder.feed(&bytes[..size], None, &mut found);
            position += size as u64;
            !found.ended
        });
        if !matches!(more, Ok(true)) {
            source = None;
        }
    }
    found.events
}

/// Counts events until one belongs to a response.
struct LeadingEvents {
    events: u64,
    ended: bool,
}

impl EventSink<AnyApi> for LeadingEvents {
    fn event(&mut self, _: &AnyEvent<'_>) {}

    fn applied(&mut self, _: &AnyEvent<'_>, response: Option<&AnyResponse>) {
        self.ended |= response.is_some();
        self.events += u64::from(!self.ended);
    }

    fn non_streamed(&mut self, _: &AnyResponse) {
        self.ended = true;
    }
}

/// Finds diagnostics that were reported before the reading of a part began. Reads the source as far as needed.
pub struct EarlierDiagnostics<'n> {
    input: &'n Input,
    from: u64,
    position: u64,
    source: Option<Source>,
    decoder: Decoder<AnyApi>,
    /// How many diagnostics of the decoder are in `found`.
    seen: usize,
    found: HashSet<(Code, String)>,
}

impl<'n> EarlierDiagnostics<'n> {
    pub fn new(input: &'n Input, parsing: Parsing, from: u64) -> Self {
        Self {
            input,
            from,
            position: 0,
            source: None,
            decoder: parsing.decoder(false, RowOptions::default()),
            seen: 0,
            found: HashSet::new(),
        }
    }

    /// Whether a diagnostic that is reported once per source was reported before the part.
    pub fn contain(&mut self, diagnostic: &Diagnostic) -> bool {
        self.contain_once(diagnostic.code, &diagnostic.detail)
    }

    /// As [`Self::contain`], of a code with its detail.
    pub fn contain_once(&mut self, code: Code, detail: &[(&'static str, Value)]) -> bool {
        if !is_once_per_source(code) || self.from == 0 {
            return false;
        }
        let key = identity(code, detail);
        while !self.found.contains(&key) {
            if !self.read_on() {
                return false;
            }
        }
        true
    }

    /// Reads the next block. Returns false at the end.
    fn read_on(&mut self) -> bool {
        if self.position == 0 && self.source.is_none() {
            self.source = self.input.open_at(0, Vec::new()).ok();
        }
        let Some(source) = &mut self.source else { return false };
        let (decoder, position, from) = (&mut self.decoder, &mut self.position, self.from);
        let more = source.next(|bytes| {
            let size = usize::try_from(from - *position).unwrap_or(usize::MAX).min(bytes.len());
            decoder.feed(&bytes[..size], None, &mut Ignore);
            decoder.lanes_mut().take_ended();
            *position += size as u64;
            true
        });
        let kept = &self.decoder.store().kept;
        let new = kept.get(self.seen..).unwrap_or_default();
        let once = new.iter().filter(|found| ONCE_PER_SOURCE.contains(&found.code));
        self.found.extend(once.map(|found| identity(found.code, &found.detail)));
        self.seen = kept.len();
        if !matches!(more, Ok(true)) || self.position >= self.from {
            self.source = None;
        }
        true
    }
}

/// Whether a diagnostic is reported once per source.
pub fn is_once_per_source(code: Code) -> bool {
    ONCE_PER_SOURCE.contains(&code)
}

/// The identity of a diagnostic that is reported once per source: its code, and the type of an unknown event.
fn identity(code: Code, detail: &[(&'static str, Value)]) -> (Code, String) {
    let kind = match detail.iter().find(|(name, _)| *name == "type") {
        Some((_, Value::Text(kind))) => kind.clone(),
        _ => String::new(),
    };
    (code, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_after_a_blank_line() {
        let text = b"data: a\n\nevent: b\ndata: c\n\n";
        let position = text.iter().rposition(|byte| *byte == b'c').expect("a position");
        assert_eq!(block_start(text, position, true), Ok(9));
        assert_eq!(block_start(&text[9..], position - 9, true), Ok(0));
        assert_eq!(block_start(&text[10..], position - 10, false), Err(0));
    }

    #[test]
    fn json_lines_begin_after_a_json_line() {
        let text = b"{\"a\":1}\r\n{\"b\":2}\n";
        assert_eq!(block_start(text, 12, true), Ok(9));
        assert_eq!(block_start(b"x\n{\"b\":2}\n", 4, true), Err(2));
    }

    #[test]
    fn the_last_boundary_is_found_across_steps() {
        let mut text = vec![b' '; 3 * STEP];
        assert_eq!(last_boundary(&text), None);
        for position in [10, STEP - 4, 2 * STEP - 8] {
            text[position..position + 16].copy_from_slice(b"response.created");
            assert_eq!(last_boundary(&text), Some(position));
        }
    }

    #[test]
    fn parts_after_the_claiming_one_belong_to_the_remainder() {
        let remainder = Remainder::default();
        assert!(!remainder.includes(u64::MAX));
        remainder.claim(20);
        remainder.claim(30);
        assert!(!remainder.includes(20) && remainder.includes(21));
    }
}

//! Parts of a plain file: where to begin to read so that a part gives the rows that the whole file gives.
//!
//! SEMANTICS ("Tables", a split). A part owns the responses that begin in it. To know what is open at its first byte,
//! reading begins before it: at the last event that begins or ends a response. What a source tells only once is looked up
//! in what stands before, and lines are counted there, but only if there is something to tell.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use memchr::{memchr_iter, memmem, memrchr2};
use respstream_core::catalogue::{Code, Phase};
use respstream_core::decoder::{Decoder, Ignore, Sink};
use respstream_core::diagnostics::{Detail, Diagnostic, Value};
use respstream_core::events::Parsed;
use respstream_core::frames::Options;
use respstream_core::json::{self, Kind};
use respstream_core::lines::BOM;
use respstream_core::response::Folded;

use crate::source::{Input, Place, Problem, Source};
use crate::wrapped::Wrapping;

/// A file is searched backwards in pieces that grow to this size; a block that begins further before its type is passed by.
const PIECE: u64 = 1 << 18;
/// The size of the first of them: most responses begin or end close by.
const FIRST_PIECE: u64 = 1 << 15;
/// So much of a file tells whether it can be split.
const HEAD: u64 = 1 << 16;
/// Lanes are looked for at so many places of it.
const PLACES: u64 = 16;
/// A file is cut where an event that begins or ends a response stands no further before than this: so nothing is read twice
/// but what lies between the two, and a file without such events is one part.
pub const REACH: u64 = 1 << 23;
/// Events that begin or end a response; they stand in every stream.
static MARKS: LazyLock<[memmem::Finder<'static>; 4]> = LazyLock::new(|| {
    ["response.created", "response.completed", "response.incomplete", "response.failed"]
        .map(memmem::Finder::new)
});
/// No mark is longer.
const MARK_BYTES: usize = 32;
/// Marks are searched for in steps of this size.
const STEP: usize = 1 << 13;
/// What a source tells once.
const ONCE: [Code; 3] = [Code::UnknownEvent, Code::MissingBlankLine, Code::ForeignStream];

/// A range of bytes of a source; `numbered` tells whether its responses have numbers, which count from its first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub start: u64,
    pub end: u64,
    pub numbered: bool,
}

impl Part {
    pub const WHOLE: Self = Self { start: 0, end: u64::MAX, numbered: true };

    pub const fn has(self, offset: u64) -> bool {
        self.start <= offset && offset < self.end
    }

    pub const fn is_whole(self) -> bool {
        self.start == 0 && self.end == u64::MAX
    }

    /// How many of the bytes from `start` to `end` are in the part.
    pub fn overlap(self, start: u64, end: u64) -> u64 {
        end.min(self.end).saturating_sub(start.max(self.start))
    }
}

/// The size of a file that can be split: plain, no array, and without rows as far as its beginning tells, and without lanes
/// as far as some places tell.
pub fn divisible(input: &Input, wrapping: &Wrapping) -> Option<u64> {
    let Place::File(path) = &input.place else { return None };
    let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let source = input.open_at(0, vec![0; HEAD as usize]).ok()?;
    let head = take(source, HEAD)?;
    let text = head.strip_prefix(BOM).unwrap_or(&head).trim_ascii_start();
    let packed = crate::inflate::Packing::of(&head).is_some() || !wrapping.divides(&head);
    let whole = packed || text.starts_with(b"[") || wraps(text);
    (!whole && !has_lanes(input, found.len())).then_some(found.len())
}

/// Whether a lane has a name at one of some places, from the beginning of the file to its end.
fn has_lanes(input: &Input, size: u64) -> bool {
    let last = size.saturating_sub(HEAD);
    (0..=PLACES).any(|place| {
        let source = input.open_at(last * place / PLACES, vec![0; HEAD as usize]).ok();
        let piece = source.and_then(|source| take(source, HEAD)).unwrap_or_default();
        memmem::find(&piece, b"\"stream_id\"").is_some()
    })
}

/// Whether a file begins with a JSON text that is no event: rows that wrap streams have state that no part can look up.
fn wraps(text: &[u8]) -> bool {
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let mut members = Vec::new();
    let event = json::scan(line, &mut members).is_ok()
        && json::find(line, &members, "type").is_some_and(|member| member.kind == Kind::String);
    line.starts_with(b"{") && !event
}

fn take(mut source: Source, size: u64) -> Option<Vec<u8>> {
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

/// So many bytes are read in one search to see whether marks are events: a text can be full of marks that are none.
const TRIED: u64 = 1 << 26;

/// The offset from which on a part that begins at `start` is read; None if there is none within `reach` bytes before, or too
/// much was tried in vain.
pub fn look_back(
    input: &Input,
    start: u64,
    options: Options,
    reach: u64,
) -> Result<Option<u64>, Problem> {
    let Place::File(path) = &input.place else { return Ok(Some(0)) };
    let mut file = File::open(path).map_err(|error| Problem::unreadable(&error))?;
    let mut piece = FIRST_PIECE;
    let mut high = start + piece;
    let (mut bytes, mut left) = (Vec::new(), TRIED);
    while high > 0 && start > 0 {
        if high < start.saturating_sub(reach) {
            return Ok(None);
        }
        let low = high.saturating_sub(piece);
        // The margins hold the beginning of a block, and the end of a mark.
        let base = low.saturating_sub(piece);
        bytes.clear();
        file.seek(SeekFrom::Start(base)).map_err(|error| Problem::unreadable(&error))?;
        let wanted = high + 64 - base;
        Read::take(&mut file, wanted)
            .read_to_end(&mut bytes)
            .map_err(|error| Problem::unreadable(&error))?;
        let mut end = bytes.len();
        while let Some(hit) = last_mark(&bytes[..end]).filter(|hit| base + *hit as u64 >= low) {
            let begin = block_start(&bytes, hit, base == 0);
            if let Ok(begin) = begin.map(|begin| base + begin as u64)
                && begin <= start
                && marks(input, begin, start, options, &mut left)?
            {
                return Ok(Some(begin));
            }
            if left == 0 {
                return Ok(None);
            }
            // Other marks of the block tell nothing new; a text may have thousands.
            let (Ok(before) | Err(before)) = begin;
            end = hit.min(before);
        }
        high = low;
        piece = PIECE.min(2 * piece);
    }
    Ok(Some(0))
}

/// Where the last mark begins. It is searched for forwards, in steps from the end, which is several times as fast as backwards.
fn last_mark(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let step = &bytes[start..bytes.len().min(end + MARK_BYTES)];
        let found = MARKS.iter().filter_map(|mark| mark.find_iter(step).last()).max();
        if let Some(found) = found {
            return Some(start + found);
        }
        end = start;
    }
    None
}

/// Where the block or JSON line begins that a position lies in, if nothing that stands before bears on it; else how far
/// before it that is so, too.
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

/// Where the line begins that a position lies in.
fn line_start(bytes: &[u8], position: usize, first: bool) -> Option<usize> {
    let found = memrchr2(b'\n', b'\r', bytes.get(..position)?);
    found.map_or(first.then_some(0), |found| Some(found + 1))
}

/// Where the text of the line ends that stands before the line that begins here.
fn line_end_before(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start.checked_sub(1)?;
    let crlf = bytes.get(end) == Some(&b'\n') && end > 0 && bytes.get(end - 1) == Some(&b'\r');
    Some(end - usize::from(crlf))
}

/// Whether an event at this offset tells what is open at `start`: one that begins a response, or one before that ends it. Takes
/// what it reads off what is `left` to be read.
fn marks(
    input: &Input,
    offset: u64,
    start: u64,
    options: Options,
    left: &mut u64,
) -> Result<bool, Problem> {
    let mut source = input.open_at(offset, vec![0; STEP])?;
    let mut decoder = Decoder::starting_at(options, false, offset);
    let mut first = First(None);
    loop {
        let more = source.next(|bytes| {
            *left = left.saturating_sub(bytes.len() as u64);
            decoder.feed(bytes, None, &mut first);
            first.0.is_none()
        })?;
        if let Some((found, phase)) = first.0 {
            let told = phase == Phase::Begin || (phase == Phase::Terminal && offset < start);
            return Ok(told && found == offset);
        }
        let diagnosed = decoder.store().counts.iter().any(|count| *count > 0);
        if !more || diagnosed || *left == 0 {
            return Ok(false);
        }
    }
}

/// The offset and the phase of the first event; none of a lane with a name.
struct First(Option<(u64, Phase)>);

impl Sink for First {
    fn event(&mut self, parsed: &Parsed<'_>) {
        let entry = parsed.entry.filter(|_| parsed.lane.is_none());
        self.0.get_or_insert((parsed.offset, entry.map_or(Phase::None, |entry| entry.phase)));
    }
}

/// Where the part of a source begins that has taken the rest of it. Lanes have responses that end in another order than they
/// begin in: the first part that meets one reads on alone, as one thread would, and those behind it are not needed.
#[derive(Clone, Debug)]
pub struct Rest(Arc<AtomicU64>);

impl Default for Rest {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Rest {
    /// The part that begins here takes all that comes behind it.
    pub fn take(&self, start: u64) {
        self.0.fetch_min(start, Ordering::Relaxed);
    }

    /// Whether a part that begins here is another's.
    pub fn has(&self, start: u64) -> bool {
        self.0.load(Ordering::Relaxed) < start
    }
}

/// How many events stand before the first response of a source that is read from an offset on.
pub fn outside(input: &Input, options: Options, from: u64) -> u64 {
    let mut decoder = Decoder::new(options, false);
    let mut found = Outside { events: 0, over: from == 0 };
    let (mut source, mut position) = (input.open_at(0, vec![0; STEP]).ok(), 0);
    while let Some(reading) = source.as_mut().filter(|_| !found.over && position < from) {
        let more = reading.next(|bytes| {
            let size = usize::try_from(from - position).unwrap_or(usize::MAX).min(bytes.len());
            decoder.feed(&bytes[..size], None, &mut found);
            position += size as u64;
            !found.over
        });
        if !matches!(more, Ok(true)) {
            source = None;
        }
    }
    found.events
}

/// Counts events until one belongs to a response.
struct Outside {
    events: u64,
    over: bool,
}

impl Sink for Outside {
    fn event(&mut self, _: &Parsed<'_>) {}

    fn taken(&mut self, _: &Parsed<'_>, folded: Option<&Folded>) {
        self.over |= folded.is_some();
        self.events += u64::from(!self.over);
    }

    fn whole(&mut self, _: &Folded) {
        self.over = true;
    }
}

/// How many lines end before some offsets of a source, and whether a CR stands right before them. What was counted once is
/// known to all parts, so that the work is linear in the source, however many parts there are.
#[derive(Debug, Default)]
pub struct Lines(Mutex<BTreeMap<u64, (u64, bool)>>);

impl Lines {
    /// How many lines end before an offset at which one begins.
    pub fn before(&self, input: &Input, offset: u64) -> u64 {
        let (start, known) = {
            let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let nearest = counted.range(..=offset).next_back();
            nearest.map_or((0, (0, false)), |(start, known)| (*start, *known))
        };
        let Ok(mut source) = input.open_at(start, Vec::new()) else { return known.0 };
        let ((mut lines, mut after_cr), mut rest) = (known, offset - start);
        while rest > 0 {
            let more = source.next(|bytes| {
                let size = usize::try_from(rest).unwrap_or(usize::MAX).min(bytes.len());
                lines += count_lines(&bytes[..size], &mut after_cr);
                rest -= size as u64;
                true
            });
            if !matches!(more, Ok(true)) {
                return lines;
            }
        }
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.insert(offset, (lines, after_cr));
        lines
    }
}

fn count_lines(bytes: &[u8], after_cr: &mut bool) -> u64 {
    let mut lines = memchr_iter(b'\n', bytes).count();
    if *after_cr && bytes.first() == Some(&b'\n') {
        lines -= 1;
    }
    // A CR ends a line, and an LF right behind it ends none.
    for at in memchr_iter(b'\r', bytes) {
        lines += usize::from(bytes.get(at + 1) != Some(&b'\n'));
    }
    *after_cr = bytes.last() == Some(&b'\r');
    lines as u64
}

/// Knows what stands before the place where the reading of a part began, as far as it was asked.
pub struct Earlier<'n> {
    input: &'n Input,
    from: u64,
    position: u64,
    reading: Option<Source>,
    decoder: Decoder,
    known: usize,
    told: HashSet<(Code, String)>,
}

impl<'n> Earlier<'n> {
    pub fn new(input: &'n Input, options: Options, from: u64) -> Self {
        Self {
            input,
            from,
            position: 0,
            reading: None,
            decoder: Decoder::new(options, false),
            known: 0,
            told: HashSet::new(),
        }
    }

    /// Whether a diagnostic of those that a source tells once was told before.
    pub fn has(&mut self, found: &Diagnostic) -> bool {
        if !ONCE.contains(&found.code) || self.from == 0 {
            return false;
        }
        let key = (found.code, shown(&found.detail));
        while !self.told.contains(&key) {
            if !self.read_on() {
                return false;
            }
        }
        true
    }

    /// Reads a further piece; false at the end.
    fn read_on(&mut self) -> bool {
        if self.position == 0 && self.reading.is_none() {
            self.reading = self.input.open_at(0, Vec::new()).ok();
        }
        let Some(source) = &mut self.reading else { return false };
        let (decoder, position, from) = (&mut self.decoder, &mut self.position, self.from);
        let more = source.next(|bytes| {
            let size = usize::try_from(from - *position).unwrap_or(usize::MAX).min(bytes.len());
            decoder.feed(&bytes[..size], None, &mut Ignore);
            decoder.lanes_mut().take_ended();
            *position += size as u64;
            true
        });
        let kept = &self.decoder.store().kept;
        let fresh = kept.get(self.known..).unwrap_or_default();
        let once = fresh.iter().filter(|found| ONCE.contains(&found.code));
        self.told.extend(once.map(|found| (found.code, shown(&found.detail))));
        self.known = kept.len();
        if !matches!(more, Ok(true)) || self.position >= self.from {
            self.reading = None;
        }
        true
    }
}

/// What two diagnostics of what a source tells once have in common. Only an unknown type is told by its name.
fn shown(detail: &Detail) -> String {
    match detail.iter().find(|(name, _)| *name == "type") {
        Some((_, Value::Text(kind))) => kind.clone(),
        _ => String::new(),
    }
}

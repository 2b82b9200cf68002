//! Frames to events: the type, the indexes and the lane of each payload, and what is odd about it.
//!
//! SEMANTICS ("Events") decides; the catalogue knows the types. What a frame is otherwise (an error body, a plain
//! response, another protocol) is settled here too. A [`Parsed`] borrows everything from its frame.

use std::borrow::Cow;
use std::collections::HashSet;

pub use crate::catalogue::Indexes;
use crate::catalogue::{Code, EVENTS, Entry, Op, Phase, lookup};
use crate::diagnostics::{Detail, Issue, clip};
use crate::frames::Frame;
use crate::json::{self, Fault, Kind, Located, Member, Memory, Scan};
use crate::outside::error_detail;
use crate::predict::{Known, Members, Predictor};
use crate::simd::same;

mod heads;

use heads::{Heads, heads, indexes, integer, lane};

pub const INDEX_LIMIT: u32 = 65_535;
/// Distinct unknown types that are remembered.
const UNKNOWN_TYPES: usize = 10_000;
const LIMITS: &str = "256 levels or 4300 digits";
const ANTHROPIC: [&str; 6] = [
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
];

/// An event on its way to the fold. `entry` is None for an unknown type; `indexes` is None where one is bad.
pub struct Parsed<'a> {
    pub raw: &'a [u8],
    pub members: Members<'a>,
    pub entry: Option<&'static Entry>,
    pub kind: Cow<'a, str>,
    pub offset: u64,
    pub end: u64,
    pub line: u64,
    pub lane: Option<Cow<'a, str>>,
    /// The event line's name stood in for the type.
    pub named: bool,
    pub odd: bool,
    pub sequence_number: Option<i64>,
    pub indexes: Option<Indexes>,
    /// When it came, in seconds since the epoch, where a record or a clock tells.
    pub time: Option<f64>,
    /// The response in it, where its members are known.
    pub located: Option<&'a Located>,
    /// What the check of the payload told.
    pub scan: Scan,
    /// The members of the item or part in it, as spans into the payload; none where they are not known.
    pub inside: &'a [Member],
    /// The member that carries the value, where the event was read in full.
    value: Option<Member>,
    /// The template that was made of the event.
    learned: Option<u64>,
}

impl<'a> Parsed<'a> {
    /// The member of that name, the last one if it is there twice.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.members.find(self.raw, name)
    }

    /// The template that the event fits: one that it repeats, or that was made of it.
    #[inline]
    pub fn serial(&self) -> Option<u64> {
        self.members.serial().or(self.learned)
    }

    /// The member that carries the value, by the catalogue's entry.
    #[inline]
    pub fn value(&self) -> Option<Member> {
        match self.members {
            Members::Read(_) => self.value,
            Members::Repeated(known) => known.member(known.value),
        }
    }

    /// The response in the event, if its members are known.
    pub fn known_response<'m>(&self, memory: &'m Memory) -> Option<&'m Located> {
        self.entry.filter(|entry| entry.op == Op::Response)?;
        memory.object(self.bytes(&self.value()?))
    }

    /// The members of the item or part in the event, as spans into the payload, if they are known.
    pub fn known_members<'m>(&self, memory: &'m Memory) -> &'m [Member] {
        let entry = self.entry.filter(|entry| matches!(entry.op, Op::Item | Op::Part));
        let value = entry.and_then(|_| self.value());
        value.map_or(&[], |value| memory.inside(self.scan, value.start))
    }

    /// The bytes of a member's value.
    pub fn bytes(&self, member: &Member) -> &'a [u8] {
        member.value(self.raw)
    }
}

/// What a frame is.
#[allow(clippy::large_enum_variant, reason = "nearly all are events, and none is kept")]
pub enum Found<'a> {
    Event(Parsed<'a>),
    /// A response object that was not streamed.
    Plain,
    /// Only diagnostics come of it.
    Stray,
}

/// Makes events of the frames of one source; remembers which unknown types and protocols it has reported.
pub struct Reader {
    pub predictor: Predictor,
    pub memory: Memory,
    unknown: HashSet<String>,
    foreign: bool,
    /// The address of a payload that was not recognised: it is not asked again.
    tried: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            predictor: Predictor::default(),
            memory: Memory::of("response", &["item", "part"]),
            unknown: HashSet::new(),
            foreign: false,
            tried: 0,
        }
    }
}

impl Reader {
    /// Checks a payload, unless it repeats a known event.
    pub fn scan(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Scan, Fault> {
        if self.recognises(text) { Ok(Scan::RECOGNISED) } else { self.memory.scan(text, members) }
    }

    /// Whether a payload repeats a known event.
    #[inline]
    pub fn recognises(&mut self, data: &[u8]) -> bool {
        if std::mem::take(&mut self.tried) == data.as_ptr().addr() {
            self.predictor.missed();
            return false;
        }
        self.predictor.recognises(data)
    }

    /// The size of the payload that a text begins with, if that repeats a known event.
    #[inline]
    pub fn recognise(&mut self, text: &[u8]) -> Option<usize> {
        let (found, tried) = self.predictor.recognises_start(text);
        self.tried = if tried && found.is_none() { text.as_ptr().addr() } else { 0 };
        found
    }

    /// What one frame is that repeats no known event; `issues` takes what is odd about it.
    pub fn read<'a>(&mut self, frame: &'a mut Frame<'_>, issues: &mut Vec<Issue>) -> Found<'a> {
        let scanned = frame.scanned.unwrap_or_else(|| self.memory.scan(frame.data, frame.members));
        self.read_whole(frame, scanned, issues)
    }

    fn read_whole<'a>(
        &mut self,
        frame: &'a Frame<'_>,
        scanned: Result<Scan, Fault>,
        issues: &mut Vec<Issue>,
    ) -> Found<'a> {
        match scanned {
            Err(Fault::Limit) => self.over_limits(frame, issues),
            Ok(scan) if scan.kind == Kind::Object => {
                let named_odd = frame.name.is_some_and(is_odd);
                let odd = scan.lone_surrogate || scan.bad_utf8 || named_odd;
                let mut found = self.object(frame, odd, issues);
                if let Found::Event(parsed) = &mut found {
                    parsed.scan = scan;
                    if !odd {
                        self.remember(parsed);
                    }
                }
                found
            }
            other => {
                let odd = other.is_ok_and(|scan| scan.lone_surrogate || scan.bad_utf8);
                frame_issues(frame, odd, issues);
                issues.push((Code::BadJson, vec![("what", frame.what.name().into())]));
                Found::Stray
            }
        }
    }

    fn object<'a>(
        &mut self,
        frame: &'a Frame<'_>,
        odd: bool,
        issues: &mut Vec<Issue>,
    ) -> Found<'a> {
        let heads = heads(frame.data, frame.members);
        if let Some(kind) = heads.kind.filter(|member| member.kind == Kind::String) {
            let quoted = kind.value(frame.data);
            if quoted.len() > 2 {
                let kind = type_of(quoted, kind.escaped || odd);
                return Found::Event(self.event(frame, &heads, kind, false, odd, issues));
            }
        }
        let name = frame.name.map(lossy);
        match name {
            Some(name) if lookup(name.as_bytes()).is_some() => {
                Found::Event(self.event(frame, &heads, name, true, odd, issues))
            }
            name => self.untyped(frame, &heads, name, odd, issues),
        }
    }

    /// Remembers what later events of the response are likely to repeat.
    fn remember(&mut self, parsed: &Parsed<'_>) {
        let scan = parsed.scan;
        let Some(entry) = parsed.entry.filter(|entry| entry.phase != Phase::Delta) else { return };
        if matches!(entry.op, Op::Response | Op::Item | Op::Part | Op::Text)
            && let Some(member) = parsed.value()
        {
            self.memory.keep(parsed.raw, scan, &member);
            if !entry.extend.is_empty()
                && let Some(beside) = parsed.member(entry.extend)
            {
                self.memory.keep(parsed.raw, scan, &beside);
            }
        }
    }

    fn untyped<'a>(
        &mut self,
        frame: &'a Frame<'_>,
        heads: &Heads<'_>,
        name: Option<Cow<'a, str>>,
        odd: bool,
        issues: &mut Vec<Issue>,
    ) -> Found<'a> {
        let data = frame.data;
        let object = heads.object.filter(|member| member.kind == Kind::String);
        let object = object.map(|member| json::decode_str(member.value(data)));
        let object = object.as_deref().unwrap_or_default();
        if object == "response" {
            frame_issues(frame, odd, issues);
            return Found::Plain;
        }
        if object.starts_with("chat.completion") || object.starts_with("text_completion") {
            frame_issues(frame, odd, issues);
            self.foreign_once("Chat Completions", issues);
            return Found::Stray;
        }
        if let Some(name) = name {
            return Found::Event(self.event(frame, heads, name, true, odd, issues));
        }
        frame_issues(frame, odd, issues);
        issues.push(match error_detail(data, frame.members) {
            Some(detail) => (Code::ErrorBody, detail),
            None => (Code::NoType, Detail::new()),
        });
        Found::Stray
    }

    fn event<'a>(
        &mut self,
        frame: &'a Frame<'_>,
        heads: &Heads<'_>,
        kind: Cow<'a, str>,
        named: bool,
        odd: bool,
        issues: &mut Vec<Issue>,
    ) -> Parsed<'a> {
        frame_issues(frame, odd, issues);
        if let Some(name) = frame.name.filter(|name| *name != kind.as_bytes()) {
            mismatch(name, &kind, issues);
        }
        let framed = issues.len();
        let entry = lookup(kind.as_bytes()).and_then(|place| EVENTS.get(usize::from(place)));
        if entry.is_none() {
            self.unknown_once(&kind, issues);
        }
        let data = frame.data;
        let sequence_number = integer(data, heads.sequence_number, "sequence_number", issues);
        let lane = lane(data, heads.stream_id, odd, issues);
        let indexes = indexes(data, heads, entry.is_some(), issues);
        // Of an event over the limits no head is known: what repeats it is over them too.
        let odd_members = odd || named || heads.kind.is_none() || issues.len() > framed;
        let learned = match (entry, indexes) {
            (Some(entry), Some(indexes)) if !odd_members => {
                self.predictor.learn(data, frame.members, entry, indexes, lane.as_deref())
            }
            _ => None,
        };
        Parsed {
            raw: data,
            members: Members::Read(frame.members),
            entry,
            kind,
            offset: frame.offset,
            end: frame.end,
            line: frame.line,
            lane,
            named,
            odd,
            sequence_number,
            indexes,
            time: None,
            located: None,
            scan: Scan::RECOGNISED,
            inside: &[],
            value: entry.and_then(|entry| json::find(data, frame.members, entry.value)).copied(),
            learned,
        }
    }

    /// An event whose payload is JSON but cannot be decoded: it is kept raw and has no effect.
    fn over_limits<'a>(&mut self, frame: &'a Frame<'_>, issues: &mut Vec<Issue>) -> Found<'a> {
        let data = frame.data;
        let issue = (
            Code::LimitExceeded,
            vec![("what", "nesting or digits".into()), ("limit", LIMITS.into())],
        );
        let mut members = Vec::new();
        json::locate(data, &mut members);
        let found = json::find(data, &members, "type").filter(|member| member.kind == Kind::String);
        let kind = found
            .map(|member| json::decode_str(member.value(data)))
            .filter(|kind| !kind.is_empty());
        let named = kind.is_none();
        let Some(kind) = kind.or_else(|| frame.name.map(lossy)) else {
            frame_issues(frame, false, issues);
            issues.push(issue);
            return Found::Stray;
        };
        let known = issues.len();
        let mut parsed = self.event(frame, &Heads::default(), kind, named, false, issues);
        issues.truncate(known);
        frame_issues(frame, false, issues);
        issues.push(issue);
        parsed.entry = None;
        parsed.members = Members::Read(&[]);
        Found::Event(parsed)
    }

    fn unknown_once(&mut self, kind: &str, issues: &mut Vec<Issue>) {
        if ANTHROPIC.contains(&kind) {
            self.foreign_once("Anthropic Messages", issues);
        } else if self.unknown.len() < UNKNOWN_TYPES && self.unknown.insert(kind.to_owned()) {
            issues.push((Code::UnknownEvent, vec![("type", clip(kind).into())]));
        }
    }

    fn foreign_once(&mut self, protocol: &str, issues: &mut Vec<Issue>) {
        if !self.foreign {
            self.foreign = true;
            issues.push((Code::ForeignStream, vec![("protocol", protocol.into())]));
        }
    }
}

/// The event of a frame that repeats a known one.
#[inline]
pub fn repeated<'a>(frame: &'a Frame<'_>, known: &'a Known, issues: &mut Vec<Issue>) -> Parsed<'a> {
    let data = frame.data;
    let kind = known.entry.ty;
    let other = frame.name.filter(|name| !same(name, kind.as_bytes()));
    let odd = other.is_some_and(is_odd);
    if frame.missing || frame.unfinished || odd {
        frame_issues(frame, odd, issues);
    }
    if let Some(name) = other {
        mismatch(name, kind, issues);
    }
    Parsed {
        raw: data,
        members: Members::Repeated(known),
        entry: Some(known.entry),
        kind: Cow::Borrowed(kind),
        offset: frame.offset,
        end: frame.end,
        line: frame.line,
        lane: known.lane.as_deref().map(Cow::Borrowed),
        named: false,
        odd,
        sequence_number: known.sequence(),
        indexes: Some(known.indexes),
        time: None,
        located: None,
        scan: Scan::RECOGNISED,
        inside: &[],
        value: None,
        learned: None,
    }
}

fn mismatch(name: &[u8], kind: &str, issues: &mut Vec<Issue>) {
    let name = lossy(name);
    if name != kind {
        let detail = vec![("event", clip(&name).into()), ("type", clip(kind).into())];
        issues.push((Code::TypeMismatch, detail));
    }
}

/// The type in a quoted string: a known one, or its text.
fn type_of(quoted: &[u8], escaped: bool) -> Cow<'_, str> {
    let known = quoted.get(1..quoted.len() - 1).filter(|_| !escaped).and_then(lookup);
    let known = known.and_then(|place| EVENTS.get(usize::from(place)));
    known.map_or_else(|| text_of(quoted, escaped), |entry| Cow::Borrowed(entry.ty))
}

/// The text of a quoted string, borrowed where it stands there as it is.
fn text_of(quoted: &[u8], escaped: bool) -> Cow<'_, str> {
    if escaped {
        return json::decode_str(quoted);
    }
    lossy(quoted.get(1..quoted.len() - 1).unwrap_or_default())
}

/// A name that is not UTF-8, or was not where it comes from.
fn is_odd(name: &[u8]) -> bool {
    !name.is_ascii() && lossy(name).contains('\u{fffd}')
}

fn lossy(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

fn frame_issues(frame: &Frame<'_>, odd: bool, issues: &mut Vec<Issue>) {
    if frame.missing {
        issues.push((Code::MissingBlankLine, Detail::new()));
    }
    if frame.unfinished {
        issues.push((Code::UnfinishedBlock, vec![("what", "counted".into())]));
    }
    if odd {
        issues.push((Code::BadUtf8, Detail::new()));
    }
}

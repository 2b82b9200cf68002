//! The outputs of readers as plain values that can be compared.

use respstream_core::decoder::{Decoder, Sink as EventSink};
use respstream_core::diagnostics::{Diagnostic, Note};
use respstream_core::protocols::responses::Event;
use respstream_core::frames::{Frame, Framer, Options, Sink, What};
use respstream_core::json::{Fault, Member, Scan};
use respstream_core::predict::CachedEvent;
use respstream_core::protocols::responses::Route;
use respstream_core::response::{Assembled, Texts, ToolCall};
use respstream_core::predict::Delta;

/// One output of a framer.
#[derive(Clone, Debug, PartialEq)]
pub enum FramerOutput {
    Frame {
        data: Vec<u8>,
        name: Option<Vec<u8>>,
        span: (u64, u64, u64),
        what: What,
        flags: (bool, bool),
    },
    Note(Note),
    Done,
}

/// Collects the outputs of a framer. Checks the verdict and members that it attaches to a payload.
#[derive(Default)]
pub struct FramerOutputs(pub Vec<FramerOutput>);

impl Sink for FramerOutputs {
    fn frame(&mut self, frame: Frame<'_>) {
        if let Some(scanned) = frame.scanned {
            let (verdict, members) = check(frame.data);
            assert_eq!(verdict, scanned);
            assert_eq!(members, *frame.members);
        }
        self.0.push(FramerOutput::Frame {
            data: frame.data.to_vec(),
            name: frame.name.map(<[u8]>::to_vec),
            span: (frame.offset, frame.end, frame.line),
            what: frame.what,
            flags: (frame.missing, frame.unfinished),
        });
    }

    fn note(&mut self, note: Note) {
        self.0.push(FramerOutput::Note(note));
    }

    fn done(&mut self) {
        self.0.push(FramerOutput::Done);
    }
}

/// The verdict of the grammar check on a text, and its members.
pub fn check(text: &[u8]) -> (Result<Scan, Fault>, Vec<Member>) {
    let mut members = Vec::new();
    (respstream_core::json::check(text, &mut members), members)
}

/// The outputs of a framer for these chunks.
pub fn frames<'a>(
    options: Options,
    chunks: impl Iterator<Item = &'a [u8]>,
    force_slow: bool,
) -> Vec<FramerOutput> {
    let mut framer = Framer::new(options);
    framer.force_slow = force_slow;
    let mut outputs = FramerOutputs::default();
    for chunk in chunks {
        framer.feed(chunk, &mut outputs);
    }
    framer.finish(&mut outputs);
    outputs.0
}

/// An event as plain values.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub known: bool,
    pub raw: Vec<u8>,
    pub span: (u64, u64, u64),
    pub lane: Option<String>,
    pub flags: (bool, bool),
    pub sequence_number: Option<i64>,
    pub indexes: Option<Indexes>,
    pub members: Vec<Member>,
}

impl From<&Event<'_>> for Event {
    fn from(parsed: &Event<'_>) -> Self {
        Self {
            kind: parsed.kind.to_string(),
            known: parsed.entry().is_some(),
            raw: parsed.raw.to_vec(),
            span: (parsed.offset, parsed.end, parsed.line),
            lane: parsed.lane.as_deref().map(str::to_owned),
            flags: (parsed.named, parsed.odd),
            sequence_number: parsed.sequence,
            indexes: parsed.indexes,
            members: parsed.members.iter().collect(),
        }
    }
}

/// Collects events.
#[derive(Default)]
pub struct Events(pub Vec<Event>);

impl EventSink for Events {
    fn event(&mut self, parsed: &Event<'_>) {
        self.0.push(parsed.into());
    }
}

/// The properties of an event that a delta of a batch has too: `kind` and `lane` are those of the event that it repeats, `delta`
/// is the string with its quotes and escapes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaFields {
    pub kind: String,
    pub lane: Option<String>,
    pub raw: Vec<u8>,
    pub offset: u64,
    pub sequence_number: Option<i64>,
    pub delta: Option<Vec<u8>>,
    pub escaped: bool,
}

/// Collects these properties of all events; `in_batches`: accept deltas in batches where possible.
struct DeltaCollector {
    found: Vec<DeltaFields>,
    in_batches: bool,
    repeated: (String, Option<String>),
}

impl EventSink for DeltaCollector {
    fn is_for_pieces(&mut self, cached: &CachedEvent<Route>, lane: Option<&str>) -> bool {
        self.repeated = (cached.entry.ty.to_owned(), lane.map(str::to_owned));
        self.in_batches
    }

    fn piece(&mut self, delta: &Piece<'_>) {
        let (kind, lane) = self.repeated.clone();
        assert_eq!(delta.body().len() + 2, delta.text.len());
        self.found.push(DeltaFields {
            kind,
            lane,
            raw: delta.raw.to_vec(),
            offset: delta.offset,
            sequence_number: Some(delta.sequence),
            delta: Some(delta.text.to_vec()),
            escaped: delta.escaped,
        });
    }

    fn event(&mut self, parsed: &Event<'_>) {
        let delta = parsed.entry().and_then(|entry| parsed.member(entry.value));
        self.found.push(DeltaFields {
            kind: parsed.kind.to_string(),
            lane: parsed.lane.as_deref().map(str::to_owned),
            raw: parsed.raw.to_vec(),
            offset: parsed.offset,
            sequence_number: parsed.sequence,
            delta: delta.map(|member| parsed.bytes(&member).to_vec()),
            escaped: delta.is_some_and(|member| member.escaped),
        });
    }
}

/// The properties of all events; `in_batches`: read deltas in batches where possible.
pub fn delta_fields<'a>(
    how: ReadOptions,
    chunks: impl Iterator<Item = &'a [u8]>,
    in_batches: bool,
) -> Vec<DeltaFields> {
    let mut decoder = Decoder::new(how.options, how.strict);
    let mut sink = DeltaCollector { found: Vec::new(), in_batches, repeated: Default::default() };
    for chunk in chunks {
        decoder.feed(chunk, None, &mut sink);
    }
    decoder.finish(None, &mut sink);
    sink.found
}

/// All properties of a response.
#[derive(Debug, PartialEq)]
pub struct Response {
    pub json: Vec<u8>,
    pub keys: Vec<String>,
    pub members: Vec<Option<Vec<u8>>>,
    pub ids: (Option<String>, Option<String>, Option<String>),
    pub ended: (bool, bool, Option<&'static str>),
    pub texts: Texts,
    pub tool_calls: Vec<ToolCall>,
    pub error: Option<Vec<u8>>,
    pub counts: (u64, u64, u64, u64, u64, Option<u64>),
    pub sequence: (Option<i64>, Option<i64>),
    pub diagnostics: Vec<Diagnostic>,
}

impl From<&Assembled> for Response {
    fn from(folded: &Assembled) -> Self {
        let keys = folded.keys();
        Self {
            json: folded.json(),
            members: keys
                .iter()
                .map(|key| folded.member(key).map(std::borrow::Cow::into_owned))
                .collect(),
            keys,
            ids: (
                folded.tracking.lane.as_deref().map(str::to_owned),
                folded.id().map(|id| id.to_string()),
                folded.status().map(|status| status.to_string()),
            ),
            ended: (folded.complete(), folded.plain, folded.tracking.terminal),
            texts: folded.texts(),
            tool_calls: folded.tool_calls(),
            error: folded.error_json(),
            counts: (
                folded.tracking.byte_start,
                folded.tracking.byte_end,
                folded.line,
                folded.tracking.events,
                folded.tracking.deltas,
                folded.tracking.stream_index,
            ),
            sequence: (folded.tracking.first_sequence, folded.tracking.last_sequence),
            diagnostics: folded.tracking.diagnostics.clone(),
        }
    }
}

/// The responses of a decoder; those that have ended come first.
pub fn responses(decoder: &Decoder) -> Vec<Response> {
    let lanes = decoder.lanes();
    lanes.ordinals().into_iter().filter_map(|ordinal| lanes.get(ordinal)).map(Into::into).collect()
}

/// All outputs of reading a source.
#[derive(Debug, PartialEq)]
pub struct Output {
    pub events: Vec<Event>,
    pub responses: Vec<Response>,
    pub diagnostics: Vec<Diagnostic>,
    pub failed: Option<Diagnostic>,
    pub last_sequence_number: Option<i64>,
}

/// How a source is read; `slow`: without fast paths.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    pub options: Options,
    pub strict: bool,
    pub slow: bool,
}

/// Reads chunks to their end.
pub fn read<'a>(how: ReadOptions, chunks: impl Iterator<Item = &'a [u8]>) -> Output {
    let mut decoder = Decoder::new(how.options, how.strict);
    if how.slow {
        decoder.force_slow();
    }
    let mut events = Events::default();
    for chunk in chunks {
        decoder.feed(chunk, None, &mut events);
    }
    decoder.finish(None, &mut events);
    Output {
        events: events.0,
        responses: responses(&decoder),
        diagnostics: decoder.store().kept.clone(),
        failed: decoder.store().failed.clone(),
        last_sequence_number: decoder.lanes().last_sequence_number,
    }
}

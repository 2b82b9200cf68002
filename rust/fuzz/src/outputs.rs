//! The outputs of readers as plain values that can be compared.

use respstream_core::assemble::Indexes;
use respstream_core::decoder::EventSink;
use respstream_core::diagnostics::{Diagnostic, Note};
use respstream_core::frames::{Frame, FrameKind, FrameSink, Framer, Options};
use respstream_core::json::{self, Checked, Fault, Member};
use respstream_core::predict::{CachedEvent, Delta};
use respstream_core::protocols::view::{ItemRow, Texts, Tokens, ToolCall};
use respstream_core::protocols::{Protocol, RoutedEvent};

/// The decoder under test.
pub type Decoder<P> = respstream_core::decoder::Decoder<P>;

/// One output of a framer.
#[derive(Clone, Debug, PartialEq)]
pub enum FramerOutput {
    Frame {
        data: Vec<u8>,
        name: Option<Vec<u8>>,
        span: (u64, u64, u64),
        what: FrameKind,
        flags: (bool, bool),
    },
    Note(Note),
    Done,
}

/// Collects the outputs of a framer. Checks the verdict and members that it attaches to a payload.
#[derive(Default)]
pub struct FramerOutputs(pub Vec<FramerOutput>);

impl FrameSink for FramerOutputs {
    fn frame(&mut self, frame: Frame<'_>) {
        if let Some(checked) = frame.checked {
            let (verdict, members) = check(frame.data);
            assert_eq!(verdict, checked);
            assert_eq!(members, *frame.members);
        }
        self.0.push(FramerOutput::Frame {
            data: frame.data.to_vec(),
            name: frame.name.map(<[u8]>::to_vec),
            span: (frame.offset, frame.end, frame.line),
            what: frame.kind,
            flags: (frame.missing_blank_line, frame.unfinished),
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
pub fn check(text: &[u8]) -> (Result<Checked, Fault>, Vec<Member>) {
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

impl Event {
    pub fn of<P: Protocol>(event: &RoutedEvent<'_, P::Route>) -> Self {
        Self {
            kind: event.kind.to_string(),
            known: event.route.is_some(),
            raw: event.raw.to_vec(),
            span: (event.offset, event.end, event.line),
            lane: event.lane.as_deref().map(str::to_owned),
            flags: (event.named, event.invalid_utf8),
            sequence_number: event.sequence,
            indexes: P::indexes(event.route.as_ref(), event.unrouted_indexes),
            members: event.members.iter().collect(),
        }
    }
}

/// Collects events.
#[derive(Default)]
pub struct Events(pub Vec<Event>);

impl<P: Protocol> EventSink<P> for Events {
    fn event(&mut self, event: &RoutedEvent<'_, P::Route>) {
        self.0.push(Event::of::<P>(event));
    }
}

/// The properties of an event that a delta of a batch has too: `kind` and `lane` are those of the event that it repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaFields {
    pub kind: String,
    pub lane: Option<String>,
    pub raw: Vec<u8>,
    pub offset: u64,
    pub sequence_number: Option<i64>,
    pub delta: Option<String>,
}

/// Collects these properties of all events; `in_batches`: accept deltas in batches where possible.
struct DeltaCollector {
    found: Vec<DeltaFields>,
    in_batches: bool,
    repeated: (String, Option<String>),
}

impl<P: Protocol> EventSink<P> for DeltaCollector {
    fn takes_runs(&mut self, cached: &CachedEvent, route: &P::Route, lane: Option<&str>) -> bool {
        self.repeated = (cached.name.to_owned(), lane.map(str::to_owned));
        self.in_batches && P::streams_deltas(route)
    }

    fn delta(&mut self, delta: &Delta<'_>) {
        let (kind, lane) = self.repeated.clone();
        assert_eq!(delta.body().len() + 2, delta.text.len());
        self.found.push(DeltaFields {
            kind,
            lane,
            raw: delta.raw.to_vec(),
            offset: delta.offset,
            sequence_number: delta.sequence,
            delta: Some(json::decode_str(delta.text).into_owned()),
        });
    }

    fn event(&mut self, event: &RoutedEvent<'_, P::Route>) {
        self.found.push(DeltaFields {
            kind: event.kind.to_string(),
            lane: event.lane.as_deref().map(str::to_owned),
            raw: event.raw.to_vec(),
            offset: event.offset,
            sequence_number: event.sequence,
            delta: P::delta(event).map(std::borrow::Cow::into_owned),
        });
    }
}

/// The properties of all events; `in_batches`: read deltas in batches where possible.
pub fn delta_fields<'a, P: Protocol>(
    how: ReadOptions,
    chunks: impl Iterator<Item = &'a [u8]>,
    in_batches: bool,
) -> Vec<DeltaFields> {
    let mut decoder = Decoder::<P>::new(how.options, how.strict);
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
    pub items: Vec<ItemRow>,
    pub tokens: Tokens,
    pub error: Option<Vec<u8>>,
    pub counts: (u64, u64, u64, u64, u64, Option<u64>),
    pub sequence: (Option<i64>, Option<i64>),
    pub diagnostics: Vec<Diagnostic>,
}

impl Response {
    pub fn of(response: &impl respstream_core::protocols::Response) -> Self {
        let (keys, tracking) = (response.keys(), response.tracking());
        Self {
            json: response.json(),
            members: keys
                .iter()
                .map(|key| response.member(key).map(std::borrow::Cow::into_owned))
                .collect(),
            keys,
            ids: (
                tracking.lane.as_deref().map(str::to_owned),
                response.id().map(|id| id.to_string()),
                response.status().map(|status| status.to_string()),
            ),
            ended: (response.complete(), tracking.non_streamed, tracking.terminal),
            texts: response.texts(),
            tool_calls: response.tool_calls(),
            items: response.item_rows(),
            tokens: response.tokens(),
            error: response.error_json(),
            counts: (
                tracking.byte_start,
                tracking.byte_end,
                tracking.line,
                tracking.events,
                tracking.deltas,
                tracking.stream_index,
            ),
            sequence: (tracking.first_sequence, tracking.last_sequence),
            diagnostics: tracking.diagnostics.clone(),
        }
    }
}

/// The responses of a decoder; those that have ended come first.
pub fn responses<P: Protocol>(decoder: &Decoder<P>) -> Vec<Response> {
    let lanes = decoder.lanes();
    let found = lanes.ordinals().into_iter().filter_map(|ordinal| lanes.get(ordinal));
    found.map(Response::of).collect()
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
pub fn read<'a, P: Protocol>(how: ReadOptions, chunks: impl Iterator<Item = &'a [u8]>) -> Output {
    let mut decoder = Decoder::<P>::new(how.options, how.strict);
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
        last_sequence_number: decoder.lanes().last_sequence,
    }
}

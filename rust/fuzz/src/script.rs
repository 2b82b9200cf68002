//! Streams like recorded ones, generated from the fuzz input: items, parts, text deltas, and events that repeat, arrive late or
//! lack an index. Each step can be written as an event, and applied to the oracle.

use std::fmt::Write as _;

use arbitrary::{Arbitrary, Unstructured};

/// Text as UTF-16, so that a delta may end inside a surrogate pair; lone surrogates are written as escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text(pub Vec<u16>);

const UNITS: [u16; 16] = [
    0x61, 0x62, 0x20, 0x22, 0x5C, 0x0A, 0x2F, 0xE9, 0x20AC, 0x7B, 0x00, 0x1F, 0xD83D, 0xDE00,
    0xDBFF, 0xDC00,
];

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let size = u.int_in_range(0..=6)?;
        let units = (0..size).map(|_| u.choose(&UNITS).copied());
        Ok(Self(units.collect::<arbitrary::Result<_>>()?))
    }
}

impl Text {
    /// The text if no delta follows: lone surrogates become U+FFFD.
    pub fn finished(&self) -> String {
        String::from_utf16_lossy(&self.0)
    }

    /// The text as a JSON string.
    pub fn json(&self) -> String {
        let mut out = String::from("\"");
        for unit in char::decode_utf16(self.0.iter().copied()) {
            let done = match unit {
                Ok(c) if u32::from(c) > 0xFFFF && self.0.len().is_multiple_of(2) => {
                    let mut pair = [0; 2];
                    let pair = c.encode_utf16(&mut pair);
                    write!(out, "\\u{:04X}\\u{:04x}", pair[0], pair[1])
                }
                Ok(c @ ('"' | '\\')) => write!(out, "\\{c}"),
                Ok(c) if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
                Ok(c) => write!(out, "{c}"),
                Err(lone) => write!(out, "\\u{:04x}", lone.unpaired_surrogate()),
            };
            done.expect("writing to a String cannot fail");
        }
        out.push('"');
        out
    }
}

/// A part of a message or of reasoning.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum PartKind {
    OutputText,
    Refusal,
    ReasoningText,
    SummaryText,
    Other,
}

impl PartKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::OutputText => "output_text",
            Self::Refusal => "refusal",
            Self::ReasoningText => "reasoning_text",
            Self::SummaryText => "summary_text",
            Self::Other => "other",
        }
    }

    /// The member that carries its text.
    pub fn field(self) -> &'static str {
        if self == Self::Refusal { "refusal" } else { "text" }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Part {
    pub kind: PartKind,
    pub text: Option<Text>,
}

impl Part {
    fn json(&self) -> String {
        let text =
            self.text.as_ref().map(|text| format!(",\"{}\": {}", self.kind.field(), text.json()));
        format!("{{\"type\":\"{}\"{}}}", self.kind.name(), text.unwrap_or_default())
    }
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum ItemKind {
    Message,
    Reasoning,
    Function,
    Custom,
    Mcp,
}

impl ItemKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Reasoning => "reasoning",
            Self::Function => "function_call",
            Self::Custom => "custom_tool_call",
            Self::Mcp => "mcp_call",
        }
    }

    pub fn is_call(self) -> bool {
        !matches!(self, Self::Message | Self::Reasoning)
    }

    /// The member that carries a call's arguments.
    pub fn field(self) -> &'static str {
        if self == Self::Custom { "input" } else { "arguments" }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Item {
    pub kind: ItemKind,
    pub call: Option<(u8, u8)>,
    pub value: Option<Text>,
    pub content: Option<Vec<Part>>,
    pub summary: Option<Vec<Part>>,
}

impl Item {
    fn json(&self, index: u32) -> String {
        let mut out = format!("{{\"id\":\"i{index}\", \"type\":\"{}\"", self.kind.name());
        if let Some((call, name)) = self.call {
            write!(out, ",\"call_id\":\"c{call}\",\"name\":\"n{name}\"")
                .expect("writing to a String cannot fail");
        }
        if let Some(value) = &self.value {
            write!(out, ",\"{}\":{}", self.kind.field(), value.json())
                .expect("writing to a String cannot fail");
        }
        for (key, parts) in [("content", &self.content), ("summary", &self.summary)] {
            if let Some(parts) = parts {
                let parts: Vec<_> = parts.iter().map(Part::json).collect();
                write!(out, ",\"{key}\":[{}]", parts.join(" , "))
                    .expect("writing to a String cannot fail");
            }
        }
        out + "}"
    }
}

/// The text that a delta extends.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Part(TextKind),
    Call(ItemKind),
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum TextKind {
    OutputText,
    Refusal,
    ReasoningText,
    Summary,
}

impl TextKind {
    pub fn part(self) -> PartKind {
        match self {
            Self::OutputText => PartKind::OutputText,
            Self::Refusal => PartKind::Refusal,
            Self::ReasoningText => PartKind::ReasoningText,
            Self::Summary => PartKind::SummaryText,
        }
    }

    fn stem(self) -> &'static str {
        match self {
            Self::OutputText => "output_text",
            Self::Refusal => "refusal",
            Self::ReasoningText => "reasoning_text",
            Self::Summary => "reasoning_summary_text",
        }
    }
}

impl Target {
    /// The kind of the item that is created if there is none.
    pub fn item(self) -> ItemKind {
        match self {
            Self::Part(TextKind::OutputText | TextKind::Refusal) => ItemKind::Message,
            Self::Part(_) => ItemKind::Reasoning,
            Self::Call(ItemKind::Custom) => ItemKind::Custom,
            Self::Call(ItemKind::Mcp) => ItemKind::Mcp,
            Self::Call(_) => ItemKind::Function,
        }
    }

    fn stem(self) -> &'static str {
        match self {
            Self::Part(kind) => kind.stem(),
            Self::Call(ItemKind::Custom) => "custom_tool_call_input",
            Self::Call(ItemKind::Mcp) => "mcp_call_arguments",
            Self::Call(_) => "function_call_arguments",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Part(kind) => kind.part().field(),
            Self::Call(_) => self.item().field(),
        }
    }
}

/// The event of a step; `Quiet`: a keepalive.
#[derive(Arbitrary, Clone, Debug)]
pub enum Act {
    Item { done: bool, item: Item },
    Part { done: bool, summary: bool, part: Part },
    Delta { target: Target, text: Text, logprobs: bool },
    Done { target: Target, text: Text },
    Progress,
    Quiet,
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub act: Act,
    pub output_index: Option<u32>,
    /// The index of the item that the ids name.
    pub named: u32,
    pub part_index: Option<u32>,
    /// The same event is sent twice.
    pub twice: bool,
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        // Small indexes, so that several events refer to the same item; few are missing.
        let index = |u: &mut Unstructured<'a>| {
            Ok(match u.int_in_range(0..=9)? {
                9 => None,
                index => Some([0, 0, 0, 0, 1, 1, 2, 7, 65_535][index]),
            })
        };
        let (output_index, part_index) = (index(u)?, index(u)?);
        let (named, twice) = (output_index.unwrap_or(0), u.ratio(1, 10)?);
        Ok(Self { output_index, named, part_index, twice, act: u.arbitrary()? })
    }
}

/// The `output` of the terminal event.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Output {
    Missing,
    Null,
    Empty,
    /// This many of the streamed items.
    Streamed(u8),
    /// The streamed items in reverse, if they have ids.
    Reversed,
    /// The streamed items without texts; with empty lists, or with none.
    Emptied(bool),
    /// Items that were not streamed.
    Other,
}

#[derive(Arbitrary, Debug)]
pub struct Script {
    pub numbered: bool,
    pub blocks: bool,
    pub ids: bool,
    /// The types of the items, by index.
    pub kinds: [ItemKind; 4],
    pub steps: Vec<Step>,
    pub terminal: Option<Output>,
}

impl Step {
    /// Makes the event one about an item of this type: the call id follows from the index.
    fn suit(&mut self, kind: ItemKind) {
        match &mut self.act {
            Act::Item { item, .. } => {
                item.kind = kind;
                item.call = item.call.map(|(_, name)| (self.named as u8, name));
            }
            Act::Part { .. } if kind.is_call() => self.act = Act::Progress,
            Act::Part { summary, part, .. } => match kind {
                ItemKind::Reasoning => *summary |= part.kind != PartKind::ReasoningText,
                _ if part.kind == PartKind::ReasoningText => {
                    (*summary, part.kind) = (false, PartKind::OutputText);
                }
                _ => *summary = false,
            },
            Act::Delta { target, .. } | Act::Done { target, .. } => target.suit(kind),
            Act::Progress | Act::Quiet | Act::Unknown => {}
        }
    }

    /// Whether the event is about an item.
    fn has_item(&self) -> bool {
        !matches!(self.act, Act::Progress | Act::Quiet | Act::Unknown)
    }
}

impl Target {
    fn suit(&mut self, kind: ItemKind) {
        if self.item() != kind {
            *self = match kind {
                ItemKind::Message => Self::Part(TextKind::OutputText),
                ItemKind::Reasoning => Self::Part(TextKind::Summary),
                _ => Self::Call(kind),
            };
        }
    }
}

impl Script {
    /// Makes the script unambiguous: the type, the id and the call id of an item follow from its index, and events without an
    /// index are about the latest item. The target `identities` reads all other streams.
    #[must_use]
    pub fn unambiguous(mut self) -> Self {
        let mut latest = 0;
        for step in &mut self.steps {
            step.named = step.output_index.unwrap_or(latest);
            step.suit(self.kinds[step.named.min(3) as usize]);
            if step.has_item() {
                latest = step.named;
            }
        }
        self
    }

    /// A payload with its framing.
    pub fn framed(&self, kind: &str, members: &str, number: usize) -> Vec<u8> {
        let number =
            if self.numbered { format!(",\"sequence_number\":{number}") } else { String::new() };
        let payload = format!("{{\"type\":\"{kind}\"{number}{members}}}");
        if self.blocks { format!("event: {kind}\ndata: {payload}\n\n") } else { payload + "\n" }
            .into_bytes()
    }

    /// The event of a step.
    pub fn event(&self, step: &Step, number: usize) -> Vec<u8> {
        let mut members = String::new();
        if let Some(index) = step.output_index {
            write!(members, ",\"output_index\":{index}").expect("writing to a String cannot fail");
        }
        if self.ids {
            write!(members, ",\"item_id\":\"i{}\"", step.named)
                .expect("writing to a String cannot fail");
        }
        let place = step.part_index;
        let at =
            |list: &str| place.map_or(String::new(), |index| format!(",\"{list}_index\":{index}"));
        let end = |done: &bool| if *done { "done" } else { "added" };
        let (kind, more) = match &step.act {
            Act::Item { done, item } => (
                format!("output_item.{}", end(done)),
                format!(",\"item\":{}", item.json(step.named)),
            ),
            Act::Part { done, summary, part } => {
                let (stem, list) = if *summary {
                    ("reasoning_summary_part", "summary")
                } else {
                    ("content_part", "content")
                };
                (format!("{stem}.{}", end(done)), format!("{},\"part\":{}", at(list), part.json()))
            }
            Act::Delta { target, text, logprobs } => {
                let logprobs = if *logprobs { ",\"logprobs\":[ {\"token\":\"t\"}]" } else { "" };
                let members = format!("{},\"delta\":{}{logprobs}", at(list(*target)), text.json());
                (format!("{}.delta", target.stem()), members)
            }
            Act::Done { target, text } => {
                let members =
                    format!("{},\"{}\":{}", at(list(*target)), target.field(), text.json());
                (format!("{}.done", target.stem()), members)
            }
            Act::Progress => ("in_progress".to_owned(), ",\"response\":{\"id\":\"r\"}".to_owned()),
            Act::Quiet => return self.framed("keepalive", "", number),
            Act::Unknown => {
                return self.framed(
                    "response.brand_new.delta",
                    &(members + ",\"delta\":\"x\""),
                    number,
                );
            }
        };
        self.framed(&format!("response.{kind}"), &(members + &more), number)
    }
}

fn list(target: Target) -> &'static str {
    if target == Target::Part(TextKind::Summary) { "summary" } else { "content" }
}

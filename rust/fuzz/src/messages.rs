//! Streams of Anthropic Messages generated from the fuzz input, and a reference implementation of their fold: slow, over plain
//! values. Each step can be written as an event, and applied to the oracle.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use arbitrary::Arbitrary;
use serde_json::{Value, json};

use crate::script::Text;

/// A type of blocks, and of the deltas that fit them.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Thinking,
    Tool,
}

impl Kind {
    fn block(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Thinking => "thinking",
            Self::Tool => "tool_use",
        }
    }

    /// The type of the deltas, and the member with their text.
    fn delta(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text_delta", "text"),
            Self::Thinking => ("thinking_delta", "thinking"),
            Self::Tool => ("input_json_delta", "partial_json"),
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Act {
    /// A block begins, with a text that is not the input of a tool.
    Start(Kind, Text),
    Delta(Kind, Vec<Text>),
    Stop,
    Ping,
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Step {
    index: u8,
    pub act: Act,
}

/// The steps of one message, and how its events are written.
#[derive(Arbitrary, Clone, Debug)]
pub struct Script {
    pub steps: Vec<Step>,
    pub is_sse: bool,
    pub is_named: bool,
    pub is_ended: bool,
    pub cut: u16,
}

impl Script {
    /// An event with these members behind its type.
    pub fn framed(&self, ty: &str, members: &str) -> String {
        let name =
            if self.is_named && self.is_sse { format!("event: {ty}\n") } else { String::new() };
        if self.is_sse {
            format!("{name}data: {{\"type\":\"{ty}\"{members}}}\n\n")
        } else {
            format!("{{\"type\":\"{ty}\"{members}}}\n")
        }
    }
}

impl Step {
    fn index(&self) -> u32 {
        u32::from(self.index % 3)
    }

    /// The events of the step.
    pub fn events(&self, script: &Script) -> Vec<String> {
        let index = self.index();
        match &self.act {
            Act::Start(kind, text) => {
                let member = match kind {
                    Kind::Tool => "\"id\":\"t\",\"name\":\"f\",\"input\":{}".to_owned(),
                    kind => format!("\"{}\":{}", kind.delta().1, text.json()),
                };
                let block = format!("{{\"type\":\"{}\",{member}}}", kind.block());
                let members = format!(",\"index\":{index},\"content_block\":{block}");
                vec![script.framed("content_block_start", &members)]
            }
            Act::Delta(kind, texts) => {
                let (ty, member) = kind.delta();
                let delta = |text: &Text| {
                    let mut delta = format!(",\"index\":{index},\"delta\":{{\"type\":\"{ty}\"");
                    write!(delta, ",\"{member}\":{}}}", text.json())
                        .expect("writing to a String cannot fail");
                    script.framed("content_block_delta", &delta)
                };
                texts.iter().map(delta).collect()
            }
            Act::Stop => {
                vec![script.framed("content_block_stop", &format!(",\"index\":{index}"))]
            }
            Act::Ping => vec![script.framed("ping", "")],
        }
    }
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    /// Whether its start came.
    has_start: bool,
    /// The text, or the streamed input.
    text: Option<Text>,
    stopped: bool,
}

/// One assembled message: the blocks at each index, in order.
#[derive(Debug, Default)]
pub struct Oracle(BTreeMap<u32, Vec<Block>>);

impl Oracle {
    pub fn apply(&mut self, step: &Step) {
        let blocks = self.0.entry(step.index()).or_default();
        match &step.act {
            Act::Start(kind, text) => {
                let text = (*kind != Kind::Tool).then(|| text.clone());
                blocks.push(Block { kind: *kind, has_start: true, text, stopped: false });
            }
            Act::Delta(kind, texts) => {
                for text in texts {
                    append(blocks, *kind, text);
                }
            }
            Act::Stop => {
                if let Some(block) = blocks.last_mut() {
                    block.stopped = true;
                }
            }
            Act::Ping => {}
        }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.0.values().flatten()
    }

    pub fn content(&self) -> Vec<Value> {
        self.blocks().map(Block::value).collect()
    }

    /// The texts of all blocks of a kind.
    pub fn text(&self, kind: Kind) -> String {
        self.blocks().filter(|block| block.kind == kind).map(Block::finished).collect()
    }

    /// The arguments of the calls.
    pub fn arguments(&self, is_ended: bool) -> Vec<Option<String>> {
        let calls = self.blocks().filter(|block| block.kind == Kind::Tool);
        let arguments = |block: &Block| {
            let text = block.finished();
            let counts = (block.stopped || is_ended) && (block.has_start || block.text.is_some());
            if text.is_empty() { counts.then(|| "{}".to_owned()) } else { Some(text) }
        };
        calls.map(arguments).collect()
    }
}

fn append(blocks: &mut Vec<Block>, kind: Kind, text: &Text) {
    let fits = |block: &Block| block.kind == kind;
    let position = blocks.iter().rposition(fits).unwrap_or_else(|| {
        blocks.push(Block { kind, has_start: false, text: None, stopped: false });
        blocks.len() - 1
    });
    blocks[position].text.get_or_insert_default().0.extend_from_slice(&text.0);
}

impl Block {
    fn finished(&self) -> String {
        self.text.as_ref().map(Text::finished).unwrap_or_default()
    }

    fn value(&self) -> Value {
        let text = self.finished();
        if self.kind != Kind::Tool {
            return json!({"type": self.kind.block(), self.kind.delta().1: text});
        }
        let mut block = json!({"type": "tool_use"});
        if self.has_start {
            block = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
        }
        if self.text.is_some() {
            block["input"] = match serde_json::from_str(&text) {
                Ok(value) => value,
                Err(_) if text.is_empty() => json!({}),
                Err(_) => Value::String(text),
            };
        }
        block
    }
}

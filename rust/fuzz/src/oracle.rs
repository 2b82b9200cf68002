//! A reference implementation of the fold: slow, over plain values, for events that carry text. It never reads bytes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::script::{self, Act, ItemKind, Output, PartKind, Step, Target, Text, TextKind};

/// A text, and whether it is final.
#[derive(Clone, Debug, Default)]
struct Streamed {
    text: Text,
    is_final: bool,
}

#[derive(Clone, Debug)]
struct Part {
    kind: PartKind,
    texts: BTreeMap<&'static str, Streamed>,
    is_final: bool,
}

#[derive(Clone, Debug)]
struct Item {
    kind: ItemKind,
    call: Option<(u8, u8)>,
    values: BTreeMap<&'static str, Streamed>,
    content: Option<BTreeMap<u32, Part>>,
    summary: Option<BTreeMap<u32, Part>>,
    is_final: bool,
}

/// One assembled response.
#[derive(Debug, Default)]
pub struct Oracle {
    items: BTreeMap<u32, Item>,
    /// The index that events without one refer to.
    latest: u32,
}

/// A text of an item or part: a lone surrogate in it is final, no later delta completes the pair.
fn complete(text: &Text) -> Streamed {
    Streamed { text: Text(text.finished().encode_utf16().collect()), is_final: false }
}

impl From<&script::Part> for Part {
    fn from(part: &script::Part) -> Self {
        let text = part.text.as_ref().map(|text| (part.kind.field(), complete(text)));
        Self { kind: part.kind, texts: text.into_iter().collect(), is_final: false }
    }
}

impl From<&script::Item> for Item {
    fn from(item: &script::Item) -> Self {
        let value = item.value.as_ref().map(|value| (item.kind.field(), complete(value)));
        let parts = |parts: &Option<Vec<script::Part>>| {
            parts.as_ref().map(|parts| (0..).zip(parts.iter().map(Part::from)).collect())
        };
        Self {
            kind: item.kind,
            call: item.call,
            values: value.into_iter().collect(),
            content: parts(&item.content),
            summary: parts(&item.summary),
            is_final: false,
        }
    }
}

impl Item {
    fn new(kind: ItemKind) -> Self {
        Self {
            kind,
            call: None,
            values: BTreeMap::new(),
            content: None,
            summary: None,
            is_final: false,
        }
    }

    fn list(&mut self, summary: bool) -> &mut BTreeMap<u32, Part> {
        if summary { &mut self.summary } else { &mut self.content }.get_or_insert_default()
    }
}

fn last<T>(list: &BTreeMap<u32, T>) -> Option<u32> {
    list.last_key_value().map(|(index, _)| *index)
}

impl Oracle {
    /// Applies a step.
    pub fn apply(&mut self, step: &Step) {
        match &step.act {
            Act::Item { done, item } => {
                let missing =
                    if *done { self.latest } else { last(&self.items).map_or(0, |last| last + 1) };
                let index = step.output_index.unwrap_or(missing);
                self.items.insert(index, Item { is_final: *done, ..item.into() });
                self.latest = index;
            }
            Act::Part { done, summary, part } => {
                let kind = match (summary, part.kind) {
                    (false, PartKind::ReasoningText) | (true, _) => ItemKind::Reasoning,
                    _ => ItemKind::Message,
                };
                let Some(item) = self.target(step, kind) else { return };
                let list = item.list(*summary);
                let missing = last(list).map_or(0, |last| if *done { last } else { last + 1 });
                let index = step.part_index.unwrap_or(missing);
                list.insert(index, Part { is_final: *done, ..part.into() });
            }
            Act::Delta { target, text, .. } => self.append(step, *target, text, false),
            Act::Done { target, text } => self.append(step, *target, text, true),
            Act::Progress | Act::Quiet | Act::Unknown => {}
        }
    }

    fn target(&mut self, step: &Step, kind: ItemKind) -> Option<&mut Item> {
        let index = step.output_index.unwrap_or(self.latest);
        self.latest = index;
        Some(self.items.entry(index).or_insert_with(|| Item::new(kind)))
            .filter(|item| !item.is_final)
    }

    fn append(&mut self, step: &Step, target: Target, text: &Text, done: bool) {
        let Some(item) = self.target(step, target.item()) else { return };
        let (texts, field) = match target {
            Target::Call(_) => (&mut item.values, target.item().field()),
            Target::Part(kind) => {
                let list = item.list(kind == TextKind::Summary);
                let index = step.part_index.unwrap_or(last(list).unwrap_or(0));
                let new = || Part { kind: kind.part(), texts: BTreeMap::new(), is_final: false };
                let part = list.entry(index).or_insert_with(new);
                if part.is_final {
                    return;
                }
                (&mut part.texts, kind.part().field())
            }
        };
        if done {
            texts.insert(field, Streamed { text: text.clone(), is_final: true });
            return;
        }
        let streamed = texts.entry(field).or_default();
        if !streamed.is_final {
            streamed.text.0.extend(&text.0);
        }
    }

    /// The items as JSON values, with only the members that are compared.
    pub fn output(&self) -> Vec<Value> {
        self.items.values().map(Item::value).collect()
    }

    /// The `output` that the terminal event carries, and the output of the response after it.
    pub fn terminal_output(&self, output: Output) -> (Option<Value>, Vec<Value>) {
        let streamed = self.output();
        match output {
            Output::Missing => (None, streamed),
            Output::Null => (Some(Value::Null), streamed),
            Output::Empty => (Some(Value::Array(Vec::new())), streamed),
            Output::Streamed(count) => {
                let count = streamed.len().min(usize::from(count));
                (Some(Value::Array(streamed[..count].to_vec())), streamed)
            }
            Output::Other => {
                let other = vec![serde_json::json!({"type": "web_search_call"})];
                (Some(Value::Array(other.clone())), other)
            }
        }
    }
}

impl Item {
    fn value(&self) -> Value {
        let mut value = Map::new();
        value.insert("type".into(), self.kind.name().into());
        if let Some((call, name)) = self.call {
            value.insert("call_id".into(), format!("c{call}").into());
            value.insert("name".into(), format!("n{name}").into());
        }
        for (key, streamed) in &self.values {
            value.insert((*key).into(), streamed.text.finished().into());
        }
        for (key, list) in [("content", &self.content), ("summary", &self.summary)] {
            if let Some(list) = list {
                value.insert(key.into(), list.values().map(Part::value).collect::<Vec<_>>().into());
            }
        }
        value.into()
    }
}

impl Part {
    fn value(&self) -> Value {
        let texts = self
            .texts
            .iter()
            .map(|(key, streamed)| ((*key).to_owned(), streamed.text.finished().into()));
        let kind = [("type".to_owned(), Value::from(self.kind.name()))];
        kind.into_iter().chain(texts).collect::<Map<_, _>>().into()
    }
}

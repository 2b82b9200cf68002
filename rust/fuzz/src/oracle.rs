//! A reference implementation of the fold: slow, over plain values, for events that carry text. It never reads bytes.
//! Items are found by their index alone: it is given unambiguous scripts ([`Script::unambiguous`](script::Script::unambiguous)).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::script::{self, Act, ItemKind, Output, PartKind, Step, Target, Text, TextKind};

/// How often an item can be replaced by one that lacks texts.
const RECOVERIES: u32 = 16;

/// The members of a part that are texts.
const PART_FIELDS: [&str; 2] = ["text", "refusal"];

/// A text, and whether it is final.
#[derive(Clone, Debug, Default)]
struct Streamed {
    text: Text,
    is_final: bool,
}

#[derive(Clone, Debug)]
struct Part {
    kind: PartKind,
    texts: Texts,
    is_final: bool,
}

#[derive(Clone, Debug)]
struct Item {
    kind: ItemKind,
    call: Option<(u8, u8)>,
    values: Texts,
    content: Parts,
    summary: Parts,
    is_final: bool,
    /// How often a whole item lacked texts of this one.
    recoveries: u32,
}

type Texts = BTreeMap<&'static str, Streamed>;
type Parts = Option<BTreeMap<u32, Part>>;

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
            recoveries: 0,
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
            recoveries: 0,
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
                let index = step.output_index.unwrap_or(self.latest);
                self.latest = index;
                let new = Item::from(item);
                let item = match self.items.remove(&index) {
                    Some(old) if *done || !old.is_final => old.replaced(new),
                    Some(old) if old.recoveries >= RECOVERIES => old,
                    Some(old) => Item { recoveries: old.recoveries, ..new },
                    None => new,
                };
                self.items.insert(index, Item { is_final: *done, ..item });
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
                let mut new = Part { is_final: *done, ..part.into() };
                if let Some(old) = list.get(&index).filter(|old| old.kind == new.kind) {
                    fill(&old.texts, &mut new.texts, &PART_FIELDS);
                }
                list.insert(index, new);
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
            let kept = texts.get(field).filter(|old| text.0.is_empty() && !old.text.0.is_empty());
            let text = kept.map_or(text, |old| &old.text).clone();
            texts.insert(field, Streamed { text, is_final: true });
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

    /// The `output` that the terminal event has, and the output of the response after it. `ids`: events name their item.
    pub fn terminal_output(&self, output: Output, ids: bool) -> (Option<Value>, Vec<Value>) {
        let streamed = self.output();
        match output {
            Output::Missing => (None, streamed),
            Output::Null => (Some(Value::Null), streamed),
            Output::Empty => (Some(Value::Array(Vec::new())), streamed),
            Output::Streamed(count) => {
                let count = streamed.len().min(usize::from(count));
                (Some(streamed[..count].into()), streamed)
            }
            Output::Reversed if ids => {
                let sent: Vec<_> = self.identified().rev().collect();
                (Some(sent.into()), streamed.into_iter().rev().collect())
            }
            Output::Reversed => (Some(streamed.clone().into()), streamed),
            Output::Emptied(list) => {
                let emptied = self.items.values().map(|item| item.emptied(list));
                let sent: Vec<_> = emptied.clone().map(|item| item.value()).collect();
                let pairs = self.items.values().zip(emptied);
                let merged = pairs.map(|(item, emptied)| item.merged(emptied).0.value()).collect();
                (Some(sent.into()), merged)
            }
            Output::Other => {
                let other = serde_json::json!({"type": "web_search_call"});
                let calls = self.items.values().filter(|item| item.kind.is_call());
                let expected = [other.clone()].into_iter().chain(calls.map(Item::value)).collect();
                (Some(vec![other].into()), expected)
            }
        }
    }

    /// The items with their ids.
    fn identified(&self) -> impl DoubleEndedIterator<Item = Value> {
        self.items.iter().map(|(index, item)| {
            let mut value = item.value();
            value["id"] = format!("i{index}").into();
            value
        })
    }
}

impl Item {
    /// The item after a whole one: texts replace empty ones.
    fn replaced(self, new: Self) -> Self {
        if self.recoveries >= RECOVERIES {
            return self;
        }
        let (merged, lacks) = self.merged(new);
        Self { recoveries: self.recoveries + u32::from(lacks), ..merged }
    }

    /// A later item with the texts of this one that it lacks; whether it lacks any.
    fn merged(&self, mut new: Self) -> (Self, bool) {
        let lacks = lacks(&self.values, Some(&new.values), &[self.kind.field()])
            || list_lacks(&self.content, &new.content, &PART_FIELDS)
            || list_lacks(&self.summary, &new.summary, &["text"]);
        fill(&self.values, &mut new.values, &[self.kind.field()]);
        fill_list(&self.content, &mut new.content, &PART_FIELDS);
        fill_list(&self.summary, &mut new.summary, &["text"]);
        (new, lacks)
    }

    /// The item without its texts; `list`: its lists are empty, otherwise missing.
    fn emptied(&self, list: bool) -> Self {
        let empty = |parts: &Parts| parts.as_ref().filter(|_| list).map(|_| BTreeMap::new());
        Self {
            values: self.values.keys().map(|key| (*key, Streamed::default())).collect(),
            content: empty(&self.content),
            summary: empty(&self.summary),
            ..self.clone()
        }
    }

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
    /// A copy that is not final.
    fn completed(&self) -> Self {
        let texts = self.texts.iter().map(|(key, streamed)| (*key, complete(&streamed.text)));
        Self { kind: self.kind, texts: texts.collect(), is_final: false }
    }

    fn value(&self) -> Value {
        let texts = self
            .texts
            .iter()
            .map(|(key, streamed)| ((*key).to_owned(), streamed.text.finished().into()));
        let kind = [("type".to_owned(), Value::from(self.kind.name()))];
        kind.into_iter().chain(texts).collect::<Map<_, _>>().into()
    }
}

fn filled<'t>(texts: &'t Texts, field: &str) -> Option<&'t Text> {
    texts.get(field).map(|streamed| &streamed.text).filter(|text| !text.0.is_empty())
}

/// Whether later texts lack a text.
fn lacks(before: &Texts, after: Option<&Texts>, fields: &[&str]) -> bool {
    fields.iter().any(|field| {
        filled(before, field).is_some() && after.is_none_or(|after| filled(after, field).is_none())
    })
}

/// Adds the texts that later ones lack.
fn fill(before: &Texts, after: &mut Texts, fields: &[&'static str]) {
    for field in fields {
        if let (Some(text), None) = (filled(before, field), filled(after, field)) {
            after.insert(field, complete(text));
        }
    }
}

fn list_lacks(before: &Parts, after: &Parts, fields: &[&str]) -> bool {
    let mut after = after.iter().flat_map(BTreeMap::values);
    let pairs = before.iter().flat_map(BTreeMap::values).map(|part| (part, after.next()));
    pairs
        .into_iter()
        .any(|(part, other)| lacks(&part.texts, other.map(|other| &other.texts), fields))
}

/// Adds the texts that later parts of the same type lack. An empty list is replaced by the one before, without its gaps.
fn fill_list(before: &Parts, after: &mut Parts, fields: &[&'static str]) {
    let Some(before) = before else { return };
    if !before.values().any(|part| lacks(&part.texts, None, fields)) {
        return;
    }
    let list = after.get_or_insert_default();
    if list.is_empty() {
        list.extend((0..).zip(before.values().map(Part::completed)));
        return;
    }
    for (part, other) in before.values().zip(list.values_mut()) {
        if part.kind == other.kind {
            fill(&part.texts, &mut other.texts, fields);
        }
    }
}

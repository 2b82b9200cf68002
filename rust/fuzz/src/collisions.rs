//! Streams in which it is not clear about which item an event is: indexes that collide or are missing, ids and call ids that repeat,
//! change or are missing, items that are added or finished twice, final values and terminal outputs that lack texts. Each delta has
//! a text that occurs nowhere else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use arbitrary::{Arbitrary, Unstructured};
use serde_json::{Map, Value, json};

/// How a text of an item arrives. `holder`: the member of the item that contains the text. `part`: the type of a part, the member
/// that contains its text, and the stem of its events.
pub struct Kind {
    pub item: &'static str,
    pub stem: &'static str,
    pub holder: &'static str,
    pub part: Option<(&'static str, &'static str, &'static str)>,
}

const fn call(item: &'static str, stem: &'static str, holder: &'static str) -> Kind {
    Kind { item, stem, holder, part: None }
}

const fn part(
    item: &'static str,
    stem: &'static str,
    holder: &'static str,
    part: (&'static str, &'static str, &'static str),
) -> Kind {
    Kind { item, stem, holder, part: Some(part) }
}

const SUMMARY: (&str, &str, &str) = ("summary_text", "text", "reasoning_summary_part");
const KINDS: [Kind; 8] = [
    part("message", "output_text", "content", ("output_text", "text", "content_part")),
    part("message", "refusal", "content", ("refusal", "refusal", "content_part")),
    part("reasoning", "reasoning_text", "content", ("reasoning_text", "text", "content_part")),
    part("reasoning", "reasoning_summary_text", "summary", SUMMARY),
    call("function_call", "function_call_arguments", "arguments"),
    call("custom_tool_call", "custom_tool_call_input", "input"),
    call("mcp_call", "mcp_call_arguments", "arguments"),
    call("code_interpreter_call", "code_interpreter_call_code", "code"),
];

/// A value that repeats that of the deltas, or has no text.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Final {
    Right,
    Other,
    Empty,
    Null,
    Missing,
    EmptyList,
}

/// What a server sends about an item. `changes`: its id changes with each event.
#[derive(Debug)]
pub struct Spec {
    kind: usize,
    index: Option<u32>,
    id: Option<u8>,
    call_id: Option<u8>,
    changes: bool,
}

fn some(u: &mut Unstructured<'_>, limit: u8) -> arbitrary::Result<Option<u8>> {
    Ok(Some(u.int_in_range(0..=limit)?).filter(|number| *number < limit))
}

impl<'a> Arbitrary<'a> for Spec {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self {
            kind: u.choose_index(KINDS.len())?,
            index: some(u, 3)?.map(u32::from),
            id: some(u, 4)?,
            call_id: some(u, 4)?,
            changes: u.ratio(1, 5)?,
        })
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Act {
    Added(Final),
    Done(Final),
    PartAdded,
    PartDone(Final),
    TextDone(Final),
    /// This many deltas.
    Deltas(u8),
}

#[derive(Debug)]
pub struct Step {
    item: usize,
    act: Act,
    /// The event lacks the index of the item.
    lacks_index: bool,
    /// The event has the id of the item.
    has_id: bool,
    part: Option<u8>,
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self {
            item: u.choose_index(4)?,
            act: u.arbitrary()?,
            lacks_index: u.ratio(1, 8)?,
            has_id: u.ratio(2, 3)?,
            part: some(u, 2)?,
        })
    }
}

/// The output of the terminal response: an item and its value for each element; `None`: no item of the stream.
#[derive(Arbitrary, Debug)]
pub enum Terminal {
    Missing,
    Null,
    Items(Vec<Option<(u8, Final)>>),
}

#[derive(Arbitrary, Debug)]
pub struct Stream {
    pub specs: [Spec; 4],
    pub steps: Vec<Step>,
    pub terminal: Option<Terminal>,
    pub numbered: bool,
    pub blocks: bool,
    pub cut: u16,
}

/// A delta of a stream: its text, the index in the event, the member of the item that contains the text, and the names of the
/// items that it may be about.
#[derive(Debug)]
pub struct Delta {
    pub text: String,
    pub index: Option<u32>,
    pub holder: &'static str,
    pub names: BTreeSet<String>,
}

/// The source of a stream, and its deltas.
#[derive(Debug, Default)]
pub struct Written {
    pub source: Vec<u8>,
    pub deltas: Vec<Delta>,
    events: u32,
    /// The texts of each item, by part.
    texts: [[String; 2]; 4],
    names: [BTreeSet<String>; 4],
}

/// Whether items of a type have deltas of this kind. A reasoning item has two kinds.
fn is_of_item(delta: &Delta, item: &str) -> bool {
    KINDS.iter().any(|kind| kind.holder == delta.holder && kind.item == item)
}

impl Stream {
    /// Writes all events.
    pub fn write(&self) -> Written {
        let mut out = Written::default();
        self.event(&mut out, "created", ",\"response\":{\"id\":\"r\",\"output\":[]}");
        for step in &self.steps {
            self.step(step, &mut out);
        }
        if let Some(terminal) = &self.terminal {
            let response = self.terminal_response(terminal, &mut out);
            self.event(&mut out, "completed", &format!(",\"response\":{response}"));
        }
        for delta in 0..out.deltas.len() {
            let mut names = out.deltas[delta].names.clone();
            for item in 0..self.specs.len() {
                if self.may_be(&out, delta, item) {
                    names.extend(out.names[item].iter().cloned());
                }
            }
            out.deltas[delta].names = names;
        }
        out
    }

    /// Whether a delta may be about this item: they share an index or a name, or a type if events of the item lack an index.
    fn may_be(&self, out: &Written, delta: usize, item: usize) -> bool {
        let (delta, spec) = (&out.deltas[delta], &self.specs[item]);
        let shares_index = delta.index.is_some() && delta.index == spec.index;
        let lacks_index = spec.index.is_none()
            || self.steps.iter().any(|step| step.item == item && step.lacks_index);
        shares_index
            || !delta.names.is_disjoint(&out.names[item])
            || (lacks_index && is_of_item(delta, KINDS[spec.kind].item))
    }

    fn event(&self, out: &mut Written, kind: &str, members: &str) {
        let number = if self.numbered {
            format!(",\"sequence_number\":{}", out.events)
        } else {
            String::new()
        };
        out.events += 1;
        let payload = format!("{{\"type\":\"response.{kind}\"{number}{members}}}");
        let framed = if self.blocks { format!("data: {payload}\n\n") } else { payload + "\n" };
        out.source.extend_from_slice(framed.as_bytes());
    }

    fn step(&self, step: &Step, out: &mut Written) {
        let kind = &KINDS[self.specs[step.item].kind];
        let (stem, text) = (kind.stem, out.texts[step.item][part_of(step)].clone());
        let part_stem = kind.part.map(|(.., stem)| stem);
        match (step.act, part_stem) {
            (Act::Added(value), _) => self.item_event(step, "added", value, out),
            (Act::Done(value), _) => self.item_event(step, "done", value, out),
            (Act::PartAdded, Some(stem)) => {
                let part = part_value(kind, Final::Empty, "");
                self.text_event(step, &format!("{stem}.added"), &member("part", &part), out);
            }
            (Act::PartDone(value), Some(stem)) => {
                let part = part_value(kind, value, &text);
                self.text_event(step, &format!("{stem}.done"), &member("part", &part), out);
            }
            (Act::TextDone(value), _) => {
                // A `done` event without a string is malformed, and not tested here.
                let text = match value {
                    Final::Right => &text,
                    Final::Other => "other",
                    _ => "",
                };
                let name = kind.part.map_or(kind.holder, |(_, name, _)| name);
                self.text_event(step, &format!("{stem}.done"), &member(name, &json!(text)), out);
            }
            (Act::Deltas(count), _) => {
                for _ in 0..=count % 4 {
                    self.delta(step, out);
                }
            }
            (Act::PartAdded | Act::PartDone(_), None) => {}
        }
    }

    fn delta(&self, step: &Step, out: &mut Written) {
        let spec = &self.specs[step.item];
        let kind = &KINDS[spec.kind];
        let text = format!("<{}>", out.deltas.len());
        out.texts[step.item][part_of(step)].push_str(&text);
        self.text_event(step, &format!("{}.delta", kind.stem), &member("delta", &json!(text)), out);
        let index = spec.index.filter(|_| !step.lacks_index);
        let names = out.names[step.item].clone();
        out.deltas.push(Delta { text, index, holder: kind.holder, names });
    }

    /// Writes an event about a text or part of an item.
    fn text_event(&self, step: &Step, kind: &str, value: &str, out: &mut Written) {
        let spec = &self.specs[step.item];
        let mut members = index(spec, step);
        if let Some(id) = self.id(step.item, out).filter(|_| step.has_id) {
            write!(members, ",\"item_id\":\"{id}\"").expect("writing to a String cannot fail");
        }
        if let (Some(part), Some(_)) = (step.part, KINDS[spec.kind].part) {
            write!(members, ",\"{}_index\":{part}", KINDS[spec.kind].holder)
                .expect("writing to a String cannot fail");
        }
        self.event(out, kind, &(members + value));
    }

    fn item_event(&self, step: &Step, phase: &str, value: Final, out: &mut Written) {
        let item = self.item_value(step.item, value, out);
        let members = index(&self.specs[step.item], step) + &member("item", &item);
        self.event(out, &format!("output_item.{phase}"), &members);
    }

    /// The id of an item in the next event.
    fn id(&self, item: usize, out: &mut Written) -> Option<String> {
        let spec = &self.specs[item];
        let change = if spec.changes { format!("_{}", out.events) } else { String::new() };
        let id = format!("i{}{change};", spec.id?);
        out.names[item].insert(id.clone());
        Some(id)
    }

    fn item_value(&self, item: usize, value: Final, out: &mut Written) -> Value {
        let spec = &self.specs[item];
        let kind = &KINDS[spec.kind];
        let mut object = Map::from_iter([("type".to_owned(), kind.item.into())]);
        if let Some(id) = self.id(item, out) {
            object.insert("id".into(), id.into());
        }
        if let Some(call_id) = spec.call_id.filter(|_| kind.item.ends_with("_call")) {
            let call_id = format!("c{call_id};");
            out.names[item].insert(call_id.clone());
            object.insert("call_id".into(), call_id.into());
        }
        let texts = &out.texts[item];
        let holder = match value {
            Final::Missing => return object.into(),
            Final::Null => Value::Null,
            Final::EmptyList if kind.part.is_some() => json!([]),
            _ if kind.part.is_some() => {
                let count = if texts[1].is_empty() { 1 } else { 2 };
                texts[..count].iter().map(|text| part_value(kind, value, text)).collect()
            }
            Final::Right => texts.concat().into(),
            Final::Other => "other".into(),
            _ => "".into(),
        };
        object.insert(kind.holder.into(), holder);
        object.into()
    }

    fn terminal_response(&self, terminal: &Terminal, out: &mut Written) -> Value {
        let output = match terminal {
            Terminal::Missing => return json!({"id": "r", "status": "completed"}),
            Terminal::Null => Value::Null,
            Terminal::Items(items) => {
                let value = |item: &Option<(u8, Final)>| match item {
                    Some((item, value)) => self.item_value(usize::from(item % 4), *value, out),
                    None => json!({"type": "web_search_call", "id": "w"}),
                };
                items.iter().take(6).map(value).collect()
            }
        };
        json!({"id": "r", "status": "completed", "output": output})
    }
}

fn part_of(step: &Step) -> usize {
    usize::from(step.part.unwrap_or(0))
}

fn index(spec: &Spec, step: &Step) -> String {
    let index = spec.index.filter(|_| !step.lacks_index);
    index.map_or(String::new(), |index| format!(",\"output_index\":{index}"))
}

fn member(name: &str, value: &Value) -> String {
    format!(",\"{name}\":{value}")
}

fn part_value(kind: &Kind, value: Final, text: &str) -> Value {
    let (part, name, _) = kind.part.unwrap_or_default();
    let text = match value {
        Final::Right => text.into(),
        Final::Other => "other".into(),
        Final::Empty | Final::EmptyList => "".into(),
        Final::Null => Value::Null,
        Final::Missing => return json!({"type": part}),
    };
    json!({"type": part, name: text})
}

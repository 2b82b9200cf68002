//! The values of the tables `responses` and `items` (SEMANTICS, "Tables"), read from an assembled response.
//!
//! Times are microseconds since the epoch. Integers that do not fit into 64 bits, and members of another type, are null.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::response::{Assembled, Texts};
use super::tool_calls::{ToolCall, arguments, call_kind};
use crate::assemble::{Fields, View};
use crate::json;
use crate::protocols::latency::Figures;
use crate::protocols::tracking::Tracking;

/// The first second of the year 10000: not every reader can show times from there on.
const LATEST: i64 = 253_402_300_800;

/// The names of the members of `usage` in Chat Completions, which some servers send instead of those of the Responses API.
const CHAT_NAMES: [(&str, &str); 4] = [
    ("input_tokens", "prompt_tokens"),
    ("input_tokens_details", "prompt_tokens_details"),
    ("output_tokens", "completion_tokens"),
    ("output_tokens_details", "completion_tokens_details"),
];

/// A row of the table `responses`. A value is computed when it is read, and values that several columns need once.
pub struct ResponseRow<'a> {
    pub response: &'a Assembled,
    pub source: &'a str,
    /// The number of the response in its source, if known.
    pub stream_index: Option<u64>,
    usage: OnceCell<Option<Fields<'a>>>,
    error: OnceCell<Option<Vec<u8>>>,
    texts: OnceCell<Texts>,
    tool_calls: OnceCell<Vec<ToolCall>>,
    latency: OnceCell<Figures>,
}

impl<'a> ResponseRow<'a> {
    pub fn new(response: &'a Assembled, source: &'a str, stream_index: Option<u64>) -> Self {
        Self {
            response,
            source,
            stream_index,
            usage: OnceCell::new(),
            error: OnceCell::new(),
            texts: OnceCell::new(),
            tool_calls: OnceCell::new(),
            latency: OnceCell::new(),
        }
    }

    fn member(&self, name: &str) -> Option<View<'a>> {
        self.response.own(name).map(View::Raw)
    }

    /// A member of the response that is a string.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.member(name)?.text()
    }

    /// A member of the response that is a time in seconds since the epoch.
    pub fn time(&self, name: &str) -> Option<i64> {
        self.member(name).and_then(time)
    }

    pub fn conversation_id(&self) -> Option<Cow<'a, str>> {
        self.member("conversation").and_then(conversation)
    }

    pub fn incomplete_reason(&self) -> Option<Cow<'a, str>> {
        self.member("incomplete_details")?.fields()?.text("reason")
    }

    /// The metadata object, as JSON.
    pub fn metadata(&self) -> Option<Cow<'a, str>> {
        let raw = self.response.own("metadata").filter(|raw| raw.starts_with(b"{"));
        raw.map(String::from_utf8_lossy)
    }

    fn usage(&self) -> Option<&Fields<'a>> {
        self.usage.get_or_init(|| self.member("usage").and_then(View::fields)).as_ref()
    }

    /// A member of the usage, or the one of Chat Completions if only that is present.
    fn usage_member(&self, name: &str) -> Option<View<'a>> {
        let usage = self.usage()?;
        let other = || CHAT_NAMES.iter().find(|(own, _)| *own == name).map(|(_, other)| *other);
        usage.get(name).or_else(|| usage.get(other()?))
    }

    /// A token count of the usage.
    pub fn tokens(&self, name: &str) -> Option<i64> {
        self.usage_member(name).and_then(integer)
    }

    /// A token count of an object in the usage.
    pub fn token_detail(&self, object: &str, name: &str) -> Option<i64> {
        integer(self.usage_member(object)?.fields()?.get(name)?)
    }

    /// A member of the error: its text, or an integer as text.
    pub fn error(&self, name: &str) -> Option<String> {
        let error = self.error.get_or_init(|| self.response.error_json()).as_deref()?;
        word(View::Raw(error).fields()?.get(name)?)
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| self.response.texts())
    }

    pub fn output_text(&self) -> Option<&str> {
        non_empty(&self.texts().output_text)
    }

    pub fn refusal(&self) -> Option<&str> {
        self.texts().refusal.as_deref()
    }

    pub fn reasoning_text(&self) -> Option<&str> {
        non_empty(&self.texts().reasoning_text)
    }

    pub fn reasoning_summary(&self) -> Option<&str> {
        non_empty(&self.texts().reasoning_summary)
    }

    pub fn tool_calls(&self) -> &[ToolCall] {
        self.tool_calls.get_or_init(|| self.response.tool_calls())
    }

    /// The codes of the diagnostics.
    pub fn diagnostics(&self) -> Vec<&'static str> {
        self.response.tracking.diagnostics.iter().map(|found| found.code.kind().code).collect()
    }

    /// The assembled response as JSON.
    pub fn json(&self) -> String {
        String::from_utf8_lossy(&self.response.json()).into_owned()
    }

    pub fn latency(&self) -> &Figures {
        self.latency.get_or_init(|| {
            let Tracking { started_at, first_delta_at, ended_at, ref delta_times, .. } =
                self.response.tracking;
            let tokens = self.tokens("output_tokens");
            Figures::of(started_at, first_delta_at, ended_at, delta_times, tokens)
        })
    }
}

/// A row of the table `items`, without the columns that it shares with its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemRow {
    /// The index in the output.
    pub output_index: u64,
    pub item_id: Option<String>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub role: Option<String>,
    pub name: Option<String>,
    pub call_id: Option<String>,
    /// The output text of a message, or the text of a reasoning item, or else its summary.
    pub text: Option<String>,
    /// The arguments of a call, or its input.
    pub arguments: Option<String>,
}

/// The rows of the items of one response.
pub fn item_rows(response: &Assembled) -> Vec<ItemRow> {
    // The views lack a status that arrived late, the JSON has it.
    let output = response.member("output").unwrap_or_default();
    View::Raw(&output)
        .list()
        .iter()
        .enumerate()
        .map(|(index, item)| item_row(index, *item))
        .collect()
}

fn item_row(index: usize, item: View<'_>) -> ItemRow {
    let fields = item.fields();
    let text = |name| Some(fields.as_ref()?.text(name)?.into_owned());
    let texts = Texts::of(&[item]);
    let is_call = text("type").is_some_and(|kind| call_kind(kind.as_bytes()).is_some());
    let reasoning = owned(texts.reasoning_text).or_else(|| owned(texts.reasoning_summary));
    ItemRow {
        output_index: index as u64,
        item_id: text("id"),
        kind: text("type"),
        status: text("status"),
        role: text("role"),
        name: text("name"),
        call_id: text("call_id"),
        text: owned(texts.output_text).or(reasoning),
        arguments: if is_call {
            arguments(item)
        } else {
            text("arguments").or_else(|| text("input"))
        },
    }
}

fn owned(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn integer(value: View<'_>) -> Option<i64> {
    value.raw().and_then(json::parse_index)
}

/// The id of a conversation: the value itself, or the member `id` of an object.
fn conversation(value: View<'_>) -> Option<Cow<'_, str>> {
    value.text().or_else(|| value.fields()?.text("id"))
}

/// A string, or an integer as text.
fn word(value: View<'_>) -> Option<String> {
    integer(value).map(|number| number.to_string()).or_else(|| value.text().map(Cow::into_owned))
}

/// Converts seconds since the epoch, as JSON, to microseconds.
fn time(value: View<'_>) -> Option<i64> {
    let raw = value.raw()?;
    if let Some(seconds) = json::parse_index(raw) {
        return (0..LATEST).contains(&seconds).then(|| seconds * 1_000_000);
    }
    let real = raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    let number = raw.first().is_some_and(|first| matches!(first, b'-' | b'0'..=b'9'));
    if real && number { std::str::from_utf8(raw).ok()?.parse().ok().and_then(micros) } else { None }
}

/// Converts seconds since the epoch to microseconds. Times that not every reader can show are None.
#[allow(clippy::cast_precision_loss, reason = "the limit is exact")]
pub fn micros(seconds: f64) -> Option<i64> {
    (0.0..LATEST as f64).contains(&seconds).then(|| (seconds * 1e6 + 0.5).floor() as i64)
}

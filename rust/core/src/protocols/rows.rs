//! The values of the tables `responses`, `items` and `events` (SEMANTICS, "Tables") for every API.
//!
//! Times are microseconds since the epoch. Integers that do not fit into 64 bits, and members of another type, are null.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::latency::Figures;
use super::protocol::Response;
use super::tracking::Tracking;
use super::view::{Texts, Tokens, ToolCall};
use crate::assemble::View;
use crate::json;

/// The first second of the year 10000: not every reader can show times from there on.
const LATEST: i64 = 253_402_300_800;

/// A path in the member `usage`.
type Path = &'static [&'static str];

/// Where the token counts of every API are; the first path that exists is used. Below a member that is no object there is no count.
const INPUT: &[Path] = &[&["input_tokens"], &["prompt_tokens"]];
const OUTPUT: &[Path] = &[&["output_tokens"], &["completion_tokens"]];
const TOTAL: &[Path] = &[&["total_tokens"]];
const CACHED: &[Path] = &[
    &["cached_tokens"],
    &["input_tokens_details", "cached_tokens"],
    &["prompt_tokens_details", "cached_tokens"],
    &["prompt_cache_hit_tokens"],
    &["cache_read_input_tokens"],
];
const REASONING: &[Path] = &[
    &["reasoning_tokens"],
    &["output_tokens_details", "reasoning_tokens"],
    &["completion_tokens_details", "reasoning_tokens"],
    &["output_tokens_details", "thinking_tokens"],
];

/// A row of the table `responses`. A value is computed when it is read, and values that several columns need once.
pub struct ResponseRow<'a, R> {
    pub response: &'a R,
    pub source: &'a str,
    /// The number of the response in its source, if known.
    pub stream_index: Option<u64>,
    tokens: OnceCell<Tokens>,
    error: OnceCell<Option<Vec<u8>>>,
    texts: OnceCell<Texts>,
    tool_calls: OnceCell<Vec<ToolCall>>,
    latency: OnceCell<Figures>,
}

impl<'a, R: Response> ResponseRow<'a, R> {
    pub fn new(response: &'a R, source: &'a str, stream_index: Option<u64>) -> Self {
        Self {
            response,
            source,
            stream_index,
            tokens: OnceCell::new(),
            error: OnceCell::new(),
            texts: OnceCell::new(),
            tool_calls: OnceCell::new(),
            latency: OnceCell::new(),
        }
    }

    /// A column that is a string.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.response.column(name)? {
            Cow::Borrowed(raw) => View::Raw(raw).text(),
            Cow::Owned(raw) => owned(View::Raw(&raw).text()),
        }
    }

    /// A column that is a time in seconds since the epoch.
    pub fn time(&self, name: &str) -> Option<i64> {
        time(&self.response.column(name)?)
    }

    /// The id of the conversation: the column itself, or the member `id` of an object.
    pub fn conversation_id(&self) -> Option<Cow<'a, str>> {
        let name = "conversation";
        self.text(name).or_else(|| text_in(self.response.column(name)?, "id"))
    }

    /// The metadata object, as JSON.
    pub fn metadata(&self) -> Option<Cow<'a, str>> {
        match self.response.column("metadata").filter(|raw| raw.starts_with(b"{"))? {
            Cow::Borrowed(raw) => Some(String::from_utf8_lossy(raw)),
            Cow::Owned(raw) => Some(String::from_utf8_lossy(&raw).into_owned().into()),
        }
    }

    pub fn tokens(&self) -> &Tokens {
        self.tokens.get_or_init(|| self.response.tokens())
    }

    /// A member of the error: its text, or an integer as text.
    pub fn error(&self, name: &str) -> Option<String> {
        let error = self.error.get_or_init(|| self.response.error_json()).as_deref()?;
        word(View::Raw(error).fields()?.get(name)?)
    }

    /// The code of the error.
    pub fn error_code(&self) -> Option<String> {
        self.response.error_codes().iter().find_map(|name| self.error(name))
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
        let found = &self.response.tracking().diagnostics;
        found.iter().map(|found| found.code.kind().code).collect()
    }

    /// The assembled response as JSON.
    pub fn json(&self) -> String {
        String::from_utf8_lossy(&self.response.json()).into_owned()
    }

    pub fn latency(&self) -> &Figures {
        self.latency.get_or_init(|| {
            let Tracking { started_at, first_delta_at, ended_at, ref delta_times, .. } =
                *self.response.tracking();
            Figures::of(started_at, first_delta_at, ended_at, delta_times, self.tokens().output)
        })
    }
}

impl Tokens {
    /// The counts in a `usage` object.
    pub fn of(usage: &[u8]) -> Self {
        let Some(usage) = View::Raw(usage).fields() else { return Self::default() };
        let count = |paths: &[Path]| {
            let found = paths.iter().find_map(|path| match *path {
                [name] => usage.get(name).map(Some),
                [object, name] => match usage.get(object)?.fields() {
                    Some(object) => object.get(name).map(Some),
                    None => Some(None),
                },
                _ => None,
            });
            found.flatten().and_then(integer)
        };
        Self {
            input: count(INPUT),
            cached: count(CACHED),
            output: count(OUTPUT),
            reasoning: count(REASONING),
            total: count(TOTAL),
        }
    }
}

/// A string member of an object.
pub fn text_in<'a>(object: Cow<'a, [u8]>, name: &str) -> Option<Cow<'a, str>> {
    match object {
        Cow::Borrowed(raw) => View::Raw(raw).fields()?.text(name),
        Cow::Owned(raw) => owned(View::Raw(&raw).fields()?.text(name)),
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| text.into_owned().into())
}

/// A text that is not empty.
pub fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn integer(value: View<'_>) -> Option<i64> {
    value.raw().and_then(json::parse_index)
}

/// A string, or an integer as text.
fn word(value: View<'_>) -> Option<String> {
    integer(value).map(|number| number.to_string()).or_else(|| value.text().map(Cow::into_owned))
}

/// Converts seconds since the epoch, as JSON, to microseconds.
fn time(raw: &[u8]) -> Option<i64> {
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

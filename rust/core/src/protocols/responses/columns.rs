//! The columns of the tables `responses` and `items`: one row per response, one row per item.
//!
//! Times are microseconds since the epoch. Integers that do not fit 64 bits, and members of another kind, are null.

use std::borrow::Cow;

use super::response::{Assembled, Texts};
use super::tool_calls::ToolCall;
use crate::assemble::{Fields, View};
use crate::json;
use crate::protocols::latency::Figures;

/// The first second of the year 10000. Not all readers of tables support later times.
const LATEST: i64 = 253_402_300_800;

/// A row of the table `responses`. Empty texts are `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseRow<'a> {
    pub source: &'a str,
    pub stream_index: Option<u64>,
    pub byte_start: u64,
    pub byte_end: u64,
    pub response_id: Option<Cow<'a, str>>,
    pub previous_response_id: Option<Cow<'a, str>>,
    pub conversation_id: Option<Cow<'a, str>>,
    pub model: Option<Cow<'a, str>>,
    pub status: Option<Cow<'a, str>>,
    pub terminal: Option<&'static str>,
    pub created_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub service_tier: Option<Cow<'a, str>>,
    pub input_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub output_text: Option<String>,
    pub refusal: Option<String>,
    pub reasoning_text: Option<String>,
    pub reasoning_summary: Option<String>,
    pub items: u64,
    pub tool_calls: Vec<ToolCall>,
    pub incomplete_reason: Option<Cow<'a, str>>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    /// The raw JSON.
    pub metadata: Option<Cow<'a, str>>,
    pub events: u64,
    pub deltas: u64,
    pub first_sequence: Option<i64>,
    pub last_sequence: Option<i64>,
    pub started_at: Option<i64>,
    pub first_delta_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub lane: Option<&'a str>,
    /// The codes of the diagnostics.
    pub diagnostics: Vec<&'static str>,
    /// The response as JSON, if it was requested.
    pub response_json: Option<String>,
    /// In seconds, except tokens per second.
    pub latency: Figures,
}

/// The row of one response; `whole` requests its JSON.
pub fn response_row<'a>(response: &'a Assembled, source: &'a str, whole: bool) -> ResponseRow<'a> {
    let own = |name| response.own(name).map(View::Raw);
    let text = |name| own(name).and_then(View::text);
    let usage = own("usage").and_then(View::fields);
    let texts = response.texts();
    let error = response.error_json();
    let error = error.as_deref().and_then(|raw| View::Raw(raw).fields());
    let output_tokens = count(usage.as_ref(), "output_tokens");
    ResponseRow {
        source,
        stream_index: response.tracking.stream_index,
        byte_start: response.tracking.byte_start,
        byte_end: response.tracking.byte_end,
        response_id: response.id(),
        previous_response_id: text("previous_response_id"),
        conversation_id: own("conversation").and_then(conversation),
        model: text("model"),
        status: response.status(),
        terminal: response.tracking.terminal,
        created_at: own("created_at").and_then(time),
        completed_at: own("completed_at").and_then(time),
        service_tier: text("service_tier"),
        input_tokens: count(usage.as_ref(), "input_tokens"),
        cached_tokens: detail(usage.as_ref(), "input_tokens_details", "cached_tokens"),
        output_tokens,
        reasoning_tokens: detail(usage.as_ref(), "output_tokens_details", "reasoning_tokens"),
        total_tokens: count(usage.as_ref(), "total_tokens"),
        output_text: some(texts.output_text),
        refusal: texts.refusal,
        reasoning_text: some(texts.reasoning_text),
        reasoning_summary: some(texts.reasoning_summary),
        items: response.output_len() as u64,
        tool_calls: response.tool_calls(),
        incomplete_reason: own("incomplete_details")
            .and_then(View::fields)
            .and_then(|it| it.text("reason")),
        error_code: error.as_ref().and_then(|error| word(error.get("code")?)),
        error_message: error.as_ref().and_then(|error| word(error.get("message")?)),
        metadata: response
            .own("metadata")
            .filter(|raw| raw.starts_with(b"{"))
            .map(String::from_utf8_lossy),
        events: response.tracking.events,
        deltas: response.tracking.deltas,
        first_sequence: response.tracking.first_sequence,
        last_sequence: response.tracking.last_sequence,
        started_at: response.tracking.started_at.and_then(micros),
        first_delta_at: response.tracking.first_delta_at.and_then(micros),
        ended_at: response.tracking.ended_at.and_then(micros),
        lane: response.tracking.lane.as_deref(),
        diagnostics: response
            .tracking
            .diagnostics
            .iter()
            .map(|found| found.code.kind().code)
            .collect(),
        response_json: whole.then(|| String::from_utf8_lossy(&response.json()).into_owned()),
        latency: Figures::of(
            response.tracking.started_at,
            response.tracking.first_delta_at,
            response.tracking.ended_at,
            &response.tracking.delta_times,
            output_tokens,
        ),
    }
}

/// A row of the table `items`, without the columns of its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemRow {
    /// The position in the output.
    pub output_index: u64,
    pub item_id: Option<String>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub role: Option<String>,
    pub name: Option<String>,
    pub call_id: Option<String>,
    /// The output text of a message. For a reasoning item its text, or without one its summary.
    pub text: Option<String>,
    /// The arguments or the input of a call.
    pub arguments: Option<String>,
}

/// The rows of the items of one response.
pub fn item_rows(response: &Assembled) -> Vec<ItemRow> {
    // Views of raw items lack a later status, so the rows are read from the JSON.
    let output = response.member("output").unwrap_or_default();
    View::Raw(&output)
        .list()
        .iter()
        .enumerate()
        .map(|(place, item)| item_row(place, *item))
        .collect()
}

fn item_row(place: usize, item: View<'_>) -> ItemRow {
    let fields = item.fields();
    let text = |name| Some(fields.as_ref()?.text(name)?.into_owned());
    let texts = Texts::of(&[item]);
    let reasoning = some(texts.reasoning_text).or_else(|| some(texts.reasoning_summary));
    ItemRow {
        output_index: place as u64,
        item_id: text("id"),
        kind: text("type"),
        status: text("status"),
        role: text("role"),
        name: text("name"),
        call_id: text("call_id"),
        text: some(texts.output_text).or(reasoning),
        arguments: text("arguments").or_else(|| text("input")),
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn integer(value: View<'_>) -> Option<i64> {
    value.raw().and_then(json::parse_index)
}

fn count(object: Option<&Fields<'_>>, name: &str) -> Option<i64> {
    integer(object?.get(name)?)
}

fn detail(usage: Option<&Fields<'_>>, name: &str, count_name: &str) -> Option<i64> {
    count(usage?.get(name)?.fields().as_ref(), count_name)
}

/// The conversation id: a string, or the member `id` of an object.
fn conversation(value: View<'_>) -> Option<Cow<'_, str>> {
    value.text().or_else(|| value.fields()?.text("id"))
}

/// A string, or an integer as text.
fn word(value: View<'_>) -> Option<String> {
    integer(value).map(|number| number.to_string()).or_else(|| value.text().map(Cow::into_owned))
}

/// A JSON number of seconds since the epoch, in microseconds.
fn time(value: View<'_>) -> Option<i64> {
    let raw = value.raw()?;
    if let Some(seconds) = json::parse_index(raw) {
        return (0..LATEST).contains(&seconds).then(|| seconds * 1_000_000);
    }
    let real = raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    let number = raw.first().is_some_and(|first| matches!(first, b'-' | b'0'..=b'9'));
    if real && number { std::str::from_utf8(raw).ok()?.parse().ok().and_then(micros) } else { None }
}

/// Seconds since the epoch in microseconds; `None` outside of the years 1970 to 9999.
#[allow(clippy::cast_precision_loss, reason = "the limit is exact")]
pub fn micros(seconds: f64) -> Option<i64> {
    (0.0..LATEST as f64).contains(&seconds).then(|| (seconds * 1e6 + 0.5).floor() as i64)
}

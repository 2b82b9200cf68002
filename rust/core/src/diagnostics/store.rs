//! The diagnostics of one source: the first [`KEPT`] are stored, all are counted.

use super::codes::{Code, DIAGNOSTICS, DiagnosticKind, Severity};

/// The maximum number of diagnostics that a source, and each response, stores.
pub const KEPT: usize = 10_000;

/// A value in the detail of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// The named values of a diagnostic, in the order that users see; may be empty.
pub type Detail = Vec<(&'static str, Value)>;

/// A diagnostic without its position: a code and its detail.
pub type Issue = (Code, Detail);

/// A diagnostic for a span of the source that belongs to no event. `line` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub code: Code,
    pub offset: u64,
    pub length: u64,
    pub line: u64,
    pub detail: Detail,
}

/// A diagnostic of a source. Positions are bytes of the uncompressed source; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub offset: u64,
    pub length: u64,
    pub line: u64,
    pub sequence: Option<i64>,
    pub response_id: Option<String>,
    pub detail: Detail,
    /// Its index in [`Store::kept`], if it is stored.
    pub place: Option<u32>,
}

/// The bytes of the source from `start` to `end`, and the line, from 1, on which they begin.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub line: u64,
}

impl Span {
    /// An empty span.
    pub fn at(start: u64, line: u64) -> Self {
        Self { start, end: start, line }
    }

    /// The number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "a length in bytes, not a container")]
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Collects the diagnostics of a source. In strict mode, the first error sets `failed`, and no more are added. They are if
/// `tentative` is set: the decoder decides whether the error counts, and else resets `failed`.
pub struct Store {
    pub kept: Vec<Diagnostic>,
    pub counts: [u64; DIAGNOSTICS.len()],
    pub failed: Option<Diagnostic>,
    pub tentative: bool,
    strict: bool,
}

impl Store {
    pub fn new(strict: bool) -> Self {
        Self {
            kept: Vec::new(),
            counts: [0; DIAGNOSTICS.len()],
            failed: None,
            tentative: false,
            strict,
        }
    }

    /// Adds a diagnostic; returns it, so that the caller can attribute it to a response.
    pub fn add(
        &mut self,
        (code, detail): Issue,
        span: Span,
        sequence: Option<i64>,
    ) -> Option<Diagnostic> {
        if self.failed.is_some() && !self.tentative {
            return None;
        }
        let stored = self.kept.len() < KEPT || code == Code::NoResponses;
        let place = stored.then_some(self.kept.len() as u32);
        let diagnostic = Diagnostic {
            code,
            offset: span.start,
            length: span.len(),
            line: span.line,
            sequence,
            response_id: None,
            detail,
            place,
        };
        self.counts[code as usize] += 1;
        if place.is_some() {
            self.kept.push(diagnostic.clone());
        }
        if self.strict && self.failed.is_none() && code.kind().severity == Severity::Error {
            self.failed = Some(diagnostic.clone());
        }
        Some(diagnostic)
    }

    /// Sets the response of a diagnostic, also of its stored copy.
    pub fn attribute(&mut self, diagnostic: &mut Diagnostic, response_id: Option<&str>) {
        diagnostic.response_id = response_id.map(str::to_owned);
        let place = diagnostic.place.map(|place| place as usize);
        if let Some(stored) = place.and_then(|place| self.kept.get_mut(place)) {
            stored.response_id.clone_from(&diagnostic.response_id);
        }
    }
}

/// The first 200 characters of a text.
pub fn clip(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

impl DiagnosticKind {
    /// The message: the template with the values of the detail.
    pub fn message(&self, detail: &Detail) -> String {
        let value = |name: &str| {
            detail.iter().find(|(key, _)| *key == name).map(|(_, value)| to_text(value))
        };
        let mut message = String::new();
        let mut rest = self.template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            message.push_str(before);
            if (self.code, name) == ("error_body", "code") {
                let mut texts = [value("code"), value("type")].into_iter().flatten();
                let named = texts.find(|text| !text.is_empty());
                message.push_str(named.as_deref().unwrap_or_default());
                rest = if named.is_some() { after } else { after.trim_start_matches(": ") };
                continue;
            }
            message.push_str(&value(name).unwrap_or_default());
            rest = after;
        }
        message + rest
    }
}

fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

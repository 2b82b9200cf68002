//! The diagnostics of one source: kept up to a number, then counted.

use super::codes::{Code, DIAGNOSTICS, DiagnosticKind, Severity};

/// How many diagnostics of a source, and of a response, are kept.
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

/// What a diagnostic tells beside its code, in the order in which users see it; empty where there is nothing.
pub type Detail = Vec<(&'static str, Value)>;

/// What was odd, before it is known where: a code and its detail.
pub type Issue = (Code, Detail);

/// A diagnostic that belongs to a span of the source and to no event. `line` is 1-based.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub code: Code,
    pub offset: u64,
    pub length: u64,
    pub line: u64,
    pub detail: Detail,
}

/// One oddity of a source. Positions are bytes of the uncompressed source, lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub offset: u64,
    pub length: u64,
    pub line: u64,
    pub sequence: Option<i64>,
    pub response_id: Option<String>,
    pub detail: Detail,
    /// Its place among those that the source keeps, if it is one of them.
    pub place: Option<u32>,
}

/// Bytes of the source from `start` to `end`, and the line (from 1) on which they begin.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub line: u64,
}

impl Span {
    /// An empty span, to be extended.
    pub fn at(start: u64, line: u64) -> Self {
        Self { start, end: start, line }
    }

    /// The number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "a length in bytes, not a container")]
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Collects the diagnostics of a source. When it is strict, the first of severity error fails it, and it takes no more.
#[derive(Default)]
pub struct Store {
    pub kept: Vec<Diagnostic>,
    pub counts: [u64; DIAGNOSTICS.len()],
    pub failed: Option<Diagnostic>,
    strict: bool,
}

impl Store {
    pub fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Records a diagnostic and gives it back, so that it can be attributed to a response.
    pub fn add(
        &mut self,
        (code, detail): Issue,
        span: Span,
        sequence: Option<i64>,
    ) -> Option<Diagnostic> {
        if self.failed.is_some() {
            return None;
        }
        let place = (self.kept.len() < KEPT).then_some(self.kept.len() as u32);
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
        if self.strict && code.kind().severity == Severity::Error {
            self.failed = Some(diagnostic.clone());
        }
        Some(diagnostic)
    }

    /// Says to which response a kept diagnostic belongs.
    pub fn attribute(&mut self, diagnostic: &mut Diagnostic, response_id: Option<&str>) {
        diagnostic.response_id = response_id.map(str::to_owned);
        let place = diagnostic.place.map(|place| place as usize);
        if let Some(kept) = place.and_then(|place| self.kept.get_mut(place)) {
            kept.response_id.clone_from(&diagnostic.response_id);
        }
    }
}

/// At most 200 characters of a text, for a diagnostic.
pub fn clip(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

impl DiagnosticKind {
    /// The diagnostic in one line of English: the template, filled from the detail.
    pub fn message(&self, detail: &Detail) -> String {
        let found =
            |name: &str| detail.iter().find(|(key, _)| *key == name).map(|(_, value)| shown(value));
        let mut message = String::new();
        let mut rest = self.template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            message.push_str(before);
            message.push_str(&match (self.code, name) {
                ("error_body", "code") => {
                    let texts = [found("code"), found("type")].into_iter().flatten();
                    texts
                        .into_iter()
                        .find(|text| !text.is_empty())
                        .unwrap_or_else(|| "error".into())
                }
                _ => found(name).unwrap_or_default(),
            });
            rest = after;
        }
        message + rest
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

//! HTTP error bodies of an API: `{"error": {"code": …, "message": …, "type": …, "param": …}}`.

use super::store::{Detail, Value, clip};
use crate::json::{self, Kind, LineCheck, Member, State, trim};

/// The most bytes of a text that are examined.
pub const SAMPLE: usize = 65536;

/// What an API error body says (code, message, type, param), or `None` where `text` is none.
///
/// A body that lacks its last braces is read as if it had them.
pub fn error_body(text: &[u8]) -> Option<Detail> {
    let text = trim(text.get(..SAMPLE).unwrap_or(text));
    if text.first() != Some(&b'{') {
        return None;
    }
    let mut check = LineCheck::new();
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n')) {
        check.push(line);
    }
    let mut text = text.to_vec();
    if check.state() == State::Open {
        text.append(&mut check.closers());
    }
    let mut members = Vec::new();
    json::check(&text, &mut members).ok()?;
    error_detail(&text, &members)
}

/// The `error` member of an HTTP error body as a diagnostic's detail, or `None` where there is none.
pub fn error_detail(text: &[u8], members: &[Member]) -> Option<Detail> {
    let error = json::find(text, members, "error")?;
    let raw = error.value(text);
    let mut inner = Vec::new();
    let value = |inner: &[Member], key: &str| match (error.kind, key) {
        (Kind::String, "message") => shown(raw, Kind::String),
        _ => json::find(raw, inner, key)
            .map_or(Value::Null, |member| shown(member.value(raw), member.kind)),
    };
    match error.kind {
        Kind::String => {}
        Kind::Object if json::locate(raw, &mut inner) => {}
        _ => return None,
    }
    let keys = ["code", "message", "type", "param"];
    Some(keys.into_iter().map(|key| (key, value(&inner, key))).collect())
}

/// A text, clipped; integers of 64 bits as text; null for anything else.
fn shown(raw: &[u8], kind: Kind) -> Value {
    match kind {
        Kind::String => clip(&json::decode_str(raw)).into(),
        Kind::Number => {
            json::parse_index(raw).map_or(Value::Null, |number| Value::Text(number.to_string()))
        }
        _ => Value::Null,
    }
}

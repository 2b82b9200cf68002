//! HTTP error bodies of an API: `{"error": {"code": …, "message": …, "type": …, "param": …}}`.

use super::store::{Detail, Value, clip};
use crate::json::{self, Kind, LineCheck, Member, State, trim};

/// The maximum number of bytes of a text that are examined.
pub const SAMPLE: usize = 65536;

/// The detail of an API error body (code, message, type, param), or `None` if `text` is not one.
///
/// Missing closing brackets at the end are added.
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

/// The `error` member of an HTTP error body as a diagnostic's detail, or `None` if there is none.
pub fn error_detail(text: &[u8], members: &[Member]) -> Option<Detail> {
    let error = json::find(text, members, "error")?;
    let raw = error.value(text);
    let mut inner = Vec::new();
    let value = |inner: &[Member], key: &str| match (error.kind, key) {
        (Kind::String, "message") => detail_value(raw, Kind::String),
        _ => json::find(raw, inner, key)
            .map_or(Value::Null, |member| detail_value(member.value(raw), member.kind)),
    };
    match error.kind {
        Kind::String => {}
        Kind::Object if json::locate(raw, &mut inner) => {}
        _ => return None,
    }
    let keys = ["code", "message", "type", "param"];
    Some(keys.into_iter().map(|key| (key, value(&inner, key))).collect())
}

/// A string, clipped; an integer of up to 64 bits as text; null for other values.
fn detail_value(raw: &[u8], kind: Kind) -> Value {
    match kind {
        Kind::String => clip(&json::decode_str(raw)).into(),
        Kind::Number => {
            json::parse_index(raw).map_or(Value::Null, |number| Value::Text(number.to_string()))
        }
        _ => Value::Null,
    }
}

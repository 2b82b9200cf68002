//! HTTP error bodies of an API: `{"error": {"code": …, "message": …, "type": …, "param": …}}`, `{"error": "…"}`,
//! `{"detail": …}` as `FastAPI` writes it, and `{"object": "error", "message": …, "type": …}` as `vLLM` writes it.

use super::store::{Detail, Value, clip};
use crate::json::{self, Kind, LineCheck, Member, State, trim};

/// The maximum number of bytes of a text that are examined.
pub const SAMPLE: usize = 65536;
/// The members of an error.
const KEYS: [&str; 4] = ["code", "message", "type", "param"];

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

/// The error of an HTTP error body as a diagnostic's detail, or `None` if the object is not an error body.
pub fn error_detail(text: &[u8], members: &[Member]) -> Option<Detail> {
    let error = error_object(text, members)?;
    let mut inner = Vec::new();
    json::locate(&error, &mut inner);
    let value = |key: &str| {
        json::find(&error, &inner, key)
            .map_or(Value::Null, |member| detail_value(member.value(&error), member.kind))
    };
    Some(KEYS.into_iter().map(|key| (key, value(key))).collect())
}

/// The error of an HTTP error body as a JSON object, or `None` if the object is not an error body.
///
/// A member `detail` counts only if it is the only one: other JSON objects have a member of that name too.
pub fn error_object(text: &[u8], members: &[Member]) -> Option<Vec<u8>> {
    if let Some(error) = error_member(text, members) {
        return Some(error);
    }
    if is_error_object(text, members) {
        return Some(only_keys(text, members));
    }
    let detail = json::find(text, members, "detail")?;
    let alone = |member: &Member| json::decode_key(text, member) == "detail";
    members.iter().all(alone).then(|| detail_error(detail.value(text), detail.kind)).flatten()
}

/// Whether an object is an error by its own member `object`.
pub fn is_error_object(text: &[u8], members: &[Member]) -> bool {
    let string = |key| json::find(text, members, key).filter(|member| member.kind == Kind::String);
    string("message").is_some()
        && string("object").is_some_and(|member| json::decode_str(member.value(text)) == "error")
}

/// An object of the members of an error.
fn only_keys(text: &[u8], members: &[Member]) -> Vec<u8> {
    let mut error = Vec::from(b"{");
    for key in KEYS {
        let Some(member) = json::find(text, members, key) else { continue };
        error.extend_from_slice(if error.len() > 1 { b"," } else { b"" });
        json::write_str(key, &mut error);
        error.push(b':');
        error.extend_from_slice(member.value(text));
    }
    error.push(b'}');
    error
}

/// The error in a member `detail`: a string, an object, or the first one of a list; `None` for anything else.
pub fn detail_error(raw: &[u8], kind: Kind) -> Option<Vec<u8>> {
    match kind {
        Kind::String => Some(with_message(raw)),
        Kind::Array => {
            let mut elements = Vec::new();
            json::elements(raw, &mut elements);
            let (start, end, _) = *elements.first().filter(|(_, _, kind)| *kind == Kind::Object)?;
            Some(with_message(&text_member(raw.get(start..end)?, "msg")?))
        }
        Kind::Object => {
            let mut inner = Vec::new();
            json::locate(raw, &mut inner);
            let error = error_member(raw, &inner).filter(|error| !is_empty(error));
            error.or_else(|| text_member(raw, "message").map(|_| raw.to_vec()))
        }
        _ => None,
    }
}

/// The member `error` as an object, if it is an object or a string.
fn error_member(text: &[u8], members: &[Member]) -> Option<Vec<u8>> {
    let error = json::find(text, members, "error")?;
    error_value(error.value(text), error.kind)
}

/// The value of a member `error` as an object, if it is an object or a string.
pub fn error_value(raw: &[u8], kind: Kind) -> Option<Vec<u8>> {
    match kind {
        Kind::String => Some(with_message(raw)),
        Kind::Object => Some(raw.to_vec()),
        _ => None,
    }
}

/// The member `error` of an object as an object, unless that is empty.
pub fn error_in(object: &[u8]) -> Option<Vec<u8>> {
    let mut members = Vec::new();
    json::locate(object, &mut members);
    error_member(object, &members).filter(|error| !is_empty(error))
}

/// Whether an object has no members.
fn is_empty(object: &[u8]) -> bool {
    object.get(1..).is_none_or(|rest| trim(rest) == b"}")
}

/// A member of an object, if it is a string: with its quotes.
fn text_member(object: &[u8], key: &str) -> Option<Vec<u8>> {
    let mut members = Vec::new();
    json::locate(object, &mut members);
    let member = json::find(object, &members, key).filter(|member| member.kind == Kind::String)?;
    Some(member.value(object).to_vec())
}

/// An error that has only a message, which is a quoted string.
pub fn with_message(quoted: &[u8]) -> Vec<u8> {
    [&b"{\"message\":"[..], quoted, b"}"].concat()
}

/// The values of the detail of an error body as an error: a JSON object.
pub fn error_of_detail(detail: &Detail) -> Vec<u8> {
    let mut error = Vec::from(b"{");
    for (key, value) in detail {
        let Value::Text(text) = value else { continue };
        error.extend_from_slice(if error.len() > 1 { b"," } else { b"" });
        json::write_str(key, &mut error);
        error.push(b':');
        json::write_str(text, &mut error);
    }
    error.push(b'}');
    error
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

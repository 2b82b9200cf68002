//! Responses and errors that are the event itself, or that are not where the protocol puts them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::events::Event;
use crate::diagnostics::{detail_error, error_in};
use crate::json::{self, Kind, Member};

/// The response that a lifecycle event without a member `response` is: its members except for those of the event. `None` if
/// the event is no response.
pub fn flat_response<'p>(event: &Event<'p>) -> Option<Cow<'p, [u8]>> {
    let text = |name| {
        let member = event.member(name).filter(|member| member.kind == Kind::String)?;
        Some(json::decode_str(event.bytes(&member)))
    };
    let is_response = text("object").is_some_and(|object| object == "response")
        || (text("id").is_some() && text("status").is_some());
    if !is_response {
        return None;
    }
    let own = |name: &str| OWN.contains(&name) || name == "response";
    let has_own = event.members.iter().any(|member| own(&json::decode_key(event.raw, &member)));
    Some(if has_own { members_without(event, own).into() } else { event.raw.into() })
}

/// The error of an `error` event: its member `error`, that of a nested response, or the event itself.
pub fn event_error(event: &Event<'_>) -> Vec<u8> {
    let object = |key| event.member(key).filter(|member| member.kind == Kind::Object);
    if let Some(error) = object("error") {
        return event.bytes(&error).to_vec();
    }
    let inner = object("response").filter(|_| !is_text(event, "message"));
    let nested = inner.and_then(|inner| error_in(event.bytes(&inner)));
    nested.unwrap_or_else(|| flat_error(event))
}

/// The error in a flat `error` event: all members except those of the event itself. Without a message, `error` or `detail`
/// contains the error.
fn flat_error(event: &Event<'_>) -> Vec<u8> {
    if is_text(event, "message") {
        return members_without(event, |name| OWN.contains(&name));
    }
    let text = ["error", "detail"].into_iter().find(|key| is_text(event, key));
    let mut flat = members_renamed(event, |name| match name {
        name if OWN.contains(&name) => None,
        "message" if text.is_some() => None,
        name if text == Some(name) => Some("message"),
        name => Some(name),
    });
    let detail = event.member("detail").filter(|_| text.is_none());
    if let Some(detail) = detail
        && let Some(error) = detail_error(event.bytes(&detail), detail.kind)
    {
        // The last of equal names counts.
        flat.pop();
        flat.push(b',');
        flat.extend_from_slice(without_opening(&error));
    }
    flat
}

/// An object without its opening bracket.
fn without_opening(object: &[u8]) -> &[u8] {
    object.get(1..).unwrap_or_default()
}

fn is_text(event: &Event<'_>, key: &str) -> bool {
    event.member(key).is_some_and(|member| member.kind == Kind::String)
}

/// Members of an event that are not those of its response or error.
const OWN: [&str; 3] = ["type", "sequence_number", "stream_id"];

/// An object of the members of an event, except for those that are its `own`. The last of equal names counts.
fn members_without(event: &Event<'_>, own: impl Fn(&str) -> bool) -> Vec<u8> {
    members_renamed(event, |name| (!own(name)).then_some(name))
}

/// An object of the members of an event under the names that `rename` returns; `None` leaves a member out. The last of equal
/// names counts.
fn members_renamed(
    event: &Event<'_>,
    rename: impl for<'k> Fn(&'k str) -> Option<&'k str>,
) -> Vec<u8> {
    let keyed = |member: Member| (json::decode_key(event.raw, &member), member);
    let members: Vec<_> = event.members.iter().map(keyed).collect();
    let mut values: HashMap<&str, &Member> =
        members.iter().map(|(key, member)| (&**key, member)).collect();
    let mut object = Vec::from(b"{");
    for (key, _) in &members {
        let Some((name, value)) = rename(key).zip(values.remove(&**key)) else { continue };
        object.extend_from_slice(if object.len() > 1 { b"," } else { b"" });
        json::write_str(name, &mut object);
        object.push(b':');
        object.extend_from_slice(event.bytes(value));
    }
    object.push(b'}');
    object
}

//! The members that an event is routed by, and what they say.

use std::borrow::Cow;

use super::{INDEX_LIMIT, Indexes, text_of};
use crate::catalogue::Code;
use crate::count::work;
use crate::diagnostics::Issue;
use crate::json::{self, Kind, Member};

/// The members that the routing of an event goes by.
#[derive(Default)]
pub(super) struct Heads<'a> {
    pub kind: Option<&'a Member>,
    pub object: Option<&'a Member>,
    pub sequence_number: Option<&'a Member>,
    pub stream_id: Option<&'a Member>,
    pub indexes: [Option<&'a Member>; 5],
}

const INDEX_FIELDS: [&str; 5] =
    ["output_index", "content_index", "summary_index", "command_index", "annotation_index"];

/// One pass over the members; the last of equal names counts.
pub(super) fn heads<'a>(data: &[u8], members: &'a [Member]) -> Heads<'a> {
    let mut heads = Heads::default();
    work(members.len());
    for member in members {
        let decoded;
        let key = if member.key_escaped {
            decoded = json::decode_key(data, member);
            decoded.as_bytes()
        } else {
            member.raw_key(data)
        };
        match key {
            b"type" => heads.kind = Some(member),
            b"object" => heads.object = Some(member),
            b"sequence_number" => heads.sequence_number = Some(member),
            b"stream_id" => heads.stream_id = Some(member),
            b"output_index" => heads.indexes[0] = Some(member),
            b"content_index" => heads.indexes[1] = Some(member),
            b"summary_index" => heads.indexes[2] = Some(member),
            b"command_index" => heads.indexes[3] = Some(member),
            b"annotation_index" => heads.indexes[4] = Some(member),
            _ => {}
        }
    }
    heads
}

fn bad_field(field: &str, expected: &str) -> Issue {
    (Code::BadField, vec![("field", field.into()), ("expected", expected.into())])
}

fn present(member: Option<&Member>) -> Option<&Member> {
    member.filter(|member| member.kind != Kind::Null)
}

pub(super) fn integer(
    data: &[u8],
    member: Option<&Member>,
    field: &str,
    issues: &mut Vec<Issue>,
) -> Option<i64> {
    let member = present(member)?;
    let number =
        (member.kind == Kind::Number).then(|| json::parse_index(member.value(data))).flatten();
    if number.is_none() {
        issues.push(bad_field(field, "an integer"));
    }
    number
}

pub(super) fn lane<'a>(
    data: &'a [u8],
    member: Option<&Member>,
    odd: bool,
    issues: &mut Vec<Issue>,
) -> Option<Cow<'a, str>> {
    let member = present(member)?;
    if member.kind == Kind::String {
        return Some(text_of(member.value(data), member.escaped || odd));
    }
    issues.push(bad_field("stream_id", "a string"));
    None
}

pub(super) fn indexes(
    data: &[u8],
    heads: &Heads<'_>,
    known: bool,
    issues: &mut Vec<Issue>,
) -> Option<Indexes> {
    let mut indexes = Indexes::default();
    let mut good = true;
    for (place, field) in INDEX_FIELDS.iter().enumerate() {
        let Some(member) = present(heads.indexes[place]) else { continue };
        let number =
            (member.kind == Kind::Number).then(|| json::parse_index(member.value(data))).flatten();
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| *number <= INDEX_LIMIT) {
            Some(number) => indexes.values[place] = Some(number),
            None if known => {
                issues.push(bad_field(field, "an integer from 0 to 65535"));
                good = false;
            }
            None => {}
        }
    }
    good.then_some(indexes)
}

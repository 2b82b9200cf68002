//! The members of a JSON object, matched with the fields of a model.

use pyo3::prelude::*;
use respstream_core::json::{self, Kind, Member};

use super::error::BuildError;
use super::model::Model;

/// The text of a JSON value, and its kind.
#[derive(Clone, Copy)]
pub struct JsonValue<'t> {
    pub text: &'t [u8],
    pub kind: Kind,
}

impl<'t> JsonValue<'t> {
    pub fn of(member: &Member, text: &'t [u8]) -> Self {
        Self { text: member.value(text), kind: member.kind }
    }
}

/// The members of an object, and the index of the field of each; None for members that the model does not declare.
pub struct MatchedMembers {
    pub members: Vec<Member>,
    pub fields: Vec<Option<u8>>,
    /// One bit per field that is present.
    pub present: u64,
}

impl MatchedMembers {
    /// Uncertain if a field is present twice, or if only Python knows how to treat the name of a member.
    pub fn new(
        py: Python<'_>,
        model: &Model,
        text: &[u8],
        members: Vec<Member>,
    ) -> Result<Self, BuildError> {
        let mut fields = Vec::with_capacity(members.len());
        let (mut present, mut expected) = (0_u64, 0);
        for member in &members {
            if member.key_escaped {
                return Err(BuildError::Uncertain);
            }
            let key = member.raw_key(text);
            let field = model.field(key, expected);
            match field {
                Some(field) if present & (1 << field) != 0 => return Err(BuildError::Uncertain),
                Some(field) => {
                    present |= 1 << field;
                    expected = field + 1;
                }
                None if key.starts_with(b"_") => return Err(BuildError::Uncertain),
                None => {
                    let key = std::str::from_utf8(key).map_err(|_| BuildError::Uncertain)?;
                    if model.is_name_behind_alias(py, key) {
                        return Err(BuildError::Uncertain);
                    }
                }
            }
            fields.push(field.map(|field| field as u8));
        }
        Ok(Self { members, fields, present })
    }
}

/// The member of this name. Uncertain if there are two of them, or if the key of any member is escaped.
pub fn unique_member<'t>(
    text: &'t [u8],
    members: &[Member],
    name: &str,
) -> Result<Option<JsonValue<'t>>, BuildError> {
    let mut found = None;
    for member in members {
        if member.key_escaped {
            return Err(BuildError::Uncertain);
        }
        if member.raw_key(text) == name.as_bytes()
            && found.replace(JsonValue::of(member, text)).is_some()
        {
            return Err(BuildError::Uncertain);
        }
    }
    Ok(found)
}

/// The members of a valid object.
pub fn members_of(text: &[u8]) -> Result<Vec<Member>, BuildError> {
    let mut members = Vec::with_capacity(16);
    if json::locate(text, &mut members) { Ok(members) } else { Err(BuildError::Uncertain) }
}

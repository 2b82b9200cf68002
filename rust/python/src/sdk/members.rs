//! The members of a JSON object, matched with the fields of a model.

use pyo3::prelude::*;
use respstream_core::json::{self, Kind, Member};

use super::build::Miss;
use super::model::Model;

/// A value in its text.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    pub text: &'t [u8],
    pub kind: Kind,
}

impl<'t> Value<'t> {
    pub fn of(member: &Member, text: &'t [u8]) -> Self {
        Self { text: member.value(text), kind: member.kind }
    }

    /// Whether there is nothing in it.
    pub fn is_leaf(self) -> bool {
        match self.kind {
            Kind::Array => self.text == b"[]",
            Kind::Object => false,
            _ => true,
        }
    }
}

/// The members of an object, and the field of each; none for those that the model does not declare.
pub struct Matched {
    pub members: Vec<Member>,
    pub places: Vec<Option<u8>>,
    /// One bit for each field that is there.
    pub given: u64,
}

impl Matched {
    /// Not sure if a name is there twice, or is one of those that only Python knows what to do with.
    pub fn new(
        py: Python<'_>,
        model: &Model,
        text: &[u8],
        members: Vec<Member>,
    ) -> Result<Self, Miss> {
        let mut places = Vec::with_capacity(members.len());
        let (mut given, mut expected) = (0_u64, 0);
        for member in &members {
            if member.key_escaped {
                return Err(Miss::Unsure);
            }
            let key = member.raw_key(text);
            let place = model.field(key, expected);
            match place {
                Some(place) if given & (1 << place) != 0 => return Err(Miss::Unsure),
                Some(place) => {
                    given |= 1 << place;
                    expected = place + 1;
                }
                None if key.starts_with(b"_") => return Err(Miss::Unsure),
                None => {
                    let key = std::str::from_utf8(key).map_err(|_| Miss::Unsure)?;
                    if model.is_hidden_name(py, key) {
                        return Err(Miss::Unsure);
                    }
                }
            }
            places.push(place.map(|place| place as u8));
        }
        Ok(Self { members, places, given })
    }

    /// Whether nothing in it holds anything.
    pub fn is_leaf(&self, text: &[u8]) -> bool {
        self.members.iter().all(|member| Value::of(member, text).is_leaf())
    }
}

/// The string member of this name. An escaped key makes it unsure, and so does a second member of the name.
pub fn tag<'t>(text: &'t [u8], members: &[Member], key: &str) -> Result<Option<Value<'t>>, Miss> {
    let mut found = None;
    for member in members {
        if member.key_escaped {
            return Err(Miss::Unsure);
        }
        if member.raw_key(text) == key.as_bytes()
            && found.replace(Value::of(member, text)).is_some()
        {
            return Err(Miss::Unsure);
        }
    }
    Ok(found)
}

/// The members of a valid object.
pub fn locate(text: &[u8]) -> Result<Vec<Member>, Miss> {
    let mut members = Vec::with_capacity(16);
    if json::locate(text, &mut members) { Ok(members) } else { Err(Miss::Unsure) }
}

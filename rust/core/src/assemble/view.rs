//! Read access to a value that is raw JSON or a tree, without conversion.

use std::borrow::Cow;

use super::tree::{Node, Object};
use crate::json::{self, Member};
use crate::work::work;

/// Capacity for the members of most objects.
const CAPACITY: usize = 12;

/// A borrowed value.
#[derive(Clone, Copy)]
pub enum View<'a> {
    /// Valid JSON without surrounding white space.
    Raw(&'a [u8]),
    Node(&'a Node),
    Object(&'a Object),
}

/// The members of an object.
pub enum Fields<'a> {
    Raw(&'a [u8], Vec<Member>),
    Borrowed(&'a [u8], &'a [Member]),
    Object(&'a Object),
}

impl<'a> View<'a> {
    /// Replaces a node by its raw JSON or its object, if it is one.
    fn unwrapped(self) -> Self {
        match self {
            Self::Node(Node::Raw(raw)) => Self::Raw(raw),
            Self::Node(Node::List(raw)) => Self::Raw(raw),
            Self::Node(Node::Object(object)) => Self::Object(object),
            other => other,
        }
    }

    /// The members, if the value is an object.
    pub fn fields(self) -> Option<Fields<'a>> {
        match self.unwrapped() {
            Self::Raw(raw) if raw.first() == Some(&b'{') => {
                let mut members = Vec::with_capacity(CAPACITY);
                json::locate(raw, &mut members);
                Some(Fields::Raw(raw, members))
            }
            Self::Object(object) => Some(Fields::Object(object)),
            _ => None,
        }
    }

    /// The elements; empty if the value is no list.
    pub fn list(self) -> Vec<View<'a>> {
        match self.unwrapped() {
            Self::Raw(raw) if raw.first() == Some(&b'[') => {
                let mut spans = Vec::new();
                json::elements(raw, &mut spans);
                spans
                    .iter()
                    .filter_map(|(start, end, _)| Some(Self::Raw(raw.get(*start..*end)?)))
                    .collect()
            }
            Self::Node(Node::Sparse(sparse)) => {
                sparse.parts.iter().map(|(_, part)| Self::Node(&part.node)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the value is equal to this raw list, byte for byte. Equal values in another notation return false.
    pub fn is_list(self, list: &[u8]) -> bool {
        match self.unwrapped() {
            Self::Raw(raw) => raw == list,
            Self::Node(Node::Sparse(sparse)) => {
                is_list_of(list, sparse.parts.iter().map(|(_, part)| Self::Node(&part.node)))
            }
            _ => false,
        }
    }

    /// The JSON, if the value is raw.
    pub fn raw(self) -> Option<&'a [u8]> {
        match self.unwrapped() {
            Self::Raw(raw) => Some(raw),
            _ => None,
        }
    }

    /// The size of the representation of a string in bytes; 0 if the value is no string.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Node(Node::Text(text)) => text.wtf8.len(),
            Self::Node(Node::Raw(raw)) => Self::Raw(raw).size(),
            Self::Raw([b'"', string @ ..]) => string.len().saturating_sub(1),
            _ => 0,
        }
    }

    /// Whether the value is a string.
    pub fn is_string(self) -> bool {
        match self {
            Self::Raw(raw) => raw.first() == Some(&b'"'),
            Self::Node(Node::Raw(raw)) => raw.first() == Some(&b'"'),
            Self::Node(Node::Text(_)) => true,
            _ => false,
        }
    }

    /// The text as UTF-8, if the value is a string. A string of ASCII without escapes is borrowed.
    pub fn text_bytes(self) -> Option<Cow<'a, [u8]>> {
        let raw: &[u8] = match self {
            Self::Raw(raw) => raw,
            Self::Node(Node::Raw(raw)) => raw,
            _ => b"",
        };
        match raw {
            [b'"', body @ .., b'"'] if body.is_ascii() && !body.contains(&b'\\') => {
                Some(Cow::Borrowed(body))
            }
            _ => match self.text()? {
                Cow::Borrowed(text) => Some(Cow::Borrowed(text.as_bytes())),
                Cow::Owned(text) => Some(Cow::Owned(text.into_bytes())),
            },
        }
    }

    /// The text, if the value is a string.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Raw(raw) if raw.first() == Some(&b'"') => Some(json::decode_str(raw)),
            Self::Node(node) => node.text(),
            _ => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// The member with that name.
    pub fn get(&self, key: &str) -> Option<View<'a>> {
        match self {
            Self::Raw(raw, members) => member(raw, members, key).map(View::Raw),
            Self::Borrowed(raw, members) => member(raw, members, key).map(View::Raw),
            Self::Object(object) => object.get(key).map(View::Node),
        }
    }

    /// The members with these names, found in one pass.
    pub fn get_each<const N: usize>(&self, keys: [&str; N]) -> [Option<View<'a>>; N] {
        let (raw, members): (&'a [u8], &[Member]) = match self {
            Self::Raw(raw, members) => (raw, members),
            Self::Borrowed(raw, members) => (raw, members),
            Self::Object(_) => return keys.map(|key| self.get(key)),
        };
        work(members.len());
        let mut found = [None; N];
        for member in members {
            if member.key_escaped {
                return keys.map(|key| self.get(key));
            }
            let size = member.key.end.wrapping_sub(member.key.start) as usize;
            for (key, slot) in keys.iter().zip(&mut found) {
                if key.len() == size && member.raw_key(raw) == key.as_bytes() {
                    *slot = Some(View::Raw(member.value(raw)));
                }
            }
        }
        found
    }

    /// The text of a member, if it is a string.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// Passes each object in a list member to `take`. `members` is a buffer for the members of objects in a raw list.
    pub fn each(&self, key: &str, members: &mut Vec<Member>, mut take: impl FnMut(&Fields<'_>)) {
        let Some(list) = self.get(key) else { return };
        if let Some(raw) = list.raw() {
            json::each_object(raw, members, |_, raw, members| {
                take(&Fields::Borrowed(raw, members));
            });
        } else {
            list.list().into_iter().filter_map(View::fields).for_each(|object| take(&object));
        }
    }

    /// The objects in a list member.
    pub fn objects(&self, key: &str) -> impl Iterator<Item = Fields<'a>> {
        self.get(key).map_or_else(Vec::new, View::list).into_iter().filter_map(View::fields)
    }
}

/// The JSON of the member with that name.
pub fn member<'a>(raw: &'a [u8], members: &[Member], key: &str) -> Option<&'a [u8]> {
    json::find(raw, members, key).map(|member| member.value(raw))
}

/// Whether a raw list consists of these raw elements, byte for byte and without white space. Equal values in another notation
/// return false.
pub fn is_list_of<'a>(list: &[u8], elements: impl Iterator<Item = View<'a>>) -> bool {
    work(list.len());
    let Some(mut rest) = list.strip_prefix(b"[") else { return false };
    for (number, element) in elements.enumerate() {
        let Some(raw) = element.raw().filter(|raw| !raw.is_empty()) else { return false };
        if number > 0 {
            let Some(after) = rest.strip_prefix(b",") else { return false };
            rest = after;
        }
        let Some(after) = rest.strip_prefix(raw) else { return false };
        rest = after;
    }
    rest == b"]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_list_is_compared_with_raw_elements() {
        let of = |list: &str, elements: &[&'static str]| {
            is_list_of(list.as_bytes(), elements.iter().map(|raw| View::Raw(raw.as_bytes())))
        };
        assert!(of("[]", &[]) && of("[1]", &["1"]) && of("[{},[2]]", &["{}", "[2]"]));
        for list in ["[1,2]", "[ 1]", "[1 ]", "[12]", "[1", "1]", "[]", "", "[2]", "[1,]", "[,1]"] {
            assert!(!of(list, &["1"]), "{list}");
        }
        assert!(!of("[]", &[""]) && !of("[1 ,2]", &["1", "2"]) && !of("[12]", &["1", "2"]));
    }
}

//! The value tree of an item while it is assembled: raw JSON, objects, sparse lists, and texts.
//!
//! A value remains raw JSON until an event writes into it. Lists that are written by index are sparse; their gaps are closed
//! when the tree is written as JSON.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::ordered::Ordered;
use crate::json::{self, Member};
use crate::work::work;

/// Objects with more members than this have a hash index of their keys.
const INDEXED_ABOVE: usize = 16;

/// One value of the tree.
#[derive(Debug)]
pub enum Node {
    /// Valid JSON, unchanged.
    Raw(Slice),
    /// A JSON list to which other lists are appended.
    List(Vec<u8>),
    Object(Object),
    Sparse(Sparse),
    Text(Text),
}

impl Node {
    /// Appends the value as canonical JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => json::write_canonical(raw, out),
            Self::List(raw) => json::write_canonical(raw, out),
            Self::Object(object) => object.write(out),
            Self::Sparse(sparse) => sparse.write(out),
            Self::Text(text) => json::write_str(&json::finish_wtf8(&text.wtf8), out),
        }
    }

    /// A value of valid JSON, copied.
    pub fn raw(raw: &[u8]) -> Self {
        Self::Raw(Slice::from(raw))
    }

    /// A string value.
    pub fn string(text: &str) -> Self {
        let mut raw = Vec::new();
        json::write_str(text, &mut raw);
        Self::raw(&raw)
    }

    /// The text, if the value is a string.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(json::finish_wtf8(&text.wtf8)),
            Self::Raw(raw) if raw.first() == Some(&b'"') => Some(json::decode_str(raw)),
            _ => None,
        }
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.first() == Some(&b'{'),
            Self::Object(_) => true,
            _ => false,
        }
    }

    /// The JSON of the value, if no event has written into it.
    pub fn json(&self) -> Option<&[u8]> {
        match self {
            Self::Raw(raw) => Some(raw),
            Self::List(raw) => Some(raw),
            _ => None,
        }
    }

    /// Whether the node is a text that is not empty.
    pub fn is_filled_text(&self) -> bool {
        match self {
            Self::Text(text) => !text.wtf8.is_empty(),
            Self::Raw(raw) => raw.first() == Some(&b'"') && raw.len() > 2,
            _ => false,
        }
    }

    /// The member or element at a position.
    #[inline]
    pub fn child(&mut self, position: u32) -> Option<&mut Node> {
        match self {
            Self::Object(object) => object.at(position),
            Self::Sparse(sparse) => sparse.parts.at(position).map(|part| &mut part.node),
            _ => None,
        }
    }
}

/// The maximum size of bytes that are copied. Most keys, identifiers, numbers and literals are not larger.
const INLINE: usize = 30;

/// A range of bytes: a copy if there are few, else one that shares the bytes of its JSON text.
#[derive(Clone, Debug)]
pub struct Slice(Bytes);

#[derive(Clone, Debug)]
enum Bytes {
    Inline { size: u8, bytes: [u8; INLINE] },
    Shared { bytes: Arc<[u8]>, start: u32, end: u32 },
}

impl Slice {
    #[inline]
    fn inline(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self(Bytes::Inline { size: text.len() as u8, bytes }))
    }

    /// The range from `start` to `end` of this range.
    #[inline]
    fn part(&self, start: usize, end: usize) -> Self {
        let rest = self.get(start..).unwrap_or_default();
        let size = end.saturating_sub(start);
        if size <= INLINE
            && let Some(bytes) = rest.first_chunk()
        {
            // A copy of constant size costs less; the bytes after the part are not read.
            return Self(Bytes::Inline { size: size as u8, bytes: *bytes });
        }
        let copied = Self::inline(rest.get(..size).unwrap_or_default());
        copied.unwrap_or_else(|| match &self.0 {
            Bytes::Shared { bytes, start: base, .. } => Self(Bytes::Shared {
                bytes: Arc::clone(bytes),
                start: base + start as u32,
                end: base + end as u32,
            }),
            Bytes::Inline { .. } => unreachable!("a part is not larger than the whole"),
        })
    }
}

impl From<&[u8]> for Slice {
    fn from(text: &[u8]) -> Self {
        Self::inline(text).unwrap_or_else(|| {
            Self(Bytes::Shared { bytes: text.into(), start: 0, end: text.len() as u32 })
        })
    }
}

impl Deref for Slice {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let part = match &self.0 {
            Bytes::Inline { size, bytes } => bytes.get(..usize::from(*size)),
            Bytes::Shared { bytes, start, end } => bytes.get(*start as usize..*end as usize),
        };
        part.unwrap_or_default()
    }
}

/// A string that deltas are appended to, in WTF-8: it may contain half of a surrogate pair.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub wtf8: Vec<u8>,
    /// Whether an event set the final value. Later deltas are ignored then.
    pub is_final: bool,
}

impl Text {
    /// Decodes a quoted JSON string.
    pub fn from_quoted(quoted: &[u8], is_final: bool) -> Self {
        let mut wtf8 = Vec::with_capacity(quoted.len());
        json::decode_wtf8(quoted, &mut wtf8);
        Self { wtf8, is_final }
    }

    /// Replaces half a surrogate pair at the end, so that no later delta completes it.
    pub fn close(&mut self) {
        if let [.., 0xED, 0xA0..=0xAF, _] = *self.wtf8 {
            self.wtf8.truncate(self.wtf8.len() - 3);
            self.wtf8.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }

    fn from_node(node: &Node) -> Self {
        let wtf8 = node.text().map_or_else(Vec::new, |text| text.into_owned().into_bytes());
        Self { wtf8, is_final: false }
    }
}

/// An element of a sparse list.
#[derive(Debug)]
pub struct Part {
    pub node: Node,
    /// Whether an event set the final value.
    pub is_final: bool,
}

/// A list by index.
#[derive(Debug, Default)]
pub struct Sparse {
    pub parts: Ordered<Part>,
}

impl Sparse {
    fn from_node(node: Option<&Node>) -> Self {
        let mut sparse = Self::default();
        let mut found = Vec::new();
        if let Some(Node::Raw(raw)) = node
            && json::elements(raw, &mut found)
        {
            for (number, (start, end, _)) in found.into_iter().enumerate() {
                let node = Node::Raw(raw.part(start, end));
                sparse.parts.entry(number as u32, || Part { node, is_final: false });
            }
        }
        sparse
    }

    /// The element at an index, with its position; a missing one is created as an empty text.
    pub fn entry(&mut self, index: u32) -> (u32, &mut Part) {
        self.parts.entry(index, || Part { node: Node::Text(Text::default()), is_final: false })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (rank, (_, part)) in self.parts.iter().enumerate() {
            if rank > 0 {
                out.push(b',');
            }
            part.node.write(out);
        }
        out.push(b']');
    }
}

/// A key of an object: a constant, or a range of the JSON that the object was parsed from.
#[derive(Clone, Debug)]
pub enum Key {
    Static(&'static str),
    Shared(Slice),
}

impl Key {
    /// The decoded key of a member.
    fn of(raw: &Slice, member: &Member) -> Self {
        if !member.key_escaped && member.raw_key(raw).is_ascii() {
            return Self::Shared(raw.part(member.key.start as usize, member.key.end as usize));
        }
        Self::Shared(match json::decode_key(raw, member) {
            Cow::Borrowed(_) => raw.part(member.key.start as usize, member.key.end as usize),
            Cow::Owned(decoded) => Slice::from(decoded.as_bytes()),
        })
    }

    /// A key of any text.
    pub fn shared(text: impl AsRef<[u8]>) -> Self {
        Self::Shared(Slice::from(text.as_ref()))
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(name) => name.as_bytes(),
            Self::Shared(slice) => slice,
        }
    }

    /// The key as text.
    pub fn text(&self) -> &str {
        match self {
            Self::Static(name) => name,
            Self::Shared(slice) => std::str::from_utf8(slice).unwrap_or_default(),
        }
    }
}

impl From<&'static str> for Key {
    fn from(name: &'static str) -> Self {
        Self::Static(name)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

/// The positions of the members by key. It is boxed because few objects have one.
#[derive(Debug)]
struct KeyIndex(HashMap<Key, u32>);

/// An object: its members in order, with unique keys.
#[derive(Debug, Default)]
pub struct Object {
    members: Vec<(Key, Node)>,
    /// The index of the keys, if there are many.
    index: Option<Box<KeyIndex>>,
}

impl Object {
    /// Parses one level of a valid JSON object.
    pub fn parse(raw: &Slice) -> Self {
        let mut found = Vec::with_capacity(INDEXED_ABOVE);
        json::locate(raw, &mut found);
        Self::with_members(raw, &found)
    }

    /// Builds an object whose members are located already. The last of equal keys counts, at the position of the first.
    pub fn with_members(raw: &Slice, members: &[Member]) -> Self {
        let mut object = Self { members: Vec::with_capacity(members.len() + 1), index: None };
        // The sizes and first bytes of most keys differ, so that the others need not be compared.
        let mut seen = 0_u128;
        for member in members {
            let key = Key::of(raw, member);
            let node = Node::Raw(raw.part(member.start as usize, member.end as usize));
            let mark = json::key_mark(key.bytes());
            if seen & mark == 0 {
                object.add(key, node);
            } else {
                object.set(key, node);
            }
            seen |= mark;
        }
        object
    }

    /// An object with the member `type`; an empty object if `kind` is empty.
    pub fn typed(kind: &str) -> Self {
        let mut object = Self::default();
        if !kind.is_empty() {
            object.set("type", Node::string(kind));
        }
        object
    }

    pub fn position(&self, key: &[u8]) -> Option<u32> {
        if let Some(index) = &self.index {
            return index.0.get(key).copied();
        }
        self.members
            .iter()
            .position(|(other, _)| other.bytes() == key)
            .map(|position| position as u32)
    }

    /// As [`Self::position`], for a key that is likely to be at the position `near`.
    #[inline]
    pub fn position_near(&self, key: &[u8], near: u32) -> Option<u32> {
        match self.members.get(near as usize) {
            Some((other, _)) if other.bytes() == key => Some(near),
            _ => self.position(key),
        }
    }

    /// The member at a position.
    #[inline]
    pub fn node(&self, position: u32) -> Option<&Node> {
        self.members.get(position as usize).map(|(_, node)| node)
    }

    #[inline]
    pub fn at(&mut self, position: u32) -> Option<&mut Node> {
        self.members.get_mut(position as usize).map(|(_, node)| node)
    }

    /// The member with that name.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Node> {
        self.node(self.position(key.as_ref())?)
    }

    /// The member with that name, mutable.
    pub fn get_mut(&mut self, key: impl AsRef<[u8]>) -> Option<&mut Node> {
        let position = self.position(key.as_ref())?;
        self.at(position)
    }

    /// Sets a member; returns its position and its node.
    pub fn set(&mut self, key: impl Into<Key>, node: Node) -> (u32, &mut Node) {
        let key = key.into();
        let position = match self.position(key.bytes()) {
            Some(position) => {
                self.members[position as usize].1 = node;
                position
            }
            None => self.add(key, node),
        };
        (position, &mut self.members[position as usize].1)
    }

    /// Makes room for the members of an object that has none yet.
    pub fn reserve(&mut self, members: usize) {
        if self.members.is_empty() {
            self.members.reserve_exact(members);
        }
    }

    /// Adds a member with a key that the object does not have; returns its position.
    pub fn add(&mut self, key: Key, node: Node) -> u32 {
        let position = self.members.len() as u32;
        if let Some(index) = &mut self.index {
            index.0.insert(key.clone(), position);
        }
        self.members.push((key, node));
        if self.index.is_none() && self.members.len() > INDEXED_ABOVE {
            let keys = self.members.iter().enumerate();
            let index = keys.map(|(position, (key, _))| (key.clone(), position as u32)).collect();
            self.index = Some(Box::new(KeyIndex(index)));
        }
        position
    }

    /// The member as a text, with its position: see [`text_mut`]. A missing member is created.
    pub fn text(&mut self, key: impl Into<Key>) -> (u32, &mut Text) {
        let key = key.into();
        let position = self
            .position(key.bytes())
            .unwrap_or_else(|| self.add(key, Node::Text(Text::default())));
        (position, text_mut(&mut self.members[position as usize].1))
    }

    /// A member with its position; a missing one is created as null.
    pub fn member(&mut self, key: impl Into<Key>) -> (u32, &mut Node) {
        let key = key.into();
        let position =
            self.position(key.bytes()).unwrap_or_else(|| self.add(key, Node::raw(b"null")));
        (position, &mut self.members[position as usize].1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.members.iter().map(|(key, node)| (key, node))
    }

    /// Appends `more`, a list that is not empty, to a list member; a value that is no list is replaced.
    pub fn extend(&mut self, key: impl Into<Key>, more: &[u8]) {
        let key = key.into();
        let position = self.position(key.bytes()).and_then(|position| self.at(position));
        match position {
            Some(Node::List(list)) => join(list, more),
            Some(node) => {
                let mut list = match node {
                    Node::Raw(raw) if raw.first() == Some(&b'[') => raw.to_vec(),
                    _ => b"[]".to_vec(),
                };
                join(&mut list, more);
                *node = Node::List(list);
            }
            None => {
                self.add(key, Node::List(more.to_vec()));
            }
        }
    }

    /// The member as a sparse list, with its position; a value that is no list is replaced by an empty list.
    pub fn list(&mut self, key: &'static str) -> (u32, &mut Sparse) {
        let (position, node) = match self.position(key.as_bytes()) {
            Some(position) => (position, &mut self.members[position as usize].1),
            None => self.set(key, Node::Sparse(Sparse::default())),
        };
        if !matches!(node, Node::Sparse(_)) {
            *node = Node::Sparse(Sparse::from_node(Some(node)));
        }
        match node {
            Node::Sparse(sparse) => (position, sparse),
            _ => unreachable!("the node was converted"),
        }
    }

    /// The member as an object, with its position; a value that is no object is replaced by an empty object.
    pub fn object(&mut self, key: &'static str) -> (u32, &mut Object) {
        let (position, node) = match self.position(key.as_bytes()) {
            Some(position) => (position, &mut self.members[position as usize].1),
            None => self.set(key, Node::Object(Object::default())),
        };
        (position, object_mut(node, ""))
    }

    /// Appends the object as canonical JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, (key, node)) in self.members.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            json::write_str(key.text(), out);
            out.push(b':');
            node.write(out);
        }
        out.push(b'}');
    }
}

/// Appends the elements of the JSON list `more` to a JSON list.
fn join(list: &mut Vec<u8>, more: &[u8]) {
    list.pop();
    // Only white space of the last appended list is scanned, so the total work is linear.
    let inside = list.get(1..).unwrap_or_default();
    let solid = inside.iter().rposition(|byte| !byte.is_ascii_whitespace());
    work(inside.len() - solid.unwrap_or(0));
    if solid.is_some() {
        list.push(b',');
    }
    list.extend_from_slice(more.get(1..).unwrap_or_default());
}

/// The node as a text: a string is decoded, another value is replaced by an empty text.
pub fn text_mut(node: &mut Node) -> &mut Text {
    if !matches!(node, Node::Text(_)) {
        *node = Node::Text(Text::from_node(node));
    }
    match node {
        Node::Text(text) => text,
        _ => unreachable!("the node was converted"),
    }
}

/// The node as an object: another value is replaced by an object of the type `part`, or by an empty one if `part` is empty.
pub fn object_mut<'t>(node: &'t mut Node, part: &str) -> &'t mut Object {
    match node {
        Node::Object(_) => {}
        Node::Raw(raw) if raw.first() == Some(&b'{') => *node = Node::Object(Object::parse(raw)),
        _ => *node = Node::Object(Object::typed(part)),
    }
    match node {
        Node::Object(object) => object,
        _ => unreachable!("the node was converted"),
    }
}

#[cfg(test)]
mod tests {
    use super::{INDEXED_ABOVE, Node, Object, Slice};

    fn parse(raw: &[u8]) -> Object {
        Object::parse(&Slice::from(raw))
    }

    fn written(object: &Object) -> String {
        let mut out = Vec::new();
        object.write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn keys_are_decoded_and_unique() {
        let cases: [(&[u8], &str); 5] = [
            (br#"{"a":1, "b":[ 2 ]}"#, r#"{"a":1,"b":[2]}"#),
            (br#"{"\u0061":1,"\n":2}"#, r#"{"a":1,"\n":2}"#),
            (br#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (br#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":3,"b":2}"#),
            (b"{\"\xff\":1,\"\xfe\":2}", "{\"\u{fffd}\":2}"),
        ];
        for (raw, expected) in cases {
            assert_eq!(written(&parse(raw)), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn members_are_found_with_and_without_an_index() {
        for count in [1, INDEXED_ABOVE, INDEXED_ABOVE + 1, 5 * INDEXED_ABOVE] {
            let members: Vec<_> = (0..count).map(|key| format!("\"\\u006b{key}\":{key}")).collect();
            let mut object = parse(format!("{{{}}}", members.join(",")).as_bytes());
            for key in 0..count {
                let Some(Node::Raw(raw)) = object.get(format!("k{key}")) else {
                    panic!("no member {key} of {count}");
                };
                assert_eq!(**raw, *key.to_string().as_bytes(), "{count}");
            }
            assert!(object.get("k").is_none() && object.get(format!("k{count}")).is_none());
            let (position, _) = object.set("k0", Node::string("x"));
            assert_eq!((position, object.iter().count()), (0, count));
            let (position, text) = object.text("new");
            text.wtf8.push(b'y');
            assert_eq!((position as usize, object.iter().count()), (count, count + 1));
            assert_eq!(object.get("k0").and_then(Node::text).as_deref(), Some("x"));
            assert_eq!(object.get("new").and_then(Node::text).as_deref(), Some("y"));
        }
    }
}

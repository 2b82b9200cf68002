//! The value tree of an item that is being folded: values as they came, objects, sparse lists, and text that grows.
//!
//! A value stays in the bytes it came in until a path leads into it. Lists that indexes write into are sparse: the gaps
//! are closed when the tree is read.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::ordered::Ordered;
use crate::json::{self, Member};
use crate::work::work;

/// Objects of more members than this are indexed.
const FEW: usize = 16;

/// One value of the tree.
#[derive(Debug)]
pub enum Node {
    /// Valid JSON as it came.
    Raw(Slice),
    /// A list in JSON, to which others are appended.
    List(Vec<u8>),
    Object(Object),
    Sparse(Sparse),
    Text(Text),
}

impl Node {
    /// The canonical JSON of the value.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => json::write_canonical(raw, out),
            Self::List(raw) => json::write_canonical(raw, out),
            Self::Object(object) => object.write(out),
            Self::Sparse(sparse) => sparse.write(out),
            Self::Text(text) => json::write_str(&json::finish_wtf8(&text.wtf8), out),
        }
    }

    /// A value as it came.
    pub fn whole(raw: &[u8]) -> Self {
        Self::Raw(Slice::from(raw))
    }

    /// A string, as JSON.
    pub fn string(text: &str) -> Self {
        let mut raw = Vec::new();
        json::write_str(text, &mut raw);
        Self::whole(&raw)
    }

    /// The text that the value is, None where it is none.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(json::finish_wtf8(&text.wtf8)),
            Self::Raw(raw) if raw.first() == Some(&b'"') => Some(json::decode_str(raw)),
            _ => None,
        }
    }

    /// The member or element in a position.
    #[inline]
    pub fn child(&mut self, position: u32) -> Option<&mut Node> {
        match self {
            Self::Object(object) => object.at(position),
            Self::Sparse(sparse) => sparse.parts.at(position).map(|part| &mut part.node),
            _ => None,
        }
    }
}

/// A part of some bytes that the values of one text share.
#[derive(Clone, Debug)]
pub struct Slice {
    bytes: Arc<[u8]>,
    start: u32,
    end: u32,
}

impl Slice {
    /// The part from `start` to `end` of this part.
    fn part(&self, start: usize, end: usize) -> Self {
        let base = self.start;
        Self { bytes: Arc::clone(&self.bytes), start: base + start as u32, end: base + end as u32 }
    }
}

impl From<&[u8]> for Slice {
    fn from(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), start: 0, end: bytes.len() as u32 }
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A string that grows, in WTF-8. `fixed`: a `*.done` event gave it, so later deltas do not count.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub wtf8: Vec<u8>,
    pub fixed: bool,
}

impl Text {
    /// The text of a quoted string.
    pub fn of(quoted: &[u8], fixed: bool) -> Self {
        let mut wtf8 = Vec::with_capacity(quoted.len());
        json::decode_wtf8(quoted, &mut wtf8);
        Self { wtf8, fixed }
    }

    fn from(node: &Node) -> Self {
        let wtf8 = node.text().map_or_else(Vec::new, |text| text.into_owned().into_bytes());
        Self { wtf8, fixed: false }
    }
}

/// An element of a sparse list. `fixed`: a `*_part.done` gave it.
#[derive(Debug)]
pub struct Part {
    pub node: Node,
    pub fixed: bool,
}

/// A list by index.
#[derive(Debug, Default)]
pub struct Sparse {
    pub parts: Ordered<Part>,
}

impl Sparse {
    fn from(node: Option<&Node>) -> Self {
        let mut sparse = Self::default();
        let mut found = Vec::new();
        if let Some(Node::Raw(raw)) = node
            && json::elements(raw, &mut found)
        {
            for (number, (start, end, _)) in found.into_iter().enumerate() {
                let node = Node::Raw(raw.part(start, end));
                sparse.parts.entry(number as u32, || Part { node, fixed: false });
            }
        }
        sparse
    }

    /// The element of an index, with its place; an empty text where there was none.
    pub fn entry(&mut self, index: u32) -> (u32, &mut Part) {
        self.parts.entry(index, || Part { node: Node::Text(Text::default()), fixed: false })
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

/// A key of an object: a name of the protocol, or a part of the text that the object was read from.
#[derive(Clone, Debug)]
pub enum Key {
    Static(&'static str),
    Shared(Slice),
}

impl Key {
    /// The key of a member of an object.
    fn of(raw: &Slice, member: &Member) -> Self {
        Self::Shared(match json::decode_key(raw, member) {
            Cow::Borrowed(_) => raw.part(member.key.start as usize, member.key.end as usize),
            Cow::Owned(decoded) => Slice::from(decoded.as_bytes()),
        })
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

/// The positions of keys; boxed, as few objects have it.
#[derive(Debug)]
struct Places(HashMap<Key, u32>);

/// An object: its members in order, each key once.
#[derive(Debug, Default)]
pub struct Object {
    members: Vec<(Key, Node)>,
    /// Where the keys are, once there are many.
    places: Option<Box<Places>>,
}

impl Object {
    /// Takes apart a valid JSON object, one level.
    pub fn of(raw: &Slice) -> Self {
        let mut found = Vec::with_capacity(FEW);
        json::locate(raw, &mut found);
        Self::with(raw, &found)
    }

    /// The same where the members are known.
    pub fn with(raw: &Slice, members: &[Member]) -> Self {
        let mut object = Self { members: Vec::with_capacity(members.len() + 1), places: None };
        for member in members {
            let value = raw.part(member.start as usize, member.end as usize);
            object.set(Key::of(raw, member), Node::Raw(value));
        }
        object
    }

    /// An object with a type, or an empty one.
    pub fn typed(kind: &str) -> Self {
        let mut object = Self::default();
        if !kind.is_empty() {
            object.set("type", Node::string(kind));
        }
        object
    }

    fn position(&self, key: &[u8]) -> Option<u32> {
        if let Some(places) = &self.places {
            return places.0.get(key).copied();
        }
        self.members.iter().position(|(other, _)| other.bytes() == key).map(|place| place as u32)
    }

    #[inline]
    pub fn at(&mut self, position: u32) -> Option<&mut Node> {
        self.members.get_mut(position as usize).map(|(_, node)| node)
    }

    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let position = self.position(key.as_bytes())?;
        self.members.get(position as usize).map(|(_, node)| node)
    }

    /// The member of that name, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let position = self.position(key.as_bytes())?;
        self.at(position)
    }

    /// Sets a member; gives its position, and the node there.
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

    fn add(&mut self, key: Key, node: Node) -> u32 {
        let position = self.members.len() as u32;
        if let Some(places) = &mut self.places {
            places.0.insert(key.clone(), position);
        }
        self.members.push((key, node));
        if self.places.is_none() && self.members.len() > FEW {
            let keys = self.members.iter().enumerate();
            let places = keys.map(|(place, (key, _))| (key.clone(), place as u32)).collect();
            self.places = Some(Box::new(Places(places)));
        }
        position
    }

    /// The text that a member is to grow by; what is no text becomes an empty one.
    pub fn text(&mut self, key: impl Into<Key>) -> (u32, &mut Text) {
        let key = key.into();
        let position = self
            .position(key.bytes())
            .unwrap_or_else(|| self.add(key, Node::Text(Text::default())));
        (position, grown(&mut self.members[position as usize].1))
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.members.iter().map(|(key, node)| (key, node))
    }

    /// Appends to a member that is a list; what is none is replaced. `more` is a list that is not empty.
    pub fn extend(&mut self, key: &'static str, more: &[u8]) {
        let position = self.position(key.as_bytes()).and_then(|position| self.at(position));
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
                self.add(key.into(), Node::List(more.to_vec()));
            }
        }
    }

    /// The list that a member is; what is no list becomes an empty one.
    pub fn list(&mut self, key: &'static str) -> (u32, &mut Sparse) {
        let (position, node) = match self.position(key.as_bytes()) {
            Some(position) => (position, &mut self.members[position as usize].1),
            None => self.set(key, Node::Sparse(Sparse::default())),
        };
        if !matches!(node, Node::Sparse(_)) {
            *node = Node::Sparse(Sparse::from(Some(node)));
        }
        match node {
            Node::Sparse(sparse) => (position, sparse),
            _ => unreachable!("it was made one"),
        }
    }

    /// The object that a member is; what is no object becomes an empty one.
    pub fn object(&mut self, key: &'static str) -> (u32, &mut Object) {
        let (position, node) = match self.position(key.as_bytes()) {
            Some(position) => (position, &mut self.members[position as usize].1),
            None => self.set(key, Node::Object(Object::default())),
        };
        (position, opened(node, ""))
    }

    /// The canonical JSON of the object.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (key, node)) in self.members.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::write_str(key.text(), out);
            out.push(b':');
            node.write(out);
        }
        out.push(b'}');
    }
}

/// Appends the elements of a list to a list.
fn join(list: &mut Vec<u8>, more: &[u8]) {
    list.pop();
    // From the end: white space there is what the last list brought, and not met again.
    let inside = list.get(1..).unwrap_or_default();
    let solid = inside.iter().rposition(|byte| !byte.is_ascii_whitespace());
    work(inside.len() - solid.unwrap_or(0));
    if solid.is_some() {
        list.push(b',');
    }
    list.extend_from_slice(more.get(1..).unwrap_or_default());
}

/// The text that a node is to grow by; what is no text becomes an empty one.
pub fn grown(node: &mut Node) -> &mut Text {
    if !matches!(node, Node::Text(_)) {
        *node = Node::Text(Text::from(node));
    }
    match node {
        Node::Text(text) => text,
        _ => unreachable!("it was made one"),
    }
}

/// The object that a node is; one that is none becomes one, of the type `part` if given.
pub fn opened<'t>(node: &'t mut Node, part: &str) -> &'t mut Object {
    match node {
        Node::Object(_) => {}
        Node::Raw(raw) if raw.first() == Some(&b'{') => *node = Node::Object(Object::of(raw)),
        _ => *node = Node::Object(Object::typed(part)),
    }
    match node {
        Node::Object(object) => object,
        _ => unreachable!("it was made one"),
    }
}

//! Resolves the path of an event in the tree of an item.

use std::fmt::Write as _;

use super::path::{Indexes, Step};
use super::tree::{Node, Object, Sparse, Text, object_mut, text_mut};

/// The positions of the nodes from the root of a tree to one node. A path has at most two steps, each into a member and a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodePath {
    positions: [u32; 4],
    length: usize,
}

impl NodePath {
    /// The path along these positions, of which it has at most four.
    pub fn of(positions: &[u32]) -> Self {
        let mut path = Self::default();
        for position in positions {
            path.push(*position);
        }
        path
    }

    fn push(&mut self, position: u32) {
        if let Some(slot) = self.positions.get_mut(self.length) {
            *slot = position;
            self.length += 1;
        }
    }

    /// The text at the end of the path.
    #[inline]
    pub fn text<'t>(&self, root: &'t mut Object) -> Option<&'t mut Text> {
        match Self::descend(root, self.positions.get(..self.length)?)? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object that contains the text as a member.
    pub fn object<'t>(&self, root: &'t mut Object) -> Option<&'t mut Object> {
        let path = self.positions.get(..self.length.checked_sub(1)?)?;
        if path.is_empty() {
            return Some(root);
        }
        match Self::descend(root, path)? {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    #[inline]
    fn descend<'t>(root: &'t mut Object, path: &[u32]) -> Option<&'t mut Node> {
        let (first, rest) = path.split_first()?;
        let mut node = root.at(*first)?;
        for position in rest {
            node = node.child(*position)?;
        }
        Some(node)
    }
}

/// A member of an object, or an element of a list. It may not exist yet.
enum Location<'t> {
    Member(&'t mut Object, &'static str),
    Element(&'t mut Sparse, u32),
}

/// The location that a path leads to, with the positions on the way.
pub struct Place<'t> {
    location: Location<'t>,
    steps: &'static [Step],
    ranks: [usize; 4],
    pub node_path: NodePath,
    /// Whether an element that contains the place is final.
    pub in_final_part: bool,
}

impl<'t> Place<'t> {
    /// Resolves `steps` and creates the missing nodes on the way; a created part has the type `part`. If the event lacks the
    /// last index, the place is a new element with `append`, else the last element. `None` without steps.
    pub fn find(
        root: &'t mut Object,
        steps: &'static [Step],
        indexes: &Indexes,
        part: &str,
        append: bool,
    ) -> Option<Self> {
        let (last, path) = steps.split_last()?;
        let (mut ranks, mut node_path, mut in_final_part) = ([0; 4], NodePath::default(), false);
        let mut object = root;
        for (number, step) in path.iter().enumerate() {
            let (position, node) = if let Some(slot) = step.index {
                let (position, sparse) = object.list(step.member);
                node_path.push(position);
                let index = element_index(sparse, slot, indexes, false);
                *ranks.get_mut(number)? = sparse.parts.rank(index);
                let (place, element) = sparse.entry(index);
                in_final_part |= element.is_final;
                (place, object_mut(&mut element.node, part))
            } else {
                object.object(step.member)
            };
            node_path.push(position);
            object = node;
        }
        let location = if let Some(slot) = last.index {
            let (position, sparse) = object.list(last.member);
            node_path.push(position);
            let index = element_index(sparse, slot, indexes, append);
            *ranks.get_mut(path.len())? = sparse.parts.rank(index);
            Location::Element(sparse, index)
        } else {
            Location::Member(object, last.member)
        };
        Some(Self { location, steps, ranks, node_path, in_final_part })
    }

    /// The path as text, like `list[0].member`; the numbers are ranks among the existing elements.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (number, (step, rank)) in self.steps.iter().zip(self.ranks).enumerate() {
            path.push_str(if number > 0 { "." } else { "" });
            path.push_str(step.member);
            if step.index.is_some() {
                let _ = write!(path, "[{rank}]");
            }
        }
        path
    }

    /// The node at the place.
    pub fn get(&self) -> Option<&Node> {
        match &self.location {
            Location::Member(object, key) => object.get(key),
            Location::Element(sparse, index) => sparse.parts.get(*index).map(|part| &part.node),
        }
    }

    /// The node at the place, mutable.
    pub fn get_mut(&mut self) -> Option<&mut Node> {
        match &mut self.location {
            Location::Member(object, key) => object.get_mut(key),
            Location::Element(sparse, index) => {
                sparse.parts.get_mut(*index).map(|part| &mut part.node)
            }
        }
    }

    /// The text at the place; another value is replaced by a text. Completes `node_path`, so it is called once.
    pub fn text_mut(&mut self) -> &mut Text {
        let (position, text) = match &mut self.location {
            Location::Member(object, key) => object.text(*key),
            Location::Element(sparse, index) => {
                let (place, part) = sparse.entry(*index);
                (place, text_mut(&mut part.node))
            }
        };
        self.node_path.push(position);
        text
    }

    /// The object at the place; another value is replaced by an object.
    pub fn object_mut(&mut self) -> &mut Object {
        match &mut self.location {
            Location::Member(object, key) => object.object(key).1,
            Location::Element(sparse, index) => object_mut(&mut sparse.entry(*index).1.node, ""),
        }
    }

    /// Sets the node at the place.
    pub fn put(&mut self, node: Node) {
        match &mut self.location {
            Location::Member(object, key) => {
                object.set(*key, node);
            }
            Location::Element(sparse, index) => sparse.entry(*index).1.node = node,
        }
    }

    /// The object of which the place is a member; `None` for an element of a list.
    pub fn container(&mut self) -> Option<&mut Object> {
        match &mut self.location {
            Location::Member(object, _) => Some(object),
            Location::Element(..) => None,
        }
    }

    /// Whether the place is an element of a list that is final.
    pub fn is_final_element(&self) -> bool {
        match &self.location {
            Location::Member(..) => false,
            Location::Element(sparse, index) => {
                sparse.parts.get(*index).is_some_and(|part| part.is_final)
            }
        }
    }

    /// Sets whether the element at the place is final; no effect on members of objects.
    pub fn set_final(&mut self, is_final: bool) {
        if let Location::Element(sparse, index) = &mut self.location
            && let Some(part) = sparse.parts.get_mut(*index)
        {
            part.is_final = is_final;
        }
    }
}

/// The index of the element that an event refers to: without an index the last element, or with `append` a new one.
fn element_index(sparse: &Sparse, slot: usize, indexes: &Indexes, append: bool) -> u32 {
    let last = sparse.parts.last();
    let missing = || last.map_or(0, |last| last + u32::from(append));
    indexes.values.get(slot).copied().flatten().unwrap_or_else(missing)
}

//! Where the path of an event leads in the tree of an item.

use std::fmt::Write as _;

use super::path::{Indexes, Step};
use super::tree::{Node, Object, Sparse, Text, grown, opened};

/// Positions on the way to a node, from the root of the tree; at most two steps, each into a member and a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail {
    positions: [u32; 4],
    length: usize,
}

impl Trail {
    fn push(&mut self, position: u32) {
        if let Some(slot) = self.positions.get_mut(self.length) {
            *slot = position;
            self.length += 1;
        }
    }

    /// The text that the trail leads to.
    #[inline]
    pub fn text<'t>(&self, root: &'t mut Object) -> Option<&'t mut Text> {
        match Self::walk(root, self.positions.get(..self.length)?)? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object that this text is a member of.
    pub fn object<'t>(&self, root: &'t mut Object) -> Option<&'t mut Object> {
        let way = self.positions.get(..self.length.checked_sub(1)?)?;
        if way.is_empty() {
            return Some(root);
        }
        match Self::walk(root, way)? {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    #[inline]
    fn walk<'t>(root: &'t mut Object, way: &[u32]) -> Option<&'t mut Node> {
        let (first, rest) = way.split_first()?;
        let mut node = root.at(*first)?;
        for position in rest {
            node = node.child(*position)?;
        }
        Some(node)
    }
}

/// A container and a key in it: a member of an object, or an element of a list.
enum Spot<'t> {
    Member(&'t mut Object, &'static str),
    Element(&'t mut Sparse, u32),
}

/// Where a path leads, the way there, and whether a part above it is fixed.
pub struct Place<'t> {
    spot: Spot<'t>,
    steps: &'static [Step],
    ranks: [usize; 4],
    pub trail: Trail,
    pub fixed: bool,
}

impl<'t> Place<'t> {
    /// The place that `steps` lead to, making what is missing on the way. A part that is made has the type `part`.
    /// `append`: where the last index is missing, a new element is meant, else the latest. None without steps.
    pub fn find(
        root: &'t mut Object,
        steps: &'static [Step],
        indexes: &Indexes,
        part: &str,
        append: bool,
    ) -> Option<Self> {
        let (last, way) = steps.split_last()?;
        let (mut ranks, mut trail, mut fixed) = ([0; 4], Trail::default(), false);
        let mut object = root;
        for (number, step) in way.iter().enumerate() {
            let (position, node) = if let Some(slot) = step.index {
                let (position, sparse) = object.list(step.member);
                trail.push(position);
                let index = pick(sparse, slot, indexes, false);
                *ranks.get_mut(number)? = sparse.parts.rank(index);
                let (place, element) = sparse.entry(index);
                fixed |= element.fixed;
                (place, opened(&mut element.node, part))
            } else {
                object.object(step.member)
            };
            trail.push(position);
            object = node;
        }
        let spot = if let Some(slot) = last.index {
            let (position, sparse) = object.list(last.member);
            trail.push(position);
            let index = pick(sparse, slot, indexes, append);
            *ranks.get_mut(way.len())? = sparse.parts.rank(index);
            Spot::Element(sparse, index)
        } else {
            Spot::Member(object, last.member)
        };
        Some(Self { spot, steps, ranks, trail, fixed })
    }

    /// The path in words, as `content[0].text`; its numbers count the elements that are there.
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
        match &self.spot {
            Spot::Member(object, key) => object.get(key),
            Spot::Element(sparse, index) => sparse.parts.get(*index).map(|part| &part.node),
        }
    }

    /// The node at the place, to be changed.
    pub fn get_mut(&mut self) -> Option<&mut Node> {
        match &mut self.spot {
            Spot::Member(object, key) => object.get_mut(key),
            Spot::Element(sparse, index) => sparse.parts.get_mut(*index).map(|part| &mut part.node),
        }
    }

    /// The text that grows at the place. The trail leads to it.
    pub fn grow(&mut self) -> &mut Text {
        let (position, text) = match &mut self.spot {
            Spot::Member(object, key) => object.text(*key),
            Spot::Element(sparse, index) => {
                let (place, part) = sparse.entry(*index);
                (place, grown(&mut part.node))
            }
        };
        self.trail.push(position);
        text
    }

    /// The object at the place, made where there is none.
    pub fn enter(&mut self) -> &mut Object {
        match &mut self.spot {
            Spot::Member(object, key) => object.object(key).1,
            Spot::Element(sparse, index) => opened(&mut sparse.entry(*index).1.node, ""),
        }
    }

    /// Sets the node at the place.
    pub fn put(&mut self, node: Node) {
        match &mut self.spot {
            Spot::Member(object, key) => {
                object.set(*key, node);
            }
            Spot::Element(sparse, index) => sparse.entry(*index).1.node = node,
        }
    }

    /// The object that the place is a member of.
    pub fn container(&mut self) -> Option<&mut Object> {
        match &mut self.spot {
            Spot::Member(object, _) => Some(object),
            Spot::Element(..) => None,
        }
    }

    /// The place is an element of a list, and fixed.
    pub fn is_fixed(&self) -> bool {
        match &self.spot {
            Spot::Member(..) => false,
            Spot::Element(sparse, index) => sparse.parts.get(*index).is_some_and(|part| part.fixed),
        }
    }

    /// Says whether the element at the place is fixed.
    pub fn fix(&mut self, fixed: bool) {
        if let Spot::Element(sparse, index) = &mut self.spot
            && let Some(part) = sparse.parts.get_mut(*index)
        {
            part.fixed = fixed;
        }
    }
}

/// The index of the element that an event is about. Without an index it is the latest, or with `append` a new one.
fn pick(sparse: &Sparse, slot: usize, indexes: &Indexes, append: bool) -> u32 {
    let latest = sparse.parts.last();
    let missing = || latest.map_or(0, |latest| latest + u32::from(append));
    indexes.values.get(slot).copied().flatten().unwrap_or_else(missing)
}

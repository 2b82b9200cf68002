//! A member of an object that a value is merged into: it is looked up once, whatever the rule of the member does.

use super::catalogue::Rule;
use super::merge::Context;
use crate::assemble::{Key, Node, Object, Text, object_mut, text_mut};

/// A member of an object, which may be missing yet.
pub struct Slot<'t> {
    object: &'t mut Object,
    pub rule: Option<&'static Rule>,
    name: &'t str,
    position: Option<u32>,
}

impl<'t> Slot<'t> {
    /// The member `name` of an object. It is likely to be at the position `near`, as members arrive in the same order in each chunk.
    pub fn of(
        object: &'t mut Object,
        rule: Option<&'static Rule>,
        name: &'t str,
        near: u32,
    ) -> Self {
        let position = object.position_near(name.as_bytes(), near);
        Self { object, rule, name, position }
    }

    fn key(&self) -> Key {
        self.rule.map_or_else(|| Key::shared(self.name), |rule| Key::Static(rule.name))
    }

    pub fn get(&self) -> Option<&Node> {
        self.object.node(self.position?)
    }

    pub fn get_mut(&mut self) -> Option<&mut Node> {
        self.object.at(self.position?)
    }

    /// The JSON of the member, if it is there and no event has written into it.
    pub fn json(&self) -> Option<&[u8]> {
        self.get().and_then(Node::json)
    }

    /// Sets the member.
    pub fn put(&mut self, cx: &mut Context<'_>, node: Node) {
        cx.changes += 1;
        match self.get_mut() {
            Some(before) => *before = node,
            None => self.position = Some(self.object.add(self.key(), node)),
        }
    }

    /// Sets the member to a value, unless it has this value already.
    pub fn put_raw(&mut self, cx: &mut Context<'_>, value: &[u8]) {
        if self.json() != Some(value) {
            self.put(cx, Node::raw(value));
        }
    }

    /// Sets the member to null, unless there is one.
    pub fn set_default(&mut self, cx: &mut Context<'_>) {
        if self.position.is_none() {
            self.put(cx, Node::raw(b"null"));
        }
    }

    /// The node of the member; a missing one is created.
    fn node_or(&mut self, make: impl FnOnce() -> Node) -> &mut Node {
        let position = match self.position {
            Some(position) => position,
            None => self.object.add(self.key(), make()),
        };
        self.position = Some(position);
        match self.object.at(position) {
            Some(node) => node,
            None => unreachable!("the member is there"),
        }
    }

    /// The member as a text; a missing one is created, and a value that is no text is replaced.
    pub fn text(&mut self) -> &mut Text {
        text_mut(self.node_or(|| Node::Text(Text::default())))
    }

    /// The member as an object; a value that is no object is replaced.
    pub fn object(&mut self, cx: &mut Context<'_>) -> &mut Object {
        if !self.get().is_some_and(Node::is_object) {
            self.put(cx, Node::Object(Object::default()));
        }
        object_mut(self.node_or(|| Node::Object(Object::default())), "")
    }

    /// Appends a list that is not empty to the member; a value that is no list is replaced.
    pub fn extend(&mut self, cx: &mut Context<'_>, more: &[u8]) {
        cx.changes += 1;
        self.object.extend(self.key(), more);
    }
}

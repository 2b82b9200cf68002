//! Assembling items from events: value trees, places in a tree, appending deltas, comparing final values.

pub mod append;
mod ordered;
mod path;
mod place;
mod reconcile;
mod tree;
pub mod view;

pub use ordered::Ordered;
pub use path::{INDEX_SLOTS, Indexes, Step};
pub use place::{NodePath, Place};
pub use reconcile::text_changed;
pub use tree::{Key, Node, Object, Part, Slice, Sparse, Text, object_mut, text_mut};
pub use view::{Fields, View};

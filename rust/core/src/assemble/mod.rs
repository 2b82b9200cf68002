//! Assembling items from events: the value tree, places in it, appending deltas, comparing final values.

pub mod append;
mod ordered;
mod path;
mod place;
mod reconcile;
mod tree;
pub mod view;

pub use ordered::Ordered;
pub use path::{INDEX_SLOTS, Indexes, Step};
pub use place::{Place, Trail};
pub use reconcile::differ;
pub use tree::{Key, Node, Object, Slice, Sparse, Text, grown, opened};
pub use view::{Fields, View};

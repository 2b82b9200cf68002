//! Paths from an item to the value that an event writes; the catalogue of a protocol defines them.

/// The number of index fields that an event may have.
pub const INDEX_SLOTS: usize = 5;

/// One step of a path: to a member and, with an index, to an element of the list in that member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub member: &'static str,
    /// The slot of the index in [`Indexes`].
    pub index: Option<usize>,
}

/// The indexes of an event, by slot. Slot 0 is the index of the item; the protocol defines the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexes {
    pub values: [Option<u32>; INDEX_SLOTS],
}

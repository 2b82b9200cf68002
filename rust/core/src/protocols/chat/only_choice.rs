//! The members of the only choice of a chunk and of its delta, located once for all who read them.
//!
//! They are appended to the members of the chunk: first those of the choice, then those of the delta, as spans into the chunk. Chunks
//! with other choices, or with keys that may be equal, are read by the slower way.

use super::events::CHOICES;
use super::merge::{Fields, are_unique};
use crate::json::{self, Kind, Member};

/// The only choice of a chunk.
#[derive(Clone, Copy)]
pub struct OnlyChoice<'c> {
    text: &'c [u8],
    pub choice: &'c [Member],
    delta: &'c [Member],
}

/// Appends the members of the only choice and of its delta to those of a chunk; returns the number of the chunk's own.
pub fn locate(text: &[u8], members: &mut Vec<Member>) -> usize {
    let own = members.len();
    if append(text, members, own).is_none() {
        members.truncate(own);
    }
    own
}

fn append(text: &[u8], members: &mut Vec<Member>, own: usize) -> Option<()> {
    let choices = *json::find(text, members, CHOICES)?;
    if !json::inside_only_element(text, &choices, members) || !are_unique(text, &members[own..]) {
        return None;
    }
    let of_choice = members.len();
    let delta = json::find(text, &members[own..], "delta").copied();
    let Some(delta) = delta.filter(|delta| delta.kind == Kind::Object) else { return Some(()) };
    let is_located = json::inside(text, &delta, members);
    (is_located && are_unique(text, &members[of_choice..])).then_some(())
}

impl<'c> OnlyChoice<'c> {
    /// The choice with these members, `None` if there are none.
    pub fn of(text: &'c [u8], members: &'c [Member]) -> Option<Self> {
        // The members of the choice follow one another; those of its delta begin inside of one of them.
        let goes_back = |pair: &[Member]| pair[1].key.start < pair[0].end;
        let of_choice = members.windows(2).position(goes_back).map_or(members.len(), |at| at + 1);
        let (choice, delta) = members.split_at(of_choice);
        (!choice.is_empty()).then_some(Self { text, choice, delta })
    }

    /// The members of the choice.
    pub fn fields(self) -> Fields<'c> {
        Fields { text: self.text, members: self.choice.into() }
    }

    /// The members of the delta; none if it is not an object.
    pub fn delta(self) -> Fields<'c> {
        Fields { text: self.text, members: self.delta.into() }
    }
}

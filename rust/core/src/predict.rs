//! Events that repeat the one before them: recognised by their bytes, without reading them again.
//!
//! The reader shows what it has read to the predictor (`learn`) and asks it first (`recognise`). Several templates are
//! kept, because types alternate and lanes interleave; where guessing does not pay it stops for a while.

use std::borrow::Cow;

use crate::catalogue::{Entry, Indexes, Phase};
use crate::json::{self, Kind, Member, Template};
use crate::runs::{Around, Stencil};

/// How many templates are kept.
const KEPT: usize = 8;
/// After so many misses in a row, guessing rests for so many events.
const PATIENCE: u32 = 24;
const REST: u32 = 512;
/// The longest event that is remembered, in bytes.
const LONGEST: usize = 4096;

/// An event that was read in full, and what holds of all that repeat it.
#[derive(Debug)]
pub struct Known {
    template: Template,
    /// No other that this predictor learns has the same.
    pub serial: u64,
    pub entry: &'static Entry,
    pub indexes: Indexes,
    pub lane: Option<Box<str>>,
    /// The places among the members of the sequence number, of the delta, of the item's id, and of the list beside the
    /// delta.
    pub sequence_number: Option<usize>,
    pub value: Option<usize>,
    pub item_id: Option<usize>,
    pub extend: Option<usize>,
    /// The holes that the sequence number and a delta that is a string are, and whether what goes beside the delta is one.
    pub number: Option<usize>,
    pub delta: Option<usize>,
    pub extends: bool,
    /// The template with what stood around the last run of such events.
    pub stencil: Stencil,
    /// For each member, its place in the entry's `eager`.
    pub eager: Vec<Option<usize>>,
}

impl Known {
    /// The member at a place, in the event that was recognised last.
    #[inline]
    pub fn member(&self, place: Option<usize>) -> Option<Member> {
        self.template.member(place?)
    }

    /// The holes, each with the bytes before it; and the bytes behind the last.
    pub fn holes(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        self.template.holes()
    }

    pub fn behind_holes(&self) -> &[u8] {
        self.template.behind_holes()
    }

    /// The event has no line break, nor has any that repeats it.
    pub fn is_one_line(&self) -> bool {
        self.template.is_one_line()
    }

    /// The stencil for blocks like these, which is made for such of this number.
    #[inline]
    pub fn stencil_for(&mut self, around: &Around<'_>, number: u64) -> &mut Stencil {
        if !self.stencil.is_for(around) {
            self.stencil = Stencil::of(self, around, number);
        }
        &mut self.stencil
    }

    /// Events like this can be taken in runs: numbered pieces of one text, with nothing beside it, a line each.
    pub fn is_for_runs(&self) -> bool {
        self.is_for_pieces() && !self.extends
    }

    /// No more than a number, a piece of text and what goes beside it tells an event like this from the next, a line each.
    pub fn is_for_pieces(&self) -> bool {
        self.number.is_some() && self.delta.is_some() && self.is_one_line()
    }

    /// The id of the item, if it is a string: the same in all events that repeat this one.
    pub fn item_id(&self) -> Option<Cow<'_, str>> {
        let place = self.item_id.filter(|place| !self.varies(*place))?;
        let (member, value) = self.template.constant(place)?;
        (member.kind == Kind::String).then(|| json::decode_str(value))
    }

    /// Whether the member at a place is another one in each event.
    pub fn varies(&self, place: usize) -> bool {
        self.template.hole(place).is_some()
    }

    /// The sequence number of the event that was recognised last.
    #[inline]
    pub fn sequence(&self) -> Option<i64> {
        self.template.number(self.number?)
    }

    /// The delta of that event, if it is a string, without its quotes; and whether it has escapes.
    #[inline]
    pub fn delta<'t>(&self, text: &'t [u8]) -> Option<(&'t [u8], bool)> {
        self.template.string(self.delta?, text)
    }
}

/// The members of an event: located when it was read, or known from the one that it repeats.
#[derive(Clone, Copy, Debug)]
pub enum Members<'a> {
    Read(&'a [Member]),
    Repeated(&'a Known),
}

impl<'a> Members<'a> {
    /// All members, in the order of the text.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Member> + 'a {
        let (read, known) = match self {
            Self::Read(members) => (members, None),
            Self::Repeated(known) => (&[][..], Some(known)),
        };
        let places = 0..known.map_or(0, |known| known.template.members());
        read.iter().copied().chain(places.filter_map(move |place| known?.template.member(place)))
    }

    /// The template that the event fitted, if it was recognised.
    pub fn serial(self) -> Option<u64> {
        match self {
            Self::Read(_) => None,
            Self::Repeated(known) => Some(known.serial),
        }
    }

    /// The member of that name, the last one if it is there twice. Escaped keys are compared decoded.
    pub fn find(self, text: &[u8], name: &str) -> Option<Member> {
        match self {
            Self::Read(members) => json::find(text, members, name).copied(),
            Self::Repeated(_) => self.iter().find(|member| member.raw_key(text) == name.as_bytes()),
        }
    }
}

/// Remembers the latest delta events.
#[derive(Debug, Default)]
pub struct Predictor {
    known: Vec<Known>,
    /// The one that fitted last, and the one to be replaced next.
    latest: usize,
    next: usize,
    /// How many were learned.
    learned: u64,
    missed: u32,
    resting: u32,
    /// Events that were recognised, and such as were tried in vain.
    pub hits: u64,
    pub misses: u64,
    /// Never guess; for tests.
    pub off: bool,
}

impl Predictor {
    /// Whether this payload repeats a known event; `latest` gives that event.
    #[inline]
    pub fn recognises(&mut self, data: &[u8]) -> bool {
        if self.known.is_empty() || self.off {
            return false;
        }
        if self.resting > 0 {
            self.resting -= 1;
            return false;
        }
        let found = self.find(|template| template.fits(data).filter(|size| *size == data.len()));
        if found.is_none() {
            self.missed();
        }
        found.is_some()
    }

    /// The size of the payload that a text begins with, if that repeats a known event and has no line break in it. Whether
    /// it was tried at all; if in vain, and the payload turns out to be there as a whole, `missed` wants to be told.
    #[inline]
    pub fn recognises_start(&mut self, text: &[u8]) -> (Option<usize>, bool) {
        if self.known.is_empty() || self.off || self.resting > 0 {
            return (None, false);
        }
        (self.find(|template| template.fits(text).filter(|_| template.is_one_line())), true)
    }

    /// Notes that a payload repeats no known event. After many in a row guessing rests.
    pub fn missed(&mut self) {
        self.misses += 1;
        self.missed += 1;
        if self.missed > PATIENCE {
            (self.missed, self.resting) = (0, REST);
        }
    }

    #[inline]
    fn find(&mut self, fits: impl Fn(&mut Template) -> Option<usize>) -> Option<usize> {
        let latest = self.known.get_mut(self.latest);
        let found = latest.and_then(|known| fits(&mut known.template));
        let found = found.or_else(|| self.find_older(fits));
        if found.is_some() {
            self.hits += 1;
            self.missed = 0;
        }
        found
    }

    fn find_older(&mut self, fits: impl Fn(&mut Template) -> Option<usize>) -> Option<usize> {
        let latest = self.latest;
        let mut known = self.known.iter_mut().enumerate().filter(|(place, _)| *place != latest);
        let (place, size) =
            known.find_map(|(place, known)| Some((place, fits(&mut known.template)?)))?;
        self.latest = place;
        Some(size)
    }

    /// The event that was recognised last.
    #[inline]
    pub fn latest(&self) -> Option<&Known> {
        self.known.get(self.latest)
    }

    /// The same, to be held against the text that comes next; none while guessing is off or rests.
    #[inline]
    pub fn repeating(&mut self) -> Option<&mut Known> {
        if self.off || self.resting > 0 {
            return None;
        }
        self.known.get_mut(self.latest)
    }

    /// Notes that so many events repeated the latest.
    pub fn hit(&mut self, events: u64) {
        self.hits += events;
        self.missed = 0;
    }

    /// Remembers a delta event that was read in full and has nothing odd in it; tells the serial of what it became.
    pub fn learn(
        &mut self,
        data: &[u8],
        members: &[Member],
        entry: &'static Entry,
        indexes: Indexes,
        lane: Option<&str>,
    ) -> Option<u64> {
        if entry.phase != Phase::Delta || self.off || self.resting > 0 || data.len() > LONGEST {
            return None;
        }
        if members.iter().any(|member| member.key_escaped) || !all_differ(data, members) {
            return None;
        }
        let key = |member: &Member| member.raw_key(data);
        let place = |name: &str| members.iter().position(|member| key(member) == name.as_bytes());
        let varies = |member: &Member| match member.kind {
            Kind::Number => key(member) == b"sequence_number",
            // An empty list stays: lists are there in all events of a stream or in none.
            Kind::Array => key(member) == entry.extend.as_bytes() && member.end - member.start > 2,
            Kind::Object => false,
            _ => !matches!(key(member), b"type" | b"item_id" | b"stream_id"),
        };
        let template = Template::of(data, members, varies)?;
        let (sequence_number, value, item_id) =
            (place("sequence_number"), place(entry.value), place("item_id"));
        let extend = place(entry.extend);
        let hole = |place: Option<usize>| template.hole(place?);
        let (number, delta, extends) = (hole(sequence_number), hole(value), hole(extend).is_some());
        let slot = |member| entry.eager.iter().position(|name| name.as_bytes() == key(member));
        let eager = members.iter().map(slot).collect();
        let lane = lane.map(Into::into);
        let known = Known {
            template,
            serial: self.learned,
            entry,
            indexes,
            lane,
            sequence_number,
            value,
            item_id,
            extend,
            number,
            delta,
            extends,
            stencil: Stencil::default(),
            eager,
        };
        self.learned += 1;
        if self.known.len() < KEPT {
            self.latest = self.known.len();
            self.known.push(known);
        } else {
            self.latest = self.next;
            self.known[self.next] = known;
            self.next = (self.next + 1) % KEPT;
        }
        Some(self.learned - 1)
    }
}

/// No key is there twice.
fn all_differ(data: &[u8], members: &[Member]) -> bool {
    members.len() <= 32
        && members.iter().enumerate().all(|(place, member)| {
            members[..place].iter().all(|other| other.raw_key(data) != member.raw_key(data))
        })
}

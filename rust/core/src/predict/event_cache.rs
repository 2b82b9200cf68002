//! A cache of delta events: a payload that repeats a cached event is recognised by its bytes and not parsed again.
//!
//! Most events of a stream repeat the previous one except for a number and a string. The reader adds events that it has
//! parsed ([`EventCache::learn`]) and asks the cache first ([`EventCache::recognises`]). Several events are kept because types
//! alternate and lanes interleave. After many misses in a row the cache rests for a while.

use std::borrow::Cow;

use super::block_pattern::{BlockPattern, Holes};
use crate::frames::Envelope;
use crate::json::{self, Kind, Member, Template};

/// The number of events in the cache.
const SLOTS: usize = 8;
/// After this many misses in a row the cache rests for `REST` events.
const PATIENCE: u32 = 24;
const REST: u32 = 512;
/// The maximum size of a cached event in bytes.
const MAX_EVENT: usize = 4096;

/// The names of the members of a delta event, by role. A role without a member is `""`.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// The sequence number.
    pub sequence: &'static str,
    /// The delta.
    pub value: &'static str,
    /// The id of the item that the delta belongs to.
    pub item_id: &'static str,
    /// A list beside the delta, which is extended with it.
    pub extend: &'static str,
    /// Strings that are the same in all events that repeat one another.
    pub constant: &'static [&'static str],
    /// Members that event objects hold decoded, in order.
    pub eager: &'static [&'static str],
}

/// A delta event that was parsed, as a pattern for the events that repeat it. `route` is the protocol's own part.
#[derive(Debug)]
pub struct CachedEvent<R> {
    template: Template,
    /// Unique within the cache.
    pub serial: u64,
    pub route: R,
    /// The type of the event.
    pub name: &'static str,
    pub lane: Option<Box<str>>,
    /// Positions among the members.
    pub value: Option<usize>,
    pub item_id: Option<usize>,
    pub extend: Option<usize>,
    holes: Holes,
    /// Whether the list beside the delta varies.
    pub extends: bool,
    /// The pattern of the blocks around the last run of these events.
    pattern: BlockPattern,
    /// For each member, its position in [`Roles::eager`].
    pub eager: Vec<Option<usize>>,
}

impl<R> CachedEvent<R> {
    /// The member at a position, in the event that was recognised last.
    #[inline]
    pub fn member(&self, place: Option<usize>) -> Option<Member> {
        self.template.member(place?)
    }

    /// The pattern for blocks with this envelope, of which the first has this sequence number.
    #[inline]
    pub fn pattern_for(&mut self, envelope: &Envelope<'_>, number: u64) -> &mut BlockPattern {
        if !self.pattern.is_for(envelope) {
            self.pattern = BlockPattern::of(&self.template, self.holes, envelope, number);
        }
        &mut self.pattern
    }

    /// Whether neither the event nor one that repeats it has a line break.
    pub fn is_one_line(&self) -> bool {
        self.template.is_one_line()
    }

    /// Whether events that repeat this one differ in the sequence number, the delta and the list beside it only, and take
    /// one line each.
    pub fn is_delta_only(&self) -> bool {
        self.holes.number.is_some() && self.holes.delta.is_some() && self.is_one_line()
    }

    /// Whether runs of these events can be appended to a text: as [`Self::is_delta_only`], without a list beside the delta.
    pub fn is_for_runs(&self) -> bool {
        self.is_delta_only() && !self.extends
    }

    /// The item id, if it is a string that all events that repeat this one share.
    pub fn item_id(&self) -> Option<Cow<'_, str>> {
        let place = self.item_id.filter(|place| !self.varies(*place))?;
        let (member, value) = self.template.constant(place)?;
        (member.kind == Kind::String).then(|| json::decode_str(value))
    }

    /// Whether the member at a position varies between events.
    pub fn varies(&self, place: usize) -> bool {
        self.template.hole(place).is_some()
    }

    /// The sequence number of the event that was recognised last.
    #[inline]
    pub fn sequence(&self) -> Option<i64> {
        self.template.number(self.holes.number?)
    }

    /// The delta of the event that was recognised last, without quotes, and whether it has escapes; `None` if it is no string.
    #[inline]
    pub fn delta<'t>(&self, text: &'t [u8]) -> Option<(&'t [u8], bool)> {
        self.template.string(self.holes.delta?, text)
    }
}

/// The members of an event: located by parsing, or known from the cached event that it repeats.
#[derive(Debug)]
pub enum Members<'a, R> {
    Parsed(&'a [Member]),
    Repeated(&'a CachedEvent<R>),
}

impl<R> Clone for Members<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Members<'_, R> {}

impl<'a, R> Members<'a, R> {
    /// All members, in the order of the text.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Member> + 'a {
        let (parsed, cached) = match self {
            Self::Parsed(members) => (members, None),
            Self::Repeated(cached) => (&[][..], Some(cached)),
        };
        let places = 0..cached.map_or(0, |cached| cached.template.members());
        parsed.iter().copied().chain(places.filter_map(move |place| cached?.template.member(place)))
    }

    /// The serial number of the cached event that this event repeats.
    pub fn serial(self) -> Option<u64> {
        match self {
            Self::Parsed(_) => None,
            Self::Repeated(cached) => Some(cached.serial),
        }
    }

    /// The member with that name; the last one counts. Escaped keys are compared decoded.
    pub fn find(self, text: &[u8], name: &str) -> Option<Member> {
        match self {
            Self::Parsed(members) => json::find(text, members, name).copied(),
            Self::Repeated(_) => self.iter().find(|member| member.raw_key(text) == name.as_bytes()),
        }
    }
}

/// The most recent delta events of a source.
#[derive(Debug)]
pub struct EventCache<R> {
    cached: Vec<CachedEvent<R>>,
    /// The slot that matched last, and the slot to be replaced next.
    latest: usize,
    next: usize,
    learned: u64,
    missed: u32,
    resting: u32,
    /// Events that were recognised, and events that were compared in vain.
    pub hits: u64,
    pub misses: u64,
    /// Disables the cache, for tests.
    pub off: bool,
}

impl<R> Default for EventCache<R> {
    fn default() -> Self {
        Self {
            cached: Vec::new(),
            latest: 0,
            next: 0,
            learned: 0,
            missed: 0,
            resting: 0,
            hits: 0,
            misses: 0,
            off: false,
        }
    }
}

impl<R> EventCache<R> {
    /// Whether this payload repeats a cached event, which is [`Self::latest`] then.
    #[inline]
    pub fn recognises(&mut self, data: &[u8]) -> bool {
        if self.cached.is_empty() || self.off {
            return false;
        }
        if self.resting > 0 {
            self.resting -= 1;
            return false;
        }
        let fits = |template: &mut Template| template.fits(data) == Some(data.len());
        let latest = self.cached.get_mut(self.latest);
        let found =
            latest.is_some_and(|cached| fits(&mut cached.template)) || self.find_other(fits);
        if found {
            self.hit(1);
        } else {
            self.miss();
        }
        found
    }

    fn find_other(&mut self, fits: impl Fn(&mut Template) -> bool) -> bool {
        let latest = self.latest;
        let mut others = self.cached.iter_mut().enumerate().filter(|(slot, _)| *slot != latest);
        let found = others.find_map(|(slot, cached)| fits(&mut cached.template).then_some(slot));
        self.latest = found.unwrap_or(latest);
        found.is_some()
    }

    fn miss(&mut self) {
        self.misses += 1;
        self.missed += 1;
        if self.missed > PATIENCE {
            (self.missed, self.resting) = (0, REST);
        }
    }

    /// Counts events that repeated the latest.
    pub fn hit(&mut self, events: u64) {
        self.hits += events;
        self.missed = 0;
    }

    /// The event that matched last.
    #[inline]
    pub fn latest(&self) -> Option<&CachedEvent<R>> {
        self.cached.get(self.latest)
    }

    /// The event that matched last, for comparison with the text that follows; `None` while the cache is off or rests.
    #[inline]
    pub fn repeating(&mut self) -> Option<&mut CachedEvent<R>> {
        if self.off || self.resting > 0 {
            return None;
        }
        self.cached.get_mut(self.latest)
    }

    /// Adds a delta event that was parsed without any diagnostic; returns its serial number, or `None` if it cannot be cached.
    pub fn learn(
        &mut self,
        data: &[u8],
        members: &[Member],
        roles: &Roles,
        (name, route): (&'static str, R),
        lane: Option<&str>,
    ) -> Option<u64> {
        if self.off || self.resting > 0 || data.len() > MAX_EVENT {
            return None;
        }
        if members.iter().any(|member| member.key_escaped) || !keys_differ(data, members) {
            return None;
        }
        let key = |member: &Member| member.raw_key(data);
        let place = |name: &str| members.iter().position(|member| key(member) == name.as_bytes());
        let varies = |member: &Member| match member.kind {
            Kind::Number => key(member) == roles.sequence.as_bytes(),
            // An empty list is constant: either all events of a stream have elements, or none.
            Kind::Array => key(member) == roles.extend.as_bytes() && member.end - member.start > 2,
            Kind::Object => false,
            _ => !roles.constant.iter().any(|name| name.as_bytes() == key(member)),
        };
        let template = Template::of(data, members, varies)?;
        let hole = |place: Option<usize>| template.hole(place?);
        let (value, extend) = (place(roles.value), place(roles.extend));
        let holes = Holes { number: hole(place(roles.sequence)), delta: hole(value) };
        let extends = hole(extend).is_some();
        let slot = |member| roles.eager.iter().position(|name| name.as_bytes() == key(member));
        self.insert(CachedEvent {
            template,
            serial: self.learned,
            route,
            name,
            lane: lane.map(Into::into),
            value,
            item_id: place(roles.item_id),
            extend,
            holes,
            extends,
            pattern: BlockPattern::default(),
            eager: members.iter().map(slot).collect(),
        });
        Some(self.learned - 1)
    }

    fn insert(&mut self, event: CachedEvent<R>) {
        self.learned += 1;
        if self.cached.len() < SLOTS {
            self.latest = self.cached.len();
            self.cached.push(event);
        } else {
            self.latest = self.next;
            self.cached[self.next] = event;
            self.next = (self.next + 1) % SLOTS;
        }
    }
}

fn keys_differ(data: &[u8], members: &[Member]) -> bool {
    members.len() <= 32
        && members.iter().enumerate().all(|(place, member)| {
            members[..place].iter().all(|other| other.raw_key(data) != member.raw_key(data))
        })
}

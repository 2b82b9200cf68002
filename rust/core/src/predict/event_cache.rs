//! A cache of delta events: a payload that repeats a cached event is recognised by its bytes and not parsed again.
//!
//! Most events of a stream repeat the previous one except for a number and a string. The reader adds events that it has
//! parsed ([`EventCache::learn`]) and asks the cache first ([`EventCache::recognises`]). Several events are kept because types
//! alternate and lanes interleave. The cache rests for a while after many events that were added in vain.

use std::borrow::Cow;
use std::ops::Range;

use super::block_pattern::{BlockPattern, Holes};
use crate::frames::Envelope;
use crate::json::{self, Kind, Member, Probe, Template};

/// The number of events in the cache.
const SLOTS: usize = 8;
/// After more events in a row than this that were added, and that no event repeated, the cache rests: for `FIRST_REST` events,
/// then each time for twice as many, until an event repeats another. Misses alone do not count: short responses have more other
/// events than deltas, and a comparison costs little.
const MAX_UNUSED: u32 = 24;
const FIRST_REST: u32 = 64;
const LONGEST_REST: u32 = 1024;
/// The maximum size of a cached event in bytes.
const MAX_EVENT: usize = 4096;

/// The type of a delta event, and the names of its members by role. A role without a member is `""`.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// The type of the event.
    pub name: &'static str,
    /// The sequence number.
    pub sequence: &'static str,
    /// The delta.
    pub value: &'static str,
    /// The id of the object that the delta belongs to.
    pub owner_id: &'static str,
    /// A list in the event whose elements are appended together with the delta.
    pub extend: &'static str,
    /// Strings that are the same in all events that repeat one another.
    pub constant: &'static [&'static str],
    /// Members that event objects store decoded, in order.
    pub eager: &'static [&'static str],
}

/// A member that varies, and whose last value counts.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Its position among the members.
    pub place: usize,
    /// The number of objects of the API around it, not counting the event.
    pub depth: u8,
}

/// A delta event whose delta is inside of a member.
#[derive(Debug)]
pub struct InnerDelta {
    /// The type of the event.
    pub name: &'static str,
    /// Whether the event line names the type.
    pub is_named: bool,
    /// Whether only events are alike whose delta is not empty.
    pub is_filled: bool,
    /// The id of its response as JSON, `""` without one; `None` if events of its API do not name their responses.
    pub response: Option<Box<[u8]>>,
    /// First the `own` members of the event, then others inside of them. All keys are plain: [`has_plain_keys`].
    pub members: Vec<Member>,
    pub own: usize,
    /// The position of the delta among the members.
    pub value: usize,
    /// The positions of further members that may differ in events that repeat this one.
    pub varying: Vec<usize>,
    /// That of a member that varies only in the responses of some servers: it does if a cached event of the same response has
    /// another value.
    pub may_vary: Option<usize>,
    /// Those of the members that vary whose last value counts.
    pub kept: Vec<Kept>,
    /// That of them which is a list whose elements are appended together with the delta.
    pub extend: Option<usize>,
    /// That of them which is a second text, equal to the delta.
    pub copy: Option<usize>,
    /// Members that event objects store decoded, in order.
    pub eager: &'static [&'static str],
}

/// A parsed delta event, as a pattern for the events that repeat it.
#[derive(Debug)]
pub struct CachedEvent {
    template: Template,
    /// Unique within the cache.
    pub serial: u64,
    /// The type of the event.
    pub name: &'static str,
    pub lane: Option<Box<str>>,
    /// The id of the response that the event names, as JSON; `None` if events of its API do not name their responses.
    pub response: Option<Box<[u8]>>,
    /// Whether the event line names the type.
    pub is_named: bool,
    /// Whether an event that repeats this one has a delta that is not empty.
    pub is_filled: bool,
    /// The members other than the delta that vary, and whose last value counts.
    pub kept: Vec<Kept>,
    /// Positions among the members, by role.
    pub value: Option<usize>,
    pub owner_id: Option<usize>,
    pub extend: Option<usize>,
    /// The second text of the event, which is equal to the delta where it repeats this one.
    pub copy: Option<usize>,
    holes: Holes,
    /// Whether the list that extends the delta varies.
    pub extends: bool,
    /// The pattern of the blocks around the last run of these events.
    pattern: BlockPattern,
    /// For each member, its position in [`Roles::eager`].
    pub eager: Vec<Option<usize>>,
}

impl CachedEvent {
    /// The member at a position, in the event that was recognised last.
    #[inline]
    pub fn member(&self, position: Option<usize>) -> Option<Member> {
        self.template.member(position?)
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

    /// Whether events that repeat this one have a delta, and one line each.
    pub fn is_delta_only(&self) -> bool {
        self.holes.delta.is_some() && self.is_one_line()
    }

    /// Whether runs of these events can be appended to a text: they have a delta, and one line each, and change nothing else.
    pub fn is_for_runs(&self) -> bool {
        self.is_delta_only() && !self.extends && self.copy.is_none()
    }

    /// Whether an event that matches has a delta that is not empty, if it must have one.
    #[inline]
    fn has_delta(&self, data: &[u8]) -> bool {
        !self.is_filled || self.delta(data).is_some_and(|(text, _)| !text.is_empty())
    }

    /// Whether events that repeat this one have a sequence number.
    pub fn is_numbered(&self) -> bool {
        self.holes.number.is_some()
    }

    /// The id of the object that the delta belongs to, if it is a string and equal in all events that repeat this one.
    pub fn owner_id(&self) -> Option<Cow<'_, str>> {
        let position = self.owner_id.filter(|position| !self.varies(*position))?;
        let (member, value) = self.template.constant(position)?;
        (member.kind == Kind::String).then(|| json::decode_str(value))
    }

    /// The spans of what varies, in the event that was recognised last. Those of strings exclude the quotes.
    pub fn holes(&self) -> impl Iterator<Item = Range<usize>> {
        self.template.hole_spans()
    }

    /// Whether the member at a position varies between events.
    pub fn varies(&self, position: usize) -> bool {
        self.template.hole(position).is_some()
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
#[derive(Clone, Copy, Debug)]
pub enum Members<'a> {
    Parsed(&'a [Member]),
    Repeated(&'a CachedEvent),
}

impl<'a> Members<'a> {
    /// All members, in the order of the text.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Member> + 'a {
        let (parsed, cached) = match self {
            Self::Parsed(members) => (members, None),
            Self::Repeated(cached) => (&[][..], Some(cached)),
        };
        let positions = 0..cached.map_or(0, |cached| cached.template.members());
        parsed
            .iter()
            .copied()
            .chain(positions.filter_map(move |position| cached?.template.member(position)))
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

/// The most recent delta events of a source, each with its route: what the protocol knows of the event and of those that repeat
/// it.
#[derive(Debug)]
pub struct EventCache<R> {
    cached: Vec<CachedEvent>,
    /// The routes of the events, and what is compared first, by slot.
    routes: Vec<R>,
    probes: Vec<Probe>,
    /// The slot that matched last, and the slot to be replaced next.
    last_match: usize,
    next: usize,
    learned: u64,
    unused_in_row: u32,
    /// The number of events that the rest still takes, and that the next one takes.
    resting: u32,
    next_rest: u32,
    /// Events that were recognised, and events that matched no cached event.
    pub hits: u64,
    pub misses: u64,
    /// Disables the cache, for tests.
    pub off: bool,
}

impl<R> Default for EventCache<R> {
    fn default() -> Self {
        Self {
            cached: Vec::new(),
            routes: Vec::new(),
            probes: Vec::new(),
            last_match: 0,
            next: 0,
            learned: 0,
            unused_in_row: 0,
            resting: 0,
            next_rest: FIRST_REST,
            hits: 0,
            misses: 0,
            off: false,
        }
    }
}

impl<R: Copy> EventCache<R> {
    /// Whether this payload repeats a cached event, which is [`Self::last_match`] then.
    #[inline]
    pub fn recognises(&mut self, data: &[u8]) -> bool {
        if self.cached.is_empty() || self.off {
            return false;
        }
        if self.resting > 0 {
            self.resting -= 1;
            return false;
        }
        let matches = |template: &mut Template| template.fits(data) == Some(data.len());
        let last_match = self.cached.get_mut(self.last_match);
        let found = last_match.is_some_and(|cached| matches(&mut cached.template))
            || self.find_other(data, matches);
        let found = found && self.last_match().is_some_and(|(cached, _)| cached.has_delta(data));
        if found {
            self.hit(1);
        } else {
            self.misses += 1;
        }
        found
    }

    fn find_other(&mut self, data: &[u8], matches: impl Fn(&mut Template) -> bool) -> bool {
        let last_match = self.last_match;
        let probes = self.probes.iter().enumerate();
        let others = probes.filter(|(slot, probe)| *slot != last_match && probe.finds(data));
        let cached = &mut self.cached;
        let mut is_match =
            |slot: usize| cached.get_mut(slot).is_some_and(|cached| matches(&mut cached.template));
        let found = others.map(|(slot, _)| slot).find(|slot| is_match(*slot));
        self.last_match = found.unwrap_or(last_match);
        found.is_some()
    }

    /// Counts recognised events.
    pub fn hit(&mut self, events: u64) {
        self.hits += events;
        (self.unused_in_row, self.next_rest) = (0, FIRST_REST);
    }

    /// The event that matched last, with its route.
    #[inline]
    pub fn last_match(&self) -> Option<(&CachedEvent, R)> {
        self.cached.get(self.last_match).zip(self.routes.get(self.last_match).copied())
    }

    /// The event that matched last with its route, for comparison with the following blocks; `None` while the cache is off or
    /// rests.
    #[inline]
    pub fn repeating(&mut self) -> Option<(&mut CachedEvent, R)> {
        if self.off || self.resting > 0 {
            return None;
        }
        self.cached.get_mut(self.last_match).zip(self.routes.get(self.last_match).copied())
    }

    /// Whether an event of this size may be added.
    pub fn accepts(&self, size: usize) -> bool {
        !self.off && self.resting == 0 && size <= MAX_EVENT
    }

    /// Adds a delta event that was parsed without diagnostics; returns its serial number, or `None` if it cannot be cached.
    pub fn learn(
        &mut self,
        data: &[u8],
        members: &[Member],
        roles: &Roles,
        route: R,
        lane: Option<&str>,
    ) -> Option<u64> {
        if !self.accepts(data.len()) || !has_plain_keys(data, members) {
            return None;
        }
        let key = |member: &Member| member.raw_key(data);
        let position =
            |name: &str| members.iter().position(|member| key(member) == name.as_bytes());
        let varies = |member: &Member| match member.kind {
            Kind::Number => key(member) == roles.sequence.as_bytes(),
            // An empty list is constant: in practice either all events of a stream have elements, or none.
            Kind::Array => key(member) == roles.extend.as_bytes() && member.end - member.start > 2,
            Kind::Object => false,
            _ => !roles.constant.iter().any(|name| name.as_bytes() == key(member)),
        };
        let template = Template::of(data, members, varies)?;
        let hole = |position: Option<usize>| template.hole(position?);
        let (value, extend) = (position(roles.value), position(roles.extend));
        let holes = Holes { number: hole(position(roles.sequence)), delta: hole(value) };
        let extends = hole(extend).is_some();
        let slot = |member| roles.eager.iter().position(|name| name.as_bytes() == key(member));
        let eager = members.iter().map(slot).collect();
        let event = CachedEvent {
            template,
            serial: self.learned,
            name: roles.name,
            lane: lane.map(Into::into),
            response: None,
            is_named: true,
            is_filled: false,
            kept: Vec::new(),
            value,
            owner_id: position(roles.owner_id),
            extend,
            copy: None,
            holes,
            extends,
            pattern: BlockPattern::default(),
            eager,
        };
        Some(self.insert(event, route))
    }

    /// As [`Self::learn`], for an event whose delta is inside of a member.
    pub fn learn_inner(
        &mut self,
        data: &[u8],
        inner: InnerDelta,
        route: R,
        lane: Option<&str>,
    ) -> Option<u64> {
        if !self.accepts(data.len()) {
            return None;
        }
        let InnerDelta { name, response, members, own, value, varying, kept, eager, .. } = inner;
        let InnerDelta { is_named, is_filled, extend, copy, may_vary, .. } = inner;
        let slot = |member: &Member| {
            let key = member.raw_key(data);
            eager.iter().position(|name| name.as_bytes() == key)
        };
        let eager = members.iter().take(own).map(slot).collect();
        let may_vary = may_vary.filter(|place| {
            let value = members.get(*place).map(|member| member.value(data));
            self.differs(response.as_deref(), *place, value.unwrap_or_default())
        });
        let varies = |place, _: &Member| {
            place == value || Some(place) == may_vary || varying.contains(&place)
        };
        let template = Template::with_inner(data, members, own, varies)?;
        let holes = Holes { number: None, delta: template.hole(value) };
        let event = CachedEvent {
            template,
            serial: self.learned,
            name,
            lane: lane.map(Into::into),
            response,
            is_named,
            is_filled,
            kept,
            value: Some(value),
            owner_id: None,
            extend,
            copy,
            holes,
            extends: extend.is_some(),
            pattern: BlockPattern::default(),
            eager,
        };
        Some(self.insert(event, route))
    }

    /// Whether a cached event of a response has, at a position, a value other than this.
    fn differs(&self, response: Option<&[u8]>, place: usize, value: &[u8]) -> bool {
        let of_response =
            self.cached.iter().filter(|cached| cached.response.as_deref() == response);
        let mut values = of_response.filter_map(|cached| cached.template.constant(place));
        values.any(|(_, other)| other != value)
    }

    /// Adds an event; returns its serial number.
    fn insert(&mut self, event: CachedEvent, route: R) -> u64 {
        self.learned += 1;
        self.unused_in_row += 1;
        if self.unused_in_row > MAX_UNUSED {
            (self.unused_in_row, self.resting) = (0, self.next_rest);
            self.next_rest = (2 * self.next_rest).min(LONGEST_REST);
        }
        if self.cached.len() < SLOTS {
            self.last_match = self.cached.len();
            self.probes.push(event.template.probe());
            self.cached.push(event);
            self.routes.push(route);
        } else {
            self.last_match = self.next;
            self.probes[self.next] = event.template.probe();
            self.cached[self.next] = event;
            self.routes[self.next] = route;
            self.next = (self.next + 1) % SLOTS;
        }
        self.learned - 1
    }
}

/// Whether no key of an object has an escape, and no two are equal. False for an object with many members.
pub fn has_plain_keys(data: &[u8], members: &[Member]) -> bool {
    members.len() <= 32
        && members.iter().all(|member| !member.key_escaped)
        && (differ_at_a_glance(data, members) || differ(data, members))
}

/// Whether the sizes and first bytes of the keys tell them apart, which they mostly do.
fn differ_at_a_glance(data: &[u8], members: &[Member]) -> bool {
    let mut seen = 0_u128;
    members.iter().all(|member| {
        let mark = json::key_mark(member.raw_key(data));
        let is_new = seen & mark == 0;
        seen |= mark;
        is_new
    })
}

fn differ(data: &[u8], members: &[Member]) -> bool {
    let size = |member: &Member| member.key.end.wrapping_sub(member.key.start);
    members.iter().enumerate().all(|(position, member)| {
        let is_same = |other: &Member| {
            size(other) == size(member) && other.raw_key(data) == member.raw_key(data)
        };
        !members[..position].iter().any(is_same)
    })
}

#[cfg(test)]
mod tests {
    use super::{EventCache, FIRST_REST, MAX_UNUSED, Roles, SLOTS};
    use crate::json;

    const ROLES: Roles = Roles {
        name: "k",
        sequence: "number",
        value: "text",
        owner_id: "owner",
        extend: "list",
        constant: &["kind", "owner"],
        eager: &["owner", "text"],
    };

    fn event(number: u64, owner: &str, text: &str) -> String {
        format!(r#"{{"kind":"k","number":{number},"owner":"{owner}","text":"{text}","list":[]}}"#)
    }

    fn learn(cache: &mut EventCache<()>, data: &str) -> Option<u64> {
        let mut members = Vec::new();
        assert!(json::locate(data.as_bytes(), &mut members));
        cache.learn(data.as_bytes(), &members, &ROLES, (), None)
    }

    #[test]
    fn an_event_that_repeats_a_cached_one_is_recognised() {
        let mut cache = EventCache::default();
        assert!(!cache.recognises(event(1, "o", "a").as_bytes()));
        assert_eq!(learn(&mut cache, &event(1, "o", "a")), Some(0));
        let cases = [
            (event(2, "o", "other"), Some((2, "other", false))),
            (event(99, "o", r"\n"), Some((99, r"\n", true))),
            (event(2, "p", "a"), None),
            (event(2, "o", "a") + " ", None),
            (event(2, "o", "a").replace("[]", "[1]"), None),
            (event(2, "o", "a").replace("\"a\"", "null"), None),
            (event(2, "o", "a").replace(":2,", ":2.5,"), None),
            (event(2, "o", "a").replace("number", "member"), None),
        ];
        for (data, expected) in cases {
            assert_eq!(cache.recognises(data.as_bytes()), expected.is_some(), "{data}");
            let Some((number, text, escaped)) = expected else { continue };
            let (cached, ()) = cache.last_match().expect("a cached event");
            assert_eq!(cached.sequence(), Some(number));
            assert_eq!(cached.delta(data.as_bytes()), Some((text.as_bytes(), escaped)));
            assert_eq!(cached.owner_id().as_deref(), Some("o"));
        }
    }

    #[test]
    fn events_that_cannot_be_a_pattern_are_not_learned() {
        let mut cache = EventCache::default();
        let valid = event(1, "o", "a");
        for data in [
            valid.replace("\"list\"", "\"text\""),
            valid.replace("\"list\"", r#""\u006cist""#),
            event(1, "o", &"x".repeat(super::MAX_EVENT)),
        ] {
            assert_eq!(learn(&mut cache, &data), None, "{data}");
        }
        cache.off = true;
        assert_eq!(learn(&mut cache, &valid), None);
    }

    #[test]
    fn the_cache_keeps_the_last_events() {
        let mut cache = EventCache::default();
        for owner in 0..=SLOTS {
            assert_eq!(learn(&mut cache, &event(1, &owner.to_string(), "a")), Some(owner as u64));
        }
        assert!(!cache.recognises(event(2, "0", "a").as_bytes()));
        for owner in (1..=SLOTS).rev() {
            assert!(cache.recognises(event(2, &owner.to_string(), "a").as_bytes()), "{owner}");
            assert_eq!(cache.last_match().map(|(cached, ())| cached.serial), Some(owner as u64));
        }
    }

    #[test]
    fn misses_do_not_make_the_cache_rest() {
        let mut cache = EventCache::default();
        let (known, other) = (event(1, "o", "a"), event(1, "p", "a"));
        learn(&mut cache, &known);
        for _ in 0..FIRST_REST {
            assert!(!cache.recognises(other.as_bytes()));
        }
        assert!(cache.recognises(known.as_bytes()));
    }

    #[test]
    fn the_cache_rests_after_many_events_that_none_repeats() {
        let mut cache = EventCache::default();
        let add = |cache: &mut EventCache<()>, count| {
            (0..count).for_each(|owner| {
                assert!(learn(cache, &event(1, &owner.to_string(), "a")).is_some());
            });
        };
        add(&mut cache, MAX_UNUSED);
        let known = event(2, "20", "a");
        assert!(cache.recognises(known.as_bytes()), "the limit is not reached");
        add(&mut cache, MAX_UNUSED + 1);
        assert!(cache.repeating().is_none());
        assert_eq!(learn(&mut cache, &known), None);
        for _ in 0..FIRST_REST {
            assert!(!cache.recognises(known.as_bytes()));
        }
        assert!(cache.recognises(known.as_bytes()), "the rest is over");
    }
}

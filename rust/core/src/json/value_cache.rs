//! A cache of checked values, so that values that texts repeat are not checked again.
//!
//! The texts of a stream repeat large values: an object is repeated with one member changed, a string alone is repeated in
//! larger objects. A [`ValueCache`] keeps the latest values. If a text contains the bytes of a cached value, the
//! check continues after them; if any byte differs, the value is checked in full.
//!
//! The cost of failed comparisons is limited by the size of the text, the memory by [`MAX_BYTES`] and the number of slots.

use std::sync::Arc;

use super::check::{self, check_with};
use super::grammar::{Cache, Grammar};
use super::lexer::{self, SyntaxError, Token};
use super::locate::locate;
use super::types::{Checked, Fault, Kind, Member};
use crate::simd;
use crate::work::work;

/// The number of cached strings, and of cached arrays and objects: enough for the large values of a few texts.
const STRINGS: usize = 4;
const BRACKETS: usize = 12;
/// The sizes of cached values in bytes; an object that is cached with its members may be larger.
const MIN_BYTES: usize = 48;
const MAX_BYTES: usize = 1 << 18;
const MAX_OBJECT_BYTES: usize = 1 << 20;
/// Values at a greater depth are not looked up, and values of texts that nest deeper than [`MAX_NESTING`] are not cached. A
/// text may repeat a cached value at a greater depth; with these bounds, it cannot exceed the depth limit there.
const MAX_LOOKUP_DEPTH: usize = 6;
const MAX_NESTING: usize = 64;
/// The maximum number of members of the cached object that are skipped to find a key.
const MAX_SKIPPED_MEMBERS: usize = 8;

/// A checked object with its members, which are spans into it. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Located {
    pub raw: Arc<[u8]>,
    pub members: Arc<[Member]>,
}

impl Located {
    /// Locates the members of a valid object.
    pub fn of(raw: &[u8]) -> Self {
        let mut members = Vec::with_capacity(32);
        locate(raw, &mut members);
        Self { raw: raw.into(), members: members.into() }
    }
}

/// A checked value. Its first and last bytes distinguish it from most others.
#[derive(Debug, Default)]
struct Value {
    first_bytes: [u8; 8],
    last_bytes: [u8; 8],
    escaped: bool,
    /// An upper bound of its nesting.
    nesting: usize,
    raw: Vec<u8>,
}

impl Value {
    /// Whether the text has this value at a position, and whether all of its bytes were compared.
    #[inline]
    fn compare_at(&self, text: &[u8], at: usize) -> (bool, bool) {
        let size = self.raw.len();
        let bytes = text.get(at..).and_then(|rest| rest.get(..size)).unwrap_or_default();
        if bytes.first_chunk() != Some(&self.first_bytes)
            || bytes.last_chunk() != Some(&self.last_bytes)
        {
            return (false, false);
        }
        (bytes == self.raw, true)
    }
}

/// The latest values of one kind; a new one replaces the oldest.
#[derive(Debug)]
struct RingBuffer<const N: usize> {
    values: [Value; N],
    next: usize,
    /// The bits of all `first_bytes` (see [`filter_bit`]), which exclude most other values at once.
    filter: u64,
}

impl<const N: usize> Default for RingBuffer<N> {
    fn default() -> Self {
        Self { values: std::array::from_fn(|_| Value::default()), next: 0, filter: 0 }
    }
}

/// The bit of the first bytes of a value in the filter of a [`RingBuffer`].
#[inline]
fn filter_bit(first_bytes: [u8; 8]) -> u64 {
    1 << (u64::from_le_bytes(first_bytes).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

impl<const N: usize> RingBuffer<N> {
    fn push(&mut self, raw: &[u8], escaped: bool, nesting: usize) {
        let (Some(first_bytes), Some(last_bytes)) = (raw.first_chunk(), raw.last_chunk()) else {
            return;
        };
        let value = &mut self.values[self.next];
        (value.first_bytes, value.last_bytes, value.escaped) = (*first_bytes, *last_bytes, escaped);
        value.nesting = nesting;
        value.raw.clear();
        value.raw.extend_from_slice(raw);
        self.next = (self.next + 1) % N;
        self.filter =
            self.values.iter().fold(0, |bits, value| bits | filter_bit(value.first_bytes));
    }

    /// Whether a value at this position may be in the buffer.
    #[inline]
    fn may_contain(&self, text: &[u8], at: usize) -> bool {
        let first_bytes = text.get(at..).and_then(<[u8]>::first_chunk);
        first_bytes.is_some_and(|first_bytes| self.filter & filter_bit(*first_bytes) != 0)
    }
}

/// The latest checked values, and the latest object of one member name with its members.
#[derive(Debug, Default)]
pub struct ValueCache {
    strings: RingBuffer<STRINGS>,
    brackets: RingBuffer<BRACKETS>,
    /// The name of the member whose object is cached with its members.
    cached_name: &'static str,
    /// The names of other members whose objects are read member by member, which saves locating their members later.
    located_names: &'static [&'static str],
    cached_object: Option<Located>,
    /// The deepest nesting of the text that contained `cached_object`.
    cached_nesting: usize,
    /// The members of the latest text's first object of one of these names, as spans into the text, and its start.
    inner_members: Vec<Member>,
    inner_start: Option<usize>,
    /// The object in `inner_members` is of the name `cached_name`.
    inner_is_cached: bool,
    /// The number of the latest text.
    serial: u64,
    /// The number of bytes that failed comparisons in this text may still cost.
    budget: usize,
    /// The deepest nesting of the latest text.
    deepest: usize,
    /// The number of values and runs of members that were found in the cache, and their bytes.
    pub hits: u64,
    pub bytes: u64,
    /// Disables the cache; for tests.
    pub off: bool,
}

impl ValueCache {
    /// A cache that keeps the object of the member `cached_name`, and locates the members of the objects of all these names.
    pub fn of(cached_name: &'static str, located_names: &'static [&'static str]) -> Self {
        Self { cached_name, located_names, ..Self::default() }
    }

    /// The members of the object at `start` in the text that was checked last, as spans into the text; empty if they were not
    /// located.
    pub fn inside(&self, checked: Checked, start: u32) -> &[Member] {
        let is_latest = checked.serial == self.serial && checked.serial > 0 && !self.off;
        if is_latest && self.inner_start == Some(start as usize) {
            &self.inner_members
        } else {
            &[]
        }
    }

    /// As [`super::check`], with the same results.
    pub fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.inner_start = None;
        self.inner_members.clear();
        if self.off {
            return check::check(text, members);
        }
        self.budget = text.len();
        let (checked, deepest) = check_with(text, members, self);
        self.deepest = deepest;
        self.serial += 1;
        checked.map(|checked| Checked { serial: self.serial, ..checked })
    }

    /// Caches a member of a text without lone surrogates and invalid UTF-8, if the text is the one that was checked last.
    pub fn keep(&mut self, text: &[u8], checked: Checked, member: &Member) {
        let value = member.value(text);
        let is_latest = checked.serial == self.serial && checked.serial > 0 && !self.off;
        if !is_latest || self.deepest > MAX_NESTING || value.len() < MIN_BYTES {
            return;
        }
        if self.inner_start == Some(member.start as usize) && self.inner_is_cached {
            self.cache_object(value, member.start);
        } else if value.len() <= MAX_BYTES {
            match member.kind {
                Kind::String => self.strings.push(value, member.escaped, 0),
                Kind::Array | Kind::Object => self.brackets.push(value, false, self.deepest),
                _ => {}
            }
        }
    }

    fn cache_object(&mut self, value: &[u8], start: u32) {
        let is_equal = |cached: &Located| *cached.raw == *value;
        if value.len() > MAX_OBJECT_BYTES || self.cached_object.as_ref().is_some_and(is_equal) {
            return;
        }
        let members = self.inner_members.iter().map(|member| member.shifted(start.wrapping_neg()));
        self.cached_nesting = self.deepest;
        self.cached_object = Some(Located { raw: value.into(), members: members.collect() });
    }

    /// The cached object, if it has these bytes.
    pub fn object(&self, raw: &[u8]) -> Option<&Located> {
        self.cached_object.as_ref().filter(|cached| *cached.raw == *raw)
    }

    fn hit(&mut self, size: usize) {
        self.hits += 1;
        self.bytes += size as u64;
        work(size);
    }

    /// Reads the members of an object of the cached name, from the byte after its opening brace to the one after its closing
    /// brace. Consecutive members that equal those of the cached object are skipped at once. After a member that differs,
    /// the comparison resumes at the next member of the cached object.
    fn read_cached_object(
        &mut self,
        text: &[u8],
        start: usize,
        grammar: &mut Grammar,
    ) -> Result<usize, SyntaxError> {
        let cached = self.cached_object.clone();
        let (raw, members) = cached
            .as_ref()
            .map_or((&[][..], &[][..]), |cached| (&cached.raw[..], &cached.members[..]));
        let mut at = self.skip_equal_members(text, start, raw, 1, members);
        let mut place = self.inner_members.len();
        if place == 0 {
            at = lexer::skip_space(text, at);
            if lexer::byte(text, at) == b'}' {
                return Ok(at + 1);
            }
            at = self.read_member(text, at, grammar)?;
            (place, at) = self.resume(text, at, raw, members, place);
        }
        loop {
            at = lexer::skip_space(text, at);
            match lexer::byte(text, at) {
                b'}' => return Ok(at + 1),
                b',' => at = self.read_member(text, lexer::skip_space(text, at + 1), grammar)?,
                _ => return Err(SyntaxError),
            }
            (place, at) = self.resume(text, at, raw, members, place);
        }
    }

    /// Reads the members of another object, from the byte after its opening brace to the one after its closing brace.
    fn read_located_object(
        &mut self,
        text: &[u8],
        start: usize,
        grammar: &mut Grammar,
    ) -> Result<usize, SyntaxError> {
        let mut at = lexer::skip_space(text, start);
        if lexer::byte(text, at) == b'}' {
            return Ok(at + 1);
        }
        loop {
            at = lexer::skip_space(text, self.read_member(text, at, grammar)?);
            match lexer::byte(text, at) {
                b'}' => return Ok(at + 1),
                b',' => at = lexer::skip_space(text, at + 1),
                _ => return Err(SyntaxError),
            }
        }
    }

    /// Skips members at `at` that equal the `members` of the cached object `raw`, which begin at `from`; returns the
    /// position after them.
    fn skip_equal_members(
        &mut self,
        text: &[u8],
        at: usize,
        raw: &[u8],
        from: usize,
        members: &[Member],
    ) -> usize {
        let (new, cached) = (text.get(at..), raw.get(from..));
        let same = simd::common_prefix(new.unwrap_or_default(), cached.unwrap_or_default());
        work(same + 1);
        // A number may continue, so the byte after a member must be equal too.
        let is_equal = |member: &&Member| (member.end as usize) < from + same;
        let count = members.iter().take_while(is_equal).count();
        let shift = (at as u32).wrapping_sub(from as u32);
        self.inner_members.extend(members[..count].iter().map(|member| member.shifted(shift)));
        let Some(last) = members[..count].last() else { return at };
        let size = last.end as usize - from;
        self.hit(size);
        at + size
    }

    /// Resumes the comparison after a member that differs, if the cached object has a member of its key nearby; returns the
    /// index of the next member of the cached object, and the position in the text.
    fn resume(
        &mut self,
        text: &[u8],
        at: usize,
        raw: &[u8],
        members: &[Member],
        place: usize,
    ) -> (usize, usize) {
        let key = self.inner_members.last().map(|member| member.raw_key(text)).unwrap_or_default();
        let mut next = members.iter().enumerate().skip(place).take(MAX_SKIPPED_MEMBERS);
        let Some((place, member)) = next.find(|(_, member)| member.raw_key(raw) == key) else {
            return (place, at);
        };
        let rest = &members[place + 1..];
        let before = self.inner_members.len();
        let at = self.skip_equal_members(text, at, raw, member.end as usize, rest);
        (place + 1 + self.inner_members.len() - before, at)
    }

    fn read_member(
        &mut self,
        text: &[u8],
        at: usize,
        grammar: &mut Grammar,
    ) -> Result<usize, SyntaxError> {
        grammar.outer_depth += 1;
        let (member, end) = check::member(text, at, grammar, self)?;
        grammar.outer_depth -= 1;
        self.inner_members.push(member);
        Ok(end)
    }
}

impl Cache for ValueCache {
    #[inline]
    fn string(&mut self, text: &[u8], at: usize) -> Option<Token> {
        if !self.strings.may_contain(text, at) {
            return None;
        }
        let value = self.strings.values.iter().position(|value| value.compare_at(text, at).0)?;
        let value = &self.strings.values[value];
        let (end, escaped) = (at + value.raw.len(), value.escaped);
        self.hit(end - at);
        Some(Token { escaped, ..Token::plain(end) })
    }

    #[inline]
    fn brackets(&mut self, text: &[u8], at: usize, depth: usize) -> Option<(usize, usize)> {
        if depth > MAX_LOOKUP_DEPTH || !self.brackets.may_contain(text, at) {
            return None;
        }
        for value in &self.brackets.values {
            let (found, compared) = value.compare_at(text, at);
            let size = value.raw.len();
            if found {
                let nesting = value.nesting;
                self.hit(size);
                return Some((at + size, nesting));
            }
            if compared {
                work(size);
                if size > self.budget {
                    return None;
                }
                self.budget -= size;
            }
        }
        None
    }

    fn object(
        &mut self,
        text: &[u8],
        key: &[u8],
        at: usize,
        grammar: &mut Grammar,
    ) -> Option<Result<usize, SyntaxError>> {
        if self.inner_start.is_some() {
            return None;
        }
        self.inner_is_cached = key == self.cached_name.as_bytes();
        if !self.inner_is_cached && !self.located_names.iter().any(|name| name.as_bytes() == key) {
            return None;
        }
        self.inner_start = Some(at);
        grammar.deepest = grammar.deepest.max(grammar.outer_depth + 1);
        if !self.inner_is_cached {
            return Some(self.read_located_object(text, at + 1, grammar));
        }
        let before = self.hits;
        let end = self.read_cached_object(text, at + 1, grammar);
        if self.hits > before {
            grammar.deepest = grammar.deepest.max(self.cached_nesting);
        }
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text contains the previous one, so that most of it is cached. The check must count its nesting nevertheless.
    #[test]
    fn cached_values_count_towards_the_depth_limit() {
        let mut cache = ValueCache::of("large", &[]);
        let mut value = format!("{{\"text\":\"{}\"}}", "x".repeat(MIN_BYTES));
        for depth in (1..400).step_by(3) {
            let text = format!("{{\"part\":{value}}}");
            let (mut members, mut expected) = (Vec::new(), Vec::new());
            let checked = cache.check(text.as_bytes(), &mut members);
            let slow = check::check(text.as_bytes(), &mut expected);
            assert_eq!(checked.map(|checked| Checked { serial: 0, ..checked }), slow, "{depth}");
            assert_eq!(members, expected);
            if let Ok(checked) = checked {
                cache.keep(text.as_bytes(), checked, &members[0]);
            }
            value = format!("{{\"{depth:06}\":[[{value},\"{depth:06}\"]]}}");
        }
        assert!(cache.hits > 10, "{} hits", cache.hits);
    }

    /// The members that a check locates in an object are those that `locate` returns, and only for the latest text.
    #[test]
    fn inner_members_are_located() {
        let text = br#"{"type":"x","part":{ "a":[1,{"b":"\u0041"}] , "c\n":null,"a":2},"part":{"d":1},"n":{}}"#;
        let mut cache = ValueCache::of("large", &["part", "n"]);
        let (mut members, mut expected) = (Vec::new(), Vec::new());
        let checked = cache.check(text, &mut members).expect("it is JSON");
        let part = members[1];
        locate(part.value(text), &mut expected);
        let back = part.start.wrapping_neg();
        let located: Vec<_> =
            cache.inside(checked, part.start).iter().map(|member| member.shifted(back)).collect();
        assert_eq!((located.len(), &located), (3, &expected));
        for other in &members[2..] {
            assert!(cache.inside(checked, other.start).is_empty());
        }
        cache.check(b"{}", &mut members).expect("it is JSON");
        assert!(cache.inside(checked, part.start).is_empty());
        assert!(cache.check(br#"{"part":{"a":1,}}"#, &mut members).is_err());
    }

    /// The result of another check does not count as the latest check of the cache.
    #[test]
    fn only_the_latest_text_is_cached() {
        let text = format!("{{\"large\":{{\"a\":\"{}\"}}}}", "x".repeat(MIN_BYTES));
        let (mut cache, mut members) = (ValueCache::of("large", &[]), Vec::new());
        let other = check::check(text.as_bytes(), &mut members).expect("it is JSON");
        cache.keep(text.as_bytes(), other, &members[0]);
        assert!(cache.object(members[0].value(text.as_bytes())).is_none());
        let checked = cache.check(text.as_bytes(), &mut members).expect("it is JSON");
        cache.keep(text.as_bytes(), checked, &members[0]);
        let value = members[0].value(text.as_bytes());
        assert_eq!(cache.object(value).map(|cached| cached.members.len()), Some(1));
    }
}

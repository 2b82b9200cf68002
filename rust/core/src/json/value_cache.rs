//! What was checked is not checked again: values that texts repeat are known by their bytes.
//!
//! The events of a response say most things several times. Its settings come with each lifecycle event, its text with
//! `output_text.done`, again in the part, in the item and in the terminal response. A [`ValueCache`] keeps the last such values
//! with what is known of them; where a text has the same bytes again, the check goes on behind them. Nothing is guessed: a
//! difference in any byte sends the value through the whole check.
//!
//! What trying may cost is bounded by the size of the text, what is kept by [`LARGEST`] and the numbers of slots.

use std::sync::Arc;

use super::check::{self, check_with};
use super::grammar::{Cache, Grammar};
use super::lexer::{self, Bad, Token};
use super::locate::locate;
use super::types::{Checked, Fault, Kind, Member};
use crate::simd;
use crate::work::work;

/// Strings, and lists or objects, that are kept. A response of a few items has all of its own in them.
const STRINGS: usize = 4;
const BRACKETS: usize = 12;
/// The sizes of the values that are kept, in bytes; an object whose members are kept too may be larger.
const SMALLEST: usize = 48;
const LARGEST: usize = 1 << 18;
const LARGEST_OBJECT: usize = 1 << 20;
/// Deeper than this nothing is looked for, nor is anything kept of a text that nests deeper: a known value must not take
/// the nesting over its limit in a place where it did not stand before.
const DEEP: usize = 6;
const NESTING: usize = 64;
/// How many members of the known object are skipped at most to find one of the same key.
const AHEAD: usize = 8;

/// A checked object with its members, which are spans into it. Copies share their bytes.
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

/// A value that was checked. Its first and last bytes tell nearly all others apart from it.
#[derive(Debug, Default)]
struct Value {
    head: [u8; 8],
    tail: [u8; 8],
    escaped: bool,
    /// No deeper than this does it nest.
    nesting: usize,
    raw: Vec<u8>,
}

impl Value {
    /// Whether a text has this value at a position; and whether all of it had to be compared.
    #[inline]
    fn is_at(&self, text: &[u8], at: usize) -> (bool, bool) {
        let size = self.raw.len();
        let there = text.get(at..).and_then(|rest| rest.get(..size)).unwrap_or_default();
        if there.first_chunk() != Some(&self.head) || there.last_chunk() != Some(&self.tail) {
            return (false, false);
        }
        (there == self.raw, true)
    }
}

/// Values of one kind, of which a new one takes the place of the oldest.
#[derive(Debug)]
struct RingBuffer<const N: usize> {
    values: [Value; N],
    next: usize,
    /// A bit for each head that is there: most values that are met have one of none.
    heads: u64,
}

impl<const N: usize> Default for RingBuffer<N> {
    fn default() -> Self {
        Self { values: std::array::from_fn(|_| Value::default()), next: 0, heads: 0 }
    }
}

/// The bit of a head.
#[inline]
fn bit(head: [u8; 8]) -> u64 {
    1 << (u64::from_le_bytes(head).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

impl<const N: usize> RingBuffer<N> {
    fn keep(&mut self, raw: &[u8], escaped: bool, nesting: usize) {
        let (Some(head), Some(tail)) = (raw.first_chunk(), raw.last_chunk()) else { return };
        let value = &mut self.values[self.next];
        (value.head, value.tail, value.escaped) = (*head, *tail, escaped);
        value.nesting = nesting;
        value.raw.clear();
        value.raw.extend_from_slice(raw);
        self.next = (self.next + 1) % N;
        self.heads = self.values.iter().fold(0, |bits, value| bits | bit(value.head));
    }

    /// Whether a value that begins here may be one of these.
    #[inline]
    fn may_have(&self, text: &[u8], at: usize) -> bool {
        let head = text.get(at..).and_then(<[u8]>::first_chunk);
        head.is_some_and(|head| self.heads & bit(*head) != 0)
    }
}

/// The last values that were checked, and the last object of a certain name with its members.
#[derive(Debug, Default)]
pub struct ValueCache {
    strings: RingBuffer<STRINGS>,
    brackets: RingBuffer<BRACKETS>,
    /// The name of the member whose value is kept as an object.
    name: &'static str,
    /// The names of other members whose objects are passed member by member, so that nobody locates those again.
    others: &'static [&'static str],
    object: Option<Located>,
    /// The deepest nesting of the text that it stood in.
    object_deepest: usize,
    /// The members of the object of one of these names in the latest text, as spans into the text; where it began.
    found: Vec<Member>,
    object_start: Option<usize>,
    /// It is the one that is kept.
    named: bool,
    /// The number of the latest text.
    serial: u64,
    /// Bytes that may still be compared in vain in this text.
    budget: usize,
    /// The deepest nesting of the latest text.
    deepest: usize,
    /// Values, members among them, that were known; in bytes too.
    pub hits: u64,
    pub bytes: u64,
    /// Never remember; for tests.
    pub off: bool,
}

impl ValueCache {
    /// A cache that keeps the object of this name, and knows the members of that and the other names.
    pub fn of(name: &'static str, others: &'static [&'static str]) -> Self {
        Self { name, others, ..Self::default() }
    }

    /// The members of the object that begins here in the text that was scanned last, as spans into the text; none where they
    /// are not known.
    pub fn inside(&self, scan: Checked, start: u32) -> &[Member] {
        let known = scan.serial == self.serial && scan.serial > 0 && !self.off;
        if known && self.object_start == Some(start as usize) { &self.found } else { &[] }
    }

    /// As [`super::check`], with the same answers.
    pub fn check(&mut self, text: &[u8], members: &mut Vec<Member>) -> Result<Checked, Fault> {
        self.object_start = None;
        self.found.clear();
        if self.off {
            return check::check(text, members);
        }
        self.budget = text.len();
        let (scanned, deepest) = check_with(text, members, self);
        self.deepest = deepest;
        self.serial += 1;
        scanned.map(|scan| Checked { serial: self.serial, ..scan })
    }

    /// Keeps a member of a text that has nothing odd in it, if that was the last to be scanned here.
    pub fn keep(&mut self, text: &[u8], scan: Checked, member: &Member) {
        let value = member.value(text);
        let last = scan.serial == self.serial && scan.serial > 0 && !self.off;
        if !last || self.deepest > NESTING || value.len() < SMALLEST {
            return;
        }
        if self.object_start == Some(member.start as usize) && self.named {
            self.keep_object(value, member.start);
        } else if value.len() <= LARGEST {
            match member.kind {
                Kind::String => self.strings.keep(value, member.escaped, 0),
                Kind::Array | Kind::Object => self.brackets.keep(value, false, self.deepest),
                _ => {}
            }
        }
    }

    fn keep_object(&mut self, value: &[u8], start: u32) {
        let same = |known: &Located| *known.raw == *value;
        if value.len() > LARGEST_OBJECT || self.object.as_ref().is_some_and(same) {
            return;
        }
        let members = self.found.iter().map(|member| member.shifted(start.wrapping_neg()));
        self.object_deepest = self.deepest;
        self.object = Some(Located { raw: value.into(), members: members.collect() });
    }

    /// The object with these bytes, if it is the one that was kept last.
    pub fn object(&self, raw: &[u8]) -> Option<&Located> {
        self.object.as_ref().filter(|known| *known.raw == *raw)
    }

    fn hit(&mut self, size: usize) {
        self.hits += 1;
        self.bytes += size as u64;
        work(size);
    }

    /// Passes the members of an object, from behind its brace to behind the other. Members that follow each other as in
    /// the known object are passed at once; behind one that differs the known object is taken up again.
    fn members(&mut self, text: &[u8], start: usize, grammar: &mut Grammar) -> Result<usize, Bad> {
        let known = self.object.clone();
        let (raw, members) =
            known.as_ref().map_or((&[][..], &[][..]), |known| (&known.raw[..], &known.members[..]));
        let mut at = self.same_members(text, start, raw, 1, members);
        let mut place = self.found.len();
        if place == 0 {
            at = lexer::skip_space(text, at);
            if lexer::byte(text, at) == b'}' {
                return Ok(at + 1);
            }
            at = self.other_member(text, at, grammar)?;
            (place, at) = self.resume(text, at, raw, members, place);
        }
        loop {
            at = lexer::skip_space(text, at);
            match lexer::byte(text, at) {
                b'}' => return Ok(at + 1),
                b',' => at = self.other_member(text, lexer::skip_space(text, at + 1), grammar)?,
                _ => return Err(Bad),
            }
            (place, at) = self.resume(text, at, raw, members, place);
        }
    }

    /// Passes the members of an object that is not kept, from behind its brace to behind the other.
    fn other_members(
        &mut self,
        text: &[u8],
        start: usize,
        grammar: &mut Grammar,
    ) -> Result<usize, Bad> {
        let mut at = lexer::skip_space(text, start);
        if lexer::byte(text, at) == b'}' {
            return Ok(at + 1);
        }
        loop {
            at = lexer::skip_space(text, self.other_member(text, at, grammar)?);
            match lexer::byte(text, at) {
                b'}' => return Ok(at + 1),
                b',' => at = lexer::skip_space(text, at + 1),
                _ => return Err(Bad),
            }
        }
    }

    /// Passes the members that follow here as `members` follow in `raw` from `from` on; gives the position behind them.
    fn same_members(
        &mut self,
        text: &[u8],
        at: usize,
        raw: &[u8],
        from: usize,
        members: &[Member],
    ) -> usize {
        let (here, there) = (text.get(at..), raw.get(from..));
        let same = simd::common(here.unwrap_or_default(), there.unwrap_or_default());
        work(same + 1);
        // A number may go on, so what stands behind a member must be the same too.
        let whole = |member: &&Member| (member.end as usize) < from + same;
        let passed = members.iter().take_while(whole).count();
        let shift = (at as u32).wrapping_sub(from as u32);
        self.found.extend(members[..passed].iter().map(|member| member.shifted(shift)));
        let Some(last) = members[..passed].last() else { return at };
        let size = last.end as usize - from;
        self.hit(size);
        at + size
    }

    /// Goes on behind a member that was not known, where the known object has one of its key; gives the place of the next
    /// member there, and the position here.
    fn resume(
        &mut self,
        text: &[u8],
        at: usize,
        raw: &[u8],
        members: &[Member],
        place: usize,
    ) -> (usize, usize) {
        let key = self.found.last().map(|member| member.raw_key(text)).unwrap_or_default();
        let mut next = members.iter().enumerate().skip(place).take(AHEAD);
        let Some((place, member)) = next.find(|(_, member)| member.raw_key(raw) == key) else {
            return (place, at);
        };
        let rest = &members[place + 1..];
        let before = self.found.len();
        let at = self.same_members(text, at, raw, member.end as usize, rest);
        (place + 1 + self.found.len() - before, at)
    }

    fn other_member(
        &mut self,
        text: &[u8],
        at: usize,
        grammar: &mut Grammar,
    ) -> Result<usize, Bad> {
        grammar.outer_depth += 1;
        let (member, end) = check::member(text, at, grammar, self)?;
        grammar.outer_depth -= 1;
        self.found.push(member);
        Ok(end)
    }
}

impl Cache for ValueCache {
    #[inline]
    fn string(&mut self, text: &[u8], at: usize) -> Option<Token> {
        if !self.strings.may_have(text, at) {
            return None;
        }
        let value = self.strings.values.iter().position(|value| value.is_at(text, at).0)?;
        let value = &self.strings.values[value];
        let (end, escaped) = (at + value.raw.len(), value.escaped);
        self.hit(end - at);
        Some(Token { end, escaped, odd: false, high: false })
    }

    #[inline]
    fn brackets(&mut self, text: &[u8], at: usize, depth: usize) -> Option<(usize, usize)> {
        if depth > DEEP || !self.brackets.may_have(text, at) {
            return None;
        }
        for value in &self.brackets.values {
            let (found, compared) = value.is_at(text, at);
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
    ) -> Option<Result<usize, Bad>> {
        if self.object_start.is_some() {
            return None;
        }
        self.named = key == self.name.as_bytes();
        if !self.named && !self.others.iter().any(|name| name.as_bytes() == key) {
            return None;
        }
        self.object_start = Some(at);
        grammar.deepest = grammar.deepest.max(grammar.outer_depth + 1);
        if !self.named {
            return Some(self.other_members(text, at + 1, grammar));
        }
        let before = self.hits;
        let end = self.members(text, at + 1, grammar);
        if self.hits > before {
            grammar.deepest = grammar.deepest.max(self.object_deepest);
        }
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text has the one before in it, so that more and more of it is known: its nesting must be seen nevertheless.
    #[test]
    fn known_values_do_not_hide_how_deep_they_nest() {
        let mut cache = ValueCache::of("response", &[]);
        let mut value = format!("{{\"text\":\"{}\"}}", "x".repeat(SMALLEST));
        for depth in (1..400).step_by(3) {
            let text = format!("{{\"item\":{value}}}");
            let (mut members, mut expected) = (Vec::new(), Vec::new());
            let scanned = cache.check(text.as_bytes(), &mut members);
            let slow = check::check(text.as_bytes(), &mut expected);
            assert_eq!(scanned.map(|scan| Checked { serial: 0, ..scan }), slow, "{depth}");
            assert_eq!(members, expected);
            if let Ok(scan) = scanned {
                cache.keep(text.as_bytes(), scan, &members[0]);
            }
            value = format!("{{\"{depth:06}\":[[{value},\"{depth:06}\"]]}}");
        }
        assert!(cache.hits > 10, "{} known", cache.hits);
    }

    /// The members of an object that is passed one by one are those that are found in it otherwise; of the last text only.
    #[test]
    fn members_inside_are_known() {
        let text = br#"{"type":"x","item":{ "a":[1,{"b":"\u0041"}] , "c\n":null,"a":2},"item":{"d":1},"n":{}}"#;
        let mut cache = ValueCache::of("response", &["item", "n"]);
        let (mut members, mut expected) = (Vec::new(), Vec::new());
        let scan = cache.check(text, &mut members).expect("it is JSON");
        let item = members[1];
        locate(item.value(text), &mut expected);
        let back = item.start.wrapping_neg();
        let inside: Vec<_> =
            cache.inside(scan, item.start).iter().map(|member| member.shifted(back)).collect();
        assert_eq!((inside.len(), &inside), (3, &expected));
        for other in &members[2..] {
            assert!(cache.inside(scan, other.start).is_empty());
        }
        cache.check(b"{}", &mut members).expect("it is JSON");
        assert!(cache.inside(scan, item.start).is_empty());
        assert!(cache.check(br#"{"item":{"a":1,}}"#, &mut members).is_err());
    }

    /// What another check has read is not taken for what was scanned here last.
    #[test]
    fn only_what_was_scanned_here_is_kept() {
        let text = format!("{{\"response\":{{\"a\":\"{}\"}}}}", "x".repeat(SMALLEST));
        let (mut cache, mut members) = (ValueCache::of("response", &[]), Vec::new());
        let other = check::check(text.as_bytes(), &mut members).expect("it is JSON");
        cache.keep(text.as_bytes(), other, &members[0]);
        assert!(cache.object(members[0].value(text.as_bytes())).is_none());
        let scan = cache.check(text.as_bytes(), &mut members).expect("it is JSON");
        cache.keep(text.as_bytes(), scan, &members[0]);
        let value = members[0].value(text.as_bytes());
        assert_eq!(cache.object(value).map(|known| known.members.len()), Some(1));
    }
}

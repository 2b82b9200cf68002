//! The shapes of the chunks of a server: a chunk of a shape that was seen is not parsed again.
//!
//! The responses of one server consist of the same chunks: the one with the role, those with text, the one with the finish reason,
//! the one with the usage. They differ in the id, the time, a text or the usage. A chunk has two parts, before and from its choices
//! on, since its first part is that of all chunks of a response. Both are compared with those of earlier chunks. This is for chunks
//! that the event cache does not recognise, because it keeps chunks with the id of their response.

use super::catalogue::{Kind, Scope};
use crate::json::{self, Kind as JsonKind, Member, Template};

/// The numbers of parts that are kept. The latest parts replace the oldest.
const HEADS: usize = 4;
const TAILS: usize = 12;
/// The maximum size of a chunk with a shape that is kept, or known.
const MAX_CHUNK: usize = 4096;
/// The members before the choices in which the responses of a server differ.
const STRINGS: [&[u8]; 2] = [b"id", b"system_fingerprint"];
const NUMBERS: [&[u8]; 1] = [b"created"];
/// The members from the choices on in which the chunks of a shape differ, apart from the texts of the delta.
const STRINGS_AFTER: [&[u8]; 2] = [b"obfuscation", b"p"];
const USAGE: &[u8] = b"usage";
const LOGPROBS: &[u8] = b"logprobs";
/// The maximum number of figures in the usage that are compared one by one.
const FIGURES: usize = 10;

/// A part of a chunk with the members in it, as spans into the part.
#[derive(Debug)]
enum Part {
    Constant(Vec<u8>, Vec<Member>),
    Varying(Box<Template>),
}

impl Part {
    /// The part with these members, of which the first `own` are read; the others are inside of them and only vary.
    fn of(
        text: &[u8],
        members: Vec<Member>,
        own: usize,
        varies: impl Fn(usize, &Member) -> bool,
    ) -> Option<Self> {
        if members.iter().enumerate().any(|(place, member)| varies(place, member)) {
            let template = Template::with_inner(text, members, own, varies)?;
            return Some(Self::Varying(template.into()));
        }
        Some(Self::Constant(text.to_vec(), members))
    }

    /// The size of the part at the start of a text, if it is there.
    fn fits(&mut self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Constant(own, _) => text.starts_with(own).then_some(own.len()),
            Self::Varying(template) => template.fits(text),
        }
    }

    /// Appends the members, as they are in the text that fitted last, which is at `start` in the chunk.
    fn append_members(&self, start: u32, out: &mut Vec<Member>) {
        match self {
            Self::Constant(_, members) => {
                out.extend(members.iter().map(|member| member.shifted(start)));
            }
            Self::Varying(template) => {
                let members = (0..template.members()).filter_map(|place| template.member(place));
                out.extend(members.map(|member| member.shifted(start)));
            }
        }
    }
}

/// A part before the choices.
#[derive(Debug)]
struct Head {
    part: Part,
    serial: u64,
}

/// A part from the choices on, after a certain head, since all keys of a chunk must differ.
#[derive(Debug)]
struct Tail<R> {
    head: u64,
    part: Part,
    /// The members that are texts which are not empty.
    filled: Vec<usize>,
    /// The number of members of the chunk itself.
    own: usize,
    route: R,
}

/// The latest shapes of a source, each with its route: what is known of a chunk of that shape.
#[derive(Debug)]
pub struct Shapes<R> {
    heads: Vec<Head>,
    tails: Vec<Tail<R>>,
    /// The head that fitted last.
    latest: usize,
    /// The numbers of parts that were added.
    heads_added: u64,
    tails_added: usize,
}

impl<R> Default for Shapes<R> {
    fn default() -> Self {
        let (heads, tails) = (Vec::new(), Vec::new());
        Self { heads, tails, latest: 0, heads_added: 0, tails_added: 0 }
    }
}

impl<R: Copy> Shapes<R> {
    /// Reads a chunk of a shape that was seen: its members, first those of the chunk itself, then those of its only choice and of
    /// the delta. Returns the number of the first, and the route. The members are undefined if it returns `None`.
    pub fn read(&mut self, chunk: &[u8], members: &mut Vec<Member>) -> Option<(usize, R)> {
        // Each shape may be compared with nearly all of the chunk.
        if chunk.len() > MAX_CHUNK {
            return None;
        }
        let split = self.find_head(chunk)?;
        let (head, rest) = (self.heads.get(self.latest)?, chunk.get(split..)?);
        let mut tails = self.tails.iter_mut().filter(|tail| tail.head == head.serial);
        let tail = tails.find_map(|tail| (tail.part.fits(rest)? == rest.len()).then_some(tail))?;
        members.clear();
        head.part.append_members(0, members);
        let before = members.len();
        tail.part.append_members(split as u32, members);
        let is_filled = |place: &usize| {
            members.get(before + place).is_some_and(|text| text.end - text.start > 2)
        };
        tail.filled.iter().all(is_filled).then_some((tail.own, tail.route))
    }

    /// Finds the head at the start of a chunk, which is the latest then; returns its size there.
    fn find_head(&mut self, chunk: &[u8]) -> Option<usize> {
        let order = std::iter::once(self.latest).chain(0..self.heads.len());
        for place in order {
            if let Some(split) = self.heads.get_mut(place)?.part.fits(chunk) {
                self.latest = place;
                return Some(split);
            }
        }
        None
    }

    /// Adds the shape of a chunk without diagnostics, whose second part begins at `split`. `members`: as for [`Self::read`], of which
    /// `own` are those of the chunk.
    pub fn learn(
        &mut self,
        chunk: &[u8],
        (members, own): (&[Member], usize),
        split: usize,
        route: R,
    ) {
        if chunk.len() > MAX_CHUNK {
            return;
        }
        let in_head = members.iter().take(own).take_while(|member| (member.start as usize) < split);
        let count = in_head.count();
        if let Some(head) = self.head_of(chunk, &members[..count], split) {
            self.add_tail(chunk, (&members[count..], own - count), split, (head, own), route);
        }
    }

    /// The serial number of the head of a chunk, which is added if there is none.
    fn head_of(&mut self, chunk: &[u8], members: &[Member], split: usize) -> Option<u64> {
        if self.find_head(chunk) == Some(split) {
            return self.heads.get(self.latest).map(|head| head.serial);
        }
        let text = chunk.get(..split)?;
        let varies = |_, member: &Member| {
            let key = member.raw_key(text);
            match member.kind {
                JsonKind::String => STRINGS.contains(&key),
                JsonKind::Number => NUMBERS.contains(&key),
                _ => false,
            }
        };
        let part = Part::of(text, members.to_vec(), members.len(), varies)?;
        let (head, serial) = (Head { part, serial: self.heads_added }, self.heads_added);
        self.latest = replace_oldest(&mut self.heads, head, self.heads_added as usize % HEADS);
        self.heads_added += 1;
        Some(serial)
    }

    fn add_tail(
        &mut self,
        chunk: &[u8],
        (members, in_tail): (&[Member], usize),
        split: usize,
        (head, own): (u64, usize),
        route: R,
    ) {
        let text = chunk.get(split..).unwrap_or_default();
        let back = (split as u32).wrapping_neg();
        let mut members: Vec<_> = members.iter().map(|member| member.shifted(back)).collect();
        let count = members.len();
        let has_figures = add_figures(text, &mut members, in_tail);
        let is_text = |place: usize, member: &Member| {
            let is_inner = (in_tail..count).contains(&place) && member.kind == JsonKind::String;
            is_inner && member.end - member.start > 2 && is_streamed(member.raw_key(text))
        };
        let varies = |place: usize, member: &Member| {
            let (key, is_own) = (member.raw_key(text), place < in_tail);
            match member.kind {
                JsonKind::String if is_own => STRINGS_AFTER.contains(&key),
                JsonKind::String => is_text(place, member),
                JsonKind::Object if key == USAGE => is_own && !has_figures,
                JsonKind::Object => key == LOGPROBS,
                _ => place >= count,
            }
        };
        let filled = members.iter().enumerate().filter(|(place, member)| is_text(*place, member));
        let filled = filled.map(|(place, _)| place).collect();
        if let Some(part) = Part::of(text, members, count, varies) {
            let tail = Tail { head, part, filled, own, route };
            replace_oldest(&mut self.tails, tail, self.tails_added % TAILS);
            self.tails_added += 1;
        }
    }
}

/// Whether a member of a delta is a text that is streamed.
fn is_streamed(key: &[u8]) -> bool {
    Scope::Delta.rule(key).is_some_and(|rule| rule.kind != Kind::None)
}

/// Appends the numbers in the usage, if there is one with a few natural numbers at most two levels deep; returns whether it did.
fn add_figures(text: &[u8], members: &mut Vec<Member>, own: usize) -> bool {
    let is_usage =
        |member: &&Member| member.raw_key(text) == USAGE && member.kind == JsonKind::Object;
    let Some(usage) = members.iter().take(own).find(is_usage).copied() else { return false };
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    json::inside(text, &usage, &mut outer);
    for object in outer.iter().filter(|member| member.kind == JsonKind::Object) {
        json::inside(text, object, &mut inner);
    }
    let figures = || outer.iter().chain(&inner).filter(|member| member.kind == JsonKind::Number);
    let is_natural = |member: &Member| member.value(text).iter().all(u8::is_ascii_digit);
    if figures().count() > FIGURES || !figures().all(is_natural) {
        return false;
    }
    members.extend(figures().copied());
    figures().next().is_some()
}

/// Puts a value at a place of a list, or at its end if the list is shorter; returns its place.
fn replace_oldest<T>(list: &mut Vec<T>, value: T, place: usize) -> usize {
    match list.get_mut(place) {
        Some(oldest) => *oldest = value,
        None => list.push(value),
    }
    place.min(list.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::super::events::{Source, classify};
    use super::Member;
    use crate::frames::{Frame, FrameKind};
    use crate::json::ValueCache;
    use crate::protocols::parsed_event::Classified;
    use crate::protocols::payload_reader::PayloadReader;

    fn frame<'a>(data: &'a [u8], members: &'a mut Vec<Member>) -> Frame<'a> {
        Frame {
            data,
            name: None,
            offset: 0,
            end: data.len() as u64,
            line: 1,
            kind: FrameKind::Payload,
            single: false,
            missing_blank_line: false,
            unfinished: false,
            checked: None,
            members,
        }
    }

    /// What is known of a chunk after it was classified, as text.
    fn classified(source: &mut Source, data: &str) -> String {
        let (mut members, mut issues) = (Vec::new(), Vec::new());
        let mut frame = frame(data.as_bytes(), &mut members);
        let values = &mut ValueCache::default();
        let mut reader = PayloadReader { values, source, error: &mut None, open: None };
        match classify(&mut reader, &mut frame, &mut issues) {
            Classified::Event(event, route) => {
                let (members, inner): (Vec<_>, _) =
                    (event.members.iter().collect(), event.inner_members);
                format!(
                    "{:?} {:?} {members:?} {inner:?} {route:?} {issues:?}",
                    event.response, event.checked.kind
                )
            }
            _ => "no event".to_owned(),
        }
    }

    /// Whether a chunk has a shape that was seen.
    fn is_known(source: &mut Source, data: &str) -> bool {
        let mut members = Vec::new();
        source
            .read_shape(&mut frame(data.as_bytes(), &mut members), &ValueCache::default())
            .is_some()
    }

    const HEAD: &str =
        r#"{"id":"a","object":"chat.completion.chunk","created":1,"system_fingerprint":"f","#;
    /// A chunk from the choices on; and changes: what replaces a text in it, and whether the chunk has the same shape then.
    type Case = (&'static str, &'static [(&'static str, &'static str, bool)]);
    const TAILS: [Case; 6] = [
        (
            r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            &[
                (r#""""#, r#""x""#, false),
                ("null}]", "\"stop\"}]", false),
                ("assistant", "tool", false),
                (":0", ":1", false),
            ],
        ),
        (
            r#""choices":[{"index":0,"delta":{"content":"x","reasoning":null}}],"obfuscation":"ab"}"#,
            &[
                (r#""x""#, r#""longer \n \ud83d\ude00 é""#, true),
                (r#""x""#, r#""""#, false),
                (r#""x""#, r#""\ud83d""#, false),
                (r#""x""#, "\"\u{1}\"", false),
                (r#""x""#, "null", false),
                ("ab", "", true),
                ("content", "refusal", false),
                (":null", ":\"\"", false),
                ("}],", "}, {}],", false),
            ],
        ),
        (
            r#""choices":[{"index":0,"delta":{"content":"x"},"logprobs":{"content":[{"token":"x"}]}}]}"#,
            &[
                (r#"[{"token":"x"}]"#, "[]", true),
                (r#"[{"token":"x"}]"#, "[,]", false),
                (r#"{"content":[{"token":"x"}]}"#, "null", false),
            ],
        ),
        (
            r#""choices":[],"usage":{"total_tokens":5,"details":{"cached":0,"audio":null},"prompt_tokens":20}}"#,
            &[
                ("20", "1", true),
                (":5", ":123456", true),
                (":0", ":00", false),
                (":0", ":0.5", false),
                (":0", ":-1", false),
                (":null", ":1", false),
                ("audio", "total", false),
            ],
        ),
        (
            r#""choices":[],"usage":{"total_tokens":5,"cost":0.25}}"#,
            &[
                ("0.25", "1e3", true),
                ("0.25", "1e", false),
                (r#","cost":0.25"#, "", true),
                (r#"{"total_tokens":5,"cost":0.25}"#, "null", false),
            ],
        ),
        (
            r#""choices":[{"text":"x","index":0,"finish_reason":"stop"}]}"#,
            &[(r#""x""#, r#""y""#, false)],
        ),
    ];

    #[test]
    fn chunks_of_a_known_shape_are_classified_as_others_are() {
        for (tail, changes) in TAILS {
            let mut source = Source::default();
            let first = format!("{HEAD}{tail}");
            classified(&mut source, &first);
            let heads = [
                ("a", "other \u{e9}", true),
                (":1,", ":20,", true),
                ("\"f\"", "\"\"", true),
                (":1,", ":1.5,", false),
                ("\"a\"", "null", false),
                ("created", "model", false),
            ];
            let of_head =
                heads.iter().map(|(from, to, known)| (HEAD.replacen(from, to, 1) + tail, *known));
            let of_tail = changes
                .iter()
                .map(|(from, to, known)| (format!("{HEAD}{}", tail.replacen(from, to, 1)), *known));
            let all = [
                (first.clone(), true),
                (first.clone() + " ", false),
                (first.replace("{\"id", " {\"id"), false),
            ];
            for (chunk, known) in all.into_iter().chain(of_head).chain(of_tail) {
                assert_eq!(is_known(&mut source, &chunk), known, "{chunk}");
                let expected = classified(&mut Source::default(), &chunk);
                assert_eq!(classified(&mut source, &chunk), expected, "{chunk}");
                // The chunk may have replaced the shape.
                source = Source::default();
                classified(&mut source, &first);
            }
        }
    }

    #[test]
    fn only_chunks_without_problems_and_lists_of_their_own_have_a_shape() {
        for chunk in [
            r#"{"id":"a","choices":[{"index":0,"delta":{"tool_calls":[]}}]}"#,
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x","content":"x"}}]}"#,
            r#"{"id":"a","id":"a","choices":[{"index":0,"delta":{"content":"x"}}]}"#,
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#,
            r#"{"id":"a","choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}"#,
            r#"{"id":"a","object":"chat.completion","choices":[]}"#,
        ] {
            let mut source = Source::default();
            let first = classified(&mut source, chunk);
            assert!(!is_known(&mut source, chunk), "{chunk}");
            assert_eq!(classified(&mut source, chunk), first, "{chunk}");
        }
    }

    /// A source has as many shapes as it will, and the latest are known.
    #[test]
    fn the_latest_shapes_are_known() {
        let mut source = Source::default();
        let chunk = |number: usize| {
            format!(
                r#"{{"id":"a","model":"m{number}","choices":[{{"index":{number},"delta":{{"content":"x"}}}}]}}"#
            )
        };
        for number in 0..100 {
            assert!(!is_known(&mut source, &chunk(number)));
            classified(&mut source, &chunk(number));
            assert!(is_known(&mut source, &chunk(number)));
        }
        assert!(is_known(&mut source, &chunk(100 - super::HEADS)));
        assert!(!is_known(&mut source, &chunk(100 - super::HEADS - 1)));
    }
}

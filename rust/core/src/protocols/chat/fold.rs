//! Applies one chunk to one completion: the members of the chunk, then its choices.

use std::borrow::Cow;

use super::catalogue::{EventOp, Scope};
use super::choice::Choice;
use super::context::merge_chunk;
use super::delta::{apply_delta, is_streamed};
use super::events::{CHOICES, Event, OnlyChoice};
use super::merge::{
    Context, Fields, Path, is_filled_string, is_null, members_of, merge_members, read_index,
    text_of, unique, without_quotes,
};
use super::repeated;
use super::response::{Around, Assembled};
use crate::assemble::Node;
use crate::assemble::append::append;
use crate::diagnostics::{Code, Issue, clip};
use crate::json::{self, Kind, Member};
use crate::predict::Members;
use crate::work::work;

/// Applies a chunk to its completion; `issues` receives its diagnostics. Other events have no effect.
pub fn apply(response: &mut Assembled, event: &Event<'_>, issues: &mut Vec<Issue>) {
    if event.route.is_none_or(|route| route.entry.op != EventOp::Chunk) {
        return;
    }
    let members = members_once(event);
    response.chunks += 1;
    let before = issues.len();
    let only = OnlyChoice::of(event.raw, event.inner_members);
    merge_payload(response, (event.raw, &members), only, false, issues);
    response.check_finished();
    if issues.len() == before {
        repeated::set_cursor(response, event);
    }
}

/// The members of a chunk, each key once.
fn members_once<'a>(event: &Event<'a>) -> Cow<'a, [Member]> {
    let is_plain = event.route.is_some_and(|route| route.is_plain);
    let all = || event.members.iter().collect::<Vec<_>>();
    match event.members {
        Members::Parsed(members) if is_plain => members.into(),
        Members::Repeated(_) if is_plain => all().into(),
        _ => unique(event.raw, all()).into(),
    }
}

/// Sets a completion to one that was not streamed.
pub fn apply_whole(response: &mut Assembled, raw: &[u8], issues: &mut Vec<Issue>) {
    work(raw.len());
    merge_payload(response, (raw, &members_of(raw)), None, true, issues);
    response.raw = Some(raw.to_vec());
}

/// Merges a chunk, or a whole completion. `only`: the only choice, if its members are located.
fn merge_payload(
    response: &mut Assembled,
    (raw, members): (&[u8], &[Member]),
    only: Option<OnlyChoice<'_>>,
    whole: bool,
    issues: &mut Vec<Issue>,
) {
    let mut loose = std::mem::take(&mut response.loose);
    let changes = response.changes;
    let mut cx = Context { issues, loose: &mut loose, whole, changes };
    let choices = json::find(raw, members, CHOICES);
    if !whole && !matches!(choices.map(|list| list.kind), None | Some(Kind::Array | Kind::Null)) {
        cx.bad(&Path::Root, CHOICES, "a list");
    }
    let around = choices.map(|member| around(raw, member));
    let repeats = |around| response.around.as_ref().is_some_and(|known| known.equals(around));
    if whole || !around.is_some_and(repeats) {
        let before = cx.issues.len();
        merge_rest(&mut cx, response, raw, members);
        let is_constant = cx.issues.len() == before && !whole && !response.finished();
        let around = around.filter(|around| is_constant && around.iter().all(|part| is_flat(part)));
        response.around = around.map(Around::of);
    }
    if let Some(only) = only {
        apply_choice(&mut cx, response, 0, &only.fields(), Some(&only.delta()));
    } else {
        let list = choices.filter(|choices| choices.kind == Kind::Array);
        apply_choices(&mut cx, response, list.map_or(&b"[]"[..], |list| list.value(raw)));
    }
    response.changes = cx.changes;
    response.loose = loose;
}

fn apply_choices(cx: &mut Context<'_>, response: &mut Assembled, choices: &[u8]) {
    let mut spans = Vec::new();
    json::elements(choices, &mut spans);
    for (position, (start, end, _)) in spans.into_iter().enumerate() {
        let value = choices.get(start..end).unwrap_or_default();
        if value.first() == Some(&b'{') {
            apply_choice(cx, response, position, &Fields::of(value), None);
        } else if !cx.whole {
            cx.bad(&Path::Root, &format!("{CHOICES}[{position}]"), "an object");
        }
    }
}

/// The bytes of a chunk before the value of a member, and those after it.
fn around<'r>(raw: &'r [u8], member: &Member) -> [&'r [u8]; 2] {
    let (before, after) = (raw.get(..member.start as usize), raw.get(member.end as usize..));
    [before.unwrap_or_default(), after.unwrap_or_default()]
}

/// Whether bytes have no list.
fn is_flat(part: &[u8]) -> bool {
    memchr::memchr(b'[', part).is_none()
}

/// Merges the members beside the choices.
fn merge_rest(cx: &mut Context<'_>, response: &mut Assembled, raw: &[u8], members: &[Member]) {
    let id = json::find(raw, members, "id").map(|member| member.value(raw));
    let known = response.members.get("id").and_then(Node::json);
    if !response.id_changed
        && known != id
        && let (Some(before), Some(got)) = (response.id(), text_of(id))
        && before != got
    {
        let detail = vec![("previous", clip(&before).into()), ("got", clip(&got).into())];
        cx.issues.push((Code::ResponseIdChanged, detail));
        response.id_changed = true;
    }
    if id.is_some_and(|id| !matches!(id.first(), Some(b'"' | b'n'))) {
        cx.bad(&Path::Root, "id", "a string");
        let others = members.iter().filter(|member| json::decode_key(raw, member) != "id");
        let others: Vec<_> = others.copied().collect();
        return merge_chunk(cx, &mut response.members, raw, &others);
    }
    merge_chunk(cx, &mut response.members, raw, members);
}

/// Applies a choice; `located`: the members of its delta, if they are known.
fn apply_choice(
    cx: &mut Context<'_>,
    response: &mut Assembled,
    position: usize,
    value: &Fields<'_>,
    located: Option<&Fields<'_>>,
) {
    let path = Path::Element(&Path::Root, CHOICES, position);
    let Fields { text: raw, members } = value;
    let Ok(index) = read_index(cx, &path, raw, members) else { return };
    let index = index.unwrap_or_else(|| {
        cx.report_loose(&path, "index", "missing", "the position in the list");
        position as u32
    });
    let unfinished = &mut response.unfinished;
    let (_, choice) = response.choices.entry(index, || {
        cx.changes += 1;
        *unfinished += 1;
        Choice::new(index)
    });
    choice.chunks += 1;
    let (delta, message) = (value.value("delta"), value.value("message"));
    apply_message(cx, &path, choice, (delta, located), message);
    // A completion of the API before chats.
    let is_string = |text: &&[u8]| text.first() == Some(&b'"');
    let text =
        value.value("text").filter(is_string).filter(|_| delta.is_none() && message.is_none());
    if let Some(text) = text.map(without_quotes) {
        append(choice.members.text("text").1, text, text.len(), true);
    }
    let mut others = &members[..];
    let without_text: Vec<Member>;
    if text.is_some() {
        let is_text = |member: &Member| json::decode_key(raw, member) == "text";
        without_text = members.iter().filter(|member| !is_text(member)).copied().collect();
        others = &without_text;
    }
    merge_members(cx, &path, &mut choice.members, raw, others, Scope::Choice);
    if !choice.finished && is_filled_string(value.value("finish_reason")) {
        choice.finished = true;
        *unfinished -= 1;
    }
}

/// Applies the delta of a choice, whose members may be located. A message counts only if no delta came: elsewhere it repeats what was streamed.
fn apply_message(
    cx: &mut Context<'_>,
    path: &Path<'_>,
    choice: &mut Choice,
    (delta, located): (Option<&[u8]>, Option<&Fields<'_>>),
    message: Option<&[u8]>,
) {
    let delta = delta.filter(|delta| !is_null(delta));
    let located = located.filter(|_| delta.is_some());
    let message = message.filter(|message| message.first() == Some(&b'{') && !choice.streamed);
    match delta.or(message) {
        Some(object @ [b'{', ..]) => {
            let delta = match located {
                Some(Fields { text, members }) => Fields { text, members: (&**members).into() },
                None => Fields::of(object),
            };
            choice.streamed = choice.streamed || is_streamed(&delta);
            apply_delta(cx, &Path::Member(path, "delta"), choice, &delta);
        }
        Some(_) => cx.bad(path, "delta", "an object"),
        None => {}
    }
}

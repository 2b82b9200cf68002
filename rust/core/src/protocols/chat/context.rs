//! The members of a chunk beside its choices, and the members of the completion that they make.
//!
//! A list that a chunk repeats, as some servers do with their sources, does not extend the list before.

use super::catalogue::{Op, Scope};
use super::merge::{Context, Path, Slot, merge_value, rule_of};
use crate::assemble::{Node, Object};
use crate::json::{self, Member};

/// Merges the members of a chunk into those of the completion.
pub fn merge_chunk(cx: &mut Context<'_>, target: &mut Object, raw: &[u8], members: &[Member]) {
    target.reserve(members.len());
    let mut near = 0;
    for member in members {
        let ((rule, name), value) = (rule_of(raw, member, Scope::Chunk), member.value(raw));
        if rule.is_some_and(|rule| rule.op == Op::Drop) {
            continue;
        }
        let mut slot = Slot::of(target, rule, &name, near);
        let is_list = rule.is_none() && value.first() == Some(&b'[');
        if !(is_list && repeat_list(cx, &mut slot, value)) {
            merge_value(cx, &Path::Root, &mut slot, value);
        }
        near += 1;
    }
}

/// Keeps the longer one of two lists, or the new one, if one begins with the other; returns whether it did.
fn repeat_list(cx: &mut Context<'_>, slot: &mut Slot<'_>, value: &[u8]) -> bool {
    let Some(before @ [b'[', ..]) = slot.json() else { return false };
    let mut list = Vec::new();
    json::write_canonical(value, &mut list);
    match compare(before, &list) {
        Some(_) if before == list => {}
        Some(Longer::After) => slot.put(cx, Node::List(list)),
        Some(Longer::Before) => {}
        None => return false,
    }
    true
}

enum Longer {
    Before,
    After,
}

/// Compares two lists of canonical JSON; `None` if an element differs. Reads no more of the first than the second is long.
fn compare(before: &[u8], after: &[u8]) -> Option<Longer> {
    let mut spans = Vec::new();
    json::elements(after, &mut spans);
    let mut at = 1;
    for (start, end, _) in &spans {
        if before.get(at) == Some(&b']') {
            return Some(Longer::After);
        }
        let element = after.get(*start..*end)?;
        let end = at + element.len();
        if !is_same(before.get(at..end)?, element) {
            return None;
        }
        match before.get(end)? {
            b',' => at = end + 1,
            b']' => at = end,
            _ => return None,
        }
    }
    Some(if before.get(at) == Some(&b']') { Longer::After } else { Longer::Before })
}

/// Whether two values of canonical JSON are equal; `one` may be cut off. Equal values have the same size.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let is_container = matches!(other.first(), Some(b'{' | b'['));
    is_container
        && one.len() == other.len()
        && json::check(one, &mut Vec::new()).is_ok()
        && is_equal(one, other)
}

fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one == other || one.len() != other.len() || one.first() != other.first() {
        return one == other;
    }
    match one.first() {
        Some(b'{') => {
            let (one, other) = (sorted(one), sorted(other));
            one.len() == other.len()
                && one
                    .iter()
                    .zip(&other)
                    .all(|(one, other)| one.0 == other.0 && is_equal(one.1, other.1))
        }
        Some(b'[') => {
            let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
            json::elements(one, &mut of_one);
            json::elements(other, &mut of_other);
            let element = |list: &'_ [u8], span: &(usize, usize, json::Kind)| {
                list.get(span.0..span.1).unwrap_or_default().to_vec()
            };
            of_one.len() == of_other.len()
                && of_one
                    .iter()
                    .zip(&of_other)
                    .all(|(a, b)| is_equal(&element(one, a), &element(other, b)))
        }
        _ => false,
    }
}

/// The members of an object by key.
fn sorted(object: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut members = Vec::new();
    json::locate(object, &mut members);
    let mut found: Vec<_> =
        members.iter().map(|member| (member.raw_key(object), member.value(object))).collect();
    found.sort_unstable();
    found
}

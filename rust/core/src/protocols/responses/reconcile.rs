//! Compares streamed items with their final values: `output_item.done`, or the output of the terminal response.

use std::collections::HashSet;

use super::response::{Assembled, Item};
use crate::assemble::{Fields, Ordered, View, text_changed};
use crate::diagnostics::{Code, Issue};

/// Compares the terminal output with the streamed items: recovers missing items, reports differences.
pub fn reconcile(response: &mut Assembled, issues: &mut Vec<Issue>) {
    if response.items.is_empty() || response.check_output_repeats_items() {
        return;
    }
    let (output, items, recovered_from) = response.reconcile_inputs();
    let output = output.map_or_else(Vec::new, |raw| View::Raw(raw).list());
    let Some(pairs) = match_items(items, &output) else {
        let (got, streamed) = (output.len() as u64, items.len() as u64);
        let detail = vec![("got", got.into()), ("streamed", streamed.into())];
        issues.push((Code::OutputDiffers, detail));
        return;
    };
    for (rank, terminal) in pairs {
        if let Some((index, item)) = items.nth(rank)
            && !is_identical(item, terminal)
        {
            compare_item(item, index, terminal.fields().as_ref(), issues);
        }
    }
    if output.len() < items.len() {
        *recovered_from = Some(output.len());
        let count = (items.len() - output.len()) as u64;
        issues.push((Code::OutputRecovered, vec![("count", count.into())]));
    }
}

/// Whether both items are the same bytes.
fn is_identical(item: &Item, terminal: View<'_>) -> bool {
    matches!((item.body.view(), terminal), (View::Raw(streamed), View::Raw(terminal)) if streamed == terminal)
}

/// Pairs the ranks of streamed items with the terminal items; `None` if they do not match in order or by index.
fn match_items<'a>(items: &Ordered<Item>, output: &[View<'a>]) -> Option<Vec<(usize, View<'a>)>> {
    let matches = |item: &Item, terminal: View<'_>| {
        is_identical(item, terminal) || is_same_item(item.body.view(), terminal)
    };
    let streamed = || items.iter().enumerate();
    if streamed().zip(output).all(|((_, (_, item)), terminal)| matches(item, *terminal)) {
        return Some(output.iter().copied().enumerate().take(items.len()).collect());
    }
    let by_index: Option<Vec<_>> = streamed()
        .map(|(rank, (index, item))| {
            let terminal = output.get(index as usize).copied()?;
            matches(item, terminal).then_some((rank, terminal))
        })
        .collect();
    by_index
}

/// Reports each text of an item that differs from the final item.
pub(super) fn compare_item(
    item: &mut Item,
    index: u32,
    after: Option<&Fields<'_>>,
    issues: &mut Vec<Issue>,
) {
    let Item { body, mismatches, .. } = item;
    compare_texts(&body.fields(), after, |path| mismatch(mismatches, index, path, issues));
}

/// Whether both items have the same type, and the same call id if both have one.
fn is_same_item(streamed: View<'_>, terminal: View<'_>) -> bool {
    let (Some(streamed), Some(terminal)) = (streamed.fields(), terminal.fields()) else {
        return false;
    };
    if streamed.text("type") != terminal.text("type") {
        return false;
    }
    let ids = (streamed.text("call_id"), terminal.text("call_id"));
    ids.0.is_none() || ids.1.is_none() || ids.0 == ids.1
}

/// Passes the path of each text that differs between two versions of an item to `report`. Only texts that deltas can write are
/// compared.
fn compare_texts(before: &Fields<'_>, after: Option<&Fields<'_>>, mut report: impl FnMut(String)) {
    let pair = Pair { before: Some(before), after };
    for key in ["arguments", "input", "code"] {
        pair.text(key, || key.to_owned(), &mut report);
    }
    pair.parts("content", &["text", "refusal"], &mut report);
    pair.parts("summary", &["text"], &mut report);
    pair.enter("operation", |pair| pair.text("diff", || "operation.diff".to_owned(), &mut report));
    pair.enter("action", |pair| pair.commands(&mut report));
    pair.parts("output", &["stdout", "stderr"], &mut report);
}

/// Two versions of an object; either may be missing.
struct Pair<'f, 'a, 'b> {
    before: Option<&'f Fields<'a>>,
    after: Option<&'f Fields<'b>>,
}

impl<'a, 'b> Pair<'_, 'a, 'b> {
    fn get(&self, key: &str) -> (Option<View<'a>>, Option<View<'b>>) {
        let before = self.before.and_then(|fields| fields.get(key));
        (before, self.after.and_then(|fields| fields.get(key)))
    }

    fn lists(&self, key: &str) -> impl Iterator<Item = (View<'a>, Option<View<'b>>)> {
        let (before, after) = self.get(key);
        let mut after = after.map_or_else(Vec::new, View::list).into_iter();
        before.map_or_else(Vec::new, View::list).into_iter().map(move |view| (view, after.next()))
    }

    fn enter(&self, key: &str, compare: impl FnOnce(Pair<'_, 'a, 'b>)) {
        let (before, after) = self.get(key);
        within(before, after, compare);
    }

    fn text(&self, key: &str, path: impl FnOnce() -> String, report: &mut impl FnMut(String)) {
        let (before, after) = self.get(key);
        if before.is_some_and(|before| text_changed(before, after)) {
            report(path());
        }
    }

    fn parts(&self, list: &str, keys: &[&str], report: &mut impl FnMut(String)) {
        let (before, after) = self.get(list);
        let whole = after.and_then(View::raw).unwrap_or_default();
        if before.is_none_or(|before| before.is_list(whole)) {
            return;
        }
        for (number, (before, after)) in self.lists(list).enumerate() {
            within(Some(before), after, |pair| {
                for key in keys {
                    pair.text(key, || format!("{list}[{number}].{key}"), report);
                }
            });
        }
    }

    fn commands(&self, report: &mut impl FnMut(String)) {
        for (number, (before, after)) in self.lists("commands").enumerate() {
            if text_changed(before, after) {
                report(format!("action.commands[{number}]"));
            }
        }
    }
}

/// Compares two values as objects, unless they are the same bytes.
fn within<'a, 'b>(
    before: Option<View<'a>>,
    after: Option<View<'b>>,
    compare: impl FnOnce(Pair<'_, 'a, 'b>),
) {
    let raw = (before.and_then(View::raw), after.and_then(View::raw));
    if raw.0.is_some() && raw.0 == raw.1 {
        return;
    }
    if let Some(before) = before.and_then(View::fields) {
        let after = after.and_then(View::fields);
        compare(Pair { before: Some(&before), after: after.as_ref() });
    }
}

/// Reports once that the texts at a path differ.
pub(super) fn mismatch(
    mismatches: &mut HashSet<String>,
    index: u32,
    path: String,
    issues: &mut Vec<Issue>,
) {
    if !mismatches.contains(&path) {
        let detail =
            vec![("what", path.as_str().into()), ("output_index", u64::from(index).into())];
        issues.push((Code::TextMismatch, detail));
        mismatches.insert(path);
    }
}

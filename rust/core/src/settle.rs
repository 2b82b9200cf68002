//! Where what was streamed is held against what comes whole: an item, or the terminal output.

use std::collections::HashSet;

use crate::catalogue::Code;
use crate::diagnostics::Issue;
use crate::response::{Folded, Item};
use crate::tree::Ordered;
use crate::tree::view::{self, Fields, View};

/// Holds the terminal output against the streamed items: recovers what it lacks, says where they differ.
pub fn settle(folded: &mut Folded, issues: &mut Vec<Issue>) {
    if folded.items.is_empty() || folded.repeats() {
        return;
    }
    let (output, items, recovered) = folded.settling();
    let output = output.map_or_else(Vec::new, |raw| View::Raw(raw).list());
    let Some(pairs) = pairs(items, &output) else {
        let (got, streamed) = (output.len() as u64, items.len() as u64);
        let detail = vec![("got", got.into()), ("streamed", streamed.into())];
        issues.push((Code::OutputDiffers, detail));
        return;
    };
    for (rank, last) in pairs {
        if let Some((index, item)) = items.nth(rank)
            && !same(item, last)
        {
            compare(item, index, last.fields().as_ref(), issues);
        }
    }
    if output.len() < items.len() {
        *recovered = Some(output.len());
        let count = (items.len() - output.len()) as u64;
        issues.push((Code::OutputRecovered, vec![("count", count.into())]));
    }
}

/// The item is the very same text.
fn same(item: &Item, last: View<'_>) -> bool {
    matches!((item.body.view(), last), (View::Raw(streamed), View::Raw(last)) if streamed == last)
}

/// Streamed items (by rank) with the terminal items they became; None where they do not match.
fn pairs<'a>(items: &Ordered<Item>, output: &[View<'a>]) -> Option<Vec<(usize, View<'a>)>> {
    let matches =
        |item: &Item, last: View<'_>| same(item, last) || view::alike(item.body.view(), last);
    let streamed = || items.iter().enumerate();
    if streamed().zip(output).all(|((_, (_, item)), last)| matches(item, *last)) {
        return Some(output.iter().copied().enumerate().take(items.len()).collect());
    }
    let by_index: Option<Vec<_>> = streamed()
        .map(|(rank, (index, item))| {
            let last = output.get(index as usize).copied()?;
            matches(item, last).then_some((rank, last))
        })
        .collect();
    by_index
}

/// Reports that the texts at a path disagree, once.
pub(crate) fn mismatch(
    odd: &mut HashSet<String>,
    index: u32,
    path: String,
    issues: &mut Vec<Issue>,
) {
    if !odd.contains(&path) {
        let detail =
            vec![("what", path.as_str().into()), ("output_index", u64::from(index).into())];
        issues.push((Code::TextMismatch, detail));
        odd.insert(path);
    }
}

/// Reports each text that is not what it was.
pub(crate) fn compare(
    item: &mut Item,
    index: u32,
    after: Option<&Fields<'_>>,
    issues: &mut Vec<Issue>,
) {
    let Item { body, odd, .. } = item;
    view::differing(&body.fields(), after, |path| mismatch(odd, index, path, issues));
}

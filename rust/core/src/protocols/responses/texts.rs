//! The texts of items that deltas can write.

use std::borrow::Cow;

use crate::assemble::{Fields, View, text_changed};

/// Passes the path of each text that differs between two versions of an item to `report`, and whether the later one is empty.
/// Only texts that deltas can write are compared.
pub fn compare_texts(
    before: &Fields<'_>,
    after: Option<&Fields<'_>>,
    mut report: impl FnMut(String, bool),
) {
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

/// The texts of an item that are not empty.
pub fn filled_texts(item: &Fields<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |text: Option<View<'_>>| {
        let text = text.and_then(View::text).filter(|text| !text.is_empty());
        found.extend(text.map(Cow::into_owned));
    };
    let elements = |key| item.get(key).map_or_else(Vec::new, View::list);
    for key in ["arguments", "input", "code"] {
        add(item.get(key));
    }
    let lists: [(&str, &[&str]); 3] = [
        ("content", &["text", "refusal"]),
        ("summary", &["text"]),
        ("output", &["stdout", "stderr"]),
    ];
    for (list, keys) in lists {
        for part in elements(list).into_iter().filter_map(View::fields) {
            for key in keys {
                add(part.get(key));
            }
        }
    }
    let inside = |key| item.get(key).and_then(View::fields);
    add(inside("operation").and_then(|operation| operation.get("diff")));
    let commands = inside("action").and_then(|action| action.get("commands"));
    commands.map_or_else(Vec::new, View::list).into_iter().for_each(|command| add(Some(command)));
    found
}

/// Two versions of an object; either may be missing.
struct Pair<'f, 'a, 'b> {
    before: Option<&'f Fields<'a>>,
    after: Option<&'f Fields<'b>>,
}

impl<'a, 'b> Pair<'_, 'a, 'b> {
    /// The member of both; `None` if the first has none.
    fn get(&self, key: &str) -> Option<(View<'a>, Option<View<'b>>)> {
        let before = self.before?.get(key)?;
        Some((before, self.after.and_then(|fields| fields.get(key))))
    }

    fn lists(&self, key: &str) -> impl Iterator<Item = (View<'a>, Option<View<'b>>)> {
        let (before, after) = self.get(key).unzip();
        let mut after = after.flatten().map_or_else(Vec::new, View::list).into_iter();
        before.map_or_else(Vec::new, View::list).into_iter().map(move |view| (view, after.next()))
    }

    fn enter(&self, key: &str, compare: impl FnOnce(Pair<'_, 'a, 'b>)) {
        if let Some((before, after)) = self.get(key) {
            within(before, after, compare);
        }
    }

    fn text(
        &self,
        key: &str,
        path: impl FnOnce() -> String,
        report: &mut impl FnMut(String, bool),
    ) {
        if let Some((before, after)) = self.get(key)
            && text_changed(before, after)
        {
            report(path(), has_no_text(after));
        }
    }

    fn parts(&self, list: &str, keys: &[&str], report: &mut impl FnMut(String, bool)) {
        let Some((before, after)) = self.get(list) else { return };
        if before.is_list(after.and_then(View::raw).unwrap_or_default()) {
            return;
        }
        for (number, (before, after)) in self.lists(list).enumerate() {
            within(before, after, |pair| {
                for key in keys {
                    pair.text(key, || format!("{list}[{number}].{key}"), report);
                }
            });
        }
    }

    fn commands(&self, report: &mut impl FnMut(String, bool)) {
        for (number, (before, after)) in self.lists("commands").enumerate() {
            if text_changed(before, after) {
                report(format!("action.commands[{number}]"), has_no_text(after));
            }
        }
    }
}

fn has_no_text(value: Option<View<'_>>) -> bool {
    value.and_then(View::text).is_none_or(|text| text.is_empty())
}

/// Compares two values as objects, unless they are the same bytes.
fn within<'a, 'b>(
    before: View<'a>,
    after: Option<View<'b>>,
    compare: impl FnOnce(Pair<'_, 'a, 'b>),
) {
    let raw = (before.raw(), after.and_then(View::raw));
    if raw.0.is_some() && raw.0 == raw.1 {
        return;
    }
    if let Some(before) = before.fields() {
        let after = after.and_then(View::fields);
        compare(Pair { before: Some(&before), after: after.as_ref() });
    }
}

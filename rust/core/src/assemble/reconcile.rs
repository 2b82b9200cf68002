//! Comparing streamed texts with the final values that replace them.

use super::tree::{Node, Text};
use super::view::View;
use crate::json;

/// The most bytes of JSON for one byte of text, times the most bytes of text for one of JSON.
const STRETCH: usize = 6 * 3;

/// A text that is there is not what it was.
pub fn differ(before: View<'_>, after: Option<View<'_>>) -> bool {
    // Equal bytes are equal texts; so are bytes that unescape to the text there is.
    if let (Some(one), Some(other)) = (before.raw(), after.and_then(View::raw))
        && one == other
    {
        return false;
    }
    if let (View::Node(Node::Text(text)), Some(View::Raw(quoted))) = (before, after)
        && quoted.first() == Some(&b'"')
        && (json::reads_as(quoted, &text.wtf8) || *text == Text::of(quoted, text.fixed))
    {
        return false;
    }
    // A short text must not cost what a long one holds: it may come any number of times.
    if before.size() > STRETCH * after.map_or(0, View::size) {
        return true;
    }
    let Some(before) = before.text().filter(|text| !text.is_empty()) else { return false };
    after.and_then(View::text).is_none_or(|after| after != before)
}

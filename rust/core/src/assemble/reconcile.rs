//! Compares streamed texts with the final values that replace them.

use super::tree::{Node, Text};
use super::view::View;
use crate::json;

/// The maximum ratio of the sizes of two representations of one text: up to 6 bytes of JSON per byte, up to 3 bytes of text
/// per byte of JSON.
const MAX_RATIO: usize = 6 * 3;

/// Whether a text that is not empty differs from the value that replaces it.
pub fn text_changed(before: View<'_>, after: Option<View<'_>>) -> bool {
    // Cheap comparisons first: equal JSON, or JSON that decodes to the text.
    if let (Some(one), Some(other)) = (before.raw(), after.and_then(View::raw))
        && one == other
    {
        return false;
    }
    if let (View::Node(Node::Text(text)), Some(View::Raw(quoted))) = (before, after)
        && quoted.first() == Some(&b'"')
        && (json::reads_as(quoted, &text.wtf8) || *text == Text::from_quoted(quoted, text.is_final))
    {
        return false;
    }
    // A short value may arrive any number of times, so its comparison must not cost the size of the streamed text.
    if before.size() > MAX_RATIO * after.map_or(0, View::size) {
        return true;
    }
    let Some(before) = before.text().filter(|text| !text.is_empty()) else { return false };
    after.and_then(View::text).is_none_or(|after| after != before)
}

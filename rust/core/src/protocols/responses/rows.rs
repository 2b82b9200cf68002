//! The rows of the table `items` of an assembled response.

use super::response::Assembled;
use super::tool_calls::{arguments, call_kind};
use crate::assemble::View;
use crate::protocols::view::ItemRow;
use crate::protocols::view::Texts;

/// The rows of the items of one response.
pub fn item_rows(response: &Assembled) -> Vec<ItemRow> {
    // The views lack a status that arrived late, the JSON has it.
    let output = response.member("output").unwrap_or_default();
    View::Raw(&output)
        .list()
        .iter()
        .enumerate()
        .map(|(index, item)| item_row(index, *item))
        .collect()
}

fn item_row(index: usize, item: View<'_>) -> ItemRow {
    let fields = item.fields();
    let text = |name| Some(fields.as_ref()?.text(name)?.into_owned());
    let texts = Texts::of(&[item]);
    let is_call = text("type").is_some_and(|kind| call_kind(kind.as_bytes()).is_some());
    let reasoning = owned(texts.reasoning_text).or_else(|| owned(texts.reasoning_summary));
    ItemRow {
        output_index: index as u64,
        item_id: text("id"),
        kind: text("type"),
        status: text("status"),
        role: text("role"),
        name: text("name"),
        call_id: text("call_id"),
        text: owned(texts.output_text).or(reasoning),
        arguments: if is_call {
            arguments(item)
        } else {
            text("arguments").or_else(|| text("input"))
        },
    }
}

fn owned(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

//! The rows of the table `items` of an assembled message: its blocks.

use std::borrow::Cow;

use super::catalogue::Kind;
use super::content::{Argument, Block};
use super::response::Assembled;
use crate::protocols::view::ItemRow;

/// The rows of the items of one message.
pub fn item_rows(response: &Assembled) -> Vec<ItemRow> {
    let blocks = response.content.iter().enumerate();
    blocks.map(|(rank, block)| block_row(response, rank, block)).collect()
}

fn block_row(response: &Assembled, rank: usize, block: &Block) -> ItemRow {
    let string = |name| block.string(name).map(Cow::into_owned);
    let role = || response.text("role").map(Cow::into_owned);
    let id = string("id").filter(|id| !id.is_empty());
    ItemRow {
        output_index: rank as u64,
        kind: block.ty.as_deref().map(str::to_owned),
        role: (block.kind.kind == Kind::Text).then(role).flatten(),
        name: string("name"),
        call_id: id.or_else(|| string("tool_use_id")),
        text: Some(block.text().into_owned()).filter(|text| !text.is_empty()),
        arguments: block.argument().map(Argument::into_text),
        ..ItemRow::default()
    }
}

//! The rows of the table `items` of an assembled completion: its tool calls, and the choices other than the first.

use std::borrow::Cow;

use super::choice::Choice;
use super::response::Assembled;
use crate::assemble::Node;
use crate::protocols::view::ItemRow;

/// The type of an item that is the message of a choice.
const MESSAGE: &str = "message";

/// The rows of the items of one completion.
pub fn item_rows(response: &Assembled) -> Vec<ItemRow> {
    let mut rows = Vec::new();
    for (index, choice) in response.choices.iter() {
        if index > 0 {
            rows.push(choice_row(index, choice));
        }
        rows.extend((0..choice.calls_len()).filter_map(|rank| call_row(choice, rank)));
    }
    rows
}

/// The number of the items of one completion.
pub fn items(response: &Assembled) -> usize {
    let items = |(index, choice): (u32, &Choice)| usize::from(index > 0) + choice.calls_len();
    response.choices.iter().map(items).sum()
}

fn choice_row(index: u32, choice: &Choice) -> ItemRow {
    let filled = |text: Cow<'_, str>| Some(text.into_owned()).filter(|text| !text.is_empty());
    let refusal = || choice.refusal().map(Cow::into_owned);
    ItemRow {
        output_index: u64::from(index),
        kind: Some(MESSAGE.to_owned()),
        role: choice.message.get("role").and_then(Node::text).map(Cow::into_owned),
        text: filled(choice.text()).or_else(refusal).or_else(|| filled(choice.reasoning_text())),
        ..ItemRow::default()
    }
}

fn call_row(choice: &Choice, rank: usize) -> Option<ItemRow> {
    let (kind, call_id, name) = choice.call_facts(rank)?;
    Some(ItemRow {
        output_index: rank as u64,
        kind: Some(kind),
        name,
        call_id,
        arguments: choice.call_text(rank).and_then(Node::text).map(Cow::into_owned),
        ..ItemRow::default()
    })
}

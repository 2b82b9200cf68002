//! What the items of a response say: output text, refusal, reasoning.

use std::borrow::Cow;

use crate::json::Member;
use crate::tree::view::{Fields, View};

/// The texts of a response; `refusal` is None where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub output_text: String,
    pub refusal: Option<String>,
    pub reasoning_text: String,
    pub reasoning_summary: String,
}

impl Texts {
    /// The texts of these items.
    pub fn of(output: &[View<'_>]) -> Self {
        let mut told = Told::default();
        output.iter().filter_map(|item| item.fields()).for_each(|item| told.item(&item));
        told.texts
    }
}

/// The texts of the items so far, and room for the members of a part.
#[derive(Default)]
pub(super) struct Told {
    pub texts: Texts,
    summaries: usize,
    members: Vec<Member>,
}

impl Told {
    /// Takes the next item.
    pub fn item(&mut self, item: &Fields<'_>) {
        let Self { texts, summaries, members } = self;
        match item.text("type").as_deref() {
            Some("reasoning") => {
                item.each("content", members, |part| {
                    append(&mut texts.reasoning_text, part.text("text").unwrap_or_default());
                });
                item.each("summary", members, |part| {
                    let Some(text) = part.text("text") else { return };
                    if *summaries > 0 {
                        texts.reasoning_summary.push_str("\n\n");
                    }
                    *summaries += 1;
                    append(&mut texts.reasoning_summary, text);
                });
            }
            Some("message") => item.each("content", members, |part| texts.add(part)),
            _ => {}
        }
    }
}

impl Texts {
    /// Takes a part of a message.
    fn add(&mut self, part: &Fields<'_>) {
        match part.text("type").as_deref() {
            Some("output_text") => {
                append(&mut self.output_text, part.text("text").unwrap_or_default());
            }
            Some("refusal") => {
                if let Some(text) = part.text("refusal") {
                    append(self.refusal.get_or_insert_default(), text);
                }
            }
            _ => {}
        }
    }
}

/// Appends a piece, which is taken over where it is the first.
fn append(text: &mut String, piece: Cow<'_, str>) {
    if text.is_empty() {
        *text = piece.into_owned();
    } else {
        text.push_str(&piece);
    }
}

//! The tool calls among the items of a response, and incremental access to their arguments.
//!
//! A reader that wants only new text passes the last returned position. The position is valid while deltas are appended. When an
//! event replaces the text, the position becomes invalid and the reader starts again.

use std::borrow::Cow;

use crate::assemble::{Fields, Node, Object, Text, View};
use crate::json;
use crate::protocols::view::{Call, Position, Source, ToolCall};
use crate::work::work;

/// The size of half of a surrogate pair in WTF-8.
const SURROGATE: usize = 3;

impl ToolCall {
    /// The calls among these items.
    pub fn of(output: &[View<'_>]) -> Vec<Self> {
        output.iter().filter_map(|item| Self::read(&item.fields()?)).collect()
    }

    /// The call, if the item is one.
    pub fn read(item: &Fields<'_>) -> Option<Self> {
        let (kind, arguments) = call_kind(item.text("type")?.as_bytes())?;
        let text = |key| item.text(key).map(Cow::into_owned);
        Some(Self {
            kind: kind.into(),
            call_id: text("call_id"),
            name: text("name"),
            arguments: argument_text(item, arguments),
        })
    }
}

/// The type of a call, and the member with its arguments; `None` if the type is not that of a call.
pub fn call_kind(name: &[u8]) -> Option<(&'static str, &'static str)> {
    match name {
        b"function_call" => Some(("function_call", "arguments")),
        b"custom_tool_call" => Some(("custom_tool_call", "input")),
        b"mcp_call" => Some(("mcp_call", "arguments")),
        _ => None,
    }
}

impl Call {
    /// The call, if the item at this rank is one.
    pub fn read(rank: usize, item: &Fields<'_>) -> Option<Self> {
        let (kind, _) = call_kind(item.text("type")?.as_bytes())?;
        let text = |key| item.text(key).map(Cow::into_owned);
        Some(Self { rank, kind: kind.into(), call_id: text("call_id"), name: text("name") })
    }
}

/// The arguments of a call; `None` if the item is no call or has no arguments.
pub fn arguments(item: View<'_>) -> Option<String> {
    let fields = item.fields()?;
    let (_, member) = call_kind(fields.text("type")?.as_bytes())?;
    argument_text(&fields, member)
}

/// The text of a member with arguments; an object as its JSON text.
pub fn argument_text(item: &Fields<'_>, member: &str) -> Option<String> {
    let value = item.get(member)?;
    match value.raw().filter(|raw| raw.first() == Some(&b'{')) {
        Some(raw) => Some(json_text(raw)),
        None => value.text().map(Cow::into_owned),
    }
}

/// The canonical JSON of a value as text.
pub fn json_text(raw: &[u8]) -> String {
    let mut out = Vec::new();
    json::write_canonical(raw, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The arguments of an item that is not streamed: all of them without a position, else nothing new.
pub fn complete_arguments(
    item: View<'_>,
    source: Source,
    from: Option<Position>,
) -> Option<(String, Position)> {
    match from {
        None => {
            let text = arguments(item)?;
            let offset = text.len();
            work(offset);
            Some((text, Position { source, offset }))
        }
        Some(from) => (from.source == source).then(|| (String::new(), from)),
    }
}

/// The new arguments in a tree. `final_source` is the identity of a text that a `*.done` event has set.
pub fn streamed_arguments(
    tree: &Object,
    source: Source,
    final_source: Source,
    from: Option<Position>,
) -> Option<(String, Position)> {
    let (_, member) = call_kind(tree.get("type")?.text()?.as_bytes())?;
    let Node::Text(text) = tree.get(member)? else {
        return complete_arguments(View::Object(tree), source, from);
    };
    new_arguments(text, if text.is_final { final_source } else { source }, from)
}

/// The new part of a text that grows.
pub fn new_arguments(
    text: &Text,
    source: Source,
    from: Option<Position>,
) -> Option<(String, Position)> {
    let start = match from {
        None => 0,
        Some(from) if from.source == source => from.offset,
        Some(_) => return None,
    };
    let end = complete_characters(text);
    let new = text.wtf8.get(start..end).unwrap_or_default();
    let offset = end.max(start);
    work(new.len());
    Some((json::finish_wtf8(new).into_owned(), Position { source, offset }))
}

/// The size of the text without half of a surrogate pair at its end: the other half may follow.
fn complete_characters(text: &Text) -> usize {
    let half = matches!(text.wtf8.last_chunk::<SURROGATE>(), Some([0xED, 0xA0..=0xAF, _]));
    text.wtf8.len() - if half { SURROGATE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = (1, 0, 1);
    const FINAL: Source = (2, 0, 1);

    fn tree() -> Object {
        let mut tree = Object::default();
        tree.set("type", Node::string("function_call"));
        tree
    }

    #[test]
    fn only_new_text_is_returned() {
        let mut tree = tree();
        let mut position = None;
        let mut seen = Vec::new();
        for delta in [r#""ab""#, r#""\ud83d""#, r#""\ude00c""#, r#""""#] {
            json::decode_wtf8(delta.as_bytes(), &mut tree.text("arguments").1.wtf8);
            let (text, next) =
                streamed_arguments(&tree, SOURCE, FINAL, position).expect("deltas were appended");
            seen.push(text);
            position = Some(next);
        }
        assert_eq!(seen, ["ab", "", "\u{1f600}c", ""]);
        tree.set("arguments", Node::Text(Text::from_quoted(br#""ab""#, true)));
        assert_eq!(streamed_arguments(&tree, SOURCE, FINAL, position), None);
        let (text, next) = streamed_arguments(&tree, SOURCE, FINAL, None).expect("there is a text");
        assert_eq!((text.as_str(), next), ("ab", Position { source: FINAL, offset: 2 }));
    }

    #[test]
    fn items_that_are_no_calls_have_no_arguments() {
        for raw in [&br#"{"type":"message","arguments":"x"}"#[..], b"[]", br#"{"type":"mcp_call"}"#]
        {
            assert_eq!(complete_arguments(View::Raw(raw), SOURCE, None), None);
        }
        assert_eq!(streamed_arguments(&tree(), SOURCE, FINAL, None), None);
    }
}

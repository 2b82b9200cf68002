//! The tool calls among the items of a response, and the text of their arguments while it grows.
//!
//! A reader that wants only what is new keeps the position that it was given last. It holds as long as the text has only
//! grown; where an event gave the text anew, the reader is told to begin anew.

use std::borrow::Cow;

use crate::assemble::{Fields, Node, Object, Text, View};
use crate::json;
use crate::work::work;

/// The first half of a surrogate pair in WTF-8 takes so many bytes.
const HALF: usize = 3;

/// A function, custom or MCP call, without its arguments; `rank`: its place in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub rank: usize,
    pub kind: &'static str,
    pub call_id: Option<String>,
    pub name: Option<String>,
}

/// The same with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub kind: &'static str,
    pub call_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
}

impl ToolCall {
    /// The calls among these items.
    pub fn of(output: &[View<'_>]) -> Vec<Self> {
        output.iter().filter_map(|item| Self::read(&item.fields()?)).collect()
    }

    /// The call that an item is.
    pub fn read(item: &Fields<'_>) -> Option<Self> {
        let (kind, arguments) = kind(&item.text("type")?)?;
        let text = |key| item.text(key).map(Cow::into_owned);
        Some(Self {
            kind,
            call_id: text("call_id"),
            name: text("name"),
            arguments: text(arguments),
        })
    }
}

/// What a text was read from: the kind of place, its number there, and how often that was given anew.
pub type Source = (u8, u32, u64);

/// How far a text was read, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub source: Source,
    pub offset: usize,
}

/// The type of a call, and the member that carries its arguments.
pub fn kind(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "function_call" => Some(("function_call", "arguments")),
        "custom_tool_call" => Some(("custom_tool_call", "input")),
        "mcp_call" => Some(("mcp_call", "arguments")),
        _ => None,
    }
}

impl Call {
    /// The call that the item of a rank is.
    pub fn read(rank: usize, item: &Fields<'_>) -> Option<Self> {
        let (kind, _) = kind(&item.text("type")?)?;
        let text = |key| item.text(key).map(Cow::into_owned);
        Some(Self { rank, kind, call_id: text("call_id"), name: text("name") })
    }
}

/// The arguments of a call, None where the item is no call or has none.
pub fn arguments(item: View<'_>) -> Option<String> {
    let fields = item.fields()?;
    let (_, member) = kind(&fields.text("type")?)?;
    fields.text(member).map(Cow::into_owned)
}

/// What is new of the arguments of an item that came whole.
pub fn whole(item: View<'_>, source: Source, from: Option<Position>) -> Option<(String, Position)> {
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

/// What is new of the arguments in a tree. A text that was given by a `*.done` event is of the source `fixed`.
pub fn growing(
    tree: &Object,
    source: Source,
    fixed: Source,
    from: Option<Position>,
) -> Option<(String, Position)> {
    let (_, member) = kind(&tree.get("type")?.text()?)?;
    let Node::Text(text) = tree.get(member)? else {
        return whole(View::Object(tree), source, from);
    };
    let source = if text.fixed { fixed } else { source };
    let start = match from {
        None => 0,
        Some(from) if from.source == source => from.offset,
        Some(_) => return None,
    };
    let end = settled(text);
    let new = text.wtf8.get(start..end).unwrap_or_default();
    let offset = end.max(start);
    work(new.len());
    Some((json::finish_wtf8(new).into_owned(), Position { source, offset }))
}

/// Where the text ends, without half a surrogate pair whose other half may follow.
fn settled(text: &Text) -> usize {
    let half = matches!(text.wtf8.last_chunk::<HALF>(), Some([0xED, 0xA0..=0xAF, _]));
    text.wtf8.len() - if half { HALF } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = (1, 0, 1);
    const FIXED: Source = (2, 0, 1);

    fn tree() -> Object {
        let mut tree = Object::default();
        tree.set("type", Node::string("function_call"));
        tree
    }

    #[test]
    fn only_what_is_new_is_given() {
        let mut tree = tree();
        let mut position = None;
        let mut seen = Vec::new();
        for piece in [r#""ab""#, r#""\ud83d""#, r#""\ude00c""#, r#""""#] {
            json::decode_wtf8(piece.as_bytes(), &mut tree.text("arguments").1.wtf8);
            let (text, next) = growing(&tree, SOURCE, FIXED, position).expect("it only grew");
            seen.push(text);
            position = Some(next);
        }
        assert_eq!(seen, ["ab", "", "\u{1f600}c", ""]);
        tree.set("arguments", Node::Text(Text::of(br#""ab""#, true)));
        assert_eq!(growing(&tree, SOURCE, FIXED, position), None);
        let (text, next) = growing(&tree, SOURCE, FIXED, None).expect("there is a text");
        assert_eq!((text.as_str(), next), ("ab", Position { source: FIXED, offset: 2 }));
    }

    #[test]
    fn what_is_no_call_has_no_arguments() {
        for raw in [&br#"{"type":"message","arguments":"x"}"#[..], b"[]", br#"{"type":"mcp_call"}"#]
        {
            assert_eq!(whole(View::Raw(raw), SOURCE, None), None);
        }
        assert_eq!(growing(&tree(), SOURCE, FIXED, None), None);
    }
}

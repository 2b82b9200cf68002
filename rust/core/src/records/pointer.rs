//! JSON Pointers (RFC 6901) into the bytes of a valid text.

use crate::diagnostics::clip;
use crate::json::{self, Member};

/// The decoded reference tokens of a pointer.
pub type Steps = Box<[String]>;

/// Parses a pointer; `None` if the text is not one.
pub fn parse(text: &str) -> Option<Steps> {
    if text.is_empty() {
        return Some(Steps::default());
    }
    let steps = text.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// The value that the pointer refers to in a valid text, if there is one.
pub fn resolve<'r>(raw: &'r [u8], steps: &[String], members: &mut Vec<Member>) -> Option<&'r [u8]> {
    let mut value = raw;
    for step in steps {
        value = match value.first() {
            Some(b'{') => {
                json::locate(value, members);
                json::find(value, members, step)?.value(value)
            }
            Some(b'[') => element(value, step)?,
            _ => return None,
        };
    }
    Some(value)
}

fn element<'r>(array: &'r [u8], step: &str) -> Option<&'r [u8]> {
    let digits =
        !step.is_empty() && step.len() < 10 && step.bytes().all(|byte| byte.is_ascii_digit());
    let index: usize = digits.then(|| step.parse().ok())??;
    let mut elements = Vec::new();
    json::elements(array, &mut elements);
    elements.get(index).and_then(|(start, end, _)| array.get(*start..*end))
}

/// The pointer as text, clipped to 200 characters.
pub fn to_text(steps: &[String]) -> String {
    let mut text = String::new();
    for step in steps {
        text.push('/');
        text.push_str(&step.replace('~', "~0").replace('/', "~1"));
    }
    clip(&text)
}

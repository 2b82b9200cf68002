//! JSON pointers (RFC 6901) into the bytes of a valid text.

use crate::diagnostics::clip;
use crate::json::{self, Member};

pub type Steps = Box<[String]>;

/// The steps of a pointer; none where the text is not one.
pub fn parse(text: &str) -> Option<Steps> {
    if text.is_empty() {
        return Some(Steps::default());
    }
    let steps = text.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// The value that the pointer names in a valid text; none where there is none.
pub fn resolve<'r>(raw: &'r [u8], steps: &[String], members: &mut Vec<Member>) -> Option<&'r [u8]> {
    let mut inside = raw;
    for step in steps {
        inside = match inside.first() {
            Some(b'{') => {
                json::locate(inside, members);
                json::find(inside, members, step)?.value(inside)
            }
            Some(b'[') => element(inside, step)?,
            _ => return None,
        };
    }
    Some(inside)
}

fn element<'r>(array: &'r [u8], step: &str) -> Option<&'r [u8]> {
    let digits =
        !step.is_empty() && step.len() < 10 && step.bytes().all(|byte| byte.is_ascii_digit());
    let index: usize = digits.then(|| step.parse().ok())??;
    let mut elements = Vec::new();
    json::elements(array, &mut elements);
    elements.get(index).and_then(|(start, end, _)| array.get(*start..*end))
}

/// The pointer as text, at most 200 characters of it.
pub fn shown(steps: &[String]) -> String {
    let mut text = String::new();
    for step in steps {
        text.push('/');
        text.push_str(&step.replace('~', "~0").replace('/', "~1"));
    }
    clip(&text)
}

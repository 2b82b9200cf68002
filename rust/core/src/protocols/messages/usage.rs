//! The token counts of a message: the API does not send their sum.

use crate::assemble::View;
use crate::protocols::view::Tokens;

const TOTAL: &str = "total_tokens";
const PARTS: [&str; 4] =
    ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"];
const NEEDED: [&str; 2] = ["input_tokens", "output_tokens"];

/// The counts in a `usage` object.
pub fn tokens_of(usage: &[u8]) -> Tokens {
    Tokens { total: total_of(usage), ..Tokens::of(usage) }
}

/// The sum of input, cache and output tokens; the value of a gateway that sends one; `None` if a count is missing or no integer.
fn total_of(usage: &[u8]) -> Option<i64> {
    let usage = View::Raw(usage).fields()?;
    let given = |name| usage.get(name).and_then(View::raw).filter(|value| *value != b"null");
    if let Some(total) = given(TOTAL) {
        return integer(total).and_then(|total| i64::try_from(total).ok());
    }
    let mut sum = 0_i128;
    for name in PARTS {
        let Some(count) = given(name) else {
            if NEEDED.contains(&name) {
                return None;
            }
            continue;
        };
        sum = sum.checked_add(integer(count)?)?;
    }
    i64::try_from(sum).ok()
}

fn integer(number: &[u8]) -> Option<i128> {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let is_integer = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(number).ok().filter(|_| is_integer)?.parse().ok()
}

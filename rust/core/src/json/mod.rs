//! JSON by RFC 8259: checks texts, locates values and decodes strings. It builds no objects.
//!
//! The result of a check depends on the bytes of the text alone. A syntax error is [`Fault::Bad`], even if the text also
//! exceeds a limit. Otherwise nesting over [`DEPTH_LIMIT`], an integer of more than [`DIGIT_LIMIT`] digits or a text over
//! [`SIZE_LIMIT`] is [`Fault::Limit`]. Bytes from 0x80 are accepted inside strings without decoding ([`utf8_ok`] checks
//! them) and are errors outside of strings. No function recurses; an open level costs one bit.
//!
//! Every event passes through [`check`]. [`locate`] and [`elements`] expect a text that has passed it.

mod canonical;
mod check;
mod grammar;
mod incremental;
mod lexer;
mod limits;
mod locate;
mod strings;
mod template;
mod types;
mod value_cache;

pub use canonical::write as write_canonical;
pub use check::check;
pub use incremental::{LineCheck, State};
pub use limits::{DEPTH_LIMIT, DIGIT_LIMIT, SIZE_LIMIT};
pub use locate::{
    decode_key, each_object, elements, find, inside, inside_only_element, key_mark, locate,
};
pub use strings::{
    decode_str, decode_wtf8, decode_wtf8_body, finish_wtf8, parse_index, reads_as, trim, utf8_ok,
    write_str,
};
pub use template::{Filling, Probe, Template, fill};
pub use types::{Checked, Fault, Kind, Member, Range32};
pub use value_cache::{Located, ValueCache};

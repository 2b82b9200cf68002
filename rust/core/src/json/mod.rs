//! JSON as RFC 8259 has it: checks, locates and unescapes; it builds no objects.
//!
//! The verdict on a text depends on its bytes alone. Any syntax error makes it [`Fault::Bad`], even in a text that is
//! over a limit too; else nesting over [`DEPTH_LIMIT`], an integer of over [`DIGIT_LIMIT`] digits or a size over
//! [`SIZE_LIMIT`] is [`Fault::Limit`]. Bytes from 0x80 are opaque inside strings ([`utf8_ok`] looks at them) and errors
//! outside. Nothing recurses: what is open costs one bit a level.
//!
//! [`check`] is what every event passes through; [`locate`] and [`elements`] are for texts that have passed it.

mod canonical;
mod check;
mod grammar;
mod incremental;
mod lexer;
mod locate;
mod strings;
mod template;
mod types;
mod value_cache;

pub use canonical::write as write_canonical;
pub use check::check;
pub use incremental::{LineCheck, State};
pub use locate::{decode_key, each_object, elements, find, locate};
pub use strings::{
    decode_str, decode_wtf8, decode_wtf8_body, finish_wtf8, parse_index, reads_as, trim, utf8_ok,
    write_str,
};
pub use template::{Template, fill};
pub use types::{Checked, DEPTH_LIMIT, DIGIT_LIMIT, Fault, Kind, Member, Range32, SIZE_LIMIT};
pub use value_cache::{Located, ValueCache};

//! Appending deltas to a text. Every path that assembles a text ends in [`append`].

use super::tree::Text;
use crate::frames::{DeltaRun, Envelope};
use crate::json;
use crate::predict::{CachedEvent, Delta, delta_runs};

/// The capacity that is reserved in a text when a run of deltas begins.
const CAPACITY: usize = 256;

/// Appends a delta: the first `length` bytes of `source`, a JSON string without its quotes. It is decoded if it is `encoded`:
/// if it has escapes or invalid UTF-8. Bytes after the delta are ignored, but they allow a faster copy of short deltas.
#[inline]
pub fn append(text: &mut Text, source: &[u8], length: usize, encoded: bool) {
    const BLOCK: usize = 16;
    let out = &mut text.wtf8;
    if encoded {
        return json::decode_wtf8_body(source.get(..length).unwrap_or_default(), out);
    }
    match source.first_chunk::<BLOCK>() {
        // A copy of constant size is compiled to a few instructions, not to a call.
        Some(block) if length <= BLOCK => {
            let size = out.len() + length;
            out.extend_from_slice(block);
            out.truncate(size);
        }
        _ => out.extend_from_slice(source.get(..length).unwrap_or_default()),
    }
}

/// Appends the deltas of the blocks at the start of `rest` that match the cached event and whose sequence numbers follow
/// `before`; without a number before, those of events without numbers. `offset` is the position of the first block in the source;
/// `each`, if given, receives every event.
#[inline(never)]
pub fn append_run(
    text: &mut Text,
    cached: &mut CachedEvent,
    (rest, offset): (&[u8], u64),
    envelope: &Envelope<'_>,
    before: Option<i64>,
    mut each: Option<impl FnMut(&Delta<'_>)>,
) -> DeltaRun {
    let mut run = DeltaRun::default();
    // A block has at least one byte, so the sequence numbers do not overflow.
    let in_range = before.is_none_or(|before| {
        before >= 0 && before.checked_add_unsigned(rest.len() as u64).is_some()
    });
    if !in_range || before.is_some() != cached.is_numbered() || !cached.is_for_runs() {
        return run;
    }
    let (mut last, limit, is_filled) = (0, envelope.block_limit(), cached.is_filled);
    let first = before.map_or(0, |before| before.cast_unsigned() + 1);
    let Some(blocks) = cached.pattern_for(envelope, first).follow(rest, 0, first) else {
        return run;
    };
    text.wtf8.reserve(CAPACITY);
    for block in blocks {
        if block.size > limit || (is_filled && block.length == 0) {
            break;
        }
        if let Some(each) = &mut each {
            let Some(delta) = block.event(rest, envelope, offset, before.is_some()) else { break };
            each(&delta);
        }
        append(text, rest.get(block.delta..).unwrap_or_default(), block.length, block.escaped);
        last = block.begin;
        delta_runs::extend(&mut run, block.size);
    }
    if run.events > 0 {
        run.sequence = before.map(|before| before + run.events.cast_signed());
        run.last = last + envelope.opening.len()..run.size - envelope.closing.len();
    }
    run
}

#[cfg(test)]
mod tests {
    use super::{Text, append};

    /// A name, deltas as JSON strings without quotes, whether they are decoded, and the expected text in WTF-8.
    type Case = (&'static str, &'static [&'static str], bool, &'static [u8]);

    const CASES: [Case; 7] = [
        ("no delta", &[], false, b""),
        ("empty and short deltas", &["", "ab", "", "c"], false, b"abc"),
        ("a delta of 16 bytes", &["0123456789abcdef", "x"], false, b"0123456789abcdefx"),
        ("a long delta", &["0123456789abcdefg", "x"], false, b"0123456789abcdefgx"),
        ("escapes", &[r"\u00e9\n", r"\\"], true, "é\n\\".as_bytes()),
        ("a surrogate pair in two deltas", &[r"a\ud83d", r"\ude00b"], true, "a😀b".as_bytes()),
        ("half of a surrogate pair", &[r"\ud83d", "b"], true, b"\xED\xA0\xBDb"),
    ];

    /// The bytes after a delta must not change the result, whatever copy they allow.
    #[test]
    fn deltas_are_appended_with_and_without_following_bytes() {
        for (name, deltas, encoded, expected) in CASES {
            for following in ["", "\"", "\",\"logprobs\":[],\"x\":1}"] {
                let mut text = Text::default();
                for delta in deltas {
                    let source = format!("{delta}{following}");
                    append(&mut text, source.as_bytes(), delta.len(), encoded);
                }
                assert_eq!(text.wtf8, expected, "{name} {following:?}");
            }
        }
    }
}

//! Frames: a source yields the same frames whole, cut, and without the fast path; every byte is accounted for; work is linear.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::frames::Form;
use respstream_core::work;
use respstream_fuzz::Source;
use respstream_fuzz::outputs::{FramerOutput, frames};

fuzz_target!(|source: Source| {
    let whole = frames(source.options, [&source.bytes[..]].into_iter(), false);
    work::take();
    let cut = frames(source.options, source.chunks(), false);
    let count = work::take();
    assert_eq!(whole, cut, "cut at {:?}", source.cuts);
    assert!(count <= source.work_limit(), "{count} bytes read for {}", source.bytes.len());
    let slow = frames(source.options, [&source.bytes[..]].into_iter(), true);
    assert_eq!(whole, slow, "the fast path differs");
    check_accounted(&source, &whole);
});

/// Each line is in a frame or a note, or the specification drops it.
fn check_accounted(source: &Source, outputs: &[FramerOutput]) {
    let mut left = source.bytes.clone();
    let mut edge = 0;
    for output in outputs {
        let (start, end) = match output {
            FramerOutput::Frame { span, .. } => (span.0, span.1),
            FramerOutput::Note(note) => (note.offset, note.offset + note.length),
            FramerOutput::Done => continue,
        };
        assert!(edge <= start && start <= end && end <= left.len() as u64, "{output:?}");
        edge = end;
        for byte in &mut left[start as usize..end as usize] {
            *byte = if is_break(*byte) { *byte } else { b' ' };
        }
    }
    let mut in_block = false;
    for (line, left) in lines(&source.bytes).zip(lines(&left)) {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let known = matches!(name, b"data" | b"event" | b"id" | b"retry");
        in_block = !line.is_empty() && (in_block || known);
        let dropped = match source.options.form {
            Form::Jsonl => false,
            _ if known => name != b"data" || is_blank(line.get(5..).unwrap_or_default()),
            _ => in_block || line.first() == Some(&b':'),
        };
        assert!(dropped || is_blank(left), "lost: {}", left.escape_ascii());
    }
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The lines without their line breaks, and without the byte order mark.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line).split(|byte| is_break(*byte))
    })
}

/// Only white space, `[DONE]`, and array punctuation.
fn is_blank(line: &[u8]) -> bool {
    let bare = line.trim_ascii();
    bare == b"[DONE]" || bare.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'[' | b']' | b','))
}

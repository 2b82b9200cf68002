//! What the targets share: how the input chooses cuts and options, and what a reader gives as plain values.

pub mod digest;
pub mod oracle;
pub mod wire;

use arbitrary::{Arbitrary, Unstructured};
use respstream_core::frames::{Form, OnEof, Options};

/// Work that an input may cost: so many bytes looked at for each byte, and a little for each call.
pub const WORK: u64 = 64;

/// A source with the options it is read with, and where it is cut.
#[derive(Debug)]
pub struct Source {
    pub options: Options,
    pub cuts: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Source {
    /// The pieces between the cuts.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut start = 0;
        ends.map(move |end| {
            let piece = &self.bytes[start..end];
            start = end;
            piece
        })
    }

    /// What reading it may cost in all.
    pub fn bound(&self) -> u64 {
        WORK * (self.bytes.len() as u64 + self.cuts.len() as u64 + 64)
    }
}

impl<'a> Arbitrary<'a> for Source {
    /// Options and cuts come from the end of the input, so that the bytes of a seed stand as they are.
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let all = u.bytes(u.len())?;
        let (bytes, tail) = all.split_at(all.len() - all.len().min(12));
        let bytes = stretched(bytes);
        let mut source = Self { options: options(tail), cuts: cuts(bytes.len(), tail), bytes };
        if tail.last().is_some_and(|byte| byte & 1 == 1) {
            source.cuts = (1..source.bytes.len()).collect();
        }
        Ok(source)
    }
}

fn options(tail: &[u8]) -> Options {
    let choice = tail.first().copied().unwrap_or(0);
    let limit = tail.get(1).copied().unwrap_or(0);
    Options {
        // Seeds end in text, most of which is ASCII: those bits must lead to the plain case most often.
        form: match choice >> 5 {
            6 => Form::Sse,
            7 => Form::Jsonl,
            _ => Form::Auto,
        },
        on_eof: if choice & 16 == 16 { OnEof::Discard } else { OnEof::Flush },
        limit: (limit >= 128).then(|| u64::from(limit - 127)),
    }
}

fn cuts(size: usize, tail: &[u8]) -> Vec<usize> {
    let chosen = tail.get(2..).unwrap_or_default().chunks_exact(2);
    let mut cuts: Vec<usize> = chosen
        .map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])) % (size + 1))
        .collect();
    cuts.sort_unstable();
    cuts
}

/// The most bytes that an input is stretched to.
const STRETCHED: usize = 1 << 16;

/// The input with each `0x01 n` as n more of the byte before it: limits lie far out.
pub fn stretched(input: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        if *byte == 1 {
            let count = bytes.next().map_or(0, |count| usize::from(*count) * 32);
            let count = count.min(STRETCHED.saturating_sub(text.len()));
            text.extend(std::iter::repeat_n(text.last().copied().unwrap_or(b'['), count));
        } else {
            text.push(*byte);
        }
    }
    text
}

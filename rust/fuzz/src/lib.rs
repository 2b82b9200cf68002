//! Shared by the fuzz targets: sources with options and cuts, and the outputs of readers as comparable values.

pub mod collisions;
pub mod messages;
pub mod oracle;
pub mod outputs;
pub mod script;
pub mod tables;

use arbitrary::{Arbitrary, Unstructured};
use respstream_core::frames::{Form, OnEof, Options};

/// Limit of the work for an input: how many bytes may be read per byte of input. Each call may add a constant.
pub const WORK: u64 = 64;

/// A source, the options to read it with, and the offsets at which it is cut into chunks.
#[derive(Debug)]
pub struct Source {
    pub options: Options,
    pub cuts: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Source {
    /// The chunks between the cuts.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut start = 0;
        ends.map(move |end| {
            let chunk = &self.bytes[start..end];
            start = end;
            chunk
        })
    }

    /// Limit of the work for reading it.
    pub fn work_limit(&self) -> u64 {
        WORK * (self.bytes.len() as u64 + self.cuts.len() as u64 + 64)
    }
}

impl<'a> Arbitrary<'a> for Source {
    /// Options and cuts come from the end of the input, so that seed files need no encoding.
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let all = u.bytes(u.len())?;
        let (bytes, tail) = all.split_at(all.len() - all.len().min(12));
        let bytes = expand_repeats(bytes);
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
        // Seeds end in mostly ASCII text: those bits must select the default in most cases.
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

/// Limit of the size of an expanded input.
const MAX_EXPANDED: usize = 1 << 16;

/// Replaces each `0x01 n` by 32 n more copies of the byte before it, so that short inputs can reach limits of size.
pub fn expand_repeats(input: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        if *byte == 1 {
            let count = bytes.next().map_or(0, |count| usize::from(*count) * 32);
            let count = count.min(MAX_EXPANDED.saturating_sub(text.len()));
            text.extend(std::iter::repeat_n(text.last().copied().unwrap_or(b'['), count));
        } else {
            text.push(*byte);
        }
    }
    text
}

//! Encodings of a field: base64 and gzip. Both are detected by content.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;

use crate::diagnostics::Code;

const GZIP: &[u8] = b"\x1f\x8b";
/// The maximum decoded size of one field in bytes.
const MAX_BYTES: usize = 1 << 28;
/// How decoded data begins if a field is detected as base64.
const STARTS: [&[u8]; 8] =
    [b"event:", b"data:", b"id:", b"retry:", b": ", b"{\"", b"[{", b"\x1f\x8b"];

/// The diagnostic for gzip data that cannot be decompressed: its code and its reason.
pub(super) const FAULT: (Code, &str) =
    (Code::BadCompression, "the gzip data in the field is corrupt, truncated or too large");

/// The declared encoding of a field: text that may be base64, base64, or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Text,
    Base64,
    Bytes,
}

/// Decodes a field; returns its bytes and whether it was base64. `None` if gzip data in it cannot be decompressed.
///
/// `previous_encoded`: the previous field of the lane was base64, so this one is decoded if it is valid base64.
pub(super) fn decode_field(
    data: &[u8],
    kind: Encoding,
    previous_encoded: bool,
) -> Option<(Cow<'_, [u8]>, bool)> {
    let plain = if kind == Encoding::Bytes { None } else { decode_base64(data) };
    let starts = |plain: &Vec<u8>| STARTS.iter().any(|start| plain.starts_with(start));
    let plain = plain.filter(|plain| kind == Encoding::Base64 || previous_encoded || starts(plain));
    let encoded = plain.is_some();
    let data = plain.map_or(Cow::Borrowed(data), Cow::Owned);
    if data.starts_with(GZIP) {
        return inflate(&data).map(|plain| (Cow::Owned(plain), encoded));
    }
    Some((data, encoded))
}

fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) || text.is_empty() {
        return None;
    }
    let pads = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len() - pads)?;
    let mut plain = Vec::with_capacity(text.len() / 4 * 3);
    for four in digits.chunks(4) {
        let mut word = 0;
        for byte in four {
            word = word << 6 | digit(*byte)?;
        }
        word <<= 6 * (4 - four.len());
        let bytes = word.to_be_bytes();
        plain.extend_from_slice(bytes.get(1..four.len())?);
    }
    Some(plain)
}

/// Decompresses all members of gzip data. `None` if it is corrupt, cut short or too large.
pub fn inflate(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    while !data.is_empty() {
        let mut member = GzDecoder::new(data);
        let remaining = (MAX_BYTES + 1 - plain.len()) as u64;
        member.by_ref().take(remaining).read_to_end(&mut plain).ok()?;
        if plain.len() > MAX_BYTES {
            return None;
        }
        data = member.into_inner();
        let zeros = data.iter().take_while(|byte| **byte == 0).count();
        data = data.get(zeros..).unwrap_or_default();
    }
    Some(plain)
}

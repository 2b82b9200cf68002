//! What is packed inside a field: base64, and gzip inside it. Both are seen by what they hold.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;

use crate::catalogue::Code;

const GZIP: &[u8] = b"\x1f\x8b";
/// Bytes of what one field may unpack to.
const MOST: usize = 1 << 28;
const STARTS: [&[u8]; 8] =
    [b"event:", b"data:", b"id:", b"retry:", b": ", b"{\"", b"[{", b"\x1f\x8b"];

/// The diagnostic of gzip that cannot be unpacked: its code and its reason.
pub const FAULT: (Code, &str) =
    (Code::BadCompression, "the gzip data inside is corrupt, cut short or too large");

/// What a field is said to hold: text, in which base64 is guessed; base64; bytes as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Base64,
    Bytes,
}

/// The plain bytes of a field and whether it was base64; none where gzip in it cannot be unpacked.
///
/// `known`: the text before it in its lane was base64, so that this one is too if it can be.
pub fn unpacked(data: &[u8], kind: Kind, known: bool) -> Option<(Cow<'_, [u8]>, bool)> {
    let plain = if kind == Kind::Bytes { None } else { decoded(data) };
    let starts = |plain: &Vec<u8>| STARTS.iter().any(|start| plain.starts_with(start));
    let plain = plain.filter(|plain| kind == Kind::Base64 || known || starts(plain));
    let packed = plain.is_some();
    let data = plain.map_or(Cow::Borrowed(data), Cow::Owned);
    if data.starts_with(GZIP) {
        return inflate(&data).map(|plain| (Cow::Owned(plain), packed));
    }
    Some((data, packed))
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

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
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

/// The plain bytes of gzip data, of all its members; none where it is corrupt, cut short or unpacks to too much.
pub fn inflate(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    while !data.is_empty() {
        let mut member = GzDecoder::new(data);
        let room = (MOST + 1 - plain.len()) as u64;
        member.by_ref().take(room).read_to_end(&mut plain).ok()?;
        if plain.len() > MOST {
            return None;
        }
        data = member.into_inner();
        let zeros = data.iter().take_while(|byte| **byte == 0).count();
        data = data.get(zeros..).unwrap_or_default();
    }
    Some(plain)
}

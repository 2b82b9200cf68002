//! Vector instructions: classify blocks of 16 bytes, compare texts, prefetch memory.
//!
//! On x86-64 the code uses SSE2, which all x86-64 processors have. Wider registers would need detection at run time, and
//! most strings of an event are shorter than one. Other targets use portable code with the same results. This is the only
//! module of the core with `unsafe`: without it, the fold executes twice as many instructions (docs/performance.md).
#![allow(unsafe_code)]

/// One bit per byte of a block; the lowest bit is the first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marks {
    /// Quotes, backslashes and control characters.
    pub special: u32,
    /// Bytes from 0x80.
    pub non_ascii: u32,
}

/// The special and the non-ASCII bytes of a block.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(crate) fn marks(block: &[u8; 16]) -> Marks {
    // SAFETY: this is compiled only for targets with SSE2, the only feature that the function needs.
    unsafe { marks_sse2(block) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[target_feature(enable = "sse2")]
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "bits, not numbers")]
fn marks_sse2(block: &[u8; 16]) -> Marks {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };
    // SAFETY: the reference is to 16 readable bytes, and the load needs no alignment.
    let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    let special = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
    Marks { special: _mm_movemask_epi8(special) as u32, non_ascii: _mm_movemask_epi8(bytes) as u32 }
}

/// The special and the non-ASCII bytes of a block.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(crate) fn marks(block: &[u8; 16]) -> Marks {
    marks_portable(block)
}

/// One bit per byte of a block that is special or not ASCII; the lowest bit is the first byte.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(crate) fn special_or_non_ascii(block: &[u8; 16]) -> u32 {
    // SAFETY: this is compiled only for targets with SSE2, the only feature that the function needs.
    unsafe { special_or_non_ascii_sse2(block) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[target_feature(enable = "sse2")]
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "bits, not numbers")]
fn special_or_non_ascii_sse2(block: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };
    // SAFETY: the reference is to 16 readable bytes, and the load needs no alignment.
    let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    // As signed numbers, bytes from 0x80 are less than the space, like control characters.
    let others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(b' ' as i8));
    _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others)) as u32
}

/// One bit per byte of a block that is special or not ASCII; the lowest bit is the first byte.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(crate) fn special_or_non_ascii(block: &[u8; 16]) -> u32 {
    let marks = marks(block);
    marks.special | marks.non_ascii
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn marks_portable(block: &[u8; 16]) -> Marks {
    let mut marks = Marks { special: 0, non_ascii: 0 };
    for (place, &byte) in block.iter().enumerate() {
        marks.special |= u32::from(byte < 0x20 || byte == b'"' || byte == b'\\') << place;
        marks.non_ascii |= u32::from(byte >= 0x80) << place;
    }
    marks
}

/// One bit per byte of 64 bytes; the lowest bit is the first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Structure {
    pub quotes: u64,
    pub backslashes: u64,
    /// `{` and `[`.
    pub opens: u64,
    /// `}` and `]`.
    pub closes: u64,
}

/// The quotes, backslashes and brackets of 64 bytes.
#[inline]
pub(crate) fn structure(bytes: &[u8; 64]) -> Structure {
    let (blocks, _) = bytes.as_chunks::<16>();
    blocks.iter().rev().map(structure_of).fold(Structure::default(), |all, part| Structure {
        quotes: all.quotes << 16 | u64::from(part[0]),
        backslashes: all.backslashes << 16 | u64::from(part[1]),
        opens: all.opens << 16 | u64::from(part[2]),
        closes: all.closes << 16 | u64::from(part[3]),
    })
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
fn structure_of(block: &[u8; 16]) -> [u32; 4] {
    // SAFETY: this is compiled only for targets with SSE2, the only feature that the function needs.
    unsafe { structure_sse2(block) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[target_feature(enable = "sse2")]
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "bits, not numbers")]
fn structure_sse2(block: &[u8; 16]) -> [u32; 4] {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let (halves, _) = block.as_chunks::<8>();
    let half = |place: usize| i64::from_le_bytes(halves[place]);
    let bytes = _mm_set_epi64x(half(1), half(0));
    // Braces and brackets differ in one bit.
    let braces = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    let mask = |bytes, byte: u8| {
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))) as u32
    };
    [mask(bytes, b'"'), mask(bytes, b'\\'), mask(braces, b'{'), mask(braces, b'}')]
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
fn structure_of(block: &[u8; 16]) -> [u32; 4] {
    structure_portable(block)
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn structure_portable(block: &[u8; 16]) -> [u32; 4] {
    let mut masks = [0; 4];
    for (place, &byte) in block.iter().enumerate() {
        let classes = [byte == b'"', byte == b'\\', byte | 0x20 == b'{', byte | 0x20 == b'}'];
        for (mask, found) in masks.iter_mut().zip(classes) {
            *mask |= u32::from(found) << place;
        }
    }
    masks
}

/// Whether two texts are equal. Short texts are compared inline, because a call of `memcmp` would cost more.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if one.len() > 32 {
        return one == other;
    }
    if let (Some(end), Some(other_end)) = (one.last_chunk::<16>(), other.last_chunk::<16>()) {
        return one.first_chunk::<16>() == other.first_chunk::<16>() && end == other_end;
    }
    if let (Some(end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        return one.first_chunk::<8>() == other.first_chunk::<8>() && end == other_end;
    }
    if let (Some(end), Some(other_end)) = (one.last_chunk::<4>(), other.last_chunk::<4>()) {
        return one.first_chunk::<4>() == other.first_chunk::<4>() && end == other_end;
    }
    one.iter().zip(other).all(|(byte, other)| byte == other)
}

/// The prefetch distance in bytes; 1, 4 and 8 KiB were no faster.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
const AHEAD: usize = 2048;

/// Prefetches as many bytes as a block has, [`AHEAD`] bytes further on and never inside the block. The hardware prefetcher
/// alone is too slow, because the reader stops at each block (docs/performance.md).
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(crate) fn ahead(text: &[u8], begin: usize, size: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    const LINE: usize = 64;
    let end = (begin + size + AHEAD).min(text.len());
    for at in (begin + size.max(AHEAD)..end).step_by(LINE) {
        // SAFETY: a prefetch reads no data and is allowed for any address; this one is inside the text.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(text.as_ptr().wrapping_add(at).cast()) };
    }
}

/// Does nothing: stable Rust has no prefetch instruction for other processors.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(crate) fn ahead(_: &[u8], _: usize, _: usize) {}

/// The length of the common prefix of two texts.
#[inline]
pub(crate) fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    const BLOCK: usize = 32;
    const STRIDE: usize = 512;
    let size = one.len().min(other.len());
    let (strides, _) = one[..size].as_chunks::<STRIDE>();
    let (others, _) = other[..size].as_chunks::<STRIDE>();
    let far = STRIDE * strides.iter().zip(others).take_while(|(one, other)| one == other).count();
    let (one, other, size) = (&one[far..], &other[far..], size - far);
    let (blocks, _) = one[..size].as_chunks::<BLOCK>();
    let (others, _) = other[..size].as_chunks::<BLOCK>();
    let same = blocks.iter().zip(others).take_while(|(block, other)| block == other).count();
    let rest = one[..size].iter().zip(&other[..size]).skip(same * BLOCK);
    far + same * BLOCK + rest.take_while(|(byte, other)| byte == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_and_portable_code_agree_on_every_byte() {
        for byte in 0..=u8::MAX {
            for place in 0..16 {
                let mut block = [b'a'; 16];
                block[place] = byte;
                block[15 - place] = byte.wrapping_mul(7).wrapping_add(place as u8);
                let each = marks_portable(&block);
                assert_eq!(marks(&block), each, "{block:?}");
                assert_eq!(
                    special_or_non_ascii(&block),
                    each.special | each.non_ascii,
                    "{block:?}"
                );
                assert_eq!(structure_of(&block), structure_portable(&block), "{block:?}");
            }
        }
    }

    #[test]
    fn a_difference_at_any_position_is_found() {
        for length in (0..200).chain([511, 512, 513, 1100]) {
            let one: Vec<u8> = (0..length).map(|place| place as u8).collect();
            assert!(same(&one, &one.clone()), "{length}");
            assert!(!same(&one, &[&one[..], b"x"].concat()), "{length}");
            for place in 0..length {
                let mut other = one.clone();
                other[place] ^= 0x80;
                assert!(!same(&one, &other), "{place} of {length}");
                assert_eq!(common_prefix(&one, &other), place, "{place} of {length}");
            }
        }
    }
}

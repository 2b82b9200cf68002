//! Detects UTF-16 by its byte order mark and converts it to UTF-8.
//!
//! The rules are those of `inputs/filters.py`: what cannot be converted becomes the byte 0xFF, which the decoder reports as
//! invalid UTF-8.

use std::ops::RangeInclusive;

const HIGH: RangeInclusive<u16> = 0xd800..=0xdbff;
const INVALID: u8 = 0xff;

/// Converts UTF-16 with a byte order mark; passes all other bytes through.
pub struct Utf16Filter {
    state: State,
}

enum State {
    /// The first two bytes are not known yet; the first one may be.
    Start(Option<u8>),
    PassThrough,
    Converting(Converter),
}

struct Converter {
    big_endian: bool,
    /// The first byte of a unit.
    odd: Option<u8>,
    /// A high surrogate without its low one.
    high: Option<u16>,
    output: Vec<u8>,
}

impl Utf16Filter {
    /// A filter for the beginning of a source.
    pub const fn detecting() -> Self {
        Self { state: State::Start(None) }
    }

    /// A filter that changes nothing.
    pub const fn pass_through() -> Self {
        Self { state: State::PassThrough }
    }

    /// Filters the next bytes and passes the result to `take`. Returns false after `take` has returned false.
    pub fn feed(&mut self, data: &[u8], take: &mut impl FnMut(&[u8]) -> bool) -> bool {
        match &mut self.state {
            State::PassThrough => take(data),
            State::Converting(converter) => {
                converter.convert(data);
                take(&converter.output)
            }
            State::Start(held) => match (*held, data) {
                (_, []) => true,
                (None, [first @ (0xff | 0xfe)]) => {
                    *held = Some(*first);
                    true
                }
                (None, [first, ..]) => {
                    self.begin(*first, data.get(1).copied());
                    let rest = if self.is_converting() { data.get(2..) } else { Some(data) };
                    self.feed(rest.unwrap_or_default(), take)
                }
                (Some(first), [second, rest @ ..]) => {
                    self.begin(first, Some(*second));
                    if self.is_converting() {
                        return self.feed(rest, take);
                    }
                    take(&[first]) && take(data)
                }
            },
        }
    }

    /// Passes on what is left at the end of the source.
    pub fn finish(&mut self, take: &mut impl FnMut(&[u8]) -> bool) {
        let incomplete = match &mut self.state {
            State::PassThrough => false,
            State::Start(held) => held.take().is_some_and(|first| take(&[first])),
            State::Converting(Converter { odd, high, .. }) => {
                odd.take().is_some() | high.take().is_some()
            }
        };
        if incomplete && self.is_converting() {
            take(&[INVALID]);
        }
    }

    fn begin(&mut self, first: u8, second: Option<u8>) {
        let big_endian = match (first, second) {
            (0xff, Some(0xfe)) => false,
            (0xfe, Some(0xff)) => true,
            _ => {
                self.state = State::PassThrough;
                return;
            }
        };
        let converter = Converter { big_endian, odd: None, high: None, output: Vec::new() };
        self.state = State::Converting(converter);
    }

    const fn is_converting(&self) -> bool {
        matches!(self.state, State::Converting(_))
    }
}

impl Converter {
    /// Converts the next bytes; the result is in `output`.
    fn convert(&mut self, mut data: &[u8]) {
        self.output.clear();
        if let (Some(first), [second, rest @ ..]) = (self.odd, data) {
            self.odd = None;
            self.unit([first, *second]);
            data = rest;
        }
        let mut units = data.chunks_exact(2);
        for unit in &mut units {
            if let [first, second] = *unit {
                self.unit([first, second]);
            }
        }
        if let [odd] = units.remainder() {
            self.odd = Some(*odd);
        }
    }

    fn unit(&mut self, bytes: [u8; 2]) {
        let unit =
            if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let pair = self.high.take().map(|high| [high, unit]);
        if let Some(pair) = pair {
            if let Some(Ok(char)) = char::decode_utf16(pair).next() {
                self.push(char);
                return;
            }
            self.output.push(INVALID);
        }
        if HIGH.contains(&unit) {
            self.high = Some(unit);
        } else if let Some(char) = char::from_u32(u32::from(unit)) {
            self.push(char);
        } else {
            self.output.push(INVALID);
        }
    }

    fn push(&mut self, char: char) {
        self.output.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(chunks: &[&[u8]]) -> Vec<u8> {
        let mut found = Vec::new();
        let mut filter = Utf16Filter::detecting();
        let mut take = |bytes: &[u8]| {
            found.extend_from_slice(bytes);
            true
        };
        for chunk in chunks {
            filter.feed(chunk, &mut take);
        }
        filter.finish(&mut take);
        found
    }

    #[test]
    fn utf16_is_converted_at_every_cut() {
        let text = "data: Zoë 😀\n";
        for little in [true, false] {
            let units = text
                .encode_utf16()
                .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
            let mut bytes = if little { vec![0xff, 0xfe] } else { vec![0xfe, 0xff] };
            bytes.extend(units);
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.split_at(cut);
                assert_eq!(filtered(&[first, second]), text.as_bytes(), "{little} {cut}");
            }
        }
    }

    #[test]
    fn other_bytes_are_passed_through() {
        for text in [&b""[..], b"a", b"data", b"\xff", b"\xfe", b"\xff\xff", b"\xef\xbb\xbfdata"] {
            assert_eq!(filtered(&[text]), text);
            let single: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(filtered(&single), text);
        }
    }

    #[test]
    fn invalid_units_become_one_invalid_byte() {
        assert_eq!(filtered(&[b"\xff\xfe\x00\xd8a\0"]), b"\xffa");
        assert_eq!(filtered(&[b"\xff\xfe\x00\xdca\0"]), b"\xffa");
        assert_eq!(filtered(&[b"\xff\xfea\0\x00\xd8"]), b"a\xff");
        assert_eq!(filtered(&[b"\xff\xfea\0\x00\xd8\x00"]), b"a\xff");
        assert_eq!(filtered(&[b"\xff\xfea\0b"]), b"a\xff");
    }
}

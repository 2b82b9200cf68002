//! Decompression of gzip and zstd. A file may consist of several members.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use respstream_core::diagnostics::Code;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::input::problem::Problem;

/// The size of the buffers for compressed and decompressed bytes. It fits into the cache of a core.
pub const BLOCK_BYTES: usize = 1 << 18;

const WINDOW_BITS: u8 = 15;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// The number of bytes that [`Self::detect`] needs.
    pub const MAGIC_BYTES: usize = 4;

    /// Detects the compression from the first bytes of a file. A zstd file may begin with a skippable frame, as pzstd writes.
    pub fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

enum Codec {
    Gzip(Box<Decompress>),
    Zstd(Box<Decoder<'static>>),
}

/// Decompresses a file block by block.
pub struct Decompressor {
    compression: Compression,
    codec: Codec,
    /// The last member is complete.
    complete: bool,
    output: Vec<u8>,
}

impl Decompressor {
    pub fn new(compression: Compression) -> Result<Self, Problem> {
        let codec = match compression {
            Compression::Gzip => Codec::Gzip(Box::new(Decompress::new_gzip(WINDOW_BITS))),
            Compression::Zstd => {
                Codec::Zstd(Box::new(Decoder::new().map_err(|_| corrupt(compression))?))
            }
        };
        Ok(Self { compression, codec, complete: false, output: vec![0; BLOCK_BYTES] })
    }

    /// Decompresses the next bytes and passes them to `take`. Returns false after `take` has returned false.
    pub fn feed(
        &mut self,
        mut data: &[u8],
        take: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, Problem> {
        loop {
            if self.complete {
                data = self.skip_padding(data);
                if data.is_empty() {
                    return Ok(true);
                }
                self.begin()?;
            }
            let (read, written) = self.step(data)?;
            if read + written == 0 && !data.is_empty() && !self.complete {
                return Err(corrupt(self.compression));
            }
            data = data.get(read..).unwrap_or_default();
            if written > 0 && !take(self.output.get(..written).unwrap_or_default()) {
                return Ok(false);
            }
            // If the output buffer is full, the codec may contain further output.
            if data.is_empty() && written < self.output.len() {
                return Ok(true);
            }
        }
    }

    /// Checks that the file does not end inside a member.
    pub fn finish(&self) -> Result<(), Problem> {
        if self.complete {
            return Ok(());
        }
        let reason = format!("the {} data ends before its end mark", self.compression.name());
        Err(Problem { code: Code::TruncatedFile, reason })
    }

    /// Skips the zeros that may follow the last gzip member.
    fn skip_padding<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        if self.compression == Compression::Zstd {
            return data;
        }
        let solid = data.iter().position(|byte| *byte != 0).unwrap_or(data.len());
        data.get(solid..).unwrap_or_default()
    }

    fn begin(&mut self) -> Result<(), Problem> {
        self.complete = false;
        match &mut self.codec {
            Codec::Gzip(codec) => **codec = Decompress::new_gzip(WINDOW_BITS),
            Codec::Zstd(codec) => codec.reinit().map_err(|_| corrupt(self.compression))?,
        }
        Ok(())
    }

    /// Returns the numbers of bytes read and written.
    fn step(&mut self, data: &[u8]) -> Result<(usize, usize), Problem> {
        match &mut self.codec {
            Codec::Gzip(codec) => {
                let before = (codec.total_in(), codec.total_out());
                let status = codec
                    .decompress(data, &mut self.output, FlushDecompress::None)
                    .map_err(|_| corrupt(self.compression))?;
                self.complete = status == Status::StreamEnd;
                let read = (codec.total_in() - before.0) as usize;
                let written = (codec.total_out() - before.1) as usize;
                Ok((read, written))
            }
            Codec::Zstd(codec) => {
                let (mut input, mut output) =
                    (InBuffer::around(data), OutBuffer::around(&mut self.output[..]));
                let left =
                    codec.run(&mut input, &mut output).map_err(|error| zstd_problem(&error))?;
                self.complete = left == 0;
                Ok((input.pos(), output.pos()))
            }
        }
    }
}

fn corrupt(compression: Compression) -> Problem {
    Problem {
        code: Code::BadCompression,
        reason: format!("the {} data is damaged", compression.name()),
    }
}

/// A zstd error. The library limits the window to 128 MiB, and a frame may need one of 3.75 TiB.
fn zstd_problem(error: &io::Error) -> Problem {
    let mut problem = corrupt(Compression::Zstd);
    if error.to_string().contains("too much memory") {
        "the zstd data needs a window larger than 128 MiB".clone_into(&mut problem.reason);
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_detected_from_magic_bytes() {
        assert_eq!(Compression::detect(&[0x1f, 0x8b, 8, 0]), Some(Compression::Gzip));
        assert_eq!(Compression::detect(&[0x28, 0xb5, 0x2f, 0xfd]), Some(Compression::Zstd));
        assert_eq!(Compression::detect(&[0x52, 0x2a, 0x4d, 0x18]), Some(Compression::Zstd));
        assert_eq!(Compression::detect(b"data"), None);
        assert_eq!(Compression::detect(&[0x1f]), None);
    }
}

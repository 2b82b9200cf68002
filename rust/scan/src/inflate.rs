//! gzip and zstd, member by member: what follows the end of one begins the next.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use respstream_core::catalogue::Code;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::source::{Problem, READ_BYTES};

const WINDOW_BITS: u8 = 15;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// So many first bytes tell.
    pub const MAGIC_BYTES: usize = 4;

    /// What the first bytes of a file tell. zstd may begin with a frame to be skipped, as that of pzstd does.
    pub fn of(head: &[u8]) -> Option<Self> {
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

enum Machine {
    Gzip(Box<Decompress>),
    Zstd(Box<Decoder<'static>>),
}

/// Compressed bytes on their way to plain ones.
pub struct Inflate {
    packing: Packing,
    machine: Machine,
    /// The member that was read last is complete.
    complete: bool,
    plain: Vec<u8>,
}

impl Inflate {
    pub fn new(packing: Packing) -> Result<Self, Problem> {
        let machine = match packing {
            Packing::Gzip => Machine::Gzip(Box::new(Decompress::new_gzip(WINDOW_BITS))),
            Packing::Zstd => Machine::Zstd(Box::new(Decoder::new().map_err(|_| corrupt(packing))?)),
        };
        Ok(Self { packing, machine, complete: false, plain: vec![0; READ_BYTES] })
    }

    /// Takes the next compressed bytes; false when `take` wants no more.
    pub fn feed(
        &mut self,
        mut data: &[u8],
        take: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, Problem> {
        loop {
            if self.complete {
                data = self.padding(data);
                if data.is_empty() {
                    return Ok(true);
                }
                self.begin()?;
            }
            let (read, written) = self.step(data)?;
            if read + written == 0 && !data.is_empty() && !self.complete {
                return Err(corrupt(self.packing));
            }
            data = data.get(read..).unwrap_or_default();
            if written > 0 && !take(self.plain.get(..written).unwrap_or_default()) {
                return Ok(false);
            }
            // A full buffer may have left plain bytes inside.
            if data.is_empty() && written < self.plain.len() {
                return Ok(true);
            }
        }
    }

    /// Checks that the bytes do not end inside a member.
    pub fn finish(&self) -> Result<(), Problem> {
        if self.complete {
            return Ok(());
        }
        let reason = format!("the {} data ends before its end mark", self.packing.name());
        Err(Problem { code: Code::TruncatedFile, reason })
    }

    /// What follows the zeros that may pad the last gzip member.
    fn padding<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        if self.packing == Packing::Zstd {
            return data;
        }
        let solid = data.iter().position(|byte| *byte != 0).unwrap_or(data.len());
        data.get(solid..).unwrap_or_default()
    }

    fn begin(&mut self) -> Result<(), Problem> {
        self.complete = false;
        match &mut self.machine {
            Machine::Gzip(machine) => **machine = Decompress::new_gzip(WINDOW_BITS),
            Machine::Zstd(machine) => machine.reinit().map_err(|_| corrupt(self.packing))?,
        }
        Ok(())
    }

    /// How many bytes were read and written.
    fn step(&mut self, data: &[u8]) -> Result<(usize, usize), Problem> {
        match &mut self.machine {
            Machine::Gzip(machine) => {
                let before = (machine.total_in(), machine.total_out());
                let status = machine
                    .decompress(data, &mut self.plain, FlushDecompress::None)
                    .map_err(|_| corrupt(self.packing))?;
                self.complete = status == Status::StreamEnd;
                let read = (machine.total_in() - before.0) as usize;
                let written = (machine.total_out() - before.1) as usize;
                Ok((read, written))
            }
            Machine::Zstd(machine) => {
                let (mut input, mut output) =
                    (InBuffer::around(data), OutBuffer::around(&mut self.plain[..]));
                let rest = machine.run(&mut input, &mut output).map_err(|error| refused(&error))?;
                self.complete = rest == 0;
                Ok((input.pos(), output.pos()))
            }
        }
    }
}

fn corrupt(packing: Packing) -> Problem {
    Problem {
        code: Code::BadCompression,
        reason: format!("the {} data is damaged", packing.name()),
    }
}

/// Why zstd data cannot be read: a frame may ask for a window of 3.75 TiB, and the library has a limit.
fn refused(error: &io::Error) -> Problem {
    let mut problem = corrupt(Packing::Zstd);
    if error.to_string().contains("too much memory") {
        "the zstd data needs a window of over 128 MiB".clone_into(&mut problem.reason);
    }
    problem
}

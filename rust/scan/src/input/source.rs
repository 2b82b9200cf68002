//! Sources of bytes: files and other inputs. gzip and zstd are detected by their magic bytes, UTF-16 by its byte order mark.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use respstream_core::diagnostics::Code;

use crate::input::ahead::{Ahead, Compressed};
use crate::input::counted::{Bytes, Counted};
use crate::input::decompress::{BLOCK_BYTES, Compression, Decompressor};
use crate::input::line_index::LineIndex;
use crate::input::part::Part;
use crate::input::problem::Problem;
use crate::input::utf16::Utf16Filter;

/// Opens an input that is not a local file, from any thread.
pub trait OpenInput: Send + Sync {
    fn open(&self) -> io::Result<Bytes>;
}

/// The location of an input.
#[derive(Clone)]
pub enum Location {
    File(PathBuf),
    Other(Arc<dyn OpenInput>),
}

/// One source of a scan.
#[derive(Clone)]
pub struct Input {
    /// The name of the source in tables.
    pub name: String,
    pub location: Location,
    /// Only rows that begin in this part are read.
    pub part: Option<Part>,
    /// Shared by the readers of parts.
    pub lines: Arc<LineIndex>,
    /// The bytes that were read so far from all inputs of the scan, before decompression.
    pub stored: Arc<AtomicU64>,
}

/// The decompressed bytes of an input, UTF-16 as UTF-8.
pub struct Source {
    stored: Stored,
    utf16: Utf16Filter,
    block: Vec<u8>,
    /// The number of bytes in the block that were read to detect the compression.
    head: usize,
    ended: bool,
}

/// The bytes of an input before decompression.
enum Stored {
    Plain(Counted),
    Compressed(Compressed),
    /// A thread of its own decompresses them.
    Ahead(Ahead),
}

impl Input {
    /// The size of the file in bytes, before decompression; 0 if unknown.
    pub fn size(&self) -> u64 {
        match &self.location {
            Location::File(path) => std::fs::metadata(path).map_or(0, |found| found.len()),
            Location::Other(_) => 0,
        }
    }

    /// Opens the input and detects its compression.
    pub fn open(&self) -> Result<Source, Problem> {
        self.open_with(Vec::new())
    }

    /// As [`Self::open`], with the read buffer of an earlier source, or an empty one.
    pub fn open_with(&self, block: Vec<u8>) -> Result<Source, Problem> {
        let bytes: Bytes = match &self.location {
            Location::File(path) => {
                Box::new(File::open(path).map_err(|error| Problem::unreadable(&error))?)
            }
            Location::Other(opener) => {
                opener.open().map_err(|error| Problem::unreadable(&error))?
            }
        };
        let mut source = Source::new(bytes, block);
        source.utf16 = Utf16Filter::detecting();
        source.detect_compression()
    }

    /// Opens a file at an offset, without decompression or conversion. The size of `block` is the read size, if it is not empty.
    pub fn open_at(&self, offset: u64, block: Vec<u8>) -> Result<Source, Problem> {
        let Location::File(path) = &self.location else {
            return Err(Problem {
                code: Code::Unreadable,
                reason: "only files can be split".to_owned(),
            });
        };
        let mut file = File::open(path).map_err(|error| Problem::unreadable(&error))?;
        file.seek(SeekFrom::Start(offset)).map_err(|error| Problem::unreadable(&error))?;
        Ok(Source::new(Box::new(file), block))
    }

    /// The number of lines that end before an offset at which a line begins.
    pub fn lines_before(&self, offset: u64) -> u64 {
        let (start, mut count) = self.lines.nearest(offset);
        let Ok(mut source) = self.open_at(start, Vec::new()) else { return count.lines };
        let mut left = offset - start;
        while left > 0 {
            let more = source.next(|bytes| {
                let size = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                count.add(&bytes[..size]);
                left -= size as u64;
                true
            });
            if !matches!(more, Ok(true)) {
                return count.lines;
            }
        }
        self.lines.insert(offset, count);
        count.lines
    }
}

impl Source {
    fn new(bytes: Bytes, mut block: Vec<u8>) -> Self {
        if block.is_empty() {
            block.resize(BLOCK_BYTES, 0);
        }
        let utf16 = Utf16Filter::pass_through();
        let stored = Stored::Plain(Counted::new(bytes));
        Self { stored, utf16, block, head: 0, ended: false }
    }

    /// Counts the bytes that are read, also those that were read to detect the compression.
    #[must_use]
    pub fn counting(mut self, counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(self.head as u64, Ordering::Relaxed);
        match &mut self.stored {
            Stored::Plain(bytes) | Stored::Compressed(Compressed { bytes, .. }) => {
                bytes.counter = Some(counter.clone());
            }
            Stored::Ahead(_) => {}
        }
        self
    }

    /// Decompresses the source in a thread of its own, if it is compressed and a thread can be started.
    pub fn ahead(self) -> Result<Self, Problem> {
        let Self { stored, utf16, block, head, ended } = self;
        let Stored::Compressed(compressed) = stored else {
            return Ok(Self { stored, utf16, block, head, ended });
        };
        let ahead = Ahead::start(compressed, (block, head));
        let stored = Stored::Ahead(ahead.map_err(|error| Problem::unreadable(&error))?);
        Ok(Self { stored, utf16, block: Vec::new(), head: 0, ended })
    }

    /// Returns the read buffer, for another source.
    pub fn into_block(self) -> Vec<u8> {
        self.block
    }

    /// Whether the bytes are compressed.
    pub fn is_compressed(&self) -> bool {
        !matches!(self.stored, Stored::Plain(_))
    }

    fn detect_compression(mut self) -> Result<Self, Problem> {
        let Stored::Plain(mut bytes) = self.stored else { return Ok(self) };
        while self.head < Compression::MAGIC_BYTES {
            let size = bytes.read(&mut self.block[self.head..])?;
            if size == 0 {
                break;
            }
            self.head += size;
        }
        let compression = Compression::detect(&self.block[..self.head]);
        self.stored = match compression.map(Decompressor::new).transpose()? {
            Some(decompressor) => Stored::Compressed(Compressed { bytes, decompressor }),
            None => Stored::Plain(bytes),
        };
        Ok(self)
    }

    /// Reads the next block and passes its decompressed bytes to `take`, in any number of calls. Returns false at the end, or
    /// after `take` has returned false. Bytes that were passed before a problem are valid.
    pub fn next(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Result<bool, Problem> {
        let more = self.read_block(&mut take);
        if self.ended || more.is_err() {
            self.utf16.finish(&mut take);
        }
        more
    }

    fn read_block(&mut self, take: &mut impl FnMut(&[u8]) -> bool) -> Result<bool, Problem> {
        let Self { stored, utf16, block, head, ended } = self;
        let mut take = |bytes: &[u8]| utf16.feed(bytes, take);
        let (bytes, decompressor) = match stored {
            Stored::Plain(bytes) => (bytes, None),
            Stored::Compressed(Compressed { bytes, decompressor }) => (bytes, Some(decompressor)),
            Stored::Ahead(ahead) => {
                let bytes = if *ended { None } else { ahead.next()? };
                *ended = bytes.is_none();
                return Ok(bytes.is_some_and(|bytes| take(&bytes)));
            }
        };
        let size = match std::mem::take(head) {
            0 if *ended => 0,
            0 => bytes.read(block)?,
            head => head,
        };
        if size == 0 {
            *ended = true;
            let finished = decompressor.map_or(Ok(()), |decompressor| decompressor.finish());
            return finished.map(|()| false);
        }
        let block = &block[..size];
        match decompressor {
            Some(decompressor) => decompressor.feed(block, &mut take),
            None => Ok(take(block)),
        }
    }
}

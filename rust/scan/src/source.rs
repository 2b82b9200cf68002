//! Where bytes come from: files and what else can be opened; gzip and zstd are seen by their magic bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use respstream_core::catalogue::Code;
use respstream_core::diagnostics::Diagnostic;

use crate::inflate::{Inflate, Packing};
use crate::splits::{Lines, Part};

/// A file is read in pieces of this size, which stay in the cache of a core.
pub const READ_BYTES: usize = 1 << 18;

/// A reader of bytes that a worker thread may own.
pub type Bytes = Box<dyn Read + Send>;

/// Something other than a file that can be opened, from any thread: a URL, say.
pub trait Open: Send + Sync {
    fn open(&self) -> io::Result<Bytes>;
}

/// What an input is read from.
#[derive(Clone)]
pub enum Place {
    File(PathBuf),
    Opened(Arc<dyn Open>),
}

/// One source of a scan: what tables call it, and where its bytes are.
#[derive(Clone)]
pub struct Input {
    pub name: String,
    pub place: Place,
    /// Only the responses that begin here are wanted.
    pub part: Option<Part>,
    /// Shared by those who read parts of it.
    pub lines: Arc<Lines>,
}

/// Why a source could not be read through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub reason: String,
}

impl Problem {
    /// The same as a diagnostic. Of a source that cannot be read nobody knows the line.
    pub(crate) fn diagnostic(&self, offset: u64) -> Diagnostic {
        let detail = vec![("reason", self.reason.as_str().into())];
        let Self { code, .. } = *self;
        Diagnostic {
            code,
            offset,
            length: 0,
            line: 0,
            sequence_number: None,
            response_id: None,
            detail,
            place: None,
        }
    }

    pub(crate) fn unreadable(error: &io::Error) -> Self {
        Self { code: Code::Unreadable, reason: reason(error) }
    }
}

/// The words of an error of the system, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// The plain bytes of an input.
pub struct Source {
    bytes: Bytes,
    inflate: Option<Inflate>,
    block: Vec<u8>,
    /// So much of the block was read before it was known what it is.
    head: usize,
    ended: bool,
}

impl Input {
    /// The size of the file in bytes as it stands there; 0 where it is not known.
    pub fn size(&self) -> u64 {
        match &self.place {
            Place::File(path) => std::fs::metadata(path).map_or(0, |found| found.len()),
            Place::Opened(_) => 0,
        }
    }

    /// Opens the input and looks at its first bytes.
    pub fn open(&self) -> Result<Source, Problem> {
        self.open_with(Vec::new())
    }

    /// The same with a block of another source, which spares making one.
    pub fn open_with(&self, block: Vec<u8>) -> Result<Source, Problem> {
        let bytes: Bytes = match &self.place {
            Place::File(path) => {
                Box::new(File::open(path).map_err(|error| Problem::unreadable(&error))?)
            }
            Place::Opened(opener) => opener.open().map_err(|error| Problem::unreadable(&error))?,
        };
        let mut source = Source::new(bytes, block);
        source.sniff()?;
        Ok(source)
    }

    /// Opens a plain file at a position, to be read in pieces of the size of this block, or of the usual one if it is empty.
    pub fn open_at(&self, position: u64, block: Vec<u8>) -> Result<Source, Problem> {
        let Place::File(path) = &self.place else {
            return Err(Problem {
                code: Code::Unreadable,
                reason: "only files are split".to_owned(),
            });
        };
        let mut file = File::open(path).map_err(|error| Problem::unreadable(&error))?;
        file.seek(SeekFrom::Start(position)).map_err(|error| Problem::unreadable(&error))?;
        Ok(Source::new(Box::new(file), block))
    }
}

impl Source {
    fn new(bytes: Bytes, mut block: Vec<u8>) -> Self {
        if block.is_empty() {
            block.resize(READ_BYTES, 0);
        }
        Self { bytes, inflate: None, block, head: 0, ended: false }
    }

    /// The block, for another source.
    pub fn into_block(self) -> Vec<u8> {
        self.block
    }

    /// Whether the bytes are compressed.
    pub fn is_packed(&self) -> bool {
        self.inflate.is_some()
    }

    fn sniff(&mut self) -> Result<(), Problem> {
        while self.head < Packing::MAGIC_BYTES {
            let size = read(&mut self.bytes, &mut self.block[self.head..])?;
            if size == 0 {
                break;
            }
            self.head += size;
        }
        self.inflate = Packing::of(&self.block[..self.head]).map(Inflate::new).transpose()?;
        Ok(())
    }

    /// Reads the next piece and hands its plain bytes over, which may be none or several pieces; false at the end. What
    /// was handed over before a problem counts.
    pub fn next(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Result<bool, Problem> {
        let size = match std::mem::take(&mut self.head) {
            0 if self.ended => 0,
            0 => read(&mut self.bytes, &mut self.block)?,
            head => head,
        };
        if size == 0 {
            self.ended = true;
            return self
                .inflate
                .as_ref()
                .map_or(Ok(false), |inflate| inflate.finish().map(|()| false));
        }
        let block = &self.block[..size];
        match &mut self.inflate {
            Some(inflate) => inflate.feed(block, &mut take),
            None => Ok(take(block)),
        }
    }
}

/// Reads what is there; an interrupted call is made again.
fn read(bytes: &mut Bytes, block: &mut [u8]) -> Result<usize, Problem> {
    loop {
        match bytes.read(block) {
            Ok(size) => return Ok(size),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::unreadable(&error)),
        }
    }
}

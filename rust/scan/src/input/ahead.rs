//! Decompression in a thread of its own, while another thread parses what was decompressed before.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use respstream_core::diagnostics::Code;

use crate::input::counted::Counted;
use crate::input::decompress::Decompressor;
use crate::input::problem::Problem;

/// The number of blocks that wait to be parsed: one is parsed, one is ready and one is made.
const BLOCKS: usize = 1;

enum Message {
    Bytes(Vec<u8>),
    End(Result<(), Problem>),
}

/// The decompressed bytes of a source, block by block.
pub struct Ahead {
    messages: Receiver<Message>,
}

impl Ahead {
    /// Starts the thread. `block`: the read buffer, whose first `head` bytes were read already.
    pub fn start(
        mut source: Compressed,
        (mut block, head): (Vec<u8>, usize),
    ) -> std::io::Result<Self> {
        let (sender, messages) = sync_channel(BLOCKS);
        let builder = thread::Builder::new().name("respstream-decompress".to_owned());
        builder.spawn(move || {
            let ended = source.read_all(&mut block, head, &sender);
            // Nobody waits for the end if the scan was stopped.
            let _ = sender.send(Message::End(ended));
        })?;
        Ok(Self { messages })
    }

    /// The next bytes, `None` at the end. Bytes that were returned before a problem are valid.
    pub fn next(&self) -> Result<Option<Vec<u8>>, Problem> {
        match self.messages.recv() {
            Ok(Message::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Message::End(ended)) => ended.map(|()| None),
            Err(_) => {
                let reason = "the decompression has stopped".to_owned();
                Err(Problem { code: Code::Unreadable, reason })
            }
        }
    }
}

/// A compressed source.
pub struct Compressed {
    pub bytes: Counted,
    pub decompressor: Decompressor,
}

impl Compressed {
    /// Decompresses to the end of the source, or until the receiver is dropped.
    fn read_all(
        &mut self,
        block: &mut [u8],
        head: usize,
        sender: &SyncSender<Message>,
    ) -> Result<(), Problem> {
        let mut size = head;
        loop {
            let bytes = block.get(..size).unwrap_or_default();
            let mut send = |bytes: &[u8]| sender.send(Message::Bytes(bytes.to_vec())).is_ok();
            if !self.decompressor.feed(bytes, &mut send)? {
                return Ok(());
            }
            size = self.bytes.read(block)?;
            if size == 0 {
                return self.decompressor.finish();
            }
        }
    }
}

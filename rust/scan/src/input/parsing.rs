//! How the bytes of a source are parsed.

use respstream_core::decoder::Decoder;
use respstream_core::frames::Options;
use respstream_core::protocols::Api;
use respstream_core::protocols::any_api::AnyApi;
use respstream_core::records::RowOptions;

/// The format of a source, and the API of its streams.
#[derive(Clone, Copy, Debug)]
pub struct Parsing {
    pub framing: Options,
    /// The API of all payloads; `None` if it is detected.
    pub api: Option<Api>,
}

impl Parsing {
    /// A decoder of a whole source.
    pub fn decoder(self, strict: bool, rows: RowOptions) -> Decoder<AnyApi> {
        Decoder::with_rows(self.framing, strict, rows, self.api)
    }

    /// A decoder of the part of a source that begins at this offset.
    pub fn decoder_at(self, strict: bool, offset: u64) -> Decoder<AnyApi> {
        Decoder::starting_at(self.framing, strict, offset, self.api)
    }
}

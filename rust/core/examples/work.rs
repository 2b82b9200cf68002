//! Prints the number of bytes that the decoder examines to read the standard input, for tests: `work CHUNK [EVERY]`.
//!
//! `CHUNK` is the number of bytes per call. After every `EVERY` calls, the tool calls of the latest response are read; 0 means
//! never. Reading the tool calls is not counted.

use std::io::{self, Read as _};

use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::frames::Options;
use respstream_core::protocols::responses::Responses;
use respstream_core::work;

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap_or(0));
    let (chunk, every) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let mut source = Vec::new();
    io::stdin().read_to_end(&mut source)?;
    let mut decoder = Decoder::<Responses>::new(Options::default(), false);
    let mut total = 0;
    for (number, bytes) in (1_usize..).zip(source.chunks(chunk.max(1))) {
        work::take();
        decoder.feed(bytes, None, &mut Ignore);
        total += work::take();
        if every > 0 && number.is_multiple_of(every) {
            let lanes = decoder.lanes();
            lanes
                .latest_ordinal
                .and_then(|latest| lanes.get(latest))
                .map(|folded| folded.tool_calls().len());
        }
    }
    work::take();
    decoder.finish(None, &mut Ignore);
    println!("{}", total + work::take());
    Ok(())
}

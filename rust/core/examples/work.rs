//! Prints how many bytes the decoder reads to process standard input: `work CHUNK [EVERY]`, for the tests.
//!
//! `CHUNK`: bytes per call; `EVERY`: reads the tool calls of the latest response after this many calls, 0 for never. Reading tool
//! calls does not count as work.

use std::io::{self, Read as _};

use respstream_core::count;
use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::frames::Options;

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap_or(0));
    let (chunk, every) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let mut source = Vec::new();
    io::stdin().read_to_end(&mut source)?;
    let mut decoder = Decoder::new(Options::default(), false);
    let mut work = 0;
    for (number, chunk) in (1_usize..).zip(source.chunks(chunk.max(1))) {
        count::take();
        decoder.feed(chunk, None, &mut Ignore);
        work += count::take();
        if every > 0 && number.is_multiple_of(every) {
            let lanes = decoder.lanes();
            lanes
                .latest
                .and_then(|latest| lanes.get(latest))
                .map(|folded| folded.tool_calls().len());
        }
    }
    count::take();
    decoder.finish(None, &mut Ignore);
    println!("{}", work + count::take());
    Ok(())
}

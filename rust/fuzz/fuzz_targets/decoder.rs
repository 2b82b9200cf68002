//! The whole way: any bytes, cut anywhere, give the same events, responses and diagnostics; reading changes nothing; linear
//! work.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::catalogue::Severity;
use respstream_core::count;
use respstream_core::decoder::{Decoder, Ignore};
use respstream_core::diagnostics::Diagnostic;
use respstream_fuzz::Source;
use respstream_fuzz::digest::{How, Reading, read, responses, told};

fuzz_target!(|source: Source| {
    let how = How { options: source.options, ..How::default() };
    let whole = read(how, [&source.bytes[..]].into_iter());
    let cut = read(how, source.pieces());
    assert_eq!(whole, cut, "cut at {:?}", source.cuts);
    let slow = read(How { slow: true, ..how }, [&source.bytes[..]].into_iter());
    assert_eq!(whole, slow, "a fast path differs");
    let by_pieces = told(how, source.pieces(), true);
    assert_eq!(by_pieces, told(how, source.pieces(), false), "pieces differ");
    let mut looked = Decoder::new(source.options, false);
    let mut work = 0;
    for piece in source.pieces() {
        count::take();
        looked.feed(piece, None, &mut Ignore);
        work += count::take();
        if source.cuts.len() < 64 {
            responses(&looked);
        }
    }
    count::take();
    looked.finish(None, &mut Ignore);
    work += count::take();
    assert!(work <= source.bound(), "{work} bytes looked at for {}", source.bytes.len());
    assert_eq!(whole.responses, responses(&looked), "reading left a trace");
    strictly(&source, how, &whole);
});

/// A strict decoder stops at the first error of the lenient one.
fn strictly(source: &Source, how: How, lenient: &Reading) {
    let strict = read(How { strict: true, ..how }, source.pieces());
    match strict.failed {
        Some(failed) => {
            let first = lenient
                .diagnostics
                .iter()
                .find(|found| found.code.kind().severity == Severity::Error);
            let place = |found: &Diagnostic| (found.code, found.offset, found.length, found.line);
            assert_eq!(first.map(place), Some(place(&failed)));
        }
        None => assert_eq!(strict.events, lenient.events),
    }
}

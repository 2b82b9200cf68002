//! The decoder: any bytes, cut anywhere, yield the same events, responses and diagnostics; reading responses changes nothing;
//! work is linear.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::decoder::Ignore;
use respstream_core::diagnostics::Diagnostic;
use respstream_core::diagnostics::Severity;
use respstream_core::protocols::Protocol;
use respstream_core::protocols::any_api::AnyApi;
use respstream_core::protocols::responses::Responses;
use respstream_core::work;
use respstream_fuzz::Source;
use respstream_fuzz::outputs::{Decoder, Output, ReadOptions, delta_fields, read, responses};

fuzz_target!(|source: Source| {
    check::<Responses>(&source);
    check::<AnyApi>(&source);
});

fn check<P: Protocol>(source: &Source) {
    let how = ReadOptions { options: source.options, ..ReadOptions::default() };
    let whole = read::<P>(how, [&source.bytes[..]].into_iter());
    let cut = read::<P>(how, source.chunks());
    assert_eq!(whole, cut, "cut at {:?}", source.cuts);
    let slow = read::<P>(ReadOptions { slow: true, ..how }, [&source.bytes[..]].into_iter());
    assert_eq!(whole, slow, "a fast path differs");
    let in_batches = delta_fields::<P>(how, source.chunks(), true);
    assert_eq!(in_batches, delta_fields::<P>(how, source.chunks(), false), "batches differ");
    let mut decoder = Decoder::<P>::new(source.options, false);
    let mut work = 0;
    for chunk in source.chunks() {
        work::take();
        decoder.feed(chunk, None, &mut Ignore);
        work += work::take();
        if source.cuts.len() < 64 {
            responses(&decoder);
        }
    }
    work::take();
    decoder.finish(None, &mut Ignore);
    work += work::take();
    assert!(work <= source.work_limit(), "{work} bytes read for {}", source.bytes.len());
    assert_eq!(whole.responses, responses(&decoder), "reading responses changed them");
    check_strict::<P>(source, how, &whole);
}

/// A strict decoder fails at the first error that the lenient decoder reports.
fn check_strict<P: Protocol>(source: &Source, how: ReadOptions, lenient: &Output) {
    let strict = read::<P>(ReadOptions { strict: true, ..how }, source.chunks());
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

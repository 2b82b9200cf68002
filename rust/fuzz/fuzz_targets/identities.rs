//! The identity of items: no delta of a stream disappears without a diagnostic that tells which item lacks it, and the fast and
//! slow paths find the same responses at any cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::diagnostics::{Code, Diagnostic, Severity, Value};
use respstream_core::protocols::responses::Responses;
use respstream_fuzz::collisions::{Delta, Stream};
use respstream_fuzz::outputs::{ReadOptions, read};

/// The number of items that `output_differs` names, and the size of their names.
const NAMED: usize = 5;
const NAMES: usize = 200;

fuzz_target!(|stream: Stream| {
    let written = stream.write();
    let whole = read::<Responses>(ReadOptions::default(), [&written.source[..]].into_iter());
    let (first, second) = written.source.split_at(usize::from(stream.cut) % written.source.len());
    for slow in [false, true] {
        let how = ReadOptions { slow, ..ReadOptions::default() };
        assert_eq!(whole, read::<Responses>(how, [first, second].into_iter()));
    }
    let [response] = &whole.responses[..] else { panic!("one response is expected") };
    let json = std::str::from_utf8(&response.json).expect("the events are ASCII");
    for delta in &written.deltas {
        let is_told = || response.diagnostics.iter().any(|found| tells_loss(found, delta));
        assert!(
            json.contains(&delta.text) || is_told(),
            "{delta:?} is missing:\n{}\n{json}\n{:?}",
            String::from_utf8_lossy(&written.source),
            response.diagnostics
        );
    }
});

/// Whether a diagnostic reports lost text of the item of a delta: it has a name of it, or an index that may be its own.
fn tells_loss(diagnostic: &Diagnostic, delta: &Delta) -> bool {
    let kind = diagnostic.code.kind();
    let detail =
        |name: &str| diagnostic.detail.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let what = match detail("what") {
        Some(Value::Text(what)) => what,
        _ => "",
    };
    let reports = match diagnostic.code {
        Code::TextMismatch => what.starts_with(delta.holder),
        Code::LateDelta | Code::OutputDiffers => true,
        _ => false,
    };
    if !reports || kind.severity == Severity::Info {
        return false;
    }
    let message = kind.message(&diagnostic.detail);
    let is_own = match (delta.index, detail("output_index")) {
        (None, _) => true,
        (Some(index), Some(Value::Int(found))) => *found == i64::from(index),
        (Some(index), _) => {
            let is_cut = what.split(", ").count() == NAMED || what.chars().count() == NAMES;
            is_cut || message.contains(&format!(" at {index}"))
        }
    };
    is_own || delta.names.iter().any(|name| message.contains(name))
}

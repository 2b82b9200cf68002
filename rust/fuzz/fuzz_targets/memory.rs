//! What was checked before changes no verdict: texts that differ from the one before in a few places, read by one memory,
//! against the check that remembers nothing.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use respstream_core::count;
use respstream_core::json::{self, Kind, Located, Memory, Scan};
use respstream_fuzz::{WORK, stretched};

/// A change of a text: some of its bytes are replaced by others.
#[derive(Arbitrary, Debug)]
struct Edit {
    place: u16,
    gone: u8,
    come: Vec<u8>,
}

/// A text and what becomes of it. `wraps`: it stands in an object, as the value that is known by its members.
#[derive(Arbitrary, Debug)]
struct Texts {
    wraps: bool,
    edits: Vec<Vec<Edit>>,
    first: Vec<u8>,
}

fuzz_target!(|texts: Texts| {
    let mut memory = Memory::of("response", &["item", "part"]);
    let mut text = stretched(&texts.first);
    check(&mut memory, &text, texts.wraps);
    for edits in texts.edits.iter().take(16) {
        for edit in edits.iter().take(8) {
            let start = usize::from(edit.place).min(text.len());
            let end = (start + usize::from(edit.gone)).min(text.len());
            text.splice(start..end, edit.come.iter().copied());
        }
        check(&mut memory, &text, texts.wraps);
    }
});

fn check(memory: &mut Memory, text: &[u8], wraps: bool) {
    let whole = if wraps { [b"{\"response\":", text, b"}"].concat() } else { text.to_vec() };
    let (mut members, mut expected) = (Vec::new(), Vec::new());
    count::take();
    let scanned = memory.scan(&whole, &mut members);
    let work = count::take();
    assert!(work <= WORK * (whole.len() as u64 + 64), "{work} bytes looked at for {}", whole.len());
    let slow = json::scan(&whole, &mut expected);
    assert_eq!(scanned.map(|scan| Scan { serial: 0, ..scan }), slow);
    assert_eq!(members, expected);
    let Some(scan) = scanned.ok().filter(|scan| !scan.lone_surrogate && !scan.bad_utf8) else {
        return;
    };
    for member in &members {
        memory.keep(&whole, scan, member);
        if let Some(known) =
            memory.object(member.value(&whole)).filter(|_| member.kind == Kind::Object)
        {
            assert_eq!(known.members, Located::of(member.value(&whole)).members);
        }
    }
}

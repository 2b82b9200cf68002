//! The value cache changes no verdict: texts that differ from the previous one in a few places, checked with one cache and
//! without a cache.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use respstream_core::json::{self, Checked, Kind, Located, ValueCache};
use respstream_core::work;
use respstream_fuzz::{WORK, expand_repeats};

/// A change of a text: `removed` bytes at `place` are replaced by `inserted`.
#[derive(Arbitrary, Debug)]
struct Edit {
    place: u16,
    removed: u8,
    inserted: Vec<u8>,
}

/// A text and its changes. `wraps`: the text is the value of an object's member that the cache splits into its members.
#[derive(Arbitrary, Debug)]
struct Texts {
    wraps: bool,
    edits: Vec<Vec<Edit>>,
    first: Vec<u8>,
}

fuzz_target!(|texts: Texts| {
    let mut cache = ValueCache::of("response", &["item", "part"]);
    let mut text = expand_repeats(&texts.first);
    check(&mut cache, &text, texts.wraps);
    for edits in texts.edits.iter().take(16) {
        for edit in edits.iter().take(8) {
            let start = usize::from(edit.place).min(text.len());
            let end = (start + usize::from(edit.removed)).min(text.len());
            text.splice(start..end, edit.inserted.iter().copied());
        }
        check(&mut cache, &text, texts.wraps);
    }
});

fn check(cache: &mut ValueCache, text: &[u8], wraps: bool) {
    let whole = if wraps { [b"{\"response\":", text, b"}"].concat() } else { text.to_vec() };
    let (mut members, mut expected) = (Vec::new(), Vec::new());
    work::take();
    let checked = cache.check(&whole, &mut members);
    let count = work::take();
    assert!(count <= WORK * (whole.len() as u64 + 64), "{count} bytes read for {}", whole.len());
    let slow = json::check(&whole, &mut expected);
    assert_eq!(checked.map(|checked| Checked { serial: 0, ..checked }), slow);
    assert_eq!(members, expected);
    let Some(checked) = checked.ok().filter(|checked| !checked.lone_surrogate && !checked.bad_utf8)
    else {
        return;
    };
    for member in &members {
        cache.keep(&whole, checked, member);
        if let Some(cached) =
            cache.object(member.value(&whole)).filter(|_| member.kind == Kind::Object)
        {
            assert_eq!(cached.members, Located::of(member.value(&whole)).members);
        }
    }
}

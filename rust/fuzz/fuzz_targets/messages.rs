//! The fold of Anthropic Messages: generated streams, compared with an oracle after each event.
#![no_main]

use libfuzzer_sys::fuzz_target;
use respstream_core::decoder::Ignore;
use respstream_core::frames::Options;
use respstream_core::protocols::any_api::AnyApi;
use respstream_fuzz::messages::{Kind, Oracle, Script};
use respstream_fuzz::outputs::{Decoder, ReadOptions, read, responses};
use serde_json::Value;

const START: &str =
    ",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}";

fuzz_target!(|script: Script| {
    let mut oracle = Oracle::default();
    let mut decoder = Decoder::<AnyApi>::new(Options::default(), false);
    let mut source = Vec::new();
    let mut feed = |decoder: &mut Decoder<AnyApi>, event: &str| {
        decoder.feed(event.as_bytes(), None, &mut Ignore);
        source.extend_from_slice(event.as_bytes());
    };
    feed(&mut decoder, &script.framed("message_start", START));
    for step in &script.steps {
        for event in step.events(&script) {
            feed(&mut decoder, &event);
        }
        oracle.apply(step);
        check_message(&decoder, &oracle, false);
    }
    if script.is_ended {
        feed(&mut decoder, &script.framed("message_stop", ""));
        check_message(&decoder, &oracle, true);
    }
    decoder.finish(None, &mut Ignore);
    let at = usize::from(script.cut) % source.len();
    let slow = ReadOptions { slow: true, ..ReadOptions::default() };
    for how in [slow, ReadOptions::default()] {
        let again = read::<AnyApi>(how, [&source[..at], &source[at..]].into_iter());
        assert_eq!(again.responses, responses(&decoder));
    }
});

/// The message equals that of the oracle.
fn check_message(decoder: &Decoder<AnyApi>, oracle: &Oracle, is_ended: bool) {
    let [message] = &responses(decoder)[..] else { panic!("one message is expected") };
    let whole: Value = serde_json::from_slice(&message.json).expect("a message is JSON");
    assert_eq!(whole["content"].as_array(), Some(&oracle.content()));
    assert_eq!(message.texts.output_text, oracle.text(Kind::Text));
    assert_eq!(message.texts.reasoning_text, oracle.text(Kind::Thinking));
    let arguments = message.tool_calls.iter().map(|call| call.arguments.clone());
    assert!(arguments.eq(oracle.arguments(is_ended)), "{:?}", message.tool_calls);
    assert_eq!(message.ended.0, is_ended);
}

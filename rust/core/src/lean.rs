//! What may be passed by where nobody asks for more than lifecycle events tell.
//!
//! While a response is open, no delta, item or part changes what its lifecycle events say, or which response comes next: it
//! can be passed by, whether or not it is in order. Only its type has to be certain, and that it names no lane. A delta that
//! repeats a known one has the type of that one; of others the members are located, unchecked: in a text that is no JSON
//! they may be anything, but such a text has no effect either.

use crate::catalogue::{EVENTS, Op, Phase, lookup};
use crate::diagnostics::Issue;
use crate::events::Parsed;
use crate::frames::Frame;
use crate::json::{self, Kind, Member, Scan};
use crate::predict::Predictor;
use crate::runs::{self, Around, Run};

/// Passes events by, while a response is running, and counts their bytes. Where it is on, responses have their order,
/// offset, lane, status and error, and the members of the last lifecycle response but its output. Nothing else of them
/// holds, nor do diagnostics that compare neighbours or texts.
#[derive(Debug, Default)]
pub struct Lean {
    pub on: bool,
    pub passed: u64,
}

impl Lean {
    /// Passes the run of blocks by that `rest` begins with and that repeat the latest delta.
    #[inline]
    pub fn run(&mut self, predictor: &mut Predictor, rest: &[u8], around: &Around<'_>) -> Run {
        let known = predictor.repeating().filter(|known| known.lane.is_none());
        let Some(known) = known else { return Run::default() };
        if around.name.is_some_and(|name| name != known.entry.ty.as_bytes()) {
            return Run::default();
        }
        let run = runs::pass(known, rest, around);
        if run.events > 0 {
            predictor.hit(run.events);
            self.passed += run.size as u64;
        }
        run
    }

    /// Passes a frame by, if it has no effect. Deltas that are not recognised are left to those who learn from them.
    pub fn passes(&mut self, frame: &mut Frame<'_>, predictor: &Predictor) -> bool {
        let passes = match frame.scanned {
            None => json::locate(frame.data, frame.members) && no_effect(frame.data, frame.members),
            Some(Ok(Scan { recognised: true, .. })) => {
                predictor.latest().is_some_and(|known| known.lane.is_none())
            }
            Some(Ok(_)) => no_effect(frame.data, frame.members),
            Some(Err(_)) => false,
        };
        self.passed += if passes { frame.end - frame.offset } else { 0 };
        passes
    }
}

/// Passes a delta by that was read to be recognised when it comes again.
pub fn learned(parsed: &Parsed<'_>, issues: &mut Vec<Issue>) -> bool {
    let delta = parsed.entry.is_some_and(|entry| entry.phase == Phase::Delta);
    let passes = delta && parsed.lane.is_none();
    if passes {
        issues.clear();
    }
    passes
}

/// Whether an event of these members has no effect on what lifecycle events tell, and is no delta.
fn no_effect(data: &[u8], members: &[Member]) -> bool {
    let mut kind = None;
    for member in members {
        match member.raw_key(data) {
            _ if member.key_escaped => return false,
            b"type" => kind = Some(member),
            b"stream_id" => return false,
            _ => {}
        }
    }
    let Some(kind) = kind.filter(|kind| kind.kind == Kind::String && !kind.escaped) else {
        return false;
    };
    let quoted = kind.value(data);
    let place = quoted.get(1..quoted.len() - 1).and_then(lookup);
    let entry = place.and_then(|place| EVENTS.get(usize::from(place)));
    entry.is_some_and(|entry| {
        !matches!(entry.op, Op::Response | Op::Error) && entry.phase != Phase::Delta
    })
}

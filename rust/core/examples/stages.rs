//! Runs one stage over a log, for valgrind: `stages STAGE FILE [ROUNDS]`, one round by default. The stage `none` only reads
//! the file.
//!
//! Prints the count that the stage returns, and the nanoseconds of the fastest round.

#[path = "../benches/stages/mod.rs"]
mod stages;

use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, path) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let rounds: u32 = arguments.next().map_or(1, |text| text.parse().unwrap_or(1));
    let stage = stages::STAGES.iter().find(|(stage, _)| *stage == name);
    let log = match std::fs::read(&path) {
        Ok(log) if stage.is_some() || name == "none" => log,
        Ok(_) => return usage(&format!("no stage {name:?}")),
        Err(error) => return usage(&format!("{path}: {error}")),
    };
    let (mut count, mut fastest) = (0, Duration::MAX);
    for _ in 0..rounds {
        let start = Instant::now();
        count = stage.map_or(0, |(_, stage)| stage(std::hint::black_box(&log)));
        fastest = fastest.min(start.elapsed());
    }
    println!("{count} {}", fastest.as_nanos());
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    let names: Vec<_> = stages::STAGES.iter().map(|(name, _)| *name).collect();
    eprintln!("{message}\nusage: stages none|{} FILE [ROUNDS]", names.join("|"));
    ExitCode::from(2)
}

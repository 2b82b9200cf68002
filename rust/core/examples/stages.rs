//! Runs one stage once over a log, for valgrind: `stages STAGE FILE`. The stage `none` only reads the file.

#[path = "../benches/stages/mod.rs"]
mod stages;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, path) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let stage = stages::STAGES.iter().find(|(known, _)| *known == name);
    let log = match std::fs::read(&path) {
        Ok(log) if stage.is_some() || name == "none" => log,
        Ok(_) => return wrong(&format!("no stage {name:?}")),
        Err(error) => return wrong(&format!("{path}: {error}")),
    };
    let found = stage.map_or(0, |(_, stage)| stage(&log));
    println!("{found}");
    ExitCode::SUCCESS
}

fn wrong(message: &str) -> ExitCode {
    let names: Vec<_> = stages::STAGES.iter().map(|(name, _)| *name).collect();
    eprintln!("{message}\nusage: stages none|{} FILE", names.join("|"));
    ExitCode::from(2)
}

//! The benchmarked stages return correct results.

#[path = "../benches/stages/mod.rs"]
mod stages;

use stages::{STAGES, Stage};

const STREAM: &str = concat!(
    "event: response.created\n",
    r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}"#,
    "\n\n",
    "event: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,"content_index":0,"delta":"a"}"#,
    "\n\n",
    "event: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"m","output_index":0,"content_index":0,"delta":"b"}"#,
    "\n\n",
    "event: response.completed\n",
    r#"data: {"type":"response.completed","sequence_number":3,"response":{"id":"resp_1","status":"completed","output":[]}}"#,
    "\n\n",
);

fn counts(log: &[u8]) -> Vec<(&'static str, usize)> {
    STAGES.iter().map(|&(name, stage): &(_, Stage)| (name, stage(log))).collect()
}

#[test]
fn stages_count_the_events_of_sse() {
    let log = STREAM.repeat(2);
    let expected = [
        ("memchr", 24),
        ("frames", 8),
        ("json", 8),
        ("events", 8),
        ("decoder", 8),
        ("fold", 2),
        ("fold_slow", 2),
    ];
    assert_eq!(counts(log.as_bytes()), expected);
}

#[test]
fn stages_count_the_events_of_json_lines() {
    let lines = STREAM.lines().filter_map(|line| line.strip_prefix("data: "));
    let log: String = lines.flat_map(|line| [line, "\n"]).collect();
    let expected = [
        ("memchr", 4),
        ("frames", 4),
        ("json", 4),
        ("events", 4),
        ("decoder", 4),
        ("fold", 1),
        ("fold_slow", 1),
    ];
    assert_eq!(counts(log.as_bytes()), expected);
}

#[test]
fn the_default_log_is_generated() {
    if std::env::var_os("RESPSTREAM_BENCH_LOGS").is_some() {
        return;
    }
    let logs = stages::logs();
    assert_eq!(logs.len(), 1);
    assert!(logs[0].data.len() >= 4_000_000);
    assert!(stages::fold(&logs[0].data) > 100);
}

//! Latency of a response, computed from the times of its events: `docs/latency.md`. All values are in seconds, except tokens per
//! second.

/// The latency of one response. A value is `None` if the necessary times are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub duration: Option<f64>,
    pub time_to_first_token: Option<f64>,
    pub inter_token_mean: Option<f64>,
    pub inter_token_p50: Option<f64>,
    pub inter_token_p95: Option<f64>,
    pub inter_token_p99: Option<f64>,
    pub longest_stall: Option<f64>,
    pub output_tokens_per_second: Option<f64>,
}

impl Figures {
    /// All values, in the order of the fields.
    pub const fn all(&self) -> [Option<f64>; 8] {
        [
            self.duration,
            self.time_to_first_token,
            self.inter_token_mean,
            self.inter_token_p50,
            self.inter_token_p95,
            self.inter_token_p99,
            self.longest_stall,
            self.output_tokens_per_second,
        ]
    }

    /// The latency of a response with these times: of its start, first delta, end, and of all deltas, ascending. `tokens` is the
    /// number of output tokens.
    pub fn of(
        started: Option<f64>,
        first: Option<f64>,
        ended: Option<f64>,
        deltas: &[f64],
        tokens: Option<i64>,
    ) -> Self {
        let (Some(started), Some(ended)) = (started, ended) else { return Self::default() };
        if ended <= started && first.is_none() {
            return Self::default();
        }
        let duration = ended - started;
        let mut figures = Self {
            duration: Some(duration),
            time_to_first_token: first.map(|first| first - started),
            output_tokens_per_second: tokens_per_second(tokens, deltas, duration),
            ..Self::default()
        };
        figures.add_gaps(deltas);
        figures
    }

    fn add_gaps(&mut self, times: &[f64]) {
        let mut sorted: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
        if sorted.is_empty() {
            return;
        }
        // The gaps add up to the difference between the last time and the first.
        self.inter_token_mean = Some((last - first) / to_f64(sorted.len()));
        self.inter_token_p50 = percentile(&sorted, 50);
        self.inter_token_p95 = percentile(&sorted, 95);
        self.inter_token_p99 = percentile(&sorted, 99);
        self.longest_stall = sorted.last().copied();
    }
}

/// A percentile of values in ascending order, with linear interpolation; `None` of no values.
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = to_f64(last * percent) / 100.0;
    let lower = last * percent / 100;
    let upper = (lower + 1).min(last);
    Some(sorted[lower] + (sorted[upper] - sorted[lower]) * (position - to_f64(lower)))
}

/// Output tokens per second between the first delta and the last; with fewer than two deltas, over the whole duration.
#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
fn tokens_per_second(tokens: Option<i64>, deltas: &[f64], duration: f64) -> Option<f64> {
    let tokens = tokens.filter(|tokens| *tokens >= 0)?;
    let streamed = match deltas {
        [first, .., last] => last - first,
        _ => 0.0,
    };
    if streamed > 0.0 {
        return (tokens > 1).then(|| (tokens - 1) as f64 / streamed);
    }
    (duration > 0.0).then(|| tokens as f64 / duration)
}

#[expect(clippy::cast_precision_loss, reason = "memory has room for fewer than 2^53 deltas")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

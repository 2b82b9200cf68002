//! How long a response took, from its times: `docs/latency.md`. All figures are seconds, but for the last.

/// The figures of one response; each is none where no times tell it.
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
    /// All of them, in order.
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

    /// The figures of a response that began, had its first delta and ended then, and its deltas at these times, ascending.
    pub fn of(
        began: Option<f64>,
        first: Option<f64>,
        ended: Option<f64>,
        deltas: &[f64],
        tokens: Option<i64>,
    ) -> Self {
        let (Some(began), Some(ended)) = (began, ended) else { return Self::default() };
        if ended <= began && first.is_none() {
            return Self::default();
        }
        let duration = ended - began;
        let mut found = Self {
            duration: Some(duration),
            time_to_first_token: first.map(|first| first - began),
            output_tokens_per_second: rate(tokens, deltas, duration),
            ..Self::default()
        };
        found.add_pauses(deltas);
        found
    }

    fn add_pauses(&mut self, times: &[f64]) {
        let mut ordered: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        ordered.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
        if ordered.is_empty() {
            return;
        }
        // Neighbours' differences sum up to that of the ends.
        self.inter_token_mean = Some((last - first) / real(ordered.len()));
        self.inter_token_p50 = percentile(&ordered, 50);
        self.inter_token_p95 = percentile(&ordered, 95);
        self.inter_token_p99 = percentile(&ordered, 99);
        self.longest_stall = ordered.last().copied();
    }
}

/// The percentile of values in ascending order, between neighbours by proportion; none of none.
pub fn percentile(ordered: &[f64], part: usize) -> Option<f64> {
    let last = ordered.len().checked_sub(1)?;
    let place = real(last * part) / 100.0;
    let below = last * part / 100;
    let above = (below + 1).min(last);
    Some(ordered[below] + (ordered[above] - ordered[below]) * (place - real(below)))
}

/// Output tokens a second while they came: from the first delta to the last; of the whole where there is one or none.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(tokens: Option<i64>, deltas: &[f64], duration: f64) -> Option<f64> {
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

#[expect(clippy::cast_precision_loss, reason = "no memory holds so many deltas")]
fn real(count: usize) -> f64 {
    count as f64
}

//! Reads timestamps of logs: RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since the epoch.
//!
//! The size of a number determines its unit: seconds below 10^11 (the year 5138), then milliseconds below 10^14,
//! microseconds below 10^17, nanoseconds below 10^20. The result is in seconds, as a double with microsecond precision.

/// The exclusive upper bound of numbers in each unit, and the number of units per second.
const UNITS: [(u128, u32); 4] = [
    (100_000_000_000, 1),
    (100_000_000_000_000, 1_000),
    (100_000_000_000_000_000, 1_000_000),
    (100_000_000_000_000_000_000, 1_000_000_000),
];

/// The timestamp of a JSON string or number, in seconds since the epoch; `None` if the value is not a timestamp.
pub(super) fn read_time(value: &[u8]) -> Option<f64> {
    let quoted = value.strip_prefix(b"\"").map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
    let text = quoted.unwrap_or(value);
    if (1..=20).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        let number = std::str::from_utf8(text).ok()?.parse().ok()?;
        let (_, unit) = UNITS.iter().find(|(bound, _)| number < *bound)?;
        return Some(in_seconds(number, *unit));
    }
    if is_number(text) {
        return float_in_seconds(std::str::from_utf8(text).ok()?.parse().ok()?);
    }
    rfc3339(&mut Cursor(quoted?))
}

/// Whether a text is an unsigned decimal number: at most 20 digits before and after the point, and 2 in the exponent.
fn is_number(text: &[u8]) -> bool {
    let mut at = Cursor(text);
    if !(1..=20).contains(&at.digits().len()) {
        return false;
    }
    if at.take(b".") && !(1..=20).contains(&at.digits().len()) {
        return false;
    }
    if at.take(b"eE") {
        at.take(b"+");
        if !(1..=2).contains(&at.digits().len()) {
            return false;
        }
    }
    at.0.is_empty()
}

/// Reads an RFC 3339 timestamp, in seconds since the epoch.
fn rfc3339(at: &mut Cursor) -> Option<f64> {
    let (year, month, day) =
        (at.number(4)?, at.after(b"-")?.number(2)?, at.after(b"-")?.number(2)?);
    let (hour, minute) = (at.after(b"Tt ")?.number(2)?, at.after(b":")?.number(2)?);
    let second = at.after(b":")?.number(2)?;
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour <= 23;
    if !valid || minute > 59 || second > 60 || year < 1970 {
        return None;
    }
    let nanos = if at.take(b".,") { nanoseconds(at.digits())? } else { 0 };
    let mut seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds += zone_shift(at)?;
    let nanos = u128::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).ok()?;
    Some(in_seconds(nanos, 1_000_000_000))
}

/// Converts whole units and the remainder separately, because nanoseconds since the epoch exceed the precision of a double.
#[expect(clippy::cast_precision_loss, reason = "whole seconds fit")]
fn in_seconds(number: u128, unit: u32) -> f64 {
    let whole = u128::from(unit);
    (number / whole) as f64 + (number % whole) as f64 / f64::from(unit)
}

#[expect(clippy::cast_precision_loss, reason = "powers of ten up to 10^20 are exact")]
fn float_in_seconds(number: f64) -> Option<f64> {
    let (_, unit) = UNITS.iter().find(|(bound, _)| number < *bound as f64)?;
    Some(number / f64::from(*unit))
}

fn nanoseconds(digits: &[u8]) -> Option<i64> {
    if !(1..=20).contains(&digits.len()) {
        return None;
    }
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some(padded.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// The seconds to add for UTC, from the time zone at the end; without a zone the time is UTC.
fn zone_shift(at: &mut Cursor) -> Option<i64> {
    if at.0.is_empty() || at.take(b"Zz") {
        return at.0.is_empty().then_some(0);
    }
    at.take(b" ");
    if at.0 == b"UTC" {
        return Some(0);
    }
    let negative = at.0.first() == Some(&b'-');
    let hours = at.after(b"+-")?.number(2)?;
    at.take(b":");
    let shift = hours * 3_600 + at.number(2)? * 60;
    at.0.is_empty().then_some(if negative { shift } else { -shift })
}

/// The days since 1970-01-01 in the Gregorian calendar. A day after the end of its month counts into the next month.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era_year = year % 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    year / 400 * 146_097 + era_year * 365 + era_year / 4 - era_year / 100 + of_year - 719_468
}

/// The rest of a text.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Reads one byte if it is one of `any`.
    fn take(&mut self, any: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if any.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads one byte, which must be one of `any`.
    fn after(&mut self, any: &[u8]) -> Option<&mut Self> {
        self.take(any).then_some(self)
    }

    /// Reads digits.
    fn digits(&mut self) -> &'a [u8] {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits
    }

    /// Reads a number of exactly `count` digits.
    fn number(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
        })
    }
}

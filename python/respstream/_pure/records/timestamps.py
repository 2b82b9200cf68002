"""Timestamps of logs: RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since the epoch.

The size of a number determines its unit: seconds up to 10^11 (the year 5138), then milliseconds up to 10^14, microseconds
up to 10^17, nanoseconds up to 10^20. The result is in seconds, as a double: exact to a microsecond.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(rb"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE]\+?[0-9]{1,2})?")
_STAMP = re.compile(
    rb"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,20}))?"
    rb"(?:[Zz]| ?([+-])([0-9]{2}):?([0-9]{2})| ?UTC)?"
)
_UNITS = ((10**11, 1), (10**14, 1_000), (10**17, 1_000_000), (10**20, 1_000_000_000))


def read_time(value: bytes) -> float | None:
    """Seconds since the epoch of a JSON value, a string or a number; None if it is not a time."""
    text = value[1:-1] if value[:1] == b'"' else value
    if text.isdigit() and len(text) <= 20:
        return _whole(int(text))
    if _NUMBER.fullmatch(text):
        return _scaled(float(text))
    match = _STAMP.fullmatch(text) if value[:1] == b'"' else None
    return None if match is None else _stamp(match)


def _whole(number: int) -> float | None:
    for bound, unit in _UNITS:
        if number < bound:
            return _seconds(number, unit)
    return None


def _seconds(number: int, unit: int) -> float:
    """Whole seconds and the rest separately: a double cannot represent nanoseconds since the epoch."""
    return float(number // unit) + float(number % unit) / float(unit)


def _scaled(number: float) -> float | None:
    for bound, unit in _UNITS:
        if number < bound:
            return number / unit
    return None


def _stamp(match: re.Match[bytes]) -> float | None:
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 23 and minute <= 59 and second <= 60 and year >= 1970):
        return None
    nanos = int((match[7] or b"0")[:9].ljust(9, b"0"))
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    if match[8] is not None:
        shift = int(match[9]) * 3_600 + int(match[10]) * 60
        seconds += shift if match[8] == b"-" else -shift
    return _seconds(seconds * 1_000_000_000 + nanos, 1_000_000_000) if seconds >= 0 else None


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar; a day after the month's end counts into the next month."""
    year -= month <= 2
    era_year = year % 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year // 400 * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + of_year - 719_468

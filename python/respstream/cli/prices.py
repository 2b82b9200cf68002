"""Prices of tokens by model, from the TOML file of `respstream stats --prices`, and the cost of responses."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from fnmatch import translate
from pathlib import Path
from typing import Any, NamedTuple

import click

from respstream._suggest import suggestion
from respstream.cli.output import UsageStop, one_line, plural

MILLION = 1_000_000
MAX_NAMES = 10
"""Number of models without a price that the warning names."""
PATTERNS = ("model", "api", "service_tier")
REQUIRED = ("model", "input", "output")
AMOUNTS = ("input", "cached_input", "cache_write", "output")
CURRENCY = "USD"


class Price(NamedTuple):
    """The price of a million tokens for the responses whose values match all patterns.

    `matches`: the compiled patterns by column. `cached_input`: input that was read from a cache; `cache_write`: input that was
    written to one.
    """

    matches: tuple[tuple[str, re.Pattern[str]], ...]
    input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    output: Decimal


class Tokens(NamedTuple):
    """The tokens of a response by their price."""

    input: int
    cached_input: int
    cache_write: int
    output: int


class Prices:
    """The prices of a file. The first entry that matches a response applies."""

    def __init__(self, entries: list[Price], currency: str, name: str) -> None:
        self.currency = currency
        self._name, self._entries = name, entries
        self._found: dict[tuple[Any, ...], Price | None] = {}

    def find(self, row: Mapping[str, Any]) -> Price | None:
        """The price of the row of a response, None if no entry matches."""
        key = row["model"], row["api"], row["service_tier"]
        if key not in self._found:
            self._found[key] = next((price for price in self._entries if _applies(price, row)), None)
        return self._found[key]

    def warning(self, unknown: Counter[str]) -> str:
        """A line that names the models without a price. `unknown`: their number of responses."""
        names = [f"{name} ({plural(count, 'response')})" for name, count in unknown.most_common(MAX_NAMES)]
        if len(unknown) > MAX_NAMES:
            names.append(f"{len(unknown) - MAX_NAMES} others")
        return one_line(f"{self._name} has no price for {', '.join(names)}; their cost is not in the totals")


class Cost:
    """The cost of the responses of a group.

    `responses`: the number of responses with a cost. `unknown`: that of responses without a price, by model. `without_usage`:
    that of responses without token counts, for example of truncated streams.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._tokens: dict[Price, list[int]] = {}
        self.responses = self.without_usage = 0
        self.unknown: Counter[str] = Counter()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the row of a response."""
        tokens = tokens_of(row)
        price = self._prices.find(row)
        if price is None:
            self.unknown[row["model"] or "(no model)"] += 1
        elif tokens is None:
            self.without_usage += 1
        else:
            self.responses += 1
            sums = self._tokens.setdefault(price, [0, 0, 0, 0])
            self._tokens[price] = [total + count for total, count in zip(sums, tokens, strict=True)]

    @property
    def without_price(self) -> int:
        """The number of responses without a price."""
        return self.unknown.total()

    @property
    def total(self) -> Decimal | None:
        """The sum, exact; None if no response has a cost."""
        if not self.responses:
            return None
        per_million = Decimal(0)
        for price, sums in self._tokens.items():
            amounts = price.input, price.cached_input, price.cache_write, price.output
            per_million += sum((amount * count for amount, count in zip(amounts, sums, strict=True)), Decimal(0))
        return per_million / MILLION

    def to_dict(self) -> dict[str, Any]:
        """The cost as JSON values."""
        total = self.total
        return {
            "currency": self._prices.currency,
            "total": None if total is None else float(total),
            "responses": self.responses,
            "without_price": self.without_price,
            "without_usage": self.without_usage,
        }


def tokens_of(row: Mapping[str, Any]) -> Tokens | None:
    """The tokens of a response, None if the API sent no counts.

    Responses and Chat Completions count cached tokens in `input_tokens`; Messages counts them beside it, and in the total.
    """
    given, output = row["input_tokens"], row["output_tokens"]
    if given is None or output is None:
        return None
    cached = max(row["cached_tokens"] or 0, 0)
    if row["api"] != "messages":
        return Tokens(max(given - cached, 0), min(cached, given), 0, output)
    total = row["total_tokens"]
    written = 0 if total is None else max(total - output - given - cached, 0)
    return Tokens(given, cached, written, output)


def _applies(price: Price, row: Mapping[str, Any]) -> bool:
    return all(pattern.match(row[column] or "") for column, pattern in price.matches)


# -- the file ----------------------------------------------------------------------------------------------------------


def prices_option(_: click.Context, __: click.Parameter, value: str | None) -> Prices | None:
    """The callback of `--prices FILE`."""
    return None if value is None else read_prices(value)


def read_prices(path: str) -> Prices:
    """Read a file of prices. Raises UsageStop if it cannot be read, is no TOML, or has unknown or missing members."""
    try:
        text = Path(path).read_text("utf-8")
        found = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise UsageStop(one_line(f"cannot read {path}: {error.strerror or error}")) from None
    except ValueError as error:  # no UTF-8 or no TOML
        raise UsageStop(one_line(f"{path} is no TOML file: {error}")) from None
    try:
        entries, currency = _entries(found), found.get("currency", CURRENCY)
    except ValueError as error:
        raise UsageStop(one_line(f"{path}: {error}")) from None
    return Prices(entries, currency, path)


def _entries(found: dict[str, Any]) -> list[Price]:
    _refuse_unknown(found, ("currency", "price"), "")
    if not isinstance(found.get("currency", ""), str):
        raise ValueError("currency is no text")
    listed = found.get("price")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise ValueError("there are no prices; write a table [[price]] for each model")
    return [_price(entry, number) for number, entry in enumerate(listed, 1)]


def _price(entry: dict[str, Any], number: int) -> Price:
    where = f"price {number}: "
    _refuse_unknown(entry, (*PATTERNS, *AMOUNTS), where)
    for name in REQUIRED:
        if name not in entry:
            raise ValueError(f"{where}{name} is missing")
    for name in PATTERNS:
        if not isinstance(entry.get(name, ""), str):
            raise ValueError(f"{where}{name} is no text")
    amounts = {name: _amount(entry[name], where + name) for name in AMOUNTS if name in entry}
    plain = amounts["input"]
    matches = tuple((name, re.compile(translate(entry[name]))) for name in PATTERNS if name in entry)
    cached, written = amounts.get("cached_input", plain), amounts.get("cache_write", plain)
    return Price(matches, plain, cached, written, amounts["output"])


def _amount(value: Any, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"{where} is no number")
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{where} is no price: {value}")
    return amount


def _refuse_unknown(given: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            near = suggestion(name, known) or f"; the members are {', '.join(known)}"
            raise ValueError(f"{where}no member {name!r}{near}")

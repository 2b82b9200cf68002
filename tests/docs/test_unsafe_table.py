"""The table of `unsafe` code in docs/security.md has every block of the crates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8").split("## Unsafe code")[1]
COMMENT = re.compile(r"//.*")
FUNCTION = re.compile(r"\bfn (\w+)")
IMPL = re.compile(r"\bunsafe impl \w+ for (\w+)")
ITEM = re.compile(r"\bunsafe\b(?!_)")


def blocks() -> Iterator[tuple[str, set[str]]]:
    """The module of each `unsafe`, and the names that may stand for it: the function around it, and what its line calls."""
    for path in sorted((ROOT / "rust").glob("*/src/**/*.rs")):
        function = ""
        for line in path.read_text("utf-8").splitlines():
            code = COMMENT.sub("", line)
            if found := FUNCTION.search(code):
                function = found[1]
            if ITEM.search(code):
                impl = IMPL.search(code)
                yield path.stem, {impl[1]} if impl else {function, *re.findall(r"(\w+)(?:::<\w+>)?\(", code)}


def rows() -> Iterator[tuple[set[str], set[str]]]:
    """The modules of each row of the table, and the names of functions and types in it."""
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            modules, _, names = line.split("|")[1].partition(":")
            words = (re.findall(r"[\w:]+", code)[-1] for code in re.findall(r"`([^`]+)`", names))
            yield set(re.findall(r"`(\w+)`", modules)), {word.rpartition(":")[2] for word in words}


def test_every_block_has_a_row() -> None:
    table = list(rows())
    listed = {module: set[str]().union(*(n for m, n in table if module in m)) for module, _ in blocks()}
    missing = [(module, sorted(names)) for module, names in blocks() if names.isdisjoint(listed[module])]
    assert missing == []


def test_number_of_blocks() -> None:
    """A further block in a function that has a row needs a look at the row, too."""
    counts = Counter(module for module, _ in blocks())
    assert dict(re.findall(r"`(\w+)` (\d+)", PAGE)) == {module: str(count) for module, count in counts.items()}


def test_rows_name_what_exists() -> None:
    found = {(module, name) for module, names in blocks() for name in names}
    for modules, names in rows():
        for module in modules:
            assert any((module, name) in found for name in names), (modules, names)

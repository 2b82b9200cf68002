"""The catalogue compared with the installed anthropic SDK, and the generated tables."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import anthropic
import pytest
from anthropic import types as sdk
from anthropic.types import beta
from anthropic.types import raw_message_delta_event as raw
from anthropic.types.beta import beta_raw_message_delta_event as beta_raw

from respstream._pure.protocols.messages import delta, fold
from respstream._pure.protocols.messages.catalogue import BLOCKS, DECLARED, DELTAS, EVENTS, INCOMPLETE, VERSION
from respstream.protocols.messages import types as tables
from respstream.protocols.messages.event import MessagesEvent
from respstream.protocols.part import Part
from respstream.types import messages as types
from tests.support.paths import ROOT

PATH = ROOT / "rust" / "core" / "src" / "protocols" / "messages" / "catalogue.toml"
CATALOGUE: dict[str, Any] = tomllib.loads(PATH.read_text("utf-8"))
SECTIONS = ("event", "delta", "block", "object")
ROWS: dict[str, dict[str, Any]] = {row["class"]: row for name in SECTIONS for row in CATALOGUE[name]}
SDK_IS_THE_CATALOGUES = anthropic.__version__ == CATALOGUE["sdk"]
UNIONS: dict[str, tuple[Any, Any]] = {
    "event": (sdk.RawMessageStreamEvent, beta.BetaRawMessageStreamEvent),
    "delta": (sdk.RawContentBlockDelta, beta.BetaRawContentBlockDelta),
    "block": (sdk.RawContentBlockStartEvent.model_fields["content_block"].annotation, beta.BetaContentBlock),
}
UNNAMED = {"from"}
"""A member that is a keyword of Python: it is read by key."""


def members(union: Any) -> list[Any]:
    """The classes of an annotated union."""
    found = get_args(union)
    return list(get_args(found[0]) or found)


def kind_of(model: Any) -> str:
    """The type of the objects of a class."""
    (kind,) = get_args(model.model_fields["type"].annotation)
    return str(kind)


def sdk_classes(name: str) -> list[Any]:
    """The SDK's classes of that name: that of the API, and that of the beta API."""
    if name == "Delta":
        return [raw.Delta, beta_raw.Delta]
    bare = name.removeprefix("Beta")
    return [getattr(sdk, bare), *([found] if (found := getattr(beta, f"Beta{bare}", None)) else [])] if hasattr(
        sdk, bare
    ) else [getattr(beta, name)] if hasattr(beta, name) else []  # fmt: skip


def names_of(model: Any) -> list[str]:
    """The names of the members on the wire."""
    return [field.alias or name for name, field in model.model_fields.items()]


@pytest.mark.parametrize("section", UNIONS)
def test_types_are_those_of_the_sdk(section: str) -> None:
    found = {kind_of(model) for union in UNIONS[section] for model in members(union)}
    ours = {row["type"] for row in CATALOGUE[section] if row.get("sdk", True)}
    assert found >= ours
    if SDK_IS_THE_CATALOGUES:
        assert found == ours


@pytest.mark.parametrize("name", ROWS)
def test_fields_match_sdk(name: str) -> None:
    row, models = ROWS[name], sdk_classes(name)
    assert bool(models) == row.get("sdk", True)
    fields = [field["name"] for field in row.get("fields", [])]
    expected = list(dict.fromkeys(member for model in models for member in names_of(model) if member not in UNNAMED))
    if models and row in CATALOGUE["event"]:
        expected.remove("type")  # of the class itself
    if models and SDK_IS_THE_CATALOGUES:
        assert fields == expected


def test_stop_reasons_of_the_sdk() -> None:
    assert set(INCOMPLETE) <= set(get_args(sdk.StopReason))


def test_declared_members_match_sdk() -> None:
    assert set(DECLARED) < set(raw.Delta.model_fields)


def test_rules_are_valid() -> None:
    assert {row.op for row in EVENTS.values()} == fold.OPERATIONS
    assert {row.op for row in DELTAS.values()} == delta.OPERATIONS
    for rule in DELTAS.values():
        assert rule.blocks
        assert set(rule.blocks) <= BLOCKS.keys()
        if rule.kind:
            kinds = {(BLOCKS[name].kind, BLOCKS[name].text) for name in rule.blocks}
            assert kinds == {(rule.kind, rule.target)}
    assert {row.kind for row in BLOCKS.values()} == {"", "text", "reasoning", "tool_arguments"}


def test_python_tables_match_catalogue() -> None:
    assert CATALOGUE["version"] == VERSION
    assert list(EVENTS) == [row["type"] for row in CATALOGUE["event"]] == list(types.CLASSES)
    for row in CATALOGUE["event"]:
        scalars = [
            field["name"] for field in row.get("fields", []) if field["type"].removesuffix(" | None") in {"str", "int"}
        ]
        assert (EVENTS[row["type"]].op, list(EVENTS[row["type"]].eager)) == (row["op"], scalars)
    assert {row.type: (row.text, row.kind) for row in BLOCKS.values()} == {
        row["type"]: (row.get("text", ""), row.get("kind", "")) for row in CATALOGUE["block"]
    }
    assert {
        row.type: (row.op, row.member, row.target, list(row.members), list(row.blocks), row.kind)
        for row in DELTAS.values()
    } == {
        row["type"]: (row["op"], row.get("member", ""), row.get("target", ""), row.get("members", []), row["blocks"],
            row.get("kind", ""))
        for row in CATALOGUE["delta"]
    }  # fmt: skip
    assert list(DECLARED) == CATALOGUE["declared"]["message_delta"]
    assert list(INCOMPLETE) == CATALOGUE["stop_reasons"]["incomplete"]


def test_classes_match_catalogue() -> None:
    for name, row in ROWS.items():
        cls = getattr(types, name)
        assert issubclass(cls, MessagesEvent if row in CATALOGUE["event"] else Part)
        assert list(cls.__slots__) == [field["name"] for field in row.get("fields", [])]
    for section, table in (("block", tables.BLOCKS), ("delta", tables.DELTAS)):
        found = {kind: cls.__name__ for kind, cls in table.items()}
        unknown = {"": f"Unknown{section.capitalize()}"}
        assert found == {row["type"]: row["class"] for row in CATALOGUE[section]} | unknown


def test_generated_files_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools" / "generate_types.py"), str(tmp_path)], check=True)
    for name in ("protocols/messages/types.py", "_pure/protocols/messages/catalogue.py"):
        committed = ROOT / "python" / "respstream" / name
        assert (tmp_path / name).read_bytes() == committed.read_bytes(), f"run tools/generate_types.py: {name}"

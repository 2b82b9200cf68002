"""The catalogue compared with the installed openai SDK, and the generated tables."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import openai
import pytest
from openai.types import chat, completion_usage
from openai.types.chat import chat_completion_chunk as sdk

from respstream._pure.protocols.chat import delta, merge
from respstream._pure.protocols.chat.catalogue import DECLARED, EVENTS, RULES, VERSION
from respstream.protocols.chat.event import ChatEvent
from respstream.protocols.part import Part
from respstream.types import chat as types
from tests.support.paths import ROOT

PATH = ROOT / "rust" / "core" / "src" / "protocols" / "chat" / "catalogue.toml"
CATALOGUE: dict[str, Any] = tomllib.loads(PATH.read_text("utf-8"))
ROWS: dict[str, dict[str, Any]] = {row["class"]: row for name in ("event", "object") for row in CATALOGUE[name]}
SDK_IS_THE_CATALOGUES = openai.__version__ == CATALOGUE["sdk"]
OPS = {*merge.MERGES, "content", "calls", "drop"}


def sdk_class(name: str) -> Any:
    """The SDK's class of that name, None if it has none."""
    return next((getattr(module, name) for module in (sdk, completion_usage) if hasattr(module, name)), None)


@pytest.mark.parametrize("name", ROWS)
def test_fields_match_sdk(name: str) -> None:
    model = sdk_class(name)
    assert (model is not None) == ROWS[name].get("sdk", True)
    fields = [field["name"] for field in ROWS[name].get("fields", [])]
    if model is not None:
        assert set(model.model_fields) <= set(fields)
        if SDK_IS_THE_CATALOGUES:
            assert fields == list(model.model_fields)


def test_declared_members_match_sdk() -> None:
    models: dict[str, Any] = {
        "message": chat.ChatCompletionMessage,
        "audio": chat.ChatCompletionAudio,
        "function_call": chat.chat_completion_message.FunctionCall,
    }
    assert DECLARED.keys() == models.keys()
    if SDK_IS_THE_CATALOGUES:
        for kind, model in models.items():
            assert set(DECLARED[kind]) == set(model.model_fields)


def test_finish_reasons_of_the_sdk() -> None:
    (reasons, _) = get_args(sdk.Choice.model_fields["finish_reason"].annotation)
    assert {"length", "content_filter"} <= set(get_args(reasons))


def test_rules_are_valid() -> None:
    kinds = {"", "text", "reasoning", "refusal", "tool_arguments"}
    for scope, rules in RULES.items():
        for name, rule in rules.items():
            assert rule.op in OPS, (scope, name)
            assert rule.into == "" or rule.into in RULES
            assert rule.kind in kinds
    assert {"content", "refusal", "reasoning_content", "reasoning", "reasoning_details", "tool_calls"} < delta.STREAMED
    assert {"function_call", "audio"} < delta.STREAMED


def test_python_tables_match_catalogue() -> None:
    assert CATALOGUE["version"] == VERSION
    assert list(EVENTS) == [row["type"] for row in CATALOGUE["event"]] == list(types.CLASSES)
    for row in CATALOGUE["event"]:
        fields = [field for field in row.get("fields", []) if not field.get("lazy")]
        scalars = [field["name"] for field in fields if field["type"].removesuffix(" | None") in {"str", "int"}]
        assert (EVENTS[row["type"]].op, list(EVENTS[row["type"]].eager)) == (row["op"], scalars)
    found = {
        scope: {name: (rule.op, rule.into, rule.kind) for name, rule in rules.items()} for scope, rules in RULES.items()
    }
    assert found == {
        scope: {name: (rule["op"], rule.get("into", ""), rule.get("kind", "")) for name, rule in rules.items()}
        for scope, rules in CATALOGUE["rules"].items()
    }
    assert {kind: tuple(names) for kind, names in CATALOGUE["declared"].items()} == DECLARED


def test_classes_match_catalogue() -> None:
    for name, row in ROWS.items():
        cls = getattr(types, name)
        assert issubclass(cls, ChatEvent if "type" in row else Part)
        assert list(cls.__slots__) == [field["name"] for field in row.get("fields", [])]
        parts = {child["member"]: child["class"] for child in CATALOGUE["object"] if child["inside"] == name}
        assert {member: getattr(part, "__name__", None) for member, part in cls._parts.items()} == parts


def test_generated_files_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools" / "generate_types.py"), str(tmp_path)], check=True)
    for name in ("protocols/chat/types.py", "_pure/protocols/chat/catalogue.py"):
        committed = ROOT / "python" / "respstream" / name
        assert (tmp_path / name).read_bytes() == committed.read_bytes(), f"run tools/generate_types.py: {name}"

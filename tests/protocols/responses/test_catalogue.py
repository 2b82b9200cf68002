"""The catalogue compared with the installed openai SDK, and the generated tables with each other."""

from __future__ import annotations

import ast
import importlib
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import openai
import openai.types.responses as sdk
import pytest
from anthropic.types import Message, Usage
from anthropic.types.beta import BetaMessage, BetaUsage
from openai.types import CompletionUsage, beta
from openai.types.chat import ChatCompletion

import respstream
from respstream import types
from respstream._codes import DIAGNOSTICS
from respstream._pure.protocols.responses.catalogue import EVENTS, VERSION
from respstream.protocols.event import Event
from respstream.protocols.responses.sdk_fields import DECLARED
from tests.support.paths import ROOT

CORE = ROOT / "rust" / "core" / "src"
CATALOGUE: dict[str, Any] = tomllib.loads((CORE / "protocols" / "responses" / "catalogue.toml").read_text("utf-8"))
CODES: dict[str, Any] = tomllib.loads((CORE / "diagnostics" / "codes.toml").read_text("utf-8"))
ROWS: dict[str, dict[str, Any]] = {row["type"]: row for row in CATALOGUE["event"]}
BASE_FIELDS = {"type", "sequence_number", "stream_id", "agent"}
# Fields of an older SDK that the newest has dropped: attributes where the wire has them, but not declared.
DROPPED = {("response.function_call_arguments.done", "name")}
VOCABULARY = {
    "kind": {"lifecycle", "item", "part", "annotation", "text-delta", "done", "status", "image", "error", "client"},
    "op": {"response", "item", "part", "text", "members", "put", "status", "error", "side", "quiet", "none"},
    "phase": {"", "begin", "progress", "terminal", "added", "delta", "done"},
    "groups": {"delta", "done", "terminal", "tool_call", "reasoning", "lifecycle"},
    "type": {"str", "int", "str | None", "Payload", "Payload | None", "list[Payload]"},
}
INDEXES = {"content_index", "summary_index", "command_index", "annotation_index"}


def union(module: Any, *names: str) -> dict[str, Any]:
    """The models of the SDK's unions by their types; the first one of each type."""
    models: dict[str, Any] = {}
    for found in filter(None, (getattr(module, name, None) for name in names)):
        # A union of one class is that class.
        classes: Any = [found] if isinstance(found, type) else get_args(get_args(found)[0])
        for model in classes:
            (kind,) = get_args(model.model_fields["type"].annotation)
            models.setdefault(kind, model)
    return models


# The SDK's model of each type: of its stream events, then of events that only its WebSocket client receives.
SDK = union(sdk, "ResponseStreamEvent", "ResponsesServerEvent")
BETA = union(beta, "BetaResponseStreamEvent", "BetaResponsesServerEvent")
CLIENT = {**union(beta, "BetaResponsesClientEvent"), **union(sdk, "ResponsesClientEvent")}
SDK_IS_THE_CATALOGUES = openai.__version__ == CATALOGUE["sdk"]


def test_pinned_sdk_version_matches_catalogue() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    pins = [
        one for name in ("test", "bench") for one in groups[name] if isinstance(one, str) and one.startswith("openai=")
    ]
    assert pins == [f"openai=={CATALOGUE['sdk']}"] * 2


def declared(row: dict[str, Any]) -> set[str]:
    return {field["name"] for field in row.get("fields", []) if field.get("declared", True)}


def test_catalogue_has_every_sdk_type() -> None:
    missing = {kind: model.__name__ for kind, model in {**SDK, **BETA, **CLIENT}.items() if kind not in ROWS}
    assert not missing, f"openai {openai.__version__} has event types that the catalogue lacks: {missing}"
    assert len(SDK) >= 50, "the SDK's union of event types was not found"
    if SDK_IS_THE_CATALOGUES:
        assert BETA.keys() > SDK.keys()
        assert CLIENT.keys() == {kind for kind, row in ROWS.items() if row["kind"] == "client"}


@pytest.mark.parametrize("kind", sorted({**BETA, **SDK}))
@pytest.mark.parametrize("models", [SDK, BETA], ids=["stable", "beta"])
def test_fields_match_sdk(models: dict[str, Any], kind: str) -> None:
    if kind not in models:
        assert ROWS[kind].get("sdk", True) is not True or models is BETA
        return
    row, model = ROWS[kind], models[kind]
    fields = set(model.model_fields) - BASE_FIELDS
    known = {field["name"] for field in row.get("fields", [])}
    assert row["class"] in _names(model, kind)
    assert row.get("sdk", True), "the SDK has this class"
    assert fields <= known, f"fields that the catalogue lacks: {fields - known}"
    undeclared = fields - declared(row) - {name for type_, name in DROPPED if type_ == kind}
    assert not undeclared, f"the SDK declares {undeclared}"
    if SDK_IS_THE_CATALOGUES:
        assert declared(row) == fields


def _names(model: Any, kind: str) -> set[str]:
    """The names of the class for a type, and of its base, which has no stream id."""
    assert kind in get_args(model.model_fields["type"].annotation)
    return {cls.__name__.removeprefix("Beta") for cls in model.__mro__[:2]}


def test_sdk_flags_match_sdk() -> None:
    said = {kind for kind, row in ROWS.items() if row.get("sdk", True) is True}
    in_beta = {kind for kind, row in ROWS.items() if row.get("sdk") == "beta"}
    assert set(SDK) <= said
    if SDK_IS_THE_CATALOGUES:  # another release may lack some of them
        assert said == set(SDK)
        assert in_beta == set(BETA) - set(SDK)


def test_item_types_of_beta_are_declared() -> None:
    items = {"agent_message", "multi_agent_call", "multi_agent_call_output"}
    assert items <= DECLARED.keys()
    assert {"agent", "author", "content", "recipient"} <= DECLARED["agent_message"]
    assert "agent" in DECLARED["message"]


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_catalogue_rows_are_valid(kind: str) -> None:
    row = ROWS[kind]
    fold = row["fold"]
    fields = {field["name"]: field["type"] for field in row.get("fields", [])}
    assert row["kind"] in VOCABULARY["kind"]
    assert fold["op"] in VOCABULARY["op"]
    assert fold.get("phase", "") in VOCABULARY["phase"]
    assert set(row.get("groups", [])) <= VOCABULARY["groups"]
    assert set(fields.values()) <= VOCABULARY["type"]
    assert not BASE_FIELDS & set(fields), "these are in the base class"
    assert row["doc"].endswith(".")
    assert all(fold[name] in fields for name in ("value", "extend") if name in fold)
    indexes = set(re.findall(r"\[(\w+)\]", fold.get("target", "")))
    assert indexes <= INDEXES & set(fields)
    assert (fold["op"] == "response") == (row["kind"] == "lifecycle")
    assert (fold["op"] == "status") == ("status" in fold)


@pytest.mark.parametrize("kind", sorted(kind for kind, row in ROWS.items() if not row.get("sdk", True)))
def test_non_sdk_classes_are_named_after_type(kind: str) -> None:
    if kind == "response.error":  # the SDK uses the name of its type for `error`
        assert ROWS[kind]["class"] == "GatewayErrorEvent"
        return
    assert ROWS[kind]["class"] == "".join(word.capitalize() for word in re.split(r"[._]", kind)) + "Event"


def test_terminal_types() -> None:
    terminal = {kind for kind, entry in EVENTS.items() if entry.phase == "terminal"}
    assert terminal == {f"response.{end}" for end in ("completed", "incomplete", "failed", "cancelled", "done")}
    assert terminal == {kind for kind, row in ROWS.items() if "terminal" in row.get("groups", [])}


def test_types_that_start_no_response() -> None:
    quiet = {kind for kind, entry in EVENTS.items() if not entry.begins}
    steer = {f"response.steer.{end}" for end in ("accepted", "pending", "failed")}
    inject = {f"response.inject.{end}" for end in ("created", "failed")}
    client = {f"response.{name}" for name in ("create", "steer", "inject")}
    assert quiet == {"error", "response.error", "keepalive", "response.rate_limits.updated", *steer, *inject, *client}


def test_generated_files_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools" / "generate_types.py"), str(tmp_path)], check=True)
    for name in ("protocols/responses/types.py", "_pure/protocols/responses/catalogue.py", "_codes.py"):
        committed = ROOT / "python" / "respstream" / name
        assert (tmp_path / name).read_bytes() == committed.read_bytes(), f"run tools/generate_types.py: {name}"


def test_python_table_matches_catalogue() -> None:
    assert list(EVENTS) == list(ROWS) == list(types.CLASSES)
    assert CATALOGUE["version"] == VERSION
    for kind, entry in EVENTS.items():
        fold = ROWS[kind]["fold"]
        path = ".".join(name if index is None else f"{name}[{index}]" for name, index in entry.target)
        assert (entry.type, entry.op, entry.phase, path) == (
            kind,
            fold["op"],
            fold.get("phase", ""),
            fold.get("target", ""),
        )
        for name in ("value", "item", "part", "status", "extend"):
            assert getattr(entry, name) == fold.get(name, "")
        fields = [field for field in ROWS[kind].get("fields", []) if not field.get("lazy", False)]
        scalars = (field["name"] for field in fields if field["type"] in {"str", "int", "str | None"})
        assert entry.eager == tuple(scalars)


def test_diagnostics_match_catalogue() -> None:
    rows = {row["code"]: (row["severity"], row["template"]) for row in CODES["diagnostic"]}
    assert rows == DIAGNOSTICS
    assert {severity for severity, _ in rows.values()} == {"error", "warning", "info"}
    for _, template in rows.values():
        places = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
        assert all(place.isidentifier() for place in places)
        assert "\n" not in template


def test_rust_table_matches_python_table() -> None:
    native = importlib.import_module("respstream._native")
    rows: list[dict[str, Any]] = native.catalogue()
    assert [row.pop("class") for row in rows] == [cls.__name__ for cls in types.CLASSES.values()]
    assert [row.pop("terminal") for row in rows] == [entry.phase == "terminal" for entry in EVENTS.values()]
    assert rows == [{name: getattr(entry, name) for name in entry._fields} for entry in EVENTS.values()]
    assert native.diagnostic_kinds() == DIAGNOSTICS
    assert list(native.diagnostic_kinds()) == list(DIAGNOSTICS)


def test_event_groups_are_unions_of_classes() -> None:
    for name in VOCABULARY["groups"]:
        alias = getattr(types, "".join(word.capitalize() for word in name.split("_")) + "Event")
        members = {cls.type for cls in get_args(alias)}
        assert members == {kind for kind, row in ROWS.items() if name in row.get("groups", [])}
    everything = set(get_args(types.ResponseStreamEvent))
    assert everything == {*types.CLASSES.values(), types.UnknownEvent}
    assert all(issubclass(cls, Event) for cls in everything)


@pytest.mark.skipif(not SDK_IS_THE_CATALOGUES, reason="the table is of the release that the catalogue names")
def test_declared_members_match_sdk() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_sdk_fields.py"), "-"], check=True, capture_output=True
    )
    committed = ROOT / "python" / "respstream" / "protocols" / "responses" / "sdk_fields.py"
    assert made.stdout == committed.read_bytes(), "run tools/generate_sdk_fields.py"


@pytest.mark.skipif(not SDK_IS_THE_CATALOGUES, reason="the objects are of the release that the catalogue names")
def test_objects_match_sdk(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools" / "generate_objects.py"), str(tmp_path)], check=True)
    for api in ("responses", "chat", "messages"):
        committed = ROOT / "python" / "respstream" / "protocols" / api / "objects.py"
        assert (tmp_path / api / "objects.py").read_bytes() == committed.read_bytes(), "run tools/generate_objects.py"


def test_type_checkers_know_the_members_of_final_objects() -> None:
    """All that the SDKs declare are members of `Response` to type checkers, and so are the token counts."""
    folder = ROOT / "python" / "respstream" / "protocols"
    views = [ast.parse((folder / name).read_text("utf-8")) for name in ("members.py", "usage.py")]
    declared = {
        found.name: {
            line.target.id
            for line in found.body
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
        }
        for view in views
        for found in ast.walk(view)
        if isinstance(found, ast.ClassDef)
    }
    finals: list[Any] = [sdk.Response, ChatCompletion, Message, BetaMessage]
    members = {name for model in finals for name in model.model_fields}
    assert {*dir(respstream.Response), *declared["ResponseMembers"]} >= members
    details = sdk.response_usage.InputTokensDetails, sdk.response_usage.OutputTokensDetails
    for model in details:
        assert declared[model.__name__] >= model.model_fields.keys()
    counts: list[Any] = [sdk.ResponseUsage, CompletionUsage, Usage, BetaUsage]
    assert declared["Usage"] >= {name for model in counts for name in model.model_fields}

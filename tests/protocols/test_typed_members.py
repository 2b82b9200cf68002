"""What the typed views declare for type checkers is there at run time: a member that is missing on the wire reads as None."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest

from respstream.protocols.chat import view as chat_view
from respstream.protocols.messages import view as messages_view
from respstream.protocols.responses import view as responses_view
from respstream.protocols.responses.sdk_fields import DECLARED, UNTYPED
from tests.support.paths import ROOT

EXCEPT = {("message", "cache_creation"), ("message", "model")}
"""Counts of an iteration of Messages: their `type` is also that of an item of Responses, whose `dir` would list them."""


def classes(source: str) -> dict[str, dict[str, ast.expr]]:
    """The members of the classes that a module has under TYPE_CHECKING, with their annotations."""
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.If)).body
    return {
        node.name: {
            field.target.id: field.annotation
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for node in body
        if isinstance(node, ast.ClassDef)
    }


def optional(found: dict[str, dict[str, ast.expr]]) -> Iterator[tuple[str, str, bool]]:
    """The optional members: the `type` of their object, or the member that contains it; their name; whether it is a type."""
    users: defaultdict[str, set[str]] = defaultdict(set)
    for fields in found.values():
        for name, annotation in fields.items():
            for node in ast.walk(annotation):
                if isinstance(node, ast.Name):
                    users[node.id].add(name)
    for cls, fields in found.items():
        literals = ast.walk(fields["type"]) if "type" in fields else ()
        kinds = [node.value for node in literals if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        for name, annotation in fields.items():
            if "None" in ast.unparse(annotation):
                yield from ((place, name, bool(kinds)) for place in kinds or users[cls])


@pytest.mark.parametrize("api", ["responses", "chat", "messages"])
def test_optional_members_are_declared(api: str) -> None:
    source = (ROOT / "python" / "respstream" / "protocols" / api / "objects.py").read_text("utf-8")
    found = list(optional(classes(source)))
    missing = {
        (place, name) for place, name, is_type in found if name not in (DECLARED if is_type else UNTYPED).get(place, ())
    }
    assert missing <= EXCEPT
    assert len(found) > 5


def test_members_of_responses_are_declared() -> None:
    """Each by one of the APIs."""
    source = (ROOT / "python" / "respstream" / "protocols" / "members.py").read_text("utf-8")
    known = {*responses_view.declared(), *chat_view.declared(), *messages_view.declared()}
    assert set(classes(source)["ResponseMembers"]) <= known | {"type"}

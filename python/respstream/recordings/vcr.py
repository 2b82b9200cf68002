"""VCR cassettes, of vcrpy and of Ruby's vcr, in YAML or JSON. Each interaction with an API is a record.

Bodies may be text, `!!binary`, base64 in a field of its own, and gzip. YAML needs PyYAML (the extra `vcr`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any, Final, TypeAlias

from respstream._pure.json import DEPTH_LIMIT, BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.records.encoding import base64_decoded, inflated_head
from respstream._pure.records.timestamps import read_time
from respstream._pure.sse.lines import BOM
from respstream.recordings.guard import reported
from respstream.recordings.record import Record, Report, Span, is_relevant

KEYS = ("interactions", "http_interactions")
MAX_EXPANSION: Final = 10
"""The aliases of a cassette may make it this many times larger."""
MIN_EXPANDED: Final = 1 << 18
"""A small cassette may grow to this number of characters and nodes."""
_BLANKS = b" \t\r\n"

Interaction: TypeAlias = tuple[Span, Callable[[], Any]]
"""The position of an interaction, and the function that reads it."""
Size: TypeAlias = tuple[float, float]
"""The number of characters and nodes, and the depth of nesting."""


def records(data: bytes, report: Report) -> Iterator[Record]:
    """The streams in a cassette, in order. `report(field, expected, span)` takes interactions that cannot be read.

    Raises ImportError that names the extra if the cassette is YAML and PyYAML is not installed.
    """
    is_json = data.lstrip(BOM + _BLANKS)[:1] == b"{"
    listed = _json_interactions(data) if is_json else _yaml_interactions(data, report)
    if listed is None:
        report("the file", "a VCR cassette", (0, len(data), 1))
        return
    for span, read in listed:
        body, relevant, time = None, False, None
        with reported(report, "the interaction", "readable", span):
            interaction = read()
            if isinstance(interaction, dict):
                body, relevant = _body(interaction)
                time = _time(interaction.get("recorded_at"))
        if relevant and body is None:
            report("the body of the response", "text or binary", span)
        elif relevant and body is not None:
            yield Record(body, (None, time), span, True)


def _json_interactions(data: bytes) -> list[Interaction] | None:
    start = len(data) - len(data.lstrip(BOM + _BLANKS))
    raw = data[start:]
    try:
        decode(raw)
    except (BadJson, LimitExceeded):
        return None
    spans = locate(raw)
    span = next((spans[key] for key in KEYS if key in spans), None)
    if span is None or raw[span[0]] != 0x5B:
        return None
    inner = [(span[0] + first, span[0] + last) for first, last in elements(raw[span[0] : span[1]])]
    placed = _with_lines(data, [(start + first, start + last) for first, last in inner])
    return [(span, partial(_loaded, data, span)) for span in placed]


def _loaded(data: bytes, span: Span) -> Any:
    return loads(data[span[0] : span[1]])


def _yaml_interactions(data: bytes, report: Report) -> list[Interaction] | None:
    try:
        import yaml
    except ImportError:
        raise ImportError("reading VCR cassettes in YAML needs PyYAML: pip install 'respstream[vcr]'") from None
    text = data.decode("utf-8", "replace")
    loader, nodes = _composed(yaml, text)
    if nodes is None:
        return None
    spans = _with_lines(data, _in_bytes(text, [(node.start_mark.index, node.end_mark.index) for node in nodes]))
    found: list[Interaction] = []
    budget: float = max(MIN_EXPANDED, MAX_EXPANSION * len(text))
    sizes: dict[int, Size] = {}
    for node, span in zip(nodes, spans, strict=True):
        size, depth = _expanded(node, sizes)
        if size > budget or depth > DEPTH_LIMIT:
            report("the interaction with its aliases expanded", "small enough to be read", span)
            continue
        budget -= size
        found.append((span, partial(loader.construct_document, node)))
    return found


def _composed(yaml: Any, text: str) -> tuple[Any, list[Any] | None]:
    """The loader, which constructs values, and the nodes of the interactions; None if this is not a cassette."""
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _is_deep(yaml, kind(text)):
            return None, None
        loader = kind(text)
        try:
            return loader, _listed(yaml, loader.get_single_node())
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError):
        return None, None


def _is_deep(yaml: Any, loader: Any) -> bool:
    """Whether the document is nested too deep: composing its nodes recurses, in C without a limit."""
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEPTH_LIMIT:
                return True
    finally:
        loader.dispose()
    return False


def _expanded(node: Any, known: dict[int, Size]) -> Size:
    """The size and depth of a node where each alias counts as its content. A node that contains itself has no end.

    PyYAML builds an aliased mapping again for each merge key (`<<`), before 6.0.4 in exponential time, and each interaction
    that repeats a body would be read again. `known`: the nodes measured before, by their ids.
    """
    work: list[Any] = [node]
    is_open: set[int] = set()
    while work:
        top = work[-1]
        parts = _parts(top)
        if id(top) in is_open:
            is_open.remove(id(top))
            inner = [known[id(part)] for part in parts]
            own = 1 if parts else 1 + len(top.value)
            known[id(top)] = own + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0)
            work.pop()
        elif id(top) in known:
            work.pop()
        else:
            known[id(top)] = inf, inf
            is_open.add(id(top))
            work += [part for part in parts if id(part) not in known]
    return known[id(node)]


def _parts(node: Any) -> list[Any]:
    """The nodes inside a node: the elements of a sequence, or the keys and values of a mapping."""
    if not isinstance(node.value, list):
        return []
    return [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]


def _in_bytes(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in bytes from those in characters, which PyYAML counts. With aliases they are in no order."""
    offsets: dict[int, int] = {}
    last = size = 0
    for index in sorted({index for span in spans for index in span}):
        size += len(text[last:index].encode())
        last = index
        offsets[index] = size
    return [(offsets[first], offsets[end]) for first, end in spans]


def _with_lines(data: bytes, spans: list[tuple[int, int]]) -> list[Span]:
    """The spans with their lines."""
    lines: dict[int, int] = {}
    line, seen = 1, 0
    for start in sorted({start for start, _ in spans}):
        line += data.count(b"\n", seen, start)
        seen = start
        lines[start] = line
    return [(start, end, lines[start]) for start, end in spans]


def _listed(yaml: Any, root: Any) -> list[Any] | None:
    """The nodes of the interactions; None if there are none."""
    if not isinstance(root, yaml.MappingNode):
        return None
    for key, value in root.value:
        if key.value in KEYS and isinstance(value, yaml.SequenceNode):
            nodes: list[Any] = value.value
            return nodes
    return None


def _body(interaction: dict[str, Any]) -> tuple[bytes | None, bool]:
    """The body of the response, None if it cannot be read; and whether it contains a stream."""
    response = interaction.get("response")
    request = interaction.get("request")
    if not isinstance(response, dict):
        return None, False
    body = response.get("body", response.get("content"))
    is_base64 = False
    if isinstance(body, dict):
        is_base64 = "base64_string" in body
        body = body.get("base64_string", body.get("string", body.get("text")))
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
        if b"\xc2" in body[:3] and body.startswith("\x1f\x8b".encode()):  # gzip bytes as characters
            body = body.decode().encode("latin-1", "replace")
    if is_base64 and isinstance(body, bytes):
        body = base64_decoded(body) or body
    start = inflated_head(body) if isinstance(body, bytes) else b""
    url = request.get("uri", request.get("url")) if isinstance(request, dict) else None
    relevant = is_relevant(url, _content_type(response.get("headers")), start)
    if not isinstance(body, bytes):
        return None, relevant
    return body, relevant


def _content_type(headers: Any) -> Any:
    if not isinstance(headers, dict):
        return None
    for name, value in headers.items():
        if isinstance(name, str) and name.lower() == "content-type":
            return value[0] if isinstance(value, list) and value else value
    return None


def _time(value: Any) -> float | None:
    """The time of an interaction: RFC 3339, an HTTP date, or a value that YAML converted."""
    from datetime import UTC, date, datetime
    from email.utils import parsedate_to_datetime

    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return read_time(str(value).encode())
    if not isinstance(value, str):
        return None
    time = read_time(f'"{value}"'.encode())
    if time is None:
        try:
            parsed = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        time = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    return time

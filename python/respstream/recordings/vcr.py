"""VCR cassettes, of vcrpy and of Ruby's vcr, in YAML or JSON. Each interaction with the Responses API is a record.

Bodies may be text, `!!binary`, base64 in a field of its own, and gzip. YAML needs PyYAML (the extra `vcr`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from respstream._pure.json import DEPTH_LIMIT, BadJson, LimitExceeded, decode, elements, loads, locate
from respstream._pure.records.encoding import decoded
from respstream._pure.records.timestamps import read_time
from respstream._pure.sse.lines import BOM
from respstream.recordings.record import Record, Report, is_relevant

KEYS = ("interactions", "http_interactions")
_BLANKS = b" \t\r\n"


def records(data: bytes, report: Report) -> Iterator[Record]:
    """The streams in a cassette, in order. `report(field, expected, span)` takes interactions that cannot be read.

    Raises ImportError that names the extra if the cassette is YAML and PyYAML is not installed.
    """
    is_json = data.lstrip(BOM + _BLANKS)[:1] == b"{"
    found = _json_interactions(data) if is_json else _yaml_interactions(data)
    if found is None:
        report("the file", "a VCR cassette", (0, len(data), 1))
        return
    line, seen = 1, 0
    for start, end, interaction in found:
        line += data.count(b"\n", seen, start)
        seen = start
        span = (start, end, line)
        body, relevant = _body(interaction)
        if relevant and body is None:
            report("the body of the response", "text or binary", span)
        elif relevant and body is not None:
            yield Record(body, (None, _time(interaction.get("recorded_at"))), span, True)


def _json_interactions(data: bytes) -> list[tuple[int, int, dict[str, Any]]] | None:
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
    return [(start + first, start + last, loads(raw[first:last])) for first, last in inner if raw[first] == 0x7B]


def _yaml_interactions(data: bytes) -> list[tuple[int, int, dict[str, Any]]] | None:
    try:
        import yaml
    except ImportError:
        raise ImportError("reading VCR cassettes in YAML needs PyYAML: pip install 'respstream[vcr]'") from None
    text = data.decode("utf-8", "replace")
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = kind(text)
    try:
        root = None if _is_deep(yaml, kind(text)) else loader.get_single_node()
        listed = _listed(yaml, root)
        found = None if listed is None else [(*_span(node), loader.construct_document(node)) for node in listed]
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    finally:
        loader.dispose()
    return None if found is None else _in_bytes(text, found)


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


def _span(node: Any) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _in_bytes(text: str, found: list[tuple[int, int, Any]]) -> list[tuple[int, int, dict[str, Any]]]:
    """The interactions with positions in bytes; PyYAML counts characters."""
    placed: list[tuple[int, int, dict[str, Any]]] = []
    characters = size = 0
    for first, last, value in found:
        start = size + len(text[characters:first].encode())
        end = start + len(text[first:last].encode())
        characters, size = last, end
        if isinstance(value, dict):
            placed.append((start, end, value))
    return placed


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
    kind = "bytes"
    if isinstance(body, dict):
        kind = "base64" if "base64_string" in body else "bytes"
        body = body.get("base64_string", body.get("string", body.get("text")))
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
        if b"\xc2" in body[:3] and body.startswith("\x1f\x8b".encode()):  # gzip bytes as characters
            body = body.decode().encode("latin-1", "replace")
    stream = decoded(body, kind, continues=True)[0] if isinstance(body, bytes) else b""
    url = request.get("uri", request.get("url")) if isinstance(request, dict) else None
    relevant = is_relevant(url, _content_type(response.get("headers")), stream)
    if not isinstance(body, bytes):
        return None, relevant
    return (stream or body), relevant


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

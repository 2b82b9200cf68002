"""Tracing libraries around the client of an SDK: what they find, without what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

import langsmith
import logfire
import pytest
from logfire.testing import TestExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from respstream.integrations import _streams

__all__ = ["Tracing", "by_instrumentor", "by_langsmith", "by_logfire", "count_slow", "spans"]

Tracing = Callable[[Any], AbstractContextManager[list[Any]]]
"""Traces a client, or all of its class; what it finds is in the list at the end."""

_VOLATILE = re.compile(
    r"time|duration|latency|took|code\.|logfire\.(msg|pending)|thread|\bid$|dotted_order|runtime|revision|start|end|exception.stacktrace"
)


def _stable(value: Any) -> Any:
    """A span, or a part of one, without times and identifiers of the run."""
    if isinstance(value, dict):
        return {key: _stable(part) for key, part in value.items() if not _VOLATILE.search(str(key))}
    if isinstance(value, (list, tuple)):
        return [_stable(part) for part in value]
    if isinstance(value, str):
        return re.sub(r"(?s)Traceback .*", "", value)
    return value if isinstance(value, (int, float, bool, type(None))) else repr(value)


def spans(exporter: InMemorySpanExporter) -> list[Any]:
    """The finished spans."""
    return [
        (
            span.name,
            span.status.status_code.name,
            _stable(dict(span.attributes or {})),
            [(event.name, _stable(dict(event.attributes or {}))) for event in span.events],
        )
        for span in exporter.get_finished_spans()
    ]


def by_logfire(name: str, *, client: bool) -> Tracing:
    """`name`: the method of logfire; `client`: whether it instruments the client, or all."""

    @contextmanager
    def tracing(traced: Any) -> Generator[list[Any]]:
        exporter: Any = TestExporter()
        processors = [SimpleSpanProcessor(exporter)]
        made = logfire.configure(
            local=True, send_to_logfire=False, console=False, additional_span_processors=processors, metrics=False
        )
        found: list[Any] = []
        with getattr(made, name)(*([traced] if client else [])):
            yield found
        found += [(span["name"], _stable(span["attributes"])) for span in exporter.exported_spans_as_dict()]
        made.shutdown()

    return tracing


def by_instrumentor(instrumentor: Any) -> Tracing:
    """An instrumentor of OpenTelemetry's kind."""

    @contextmanager
    def tracing(_: Any) -> Generator[list[Any]]:
        found: list[Any] = []
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        instrumentor.instrument(tracer_provider=provider)
        try:
            yield found
        finally:
            instrumentor.uninstrument()
            found += spans(exporter)
            provider.shutdown()

    return tracing


def by_langsmith(wrap: Callable[..., Any]) -> Tracing:
    """`wrap`: the function that wraps a client."""

    @contextmanager
    def tracing(client: Any) -> Generator[list[Any]]:
        found: list[Any] = []

        def create_run(_: Any, name: str, inputs: Any, run_type: Any, **more: Any) -> None:
            found.append(("create", name, _stable(inputs)))

        def update_run(_: Any, run_id: Any, **more: Any) -> None:
            found.append(("update", _stable({name: more.get(name) for name in ("error", "outputs")})))

        runs = langsmith.Client(api_url="http://127.0.0.1:9", api_key="x", auto_batch_tracing=False)
        wrap(client, tracing_extra={"client": runs})
        with (
            mock.patch.multiple(langsmith.Client, create_run=create_run, update_run=update_run),
            langsmith.tracing_context(enabled=True, client=runs),
        ):
            yield found

    return tracing


def count_slow(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that gets each message that is left to the SDK."""
    slow: list[Any] = []
    put = _streams._Queue.put

    def counted(self: Any, message: Any) -> None:
        slow.append(message)
        put(self, message)

    monkeypatch.setattr(_streams._Queue, "put", counted)
    return slow

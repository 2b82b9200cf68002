"""`--redact` and `--max-text`: removes or truncates texts, arguments and metadata in rows."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

TEXTS = frozenset(
    "output_text refusal reasoning_text reasoning_summary error_message delta text arguments message".split()
)
DOCUMENTS = frozenset({"metadata", "response_json", "payload"})
"""Columns with JSON documents. They are never truncated, because the result would be invalid JSON."""


class Privacy(NamedTuple):
    """`redact`: texts, arguments and metadata become null. `max_text`: maximum characters of texts and arguments."""

    redact: bool = False
    max_text: int | None = None

    @property
    def is_noop(self) -> bool:
        """Whether rows stay unchanged."""
        return not self.redact and self.max_text is None

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row with redaction applied."""
        return row if self.is_noop else {name: self._value(name, value) for name, value in row.items()}

    def _value(self, name: str, value: Any) -> Any:
        if name == "tool_calls" and value:
            return [{**call, "arguments": self._value("arguments", call["arguments"])} for call in value]
        if self.redact and name in TEXTS | DOCUMENTS:
            return None
        return value[: self.max_text] if name in TEXTS and value is not None else value

    def batch(self, batch: Any) -> Any:
        """Return the pyarrow batch with redaction applied."""
        if self.is_noop:
            return batch
        import pyarrow as pa

        columns = [self._array(field, column) for field, column in zip(batch.schema, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _array(self, field: Any, array: Any) -> Any:
        import pyarrow as pa

        if field.name == "tool_calls":
            return self._calls(field, array)
        if self.redact and field.name in TEXTS | DOCUMENTS:
            return pa.nulls(len(array), field.type)
        if field.name in TEXTS and self.max_text is not None:
            compute: Any = importlib.import_module("pyarrow.compute")  # its functions have no type stubs
            return compute.utf8_slice_codeunits(array, 0, self.max_text)
        return array

    def _calls(self, field: Any, array: Any) -> Any:
        import pyarrow as pa

        members = list(field.type.value_type)
        values = [self._array(member, value) for member, value in zip(members, array.values.flatten(), strict=True)]
        calls = pa.StructArray.from_arrays(values, fields=members)
        return pa.ListArray.from_arrays(array.offsets, calls, type=field.type)

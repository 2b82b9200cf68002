"""What is left out of rows on request: texts, arguments and metadata, or the end of long ones."""

from __future__ import annotations

from typing import Any, NamedTuple

TEXTS = frozenset(
    "output_text refusal reasoning_text reasoning_summary error_message delta text arguments message".split()
)
DOCUMENTS = frozenset({"metadata", "response_json", "payload"})
"""JSON, which no longer is any when it is cut: these are kept whole, or left out."""


class Privacy(NamedTuple):
    """`redact`: texts, arguments and metadata are null. `most`: texts and arguments have at most so many characters."""

    redact: bool = False
    most: int | None = None

    @property
    def idle(self) -> bool:
        """Whether everything stays as it is."""
        return not self.redact and self.most is None

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row as it may be shown."""
        return row if self.idle else {name: self._value(name, value) for name, value in row.items()}

    def _value(self, name: str, value: Any) -> Any:
        if name == "tool_calls" and value:
            return [{**call, "arguments": self._value("arguments", call["arguments"])} for call in value]
        if self.redact and name in TEXTS | DOCUMENTS:
            return None
        return value[: self.most] if name in TEXTS and value is not None else value

    def batch(self, batch: Any) -> Any:
        """A batch of pyarrow as it may be shown."""
        if self.idle:
            return batch
        import pyarrow as pa

        columns = [self._array(field, column) for field, column in zip(batch.schema, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _array(self, field: Any, array: Any) -> Any:
        import pyarrow as pa
        from pyarrow import compute

        if field.name == "tool_calls":
            return self._calls(field, array)
        if self.redact and field.name in TEXTS | DOCUMENTS:
            return pa.nulls(len(array), field.type)
        if field.name in TEXTS and self.most is not None:
            return compute.utf8_slice_codeunits(array, 0, self.most)
        return array

    def _calls(self, field: Any, array: Any) -> Any:
        import pyarrow as pa

        members = list(field.type.value_type)
        values = [self._array(member, value) for member, value in zip(members, array.values.flatten(), strict=True)]
        calls = pa.StructArray.from_arrays(values, fields=members)
        return pa.ListArray.from_arrays(array.offsets, calls, type=field.type)

"""Logs in files, and the peers that read files: DuckDB and polars, for JSON Lines and SSE, and `wc -l`.

DuckDB and polars support JSON Lines. For SSE, their CSV readers split the lines, with a delimiter that never occurs in JSON text,
and lines that start with `data: ` are decoded. In DuckDB, a materialised table was the fastest way to decode only those lines;
`read_text` with `string_split` was a hundred times as slow. Results of the fold row are as in `peers`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benches import peers
from benches.peers import EventsAnswer, FoldAnswer
from benches.shapes import Log

_FOLDER = tempfile.TemporaryDirectory(prefix="respstream-bench-")
_LINE = 100_000_000  # bytes of the longest line
_ENDS = "('response.completed', 'response.incomplete', 'response.failed')"
_END = r'"type":"response\.(completed|incomplete|failed)"'
_SIX = ("type", "sequence_number", "item_id", "output_index", "content_index", "delta")
_INTEGERS = frozenset({"sequence_number", "output_index", "content_index"})


def folder() -> Path:
    """The folder of the files, deleted when the main process exits."""
    return Path(_FOLDER.name)


def in_file(log: Log) -> Path:
    """Write the log to a file named by its size. Waits until it is on disk: writing it back later would use CPU during measurements."""
    path = folder() / f"{len(log.data)}{'.jsonl' if log.data.startswith(b'{') else '.sse'}"
    with path.open("wb") as file:
        file.write(log.data)
        os.fsync(file.fileno())
    return path


def in_zstd(log: Log) -> Path:
    """As `in_file`, compressed with zstd."""
    import pyarrow

    path = folder() / f"{len(log.data)}.zst"
    with path.open("wb") as file, pyarrow.CompressedOutputStream(file, "zstd") as packed:
        packed.write(log.data)
    return path


def word_count(path: Path) -> int:
    """`wc -l`: the number of lines."""
    return int(subprocess.run(["wc", "-l", path], capture_output=True, check=True).stdout.split()[0])


def orjson_fold(path: Path) -> FoldAnswer:
    """The hand-written fold over orjson; reads the whole file first."""
    return peers.fold_orjson(path.read_bytes())


# DuckDB


def _duckdb(threads: int | None) -> Any:
    import duckdb

    connection: Any = duckdb.connect()
    if threads:
        connection.execute(f"set threads = {threads}")
    return connection


def _source(path: Path, columns: dict[str, str]) -> str:
    """SQL for the source: JSON Lines with these columns, or the lines of SSE in the column `line`."""
    if path.suffix == ".jsonl":
        fields = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
        return f"read_json('{path}', format='newline_delimited', maximum_object_size={_LINE}, columns={{{fields}}})"
    return (
        f"read_csv('{path}', header=false, auto_detect=false, delim='\x01', quote='', escape='', "
        f"max_line_size={_LINE}, columns={{line: 'VARCHAR'}})"
    )


def _terminals(path: Path, response: str, transform: str) -> str:
    """SQL for a table of the terminal events with one column `response`, in the order of the log."""
    if path.suffix == ".jsonl":
        return f"select response from {_source(path, {'type': 'VARCHAR', 'response': response})} where type in {_ENDS}"
    payload = f"select substr(line, 7) as payload from {_source(path, {})} where starts_with(line, 'data: ')"
    event = f'{{"type": "VARCHAR", "response": {transform}}}'
    return (
        f"with ends as materialized ({payload} and regexp_matches(line, '{_END}')) "
        f"select event.response as response from (select json_transform(payload, '{event}') as event from ends) "
        f"where event.type in {_ENDS}"
    )


def duckdb_usage(path: Path, threads: int | None = None) -> list[Any]:
    """Id, status and output tokens of each terminal event, sorted."""
    table = _terminals(
        path,
        "STRUCT(id VARCHAR, status VARCHAR, usage STRUCT(output_tokens BIGINT))",
        '{"id": "VARCHAR", "status": "VARCHAR", "usage": {"output_tokens": "BIGINT"}}',
    )
    query = f"select response.id, response.status, response.usage.output_tokens from ({table})"
    return sorted(_duckdb(threads).sql(query).fetchall())


def duckdb_six(path: Path, threads: int | None = None) -> EventsAnswer:
    """Six columns of every event; counts them, so that all are read."""
    kinds = {name: "BIGINT" if name in _INTEGERS else "VARCHAR" for name in _SIX}
    if path.suffix == ".jsonl":
        table = _source(path, kinds)
    else:
        fields = ", ".join(f'"{name}": "{kind}"' for name, kind in kinds.items())
        event = f"select json_transform(substr(line, 7), '{{{fields}}}') as event from {_source(path, {})}"
        table = f"(select event.* from ({event} where starts_with(line, 'data: ')))"
    counts = ", ".join(f"count({name})" for name in _SIX[1:5])
    found = _duckdb(threads).sql(f"select count(type), sum(length(delta))::bigint, {counts} from {table}").fetchall()
    return found[0][0], found[0][1]


def duckdb_fold(path: Path) -> FoldAnswer:
    """Rows of responses from the terminal events; SQL assembles texts and tool calls."""
    kinds = "type VARCHAR, call_id VARCHAR, name VARCHAR, arguments VARCHAR, input VARCHAR"
    item = f"STRUCT({kinds}, content STRUCT(type VARCHAR, text VARCHAR)[])"
    fields = ", ".join(f'"{kind.split()[0]}": "VARCHAR"' for kind in kinds.split(", "))
    member = f'{{{fields}, "content": [{{"type": "VARCHAR", "text": "VARCHAR"}}]}}'
    table = _terminals(
        path,
        f'STRUCT(id VARCHAR, status VARCHAR, "output" {item}[], usage STRUCT(output_tokens BIGINT))',
        f'{{"id": "VARCHAR", "status": "VARCHAR", "output": [{member}], "usage": {{"output_tokens": "BIGINT"}}}}',
    )
    messages = "list_filter(response.output, lambda item: item.type = 'message')"
    parts = (
        f"flatten(list_transform({messages}, lambda item: list_filter(item.content, lambda p: p.type = 'output_text')))"
    )
    texts = f"coalesce(array_to_string(list_transform({parts}, lambda part: part.text), ''), '')"
    calls = (
        "list_transform(list_filter(response.output, lambda item: item.type in "
        "('function_call', 'custom_tool_call', 'mcp_call')), "
        "lambda item: row(item.type, item.call_id, item.name, coalesce(item.arguments, item.input)))"
    )
    query = f"select response.id, response.status, {texts}, response.usage.output_tokens, {calls} from ({table})"
    return _duckdb(None).sql(query).fetchall()  # type: ignore[no-any-return]


# polars


def _polars(path: Path, members: dict[str, Any], pattern: str | None = None) -> Any:
    """A lazy frame with these members of the events; for SSE only of the lines that match the pattern."""
    import polars

    if path.suffix == ".jsonl":
        return polars.scan_ndjson(path, schema=members)
    lines = polars.scan_csv(path, has_header=False, separator="\x01", quote_char=None, schema={"line": polars.String})
    line = polars.col("line")
    wanted = line.str.starts_with("data: ")
    found = lines.filter(wanted & line.str.contains(pattern) if pattern else wanted)
    return found.select(line.str.slice(6).str.json_decode(polars.Struct(members)).alias("event")).unnest("event")


def _polars_terminals(path: Path, response: dict[str, Any]) -> Any:
    import polars

    frame = _polars(path, {"type": polars.String, "response": polars.Struct(response)}, _END)
    ends = ["response.completed", "response.incomplete", "response.failed"]
    return frame.filter(polars.col("type").is_in(ends)).select("response").unnest("response")


def polars_usage(path: Path) -> list[Any]:
    """Id, status and output tokens of each terminal event, sorted."""
    import polars

    usage = polars.Struct({"output_tokens": polars.Int64})
    found = _polars_terminals(path, {"id": polars.String, "status": polars.String, "usage": usage}).unnest("usage")
    return sorted(found.collect().rows())


def polars_six(path: Path) -> EventsAnswer:
    """Six columns of every event; counts them, so that all are read."""
    import polars

    frame = _polars(path, {name: polars.Int64 if name in _INTEGERS else polars.String for name in _SIX})
    counts = [polars.col(name).count() for name in _SIX[:5]]
    row = frame.select(*counts, polars.col("delta").str.len_chars().sum()).collect().row(0)
    return row[0], row[-1]


def polars_fold(path: Path) -> FoldAnswer:
    """Rows of responses from the terminal events; Python assembles texts and tool calls."""
    import polars

    part = polars.Struct({"type": polars.String, "text": polars.String})
    names = ("type", "call_id", "name", "arguments", "input")
    item = polars.Struct({**dict.fromkeys(names, polars.String), "content": polars.List(part)})
    usage = polars.Struct({"output_tokens": polars.Int64})
    response = {"id": polars.String, "status": polars.String, "output": polars.List(item), "usage": usage}
    return [peers.row(found, found["output"], []) for found in _polars_terminals(path, response).collect().to_dicts()]

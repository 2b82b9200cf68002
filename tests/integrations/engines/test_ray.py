"""Ray Data over a real local Ray of two workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import respstream
from respstream.tables import COLUMNS
from tests.integrations.engines.tools import Killer, rows, wanted

ray: Any = wanted("ray", "ray")
bridge: Any = wanted("ray", "respstream.integrations.ray")

KEY = ["source", "byte_start", "type", "delta"]


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    yield
    ray.shutdown()


@pytest.fixture
def small_blocks() -> Iterator[None]:
    """A task yields blocks while it reads, not all of them at its end."""
    context = ray.data.DataContext.get_current()
    before, context.target_max_block_size = context.target_max_block_size, 1 << 18
    yield
    context.target_max_block_size = before


def taken(dataset: Any) -> list[tuple[Any, ...]]:
    return rows(pa.concat_tables(ray.get(dataset.to_arrow_refs()), promote_options="permissive"))


@pytest.mark.parametrize("table", list(COLUMNS))
def test_all_rows_of_each_table(table: Any, logs: Path, expected: Any) -> None:
    assert taken(bridge.read_table(str(logs), table)) == expected(table)


def test_responses_of_some_columns(logs: Path, expected: Any) -> None:
    columns = ["status", "response_id", "tool_calls", "created_at"]
    dataset = bridge.read_responses(logs, columns=columns)
    assert dataset.schema().names == columns
    assert taken(dataset) == expected("responses", columns)


def test_rows_are_counted(logs: Path, expected: Any) -> None:
    assert bridge.read_responses(logs).count() == len(expected())


class Spy(bridge.LogDatasource):  # type: ignore[misc]
    """Notes the columns of the tasks that it makes."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.seen: list[Any] = []

    def get_read_tasks(self, *given: Any, **more: Any) -> Any:
        self.seen.append(self.get_projection_map())
        return super().get_read_tasks(*given, **more)


def test_unrequested_columns_are_not_read(logs: Path, expected: Any) -> None:
    spy = Spy(logs)
    dataset = ray.data.read_datasource(spy).select_columns(["model", "output_tokens"])
    assert taken(dataset) == expected("responses", ["model", "output_tokens"])
    assert list(spy.seen[-1] or ()) == ["model", "output_tokens"]
    spy.seen.clear()
    assert ray.data.read_datasource(spy).sum("output_tokens") == sum(
        row[0] for row in expected("responses", ["output_tokens"])
    )
    assert list(spy.seen[-1]) == ["output_tokens"]


def test_renamed_columns(logs: Path, expected: Any) -> None:
    dataset = (
        bridge.read_responses(logs).rename_columns({"model": "m", "status": "model"}).select_columns(["m", "model"])
    )
    assert dataset.schema().names == ["m", "model"]
    assert taken(dataset) == expected("responses", ["model", "status"])


def test_ray_chooses_task_count(logs: Path) -> None:
    source = bridge.LogDatasource(logs, columns=["source"])
    assert len(source.get_read_tasks(1)) == 1
    three = source.get_read_tasks(3)
    assert 3 <= len(three) <= 4
    files = [task.metadata.input_files for task in three]
    assert set().union(*files) == {str(path) for path in logs.iterdir()}
    assert len(source.get_read_tasks(1000)) < 10  # no task is smaller than it pays


@pytest.mark.parametrize("table", ["responses", "events"])
def test_sizes_are_estimated(table: Any, logs: Path) -> None:
    source = bridge.LogDatasource(logs, table)
    real = respstream.scan(logs, table).to_arrow().nbytes
    estimate = source.estimate_inmemory_data_size()
    assert real / 3 < estimate < real * 3
    tasks = source.get_read_tasks(4)
    assert sum(task.metadata.size_bytes for task in tasks) == pytest.approx(estimate, rel=0.01)


def test_both_workers_read(logs: Path, expected: Any) -> None:
    class Slow(bridge.LogDatasource):  # type: ignore[misc]
        def get_read_tasks(self, *given: Any, **more: Any) -> Any:
            def read(blocks: Any) -> Any:
                time.sleep(0.5)
                yield from (block.append_column("pid", pa.array([os.getpid()] * len(block))) for block in blocks())

            return [
                ray.data.ReadTask(partial(read, task.read_fn), task.metadata)
                for task in super().get_read_tasks(*given, **more)
            ]

    dataset = ray.data.read_datasource(Slow(logs, columns=["response_id"]), override_num_blocks=4)
    found = taken(dataset)
    assert sorted((row[0],) for row in found) == sorted(expected("responses", ["response_id"]))
    assert len({row[1] for row in found} - {os.getpid()}) == 2


@pytest.mark.usefixtures("small_blocks")
def test_killed_worker_neither_loses_nor_duplicates_rows(
    logs: Path, expected: Any, killer: Killer, tmp_path: Path
) -> None:
    class Deadly(bridge.LogDatasource):  # type: ignore[misc]
        def get_read_tasks(self, *given: Any, **more: Any) -> Any:
            def read(place: int, blocks: Any) -> Any:
                with (tmp_path / "runs").open("a") as file:
                    file.write(f"{place}\n")
                for number, block in enumerate(blocks()):
                    if number == 2:
                        killer.visit()
                    yield block

            tasks = super().get_read_tasks(*given, **more)
            return [
                ray.data.ReadTask(partial(read, place, task.read_fn), task.metadata) for place, task in enumerate(tasks)
            ]

    found = taken(ray.data.read_datasource(Deadly(logs, "events", KEY), override_num_blocks=4))
    assert found == expected("events", KEY)
    runs = (tmp_path / "runs").read_text().split()
    assert len(runs) == len(set(runs)) + 1, "one task was run again"
    assert not Path(f"/proc/{killer.pid}").exists()


def test_missing_file_fails_run(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b'{"type":"response.completed","response":{"id":"r"}}\n')
    failing, skipping = bridge.read_responses(tmp_path), bridge.read_responses(tmp_path, unreadable="skip")
    (tmp_path / "b.jsonl").unlink()
    with pytest.raises(Exception, match=r"cannot read .*b\.jsonl: No such file"):
        failing.materialize()
    assert skipping.count() == 1
    with pytest.raises(FileNotFoundError):
        bridge.read_responses(tmp_path / "none")
    with pytest.raises(ValueError, match="unreadable"):
        bridge.read_responses(tmp_path, unreadable="ask")


def test_relative_paths_work_on_workers(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge.read_responses(logs).count()  # the workers are there before the folder changes
    monkeypatch.chdir(logs)
    assert bridge.read_responses("rows.jsonl", columns=["source"]).take(1) == [{"source": "rows.jsonl"}]

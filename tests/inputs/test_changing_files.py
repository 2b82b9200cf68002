"""Files that vanish, grow or are no files: a run ends, and says what it could not read."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from respstream.cli.inputs import InputReader
from tests.support.paths import TRANSCRIPTS

LOG = (TRANSCRIPTS / "conversation.sse").read_bytes()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.sse").write_bytes(LOG)
    return tmp_path


def read(scan: Any) -> tuple[int, list[tuple[str, str]]]:
    """The number of responses, and the names and codes of what could not be read."""
    count = scan.to_arrow().num_rows
    return count, [(Path(name).name, code) for name, code, _ in scan.summary.problems]


def test_deleted_file(api: Any, logs: Path) -> None:
    scan = api.scan(logs)
    (logs / "b.sse").unlink()
    assert read(scan) == (2, [("b.sse", "unreadable")])
    with pytest.raises(FileNotFoundError):
        api.responses(logs / "b.sse")


def test_file_deleted_while_it_is_read(api: Any, logs: Path) -> None:
    """Its content is read to the end."""
    stream = api.events(logs / "a.sse")
    next(iter(stream))
    (logs / "a.sse").unlink()
    assert len(list(stream)) == LOG.count(b"\n\n") - 1


def test_file_that_grows_while_it_is_read(api: Any, logs: Path) -> None:
    """It is read to its end at that time."""
    stream = api.events(logs / "a.sse")
    next(iter(stream))
    with (logs / "a.sse").open("ab") as file:
        file.write(LOG)
    assert len(list(stream)) == 2 * LOG.count(b"\n\n") - 1


@contextlib.contextmanager
def unprivileged() -> Generator[None, None, None]:
    """Without the rights of the superuser, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read(api: Any) -> None:
    """A folder and a file without permission: the others are read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (closed := folder / "closed").mkdir()
        for path in (folder / "a.sse", folder / "b.sse", closed / "c.sse"):
            path.write_bytes(LOG)
        (folder / "b.sse").chmod(0)
        closed.chmod(0)
        with unprivileged():
            count, problems = read(api.scan(folder))
            named = read(api.scan(closed / "c.sse"))
            found = [source.name for source in InputReader([str(closed / "c.sse")], "auto", 1 << 20).inputs]
            with pytest.raises(PermissionError):
                api.responses(folder / "b.sse")
        closed.chmod(0o700)
    assert (count, ("b.sse", "unreadable") in problems) == (1, True)
    assert {code for _, code in problems} == {"unreadable"}
    assert named == (0, [("c.sse", "unreadable")])
    assert found == [str(closed / "c.sse")]


def test_file_that_became_a_folder(api: Any, logs: Path) -> None:
    scan = api.scan(logs)
    (logs / "b.sse").unlink()
    (logs / "b.sse").mkdir()
    assert read(scan) == (2, [("b.sse", "unreadable")])


def test_file_that_grew_after_planning(api: Any, logs: Path) -> None:
    """The last split reads to the new end."""
    from respstream.tables.splits import plan, read_split

    (path := logs / "long.jsonl").write_bytes(LOG * 5)
    splits = plan(path, target_bytes=len(LOG))
    assert len(splits) > 1
    path.write_bytes(LOG * 7)
    assert sum(read_split(split).to_arrow().num_rows for split in splits) == 7


def test_file_that_shrank_after_planning(api: Any, logs: Path) -> None:
    from respstream.tables.splits import plan, read_split

    (path := logs / "long.jsonl").write_bytes(LOG * 5)
    splits = plan(path, target_bytes=len(LOG))
    path.write_bytes(LOG * 2)
    assert sum(read_split(split).to_arrow().num_rows for split in splits) == 2


def test_links(api: Any, logs: Path) -> None:
    """To themselves, to nothing, to a parent and to a file."""
    (logs / "loop.sse").symlink_to("loop.sse")
    (logs / "none.sse").symlink_to("missing")
    (logs / "parent.sse").symlink_to(".")
    (logs / "same.sse").symlink_to("a.sse")
    count, problems = read(api.scan(logs))
    assert (count, sorted(problems)) == (4, [("loop.sse", "unreadable"), ("none.sse", "unreadable")])
    assert read(api.scan(logs / "loop.sse")) == (0, [("loop.sse", "unreadable")])
    with pytest.raises(OSError, match="loop"):
        api.responses(logs / "loop.sse")


def test_devices(api: Any, logs: Path) -> None:
    (logs / "null.sse").symlink_to(os.devnull)
    assert read(api.scan(logs)) == (3, [])
    assert read(api.scan(os.devnull)) == (0, [])
    assert list(api.responses(os.devnull)) == []


def test_pipes(api: Any, logs: Path) -> None:
    """A folder leaves them out; one that is named is read to its end."""
    os.mkfifo(pipe := logs / "pipe.sse")
    assert read(api.scan(logs)) == (3, [])
    runs: list[Callable[[], int]] = [lambda: read(api.scan(pipe))[0], lambda: len(list(api.responses(pipe)))]
    for run in runs:
        writer = threading.Thread(target=lambda: pipe.write_bytes(LOG * 2))
        writer.start()
        assert run() == 2
        writer.join()

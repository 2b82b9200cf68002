"""The command line over an object store: moto's server, which s3fs talks to.

Both are large, so the test environment does not install them; `make test-store` does.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import BACKENDS, HELLO, INCOMPLETE, SEVEN, Shell, rows
from tests.support.paths import ROOT

KEYS = {"day/a.sse": SEVEN, "day/b.sse": HELLO, "day/deep/c.jsonl": INCOMPLETE, "day/no.py": HELLO}

if all(importlib.util.find_spec(name) for name in ("moto", "boto3", "s3fs")):

    @pytest.fixture(scope="module")
    def store() -> Iterator[Any]:
        """Environment variables that a process needs."""
        import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]
        from moto.server import ThreadedMotoServer  # type: ignore[import-not-found,import-untyped,unused-ignore]

        server: Any = ThreadedMotoServer(port=0)
        server.start()
        url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
        known = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        client: Any = boto3.client("s3", endpoint_url=url, **known)
        client.create_bucket(Bucket="logs")
        for key, path in KEYS.items():
            client.upload_file(str(ROOT / path), "logs", key)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        server.stop()

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_bucket(backend: str, store: Any, tmp_path: Path) -> None:
        def run(*arguments: str) -> Any:
            return Shell(backend).run(*arguments, cwd=tmp_path, **store)

        listed = ["--format", "jsonl", "--columns", "source"]
        expected = ["s3://logs/day/a.sse"] * 7 + ["s3://logs/day/b.sse", "s3://logs/day/deep/c.jsonl"]
        for how in ([], ["--threads", "2"]):
            assert [row["source"] for row in rows(run("responses", "s3://logs/day/", *listed, *how).stdout)] == expected
        assert len(rows(run("items", "s3://logs/day/*.sse", *listed).stdout)) == 8
        assert run("text", "s3://logs/day/b.sse").stdout == "Hello, World!\n"
        assert run("check", "s3://logs/day/b.sse").stdout.startswith("s3://logs/day/b.sse:34: unfinished_block ")
        missing = run("responses", "s3://logs/none.sse")
        told = "respstream: no such file or folder: s3://logs/none.sse\n"
        assert (missing.returncode, missing.stderr) == (2, told)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_manifest_of_a_bucket(backend: str, store: Any, tmp_path: Path) -> None:
        arguments = ["items", "s3://logs/day/", "-o", "rows.jsonl", "--since-manifest", "done"]
        assert Shell(backend).run(*arguments, cwd=tmp_path, **store).returncode == 0
        again = Shell(backend).run(*arguments, cwd=tmp_path, **store)
        assert again.stderr == "respstream: no new files: 3 files processed before; nothing was written\n"

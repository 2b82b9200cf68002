"""The cost of `import respstream`, which every program and every start of the command line pays."""

import subprocess
import sys

import pytest

# Each of these once cost more to import than the whole package.
HEAVY = {
    "asyncio", "click", "collections", "contextlib", "dataclasses", "email", "http", "importlib.metadata", "importlib.util", "inspect",
    "json", "pathlib", "pyarrow", "re", "rich", "threading", "typing", "urllib", "zlib",
}  # fmt: skip
# The fallback needs these: `re` to search bytes, `json` for payloads, and `collections` for both.
FALLBACK_NEEDS = {"collections", "json", "re", "zlib"}


def imported(code: str, backend: str) -> set[str]:
    """Return the modules that `code` imports in a bare interpreter, those that the interpreter has anyhow left out."""
    program = f"import sys; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    # Without `site`, which imports modules that installed packages ask for.
    paths = [path for path in sys.path if path]
    program = f"import sys; sys.path[:] = {paths!r}; {program}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"RESPSTREAM_BACKEND": backend},
    )
    return set(done.stdout.split())


def test_import_is_light() -> None:
    found = imported("import respstream", "rust")
    assert "respstream._native" in found
    assert found & HEAVY == set()


def test_import_of_fallback_is_light() -> None:
    found = imported("import respstream", "python")
    assert "respstream._pure.decoder" in found
    assert found & HEAVY == FALLBACK_NEEDS


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_reading_stream_imports_nothing_heavy(backend: str) -> None:
    """Reading the first event imports no further heavy module."""
    code = 'import respstream; list(respstream.events(b\'{"type":"keepalive"}\\n\'))'
    assert imported(code, backend) & HEAVY <= (FALLBACK_NEEDS if backend == "python" else set())


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_version_is_read_on_demand(backend: str) -> None:
    code = "import respstream; assert 'importlib.metadata' not in sys.modules; respstream.__version__"
    assert "importlib.metadata" in imported(code, backend)


def test_fallback_imports_only_standard_library() -> None:
    tops = {name.partition(".")[0] for name in imported("import respstream", "python")}
    assert tops - sys.stdlib_module_names - {"respstream"} == set()


@pytest.mark.parametrize("name", ["rich", "click", "pyarrow"])
def test_cli_is_an_extra(name: str) -> None:
    assert name not in imported("import respstream.stream, respstream.tables, respstream.inputs.sources", "rust")

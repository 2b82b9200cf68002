"""What `import respstream` may cost: it is paid by every program, and by every start of the command line."""

import subprocess
import sys

import pytest

# Each of these was imported once and cost more than the whole package does; nothing that is heavier may come back.
HEAVY = {
    "asyncio", "click", "collections", "contextlib", "dataclasses", "email", "http", "importlib.metadata", "importlib.util", "inspect",
    "json", "pathlib", "pyarrow", "re", "rich", "threading", "typing", "urllib", "zlib",
}  # fmt: skip
# What the twin cannot do without: bytes are searched by `re`, payloads read by `json`, and both bring `collections`.
TWIN_NEEDS = {"collections", "json", "re", "zlib"}


def imported(code: str, backend: str) -> set[str]:
    """Return the modules that `code` imports in a bare interpreter, those that the interpreter has anyhow left out."""
    program = f"import sys; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    # Without `site`, which imports what the packages of an environment ask for; the path is handed over.
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


def test_the_import_is_light() -> None:
    found = imported("import respstream", "rust")
    assert "respstream._native" in found
    assert found & HEAVY == set()


def test_the_import_of_the_twin_is_light() -> None:
    found = imported("import respstream", "python")
    assert "respstream._pure.decoder" in found
    assert found & HEAVY == TWIN_NEEDS


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_reading_a_stream_imports_nothing_heavy(backend: str) -> None:
    """The first event is as light as the import: what is imported late is for what few programs ask."""
    code = 'import respstream; list(respstream.events(b\'{"type":"keepalive"}\\n\'))'
    assert imported(code, backend) & HEAVY <= (TWIN_NEEDS if backend == "python" else set())


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_the_version_is_looked_up_when_it_is_asked_for(backend: str) -> None:
    code = "import respstream; assert 'importlib.metadata' not in sys.modules; respstream.__version__"
    assert "importlib.metadata" in imported(code, backend)


def test_the_twin_imports_the_standard_library_alone() -> None:
    tops = {name.partition(".")[0] for name in imported("import respstream", "python")}
    assert tops - sys.stdlib_module_names - {"respstream"} == set()


@pytest.mark.parametrize("name", ["rich", "click", "pyarrow"])
def test_the_command_line_is_an_extra(name: str) -> None:
    assert name not in imported("import respstream.stream, respstream.tables, respstream.inputs.sources", "rust")

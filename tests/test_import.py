"""What `import respstream` may cost: it is paid by every program, and by every start of the command line."""

import subprocess
import sys

import pytest

# Each of these was imported once and cost more than the whole package does; nothing that is heavier may come back.
HEAVY = {
    "asyncio", "click", "collections", "contextlib", "dataclasses", "email", "http", "importlib.metadata", "importlib.util", "inspect",
    "json", "pathlib", "pyarrow", "re", "rich", "typing", "urllib", "zlib",
}  # fmt: skip


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
    assert imported("import respstream", "rust") & HEAVY == set()


def test_the_twin_imports_the_standard_library_alone() -> None:
    tops = {name.partition(".")[0] for name in imported("import respstream", "python")}
    assert tops - sys.stdlib_module_names - {"respstream"} == set()


@pytest.mark.parametrize("name", ["rich", "click", "pyarrow"])
def test_the_command_line_is_an_extra(name: str) -> None:
    assert name not in imported("import respstream.stream, respstream.tables, respstream.sources", "rust")

"""The shape of the house: twins of one stem, imports that point one way, files and functions of a bearable size."""

from __future__ import annotations

import ast
import graphlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import respstream
from tests.support.paths import ROOT

PACKAGE = ROOT / "python" / "respstream"
PURE = PACKAGE / "_pure"
CORE = ROOT / "rust" / "core" / "src"

# A module imports from the layers before its own and from nothing beside or after it.
LAYERS = [
    {"catalogue", "json", "latency", "lines", "times"},
    {"diagnostics", "packed"},
    {"pointer"},
    {"sink", "sse"},
    {"arrays", "blocks", "outside"},
    {"frames"},
    {"shapes"},
    {"wrapped"},
    {"events"},
    {"tree"},
    {"calls"},
    {"response"},
    {"settle"},
    {"fold"},
    {"lanes"},
    {"rows"},
    {"decoder"},
]
# How a module of `_pure` names the package itself: `from . import x`, `from respstream._pure import x`, `from .._pure import x`.
PACKAGE_IMPORTS: set[tuple[int, str | None]] = {(1, None), (0, "respstream._pure"), (2, "_pure")}
LAYER = {stem: number for number, stems in enumerate(LAYERS) for stem in stems}
RUST_ONLY = {"count", "lean", "lib", "plain", "predict", "runs", "simd"}

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
GENERATED = {PACKAGE / "types.py", PACKAGE / "_catalogue.py"}
TEXT = {".py", ".pyi", ".rs", ".toml", ".md", ".yml", ".yaml", ".cfg", ".sh", ""}


def twin(stem: str) -> Path:
    """Return the Python file of the stem; the catalogue's is generated and serves the package's own classes too."""
    return PACKAGE / "_catalogue.py" if stem == "catalogue" else PURE / f"{stem}.py"


def stems(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.glob(f"*{suffix}")}


def files(*suffixes: str, under: tuple[str, ...]) -> Iterator[Path]:
    for name in under:
        for path in sorted((ROOT / name).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if path.suffix in suffixes and path.is_file() and not {"target", "__pycache__", "data"} & set(parts):
                yield path


def python_imports(path: Path) -> set[str]:
    """Return the modules of `_pure` that the file imports, late imports and those for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if (node.level, node.module) in PACKAGE_IMPORTS:
                found |= {alias.name for alias in node.names}
            elif node.level == 1 and node.module:
                found.add(node.module.split(".")[0])
            elif node.module and node.module.startswith("respstream._pure."):
                found.add(node.module.split(".")[2])
            elif node.module == "respstream._catalogue":
                found.add("catalogue")
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[2] for a in node.names if a.name.startswith("respstream._pure.")}
    return found & LAYER.keys()


def rust_imports(path: Path) -> set[str]:
    """Return the modules of the crate that the file names, its tests left out."""
    code = re.sub(r"//.*", "", path.read_text("utf-8")).split("#[cfg(test)]")[0]
    found = set(re.findall(r"\b(?:crate|super)::(\w+)", code))
    for group in re.findall(r"\b(?:crate|super)::\{(.*?)\}\s*;", code, re.DOTALL):
        found |= set(re.findall(r"(?:^|[,{])\s*(\w+)", group))
    return found & LAYER.keys()


def test_the_mirror() -> None:
    python = stems(PURE, ".py") - {"__init__"} | {"catalogue"}
    rust = stems(CORE, ".rs") - RUST_ONLY
    assert python == rust


def test_every_module_has_a_layer() -> None:
    assert stems(PURE, ".py") - {"__init__"} | {"catalogue"} == LAYER.keys()


@pytest.mark.parametrize("stem", sorted(LAYER))
def test_imports_point_one_way(stem: str) -> None:
    for imported in (python_imports(twin(stem)), rust_imports(CORE / f"{stem}.rs")):
        wrong = {name for name in imported - {stem} if LAYER[name] >= LAYER[stem]}
        assert not wrong, f"{stem} imports {sorted(wrong)}"


def imported_at_once(body: list[ast.stmt]) -> Iterator[str]:
    """The modules of the package that a module imports when it is imported: not in functions, not for type checkers."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("respstream."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "respstream":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imported_at_once(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            yield from imported_at_once([*node.body, *getattr(node, "orelse", [])])


def package_imports() -> dict[str, set[str]]:
    """The modules and folders of the package, and which of the others each imports at once."""
    graph: dict[str, set[str]] = {}
    for path in files(".py", under=("python/respstream",)):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            graph.setdefault(room, set()).update(
                set(imported_at_once(ast.parse(path.read_text("utf-8")).body)) - {room}
            )
    return {room: others & graph.keys() for room, others in graph.items()}


def test_no_import_goes_in_a_circle() -> None:
    known = package_imports()
    graphlib.TopologicalSorter(known).prepare()  # raises CycleError, which names it
    assert known["_pure"] <= {"_alone", "_catalogue", "base", "diagnostics", "errors", "response", "sse", "types"}


def test_the_drawing_of_imports_is_true() -> None:
    """docs/architecture.md: a row a line, its name first; a module imports from its own row and those below."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawing = page.split("```text\ncommands, bridges")[1].split("```")[0]
    rows = [re.findall(r"\w+", line[20:]) for line in f"commands, bridges{drawing}".splitlines()]
    row = {name: number for number, names in enumerate(rows) for name in names} | {"__main__": -1}
    known = package_imports()
    assert row.keys() - known.keys() == {"_native", "or"}
    assert known.keys() - row.keys() == set()
    up = [(name, other) for name, others in known.items() for other in others if row[other] < row[name]]
    assert up == []


def test_the_rooms_are_described() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = page.split("## The rooms")[1].split("## Decisions")[0]
    scan = stems(ROOT / "rust" / "scan" / "src", ".rs") - {"lib", "summary"}
    assert {stem for stem in LAYER if f"`{stem}`" not in rooms} == set()
    assert {stem for stem in scan if not re.search(rf"\b{stem}\b", rooms)} == set()


def test_the_twin_needs_no_extension() -> None:
    for path in PURE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not [n for n in [module, *names] if re.search(r"\b(_native|_backend|cli|integrations)\b", n)], path


def test_the_core_never_heard_of_python() -> None:
    for crate in ("core", "scan"):
        with (ROOT / "rust" / crate / "Cargo.toml").open("rb") as file:
            manifest = tomllib.load(file)
        assert not {"pyo3", "numpy"} & manifest.get("dependencies", {}).keys(), crate


def test_the_version_stands_in_one_place() -> None:
    with (ROOT / "Cargo.toml").open("rb") as file:
        version = tomllib.load(file)["workspace"]["package"]["version"]
    manifests = [ROOT / "pyproject.toml", *files(".toml", ".py", ".rs", under=("rust", "python", "tools"))]
    number = re.compile(rf"""["']{re.escape(version)}["']""")
    assert [path for path in manifests if number.search(path.read_text("utf-8"))] == []


def test_public_names_are_no_module_names() -> None:
    modules = stems(PACKAGE, ".py") | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    for name in respstream.__all__:
        if name in modules:
            assert isinstance(getattr(respstream, name), ModuleType), (
                f"{name} is a module too; a late import replaces it"
            )


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files(".py", ".pyi", ".rs", under=("python", "rust", "tools", "benches"))
        if path not in GENERATED and (lines := len(path.read_text("utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_functions_are_short() -> None:
    """Python's; clippy's `too_many_lines` holds the same limit for Rust."""
    long = {}
    for path in files(".py", under=("python", "tools", "benches", "tests")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_no_path_of_a_machine() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|farm|root|tmp|home|Users)/[A-Za-z]")
    top = [
        path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXT and not path.name.startswith(".git")
    ]
    inner = files(*TEXT, under=("python", "rust", "tools", "benches", "tests", "docs", "examples", ".ci", ".github"))
    found = []
    for path in [*top, *inner]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []

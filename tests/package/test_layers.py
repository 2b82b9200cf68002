"""Layers and cycles of the modules, computed from the imports in the source (`tests.support.import_graph`)."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from types import ModuleType

import pytest

import respstream
from tests.support.import_graph import LIB, Crate, Graph, cycles, layer_of, python_graph, python_modules, upward_imports
from tests.support.paths import DOCS, ROOT

PACKAGE = ROOT / "python" / "respstream"
CRATES = {name: ROOT / "rust" / name / "src" for name in ("core", "scan", "python")}

# A module imports from its own layer and from those above it. A name is a module, or a folder with all that is in it.
CORE_LAYERS: list[set[str]] = [
    {"work", "simd"},
    {"json"},
    {"sse"},
    {"diagnostics"},
    {"frames"},
    {"records"},
    {"predict"},
    {"assemble"},
    {"protocols"},
    {"lanes"},
    {"decoder"},
    {LIB},
]
SCAN_LAYERS: list[set[str]] = [{"input"}, {"splits"}, {"tables"}, {"read"}, {"pool"}, {LIB}]
BINDING_LAYERS: list[set[str]] = [
    {"interpreter", "convert"},
    {"objects"},
    {"shared_decoder"},
    {"items", "response", "rows", "sse"},
    {"decoder"},
    {"scan", "sdk"},
    {"testing"},
    {LIB},
]
PACKAGE_LAYERS: list[set[str]] = [
    {
        "_codes",
        "_last_located",
        "_locking",
        "_engine",
        "_nesting",
        "_sse_values",
        "errors",
        "diagnostics",
        "_record",
        "_suggest",
        "_units",
        "_html",
        "_options",
        "samples",
    },
    {"_pure"},
    {"protocols"},
    {"_fallback", "_backend", "sse", "types", "decoder", "latency", "partial"},
    {"inputs"},
    {"recordings"},
    {"stream", "accumulator", "delta_stream"},
    {"tables"},
    {"respstream"},  # the package itself: `respstream/__init__.py`
    {"cli"},
    {"integrations"},
    {"__main__"},
]
# Modules of the package that `_pure` may import.
PURE_IMPORTS = {"_codes", "_last_located", "diagnostics", "errors", "_locking", "_engine", "_nesting", "_sse_values"}

# Modules of the core without a counterpart in `_pure`, and the reason.
RUST_ONLY = {
    LIB: "the crate's root; `_pure/__init__.py`",
    "work": "counts bytes; the interpreter's profiler counts for the fallback",
    "simd": "vector instructions",
    "predict": "recognises repeated events, for speed",
    "json.template": "matches payloads that repeat, for speed",
    "json.value_cache": "keeps values that repeat, for speed",
    "diagnostics.codes": "the Python table is `respstream._codes`",
    "decoder.counters": "counts the fast paths taken",
    "decoder.stages": "with `decoder.decoder` in Python",
    "decoder.lifecycle_only": "skips events, for speed",
    "protocols.api": "the attribute `api` of a protocol in Python",
    "protocols.view": "plain tuples in Python",
    "protocols.payload_reader": "the reader of a protocol in Python",
    "protocols.chat.lifecycle_only": "skips events, for speed",
    "protocols.chat.repeated": "appends chunks that repeat, for speed",
    "protocols.chat.shapes": "knows chunks by their shape, for speed",
    "protocols.messages.lifecycle_only": "skips events, for speed",
    "protocols.messages.repeated": "appends deltas that repeat, for speed",
    "protocols.effect": "with `protocols.protocol` in Python",
    "protocols.parsed_event": "with `protocols.protocol` in Python",
    "protocols.reader": "the caches of a source, for speed",
    "protocols.tracking": "fields of `protocols.responses.response.Folded` in Python",
    "assemble.path": "with `assemble.place` in Python",
    "decoder.event_sink": "the fallback's decoder has one output, events",
    "protocols.responses.lifecycle_only": "skips events, for speed",
}
# Modules of `_pure` without a counterpart in the core, and the reason.
PYTHON_ONLY = {
    "json.partial": "the compiled one is part of the binding crate",
    "protocols.usage": "with `protocols.rows` in Rust",
    "protocols.columns": "the compiled ones are `rust/scan/src/tables/columns.rs`",
}


def short(graph: Graph) -> Graph:
    """Return the graph with the modules' names relative to the package; its root keeps its name."""

    def name(module: str) -> str:
        return module.removeprefix("respstream.")

    return {name(module): {name(other) for other in imported} for module, imported in graph.items()}


@functools.cache
def graph_of(name: str) -> Graph:
    """Return the graph of a crate, of the package, or of `_pure` alone."""
    if name in CRATES:
        return Crate(CRATES[name]).graph()
    package = short(python_graph(PACKAGE))
    if name == "package":
        return package
    pure = {module: imported for module, imported in package.items() if module.split(".")[0] == "_pure"}
    return {
        relative(module): {relative(other) for other in imported if other in pure} for module, imported in pure.items()
    }


def relative(module: str) -> str:
    """Return the name of a module of `_pure` as the core would have it."""
    return module.removeprefix("_pure").removeprefix(".") or LIB


LAYERS = {
    "core": CORE_LAYERS,
    "_pure": CORE_LAYERS,
    "scan": SCAN_LAYERS,
    "python": BINDING_LAYERS,
    "package": PACKAGE_LAYERS,
}
EACH = pytest.mark.parametrize("name", LAYERS)


@EACH
def test_no_cycles(name: str) -> None:
    assert cycles(graph_of(name)) == []


@EACH
def test_imports_follow_the_layers(name: str) -> None:
    assert upward_imports(graph_of(name), LAYERS[name]) == []


@EACH
def test_layers_name_existing_modules_once(name: str) -> None:
    named = [entry for layer in LAYERS[name] for entry in layer]
    assert len(named) == len(set(named))
    if name != "_pure":  # which has no counterpart of some
        folders = {".".join(module.split(".")[:length]) for module in graph_of(name) for length in range(1, 5)}
        assert {entry for entry in named if entry not in folders} == set()


def test_crates_use_crates_of_lower_layers() -> None:
    allowed = {"core": set[str](), "scan": {"respstream_core"}, "python": {"respstream_core", "respstream_scan"}}
    for name, others in allowed.items():
        external = Crate(CRATES[name]).external()
        used = {crate for crates in external.values() for crate in crates if crate.startswith("respstream_")}
        assert used <= others, name
        with (ROOT / "rust" / name / "Cargo.toml").open("rb") as file:
            dependencies = tomllib.load(file).get("dependencies", {})
        assert {crate.replace("-", "_") for crate in dependencies if crate.startswith("respstream")} <= others, name


def test_core_and_scan_do_not_depend_on_python() -> None:
    for name in ("core", "scan"):
        with (ROOT / "rust" / name / "Cargo.toml").open("rb") as file:
            manifest = tomllib.load(file)
        assert not {"pyo3", "numpy"} & manifest.get("dependencies", {}).keys(), name
        assert not any("pyo3" in crates for crates in Crate(CRATES[name]).external().values()), name


def test_fallback_imports_only_shared_modules() -> None:
    imported = {
        other.split(".")[0]
        for module, others in graph_of("package").items()
        if module.split(".")[0] == "_pure"
        for other in others
    }
    assert imported - {"_pure"} <= PURE_IMPORTS


def test_fallback_does_not_import_extension() -> None:
    for name, path in python_modules(PACKAGE).items():
        if name.split(".")[1:2] != ["_pure"]:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not [n for n in [module, *names] if re.search(r"\b(_native|_backend|cli|integrations)\b", n)], path


def test_fallback_mirrors_core() -> None:
    core, pure = set(graph_of("core")), set(graph_of("_pure"))
    reasons = [{name} for name in RUST_ONLY]

    def rust_only(module: str) -> bool:
        return layer_of(module, reasons) is not None

    assert pure - core - PYTHON_ONLY.keys() == set(), "modules of _pure without a counterpart in the core"
    assert {module for module in core - pure if not rust_only(module)} == set(), "modules of the core alone"


def test_modules_of_one_backend_are_listed_truthfully() -> None:
    core, pure = set(graph_of("core")), set(graph_of("_pure"))
    assert RUST_ONLY.keys() - core == set()
    assert RUST_ONLY.keys() & pure <= {LIB}
    assert PYTHON_ONLY.keys() - pure == set()
    assert PYTHON_ONLY.keys() & core == set()


@EACH
def test_architecture_page_names_every_layer(name: str) -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    named = {entry for layer in LAYERS[name] for entry in layer} - {LIB, "respstream", "__main__"}
    assert {entry for entry in named if not re.search(rf"\b{re.escape(entry)}\b", page)} == set()


def test_public_names_are_no_module_names() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    for name in respstream.__all__:
        if name in modules:
            assert isinstance(getattr(respstream, name), ModuleType), (
                f"{name} is a module too; a late import replaces it"
            )

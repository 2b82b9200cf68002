"""The resolvers of `tests.support.import_graph`, over small sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.import_graph import (
    Crate,
    Graph,
    cycles,
    layer_of,
    python_graph,
    rust_tokens,
    upward_imports,
    without_tests,
)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


MODULES = {
    "lib.rs": "pub mod json; mod frames; mod work;",
    "json/mod.rs": "mod lexer;",
    "json/lexer.rs": "",
    "work.rs": "",
}


def rust_imports(tmp_path: Path, source: str) -> set[str]:
    """The modules that `frames.rs` with that source imports."""
    return Crate(write(tmp_path, {**MODULES, "frames.rs": source})).graph()["frames"]


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("use crate::json::Value;", {"json"}),
        ("use crate::json::lexer::Token;", {"json.lexer"}),
        ("use crate::json::{self, lexer::{Token, Kind}};", {"json", "json.lexer"}),
        ("use crate::{json::{lexer}, work};", {"json.lexer", "work"}),
        ("use crate::json::lexer::*;", {"json.lexer"}),
        ("pub(crate) use super::work::Counter as Count;", {"work"}),
        ("use crate::Decoder;", {"lib"}),
        ("use self::inner::x; mod inner { use super::Thing; pub fn x() {} }", set()),
        ("mod inner { use super::super::work; }", {"work"}),
        ("fn f() { crate::json::lexer::next(); }", {"json.lexer"}),
        ("fn f(x: Vec<super::work::Counter>) {}", {"work"}),
        ("use crate::json as j; fn f() { j::lexer::next(); }", {"json", "json.lexer"}),
        ("fn f() { use crate::work; }", {"work"}),
        ("fn f<T>() -> impl Sized + use<T> { crate::work::f(); }", {"work"}),
        ("use std::{io, json::lexer}; use serde::json;", set()),
        ("mod work_of; pub(in crate::json) fn f() {}", set()),
        ("// use crate::json;\n/* /* use crate::json; */ use crate::json; */", set()),
        ('const A: &str = "use crate::json;"; const B: &str = r#"" crate::json::x "#;', set()),
        ("const QUOTE: char = '\"'; use crate::work; const OTHER: u8 = b'\\'';", {"work"}),
        ("impl<'a> X<'a> { fn f() { crate::work::count() } }", {"work"}),
        ("#[cfg(test)] mod tests { use crate::json; }", set()),
        ("#[cfg(test)] #[allow(x)] use crate::json; use crate::work;", {"work"}),
        ("#[cfg(all(test, unix))] fn f() -> [u8; 2] { crate::json::x() } use crate::work;", {"work"}),
        ("#[cfg(not(test))] use crate::json;", {"json"}),
    ],
)
def test_rust_imports(tmp_path: Path, source: str, imported: set[str]) -> None:
    assert rust_imports(tmp_path, source) == imported


def test_rust_paths_through_a_child_module(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod a; pub use a::Thing;",
        "a/mod.rs": "mod b; pub use b::Thing; fn f() { b::g(); }",
        "a/b.rs": "",
    }
    assert Crate(write(tmp_path, files)).graph() == {"lib": {"a"}, "a": {"a.b"}, "a.b": set()}


def test_rust_child_that_imports_its_facade_is_a_cycle(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod a;",
        "a/mod.rs": "mod b; mod c; pub use b::B; pub use c::C;",
        "a/b.rs": "",
        "a/c.rs": "use super::B;",
    }
    assert cycles(Crate(write(tmp_path, files)).graph()) == [["a", "a.c"]]


def test_rust_macros_belong_to_their_module(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod work; mod json;",
        "work.rs": "macro_rules! count { () => {} }",
        "json.rs": "fn f() { count!(); }",
    }
    assert Crate(write(tmp_path, files)).graph()["json"] == {"work"}
    files["json.rs"] = "fn f() { crate::count!(); }"
    assert Crate(write(tmp_path, files)).graph()["json"] == {"work"}


def test_rust_external_crates(tmp_path: Path) -> None:
    files = {"lib.rs": "use respstream_core::{json, sse};\nfn f() { pyo3::with(); }"}
    assert Crate(write(tmp_path, files)).external() == {"lib": {"respstream_core", "pyo3"}}


def test_rust_tokens_leave_out_literals_and_comments() -> None:
    assert rust_tokens('let x = b"a{"; // }\nlet y: &\'a str = r##"}"#"##;') == "let x = ; let y : & str = ;".split()
    assert without_tests(rust_tokens("#[cfg(test)] mod tests { fn f() {} } fn g() {}")) == "fn g ( ) { }".split()


def python_imports(tmp_path: Path, source: str) -> set[str]:
    """The modules that `pkg.deep.user` with that source imports."""
    files = {
        "__init__.py": "", "a.py": "", "deep/__init__.py": "", "deep/b.py": "", "deep/user.py": source,
    }  # fmt: skip
    return python_graph(write(tmp_path / "pkg", files))["pkg.deep.user"]


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("import pkg.a", {"pkg.a"}),
        ("from pkg import a, Name", {"pkg.a", "pkg"}),
        ("from pkg.a import Name", {"pkg.a"}),
        ("from . import b", {"pkg.deep.b"}),
        ("from . import Name", {"pkg.deep"}),
        ("from .b import Name", {"pkg.deep.b"}),
        ("from .. import a", {"pkg.a"}),
        ("from ..deep.b import Name", {"pkg.deep.b"}),
        ("def f():\n    from pkg import a", {"pkg.a"}),
        ("if TYPE_CHECKING:\n    from pkg.deep import b", {"pkg.deep.b"}),
        ("importlib.import_module('.b', __package__)", {"pkg.deep.b"}),
        ("import json, os.path\nfrom other.a import b", set()),
    ],
)
def test_python_imports(tmp_path: Path, source: str, imported: set[str]) -> None:
    assert python_imports(tmp_path, source) == imported


def test_cycles() -> None:
    graph: Graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert cycles(graph) == [["a", "b", "c"], ["d", "e"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_layers() -> None:
    layers = [{"json", "sse.lines"}, {"sse"}]
    assert [layer_of(name, layers) for name in ("json.text", "sse.lines", "sse.decoder", "other")] == [0, 0, 1, None]
    graph: Graph = {"json": {"sse"}, "sse": {"json", "sse.lines"}, "sse.lines": set(), "new": set()}
    assert upward_imports(graph, layers) == ["json imports sse", "new has no layer"]

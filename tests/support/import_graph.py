"""Import graphs of the Rust crates and of the Python package, module by module, computed from the source.

A node is a module under its dotted path. The root of a crate or package has the name `lib` or that of the package. An edge
means that the source of the first module names the second one, or an item of it. Declarations (`mod x;`) and modules for
tests (`#[cfg(test)]`) are not imports; imports inside functions and for type checkers are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Graph = dict[str, set[str]]

LIB = "lib"
"""The node of a crate's root."""


def cycles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components with more than one module, largest first (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, set())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            start = stack.index(node)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found, key=lambda names: (-len(names), names))


# -- Rust ------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""
    (?P<skip> \s+ | //[^\n]* )
  | (?P<comment> /\* )
  | (?P<raw> b?r(?P<hashes>\#*)" )
  | (?P<string> b?"(?:[^"\\]|\\.)*" )
  | (?P<char> b?'(?:[^'\\\n]|\\(?:u\{[0-9a-fA-F_]+\}|x[0-9a-fA-F]{2}|.))' )
  | (?P<lifetime> '[A-Za-z_]\w* )
  | (?P<word> (?:r\#)?[A-Za-z_]\w* | \d[\w.]* )
  | (?P<path> :: )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"{": "}", "[": "]", "(": ")"}


def rust_tokens(source: str) -> list[str]:
    """Return the tokens of Rust source, without comments, literals of text and lifetimes."""
    tokens: list[str] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        assert match is not None
        at = match.end()
        if match.lastgroup == "comment":
            at = _comment_end(source, at)
        elif match["raw"]:
            end = '"' + (match["hashes"] or "")
            at = source.index(end, at) + len(end)
        elif match["word"] or match["path"] or match["other"]:
            tokens.append(match[0].removeprefix("r#"))
    return tokens


def _comment_end(source: str, at: int) -> int:
    """Return the end of a block comment, which may contain others."""
    depth = 1
    for mark in re.finditer(r"/\*|\*/", source[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(source)


def _group_end(tokens: list[str], at: int) -> int:
    """Return the index after the group that opens at `at`."""
    opening, closing = tokens[at], _CLOSING[tokens[at]]
    depth = 0
    for number in range(at, len(tokens)):
        depth += (tokens[number] == opening) - (tokens[number] == closing)
        if depth == 0:
            return number + 1
    return len(tokens)


def _is_test_only(attribute: list[str]) -> bool:
    text = "".join(attribute)
    return text.startswith("[cfg(") and "test" in attribute and "not(test)" not in text


def _item_end(tokens: list[str], at: int) -> int:
    """Return the index after the item at `at`, including its further attributes."""
    while tokens[at : at + 2] == ["#", "["]:
        at = _group_end(tokens, at + 1)
    while at < len(tokens):
        if tokens[at] == ";":
            return at + 1
        if tokens[at] in _CLOSING:
            brace = tokens[at] == "{"
            at = _group_end(tokens, at)
            if brace and tokens[at : at + 1] != [";"]:
                return at
        else:
            at += 1
    return at


def without_tests(tokens: list[str]) -> list[str]:
    """Return the tokens without test-only items."""
    kept: list[str] = []
    at = 0
    while at < len(tokens):
        if tokens[at : at + 2] == ["#", "["]:
            end = _group_end(tokens, at + 1)
            if _is_test_only(tokens[at + 1 : end]):
                at = _item_end(tokens, end)
                continue
            kept += tokens[at:end]
            at = end
        else:
            kept.append(tokens[at])
            at += 1
    return kept


class Use(NamedTuple):
    """One leaf of a `use` tree: the path, and the name that it has afterwards (None for `*`)."""

    path: tuple[str, ...]
    name: str | None


def _use_tree(tokens: list[str], at: int, prefix: tuple[str, ...], leaves: list[Use]) -> int:
    """Add the leaves of the tree at `at`; return the index after it."""
    path = prefix
    while at < len(tokens):
        token = tokens[at]
        if token == "::":
            at += 1
        elif token == "*":
            leaves.append(Use(path, None))
            return at + 1
        elif token == "{":
            at += 1
            while tokens[at] != "}":
                at = at + 1 if tokens[at] == "," else _use_tree(tokens, at, path, leaves)
            return at + 1
        elif token in {",", "}", ";"}:
            break
        elif token == "as":
            leaves.append(Use(path, tokens[at + 1]))
            return at + 2
        else:
            if token != "self" or not path:
                path = (*path, token)
            at += 1
    if path:
        leaves.append(Use(path, path[-1]))
    return at


class RustFile(NamedTuple):
    """The names used in one file: leaves of `use` and inline paths, each with its inline module."""

    uses: list[tuple[tuple[str, ...], Use]]
    paths: list[tuple[tuple[str, ...], tuple[str, ...]]]
    macros: set[str]
    """Defined macros."""
    calls: set[str]
    """Macros called by their bare name."""


def rust_file(source: str) -> RustFile:
    """Return the names in a file."""
    tokens = without_tests(rust_tokens(source))
    found = RustFile([], [], set(), set())
    inside: list[tuple[str, int]] = []
    depth = at = 0
    while at < len(tokens):
        token = tokens[at]
        module = tuple(name for name, _ in inside)
        following = tokens[at + 1 : at + 3]
        if token == "mod" and following[1:] == ["{"]:
            inside.append((following[0], depth))
            depth += 1
            at += 3
        elif token == "use" and following[:1] != ["<"]:  # not `impl Trait + use<T>`
            leaves: list[Use] = []
            at = _use_tree(tokens, at + 1, (), leaves)
            found.uses.extend((module, leaf) for leaf in leaves)
        elif token == "macro_rules" and following[:1] == ["!"]:
            found.macros.add(following[1])
            at += 3
        elif token.isidentifier() and following[:1] == ["::"] and tokens[at - 1] not in {"::", "in"}:
            at = _inline_path(tokens, at, module, found)
        else:
            if token.isidentifier() and following[:1] == ["!"]:
                found.calls.add(token)
            depth += (token == "{") - (token == "}")
            if inside and token == "}" and depth == inside[-1][1]:
                inside.pop()
            at += 1
    return found


def _inline_path(tokens: list[str], at: int, module: tuple[str, ...], found: RustFile) -> int:
    """Add the path that begins at `at`; return the index after it."""
    path = [tokens[at]]
    at += 1
    while tokens[at : at + 1] == ["::"] and at + 1 < len(tokens) and tokens[at + 1].isidentifier():
        path.append(tokens[at + 1])
        at += 2
    found.paths.append((module, tuple(path)))
    return at + 1 if tokens[at : at + 1] == ["::"] else at


class Crate:
    """The modules of a crate, and the names in each."""

    def __init__(self, src: Path) -> None:
        """Read all files below `src`."""
        self.files: dict[str, RustFile] = {}
        for path in sorted(src.rglob("*.rs")):
            self.files[rust_module(path.relative_to(src))] = rust_file(path.read_text("utf-8"))
        self._macros = {macro: module for module, file in self.files.items() for macro in file.macros}

    def graph(self) -> Graph:
        """Return the modules of this crate that each module imports."""
        return {module: self._imports(module) - {module} for module in self.files}

    def external(self) -> Graph:
        """Return the first segments of all paths that are not of this crate, by module."""
        return {
            module: {
                path[0] for path in [*(use.path for _, use in file.uses), *(path for _, path in file.paths)] if path
            }
            for module, file in self.files.items()
        }

    def _imports(self, module: str) -> set[str]:
        file = self.files[module]
        names: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        for inside, use in file.uses:
            target = self._absolute(module, inside, use.path, {})
            if use.name is not None and target is not None:
                names[inside, use.name] = target
        found = {self._macros[call] for call in file.calls & self._macros.keys()}
        for inside, path in [*((inside, use.path) for inside, use in file.uses), *file.paths]:
            target = self._absolute(module, inside, path, names)
            if target is not None:
                found.add(self._module_of(target))
        return found

    def _absolute(
        self,
        module: str,
        inside: tuple[str, ...],
        path: tuple[str, ...],
        names: dict[tuple[tuple[str, ...], str], tuple[str, ...]],
    ) -> tuple[str, ...] | None:
        """Return the path from the root of the crate, or None for one of another crate."""
        own = () if module == LIB else tuple(module.split("."))
        here = (*own, *inside)
        first, rest = path[0], path[1:]
        if first == "crate":
            return rest
        if first == "self":
            return (*here, *rest)
        if first == "super":
            while path and path[0] == "super":
                here, path = here[:-1], path[1:]
            return (*here, *path)
        if (inside, first) in names:
            return (*names[inside, first], *rest)
        if not inside and ".".join((*own, first)) in self.files:
            return (*own, *path)
        return None

    def _module_of(self, path: tuple[str, ...]) -> str:
        """Return the module that contains the item of that absolute path, or is it."""
        if len(path) == 1 and path[0] in self._macros and path[0] not in self.files:
            return self._macros[path[0]]
        for length in range(len(path), 0, -1):
            name = ".".join(path[:length])
            if name in self.files:
                return name
        return LIB


def rust_module(path: Path) -> str:
    """Return the module of a file, whose path is relative to `src`."""
    parts = list(path.with_suffix("").parts)
    if parts[-1] == "mod":
        parts.pop()
    return ".".join(parts)


# -- Python ----------------------------------------------------------------------------------------------------------


def python_modules(package: Path) -> dict[str, Path]:
    """Return the files of a package by the full names of their modules."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = path
    return found


def python_graph(package: Path) -> Graph:
    """Return the modules of the package that each of its modules imports, wherever the import statement is."""
    modules = python_modules(package)
    graph: Graph = {}
    for name, path in modules.items():
        base = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = _python_imports(ast.parse(path.read_text("utf-8")), base, modules.keys())
        graph[name] = set(imported) & modules.keys() - {name}
    return graph


def _python_imports(tree: ast.Module, base: str, modules: Iterable[str]) -> Iterator[str]:
    """The names of the modules that are imported; `base`: the package that relative imports start from."""
    known = set(modules)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute_name(base, node.level, node.module or "")
            for alias in node.names:
                submodule = f"{origin}.{alias.name}"
                yield submodule if submodule in known else origin
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "importlib.import_module"}:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                stripped = argument.value.lstrip(".")
                yield _absolute_name(base, len(argument.value) - len(stripped), stripped)


def _absolute_name(base: str, level: int, name: str) -> str:
    """Return the full name of an import, which is relative where `level` is not 0."""
    if level == 0:
        return name
    parts = base.split(".")
    return ".".join(filter(None, [*parts[: len(parts) - level + 1], name]))


# -- layers ----------------------------------------------------------------------------------------------------------


def layer_of(module: str, layers: list[set[str]]) -> int | None:
    """Return the number of the layer that names the module or, of several, the closest folder around it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        for number, names in enumerate(layers):
            if name in names:
                return number
    return None


def upward_imports(graph: Graph, layers: list[set[str]]) -> list[str]:
    """Return the imports of a later layer, and the modules without one."""
    wrong = []
    for module, imported in sorted(graph.items()):
        own = layer_of(module, layers)
        if own is None:
            wrong.append(f"{module} has no layer")
            continue
        for other in sorted(imported):
            theirs = layer_of(other, layers)
            if theirs is not None and theirs > own:
                wrong.append(f"{module} imports {other}")
    return wrong

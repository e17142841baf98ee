"""The project's Python files, each read and parsed once, for the convention tests.

The conventions themselves are in test_conventions*.py.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("resegment", "flows", "tasks", "segmentation", "schemas", "config", "deployments")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SourceFile:
    """One Python file: its path below the project's folder and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the syntax tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        """Functions and methods, nested ones included."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def bindings(self) -> "tuple[Binding, ...]":
        """Its local bindings."""
        return tuple(iterate_bindings(self))

    @property
    def package(self) -> str:
        """The top folder, such as `tasks`."""
        return self.path.split("/")[0]

    @property
    def stem(self) -> str:
        """The module's name without its packages."""
        return Path(self.path).stem


@functools.cache
def list_sources(*folders: str) -> tuple[SourceFile, ...]:
    """Python files below some top folders, in order of their paths."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(map(read_source, paths))


@functools.cache
def read_source(path: Path) -> SourceFile:
    """A Python file of the project, read once for all lists that hold it."""
    return SourceFile(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def list_code() -> tuple[SourceFile, ...]:
    """Files of the packages that are shipped."""
    return list_sources(*PACKAGES)


def list_all() -> tuple[SourceFile, ...]:
    """Files of the packages, the tests and the benchmarks."""
    return list_sources(*PACKAGES, "tests", "bench")


def parse_snippet(text: str, path: str = "tasks/snippet.py") -> list[SourceFile]:
    """A file that exists in a test only, to show that a convention sees a violation."""
    return [SourceFile(path, text)]


def get_decorators(function: Function) -> set[str]:
    """Names of a function's decorators: `stage` for @stage(...), `command` for @app.command()."""
    targets = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    return {
        target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "") for target in targets
    }


def count_body_lines(function: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def list_parameters(function: Function) -> list[ast.arg]:
    """Parameters except self and cls."""
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [parameter for parameter in parameters if parameter.arg not in ("self", "cls")]


def list_public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes, and the public methods of those classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from list_public(node.body)


@dataclass(frozen=True)
class Binding:
    """A name that a piece of code gives to a value."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


def list_bindings(files: Iterable[SourceFile]) -> list[Binding]:
    """Names bound by assignments, loops, comprehensions, with, except, match and parameters.

    The fields of a class are not local, so they are left out: some are published as they are called.
    """
    return [binding for file in files for binding in file.bindings]


def iterate_bindings(file: SourceFile) -> Iterator[Binding]:
    """One file's local bindings."""
    fields = {
        id(target)
        for node in file.nodes
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
    }
    for node in file.nodes:
        match node:
            case ast.Name(id=name, lineno=line, ctx=ast.Store()) if id(node) not in fields:
                pass
            case ast.arg(arg=name, lineno=line):
                pass
            case ast.ExceptHandler(name=str(name), lineno=line) | ast.MatchAs(name=str(name), lineno=line):
                pass
            case _:
                continue
        if name not in ("self", "cls") and name.strip("_"):
            yield Binding(file.path, line, name)


def list_strings(file: SourceFile) -> Iterator[tuple[ast.expr, str]]:
    """Every string with its node; the values inside an f-string appear as `{}`."""

    def visit(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
        if isinstance(node, ast.JoinedStr):
            yield node, join_parts(node)
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from visit(part.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child)

    return visit(file.tree)


def join_parts(node: ast.JoinedStr) -> str:
    """An f-string's fixed text with `{}` for each value."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def is_sentence(text: str) -> bool:
    """Whether a string reads as a sentence: three lower-case words in a row."""
    return re.search(r"\b[a-z]{2,},? [a-z]+,? [a-z]{2,}\b", text) is not None


def expect_none(violations: list[str]) -> None:
    """Fail a test with every violation on a line of its own, not with the first few of a list."""
    if violations:
        pytest.fail(f"{len(violations)} violations\n" + "\n".join(violations), pytrace=False)

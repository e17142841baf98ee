"""The project's habits as tests: layers, sizes, documentation, names. Style within a line is ruff's."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("resegment", "flows", "tasks", "segmentation", "schemas", "config", "deployments")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").glob("*.py"))
LONGEST_FILE, LONGEST_BODY, MOST_PARAMETERS = 220, 50, 4
# Stages and flows take one parameter for each stage they read, or one per field of the UI's form.
EXEMPT_DECORATORS = {"stage", "flow", "command"}
DUMPING_GROUNDS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "core", "shared"}
FORBIDDEN_CALLS = {"eval", "exec", "compile"}
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
every_file = pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))


def parse(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions and methods, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def decorators(function: Function) -> set[str]:
    """Names of a function's decorators: `stage` for @stage(...), `command` for @app.command()."""
    found = set()
    for node in function.decorator_list:
        target = node.func if isinstance(node, ast.Call) else node
        found.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return found


def body_lines(function: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> list[ast.arg]:
    """Parameters but for self and cls."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [one for one in named if one.arg not in ("self", "cls")]


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes, and the public methods of those classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def test_layers_hold() -> None:
    """flows > tasks > segmentation > schemas > config, and Prefect stays in the upper two."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@every_file
def test_files_are_short(path: Path) -> None:
    """No file is longer than 220 lines."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE


@every_file
def test_functions_are_short(path: Path) -> None:
    """No function's body is longer than 50 lines."""
    long = {one.name: body_lines(one) for one in functions(parse(path)) if body_lines(one) > LONGEST_BODY}
    assert not long


@every_module
def test_functions_take_few_parameters(path: Path) -> None:
    """A function takes at most four parameters, then a record; stages, flows and commands are exempt."""
    many = {
        one.name: len(parameters(one))
        for one in functions(parse(path))
        if len(parameters(one)) > MOST_PARAMETERS and not decorators(one) & EXEMPT_DECORATORS
    }
    # Judging a night needs every stage's record; these are composed by an exempt stage alone.
    many.pop("make_manifest", None)
    assert not many


@every_file
def test_everything_is_annotated(path: Path) -> None:
    """Every function says what it takes and what it gives."""
    bare = [
        one.name
        for one in functions(parse(path))
        if one.returns is None or any(given.annotation is None for given in parameters(one))
    ]
    assert not bare


@every_module
def test_everything_public_is_documented(path: Path) -> None:
    """Every public module, class and function has a docstring."""
    tree = parse(path)
    assert ast.get_docstring(tree)
    assert not [node.name for node in public(tree.body) if not ast.get_docstring(node)]


@every_module
def test_every_module_says_its_border(path: Path) -> None:
    """A module's docstring says what it is and, in a second sentence, where its border runs."""
    text = ast.get_docstring(parse(path)) or ""
    assert len(re.findall(r"[.:;!?](\s|$)", text)) >= 2


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_every_test_is_a_sentence(path: Path) -> None:
    """Every test's docstring is a sentence of behaviour."""
    for one in functions(parse(path)):
        if one.name.startswith("test_"):
            said = ast.get_docstring(one) or ""
            assert said.rstrip().endswith("."), one.name


@every_module
def test_no_bare_assert(path: Path) -> None:
    """Data is judged by contracts and exceptions: `assert` vanishes under -O."""
    assert not [node.lineno for node in ast.walk(parse(path)) if isinstance(node, ast.Assert)]


@every_module
def test_nothing_is_evaluated_or_unpickled(path: Path) -> None:
    """No eval, exec or pickle: what this project reads is never run."""
    tree = parse(path)
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {
        (node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert not calls & FORBIDDEN_CALLS
    assert not imported & FORBIDDEN_IMPORTS


@every_module
def test_importing_does_nothing(path: Path) -> None:
    """At the top of a module stand definitions only: no call on its own, no loop, no file opened."""
    allowed = (
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
        ast.ClassDef,
        *Function.__args__,
        ast.If,
    )
    for node in parse(path).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert is_docstring or isinstance(node, allowed), f"line {node.lineno}"


@every_module
def test_names_of_modules(path: Path) -> None:
    """No dumping ground, and no stage that would shadow the standard library when run as a file."""
    assert path.stem not in DUMPING_GROUNDS
    assert path.parent.name != "tasks" or path.stem not in sys.stdlib_module_names
    # Only the command's package may share its name with a module below it: no lower layer imports it.
    assert path.stem not in PACKAGES or (path.stem == "resegment" and path.parent.name == "flows")


def test_tests_are_flat() -> None:
    """tests/ has no folders of Python: tests/tasks would shadow tasks."""
    assert [path for path in (ROOT / "tests").rglob("*.py") if path not in TESTS] == []
    assert {path.name for path in TESTS} >= {"conftest.py"}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [("def f(a, b, *, c): pass", 3), ("class A:\n def f(self, a): pass", 1), ("async def f(): pass", 0)],
)
def test_parameters_are_counted(code: str, wanted: int) -> None:
    """These guards see what they guard: keyword-only and asynchronous functions count, self does not."""
    (function,) = functions(ast.parse(code))
    assert len(parameters(function)) == wanted


def test_bodies_and_decorators_are_seen() -> None:
    """A body is measured without its docstring, a decorator found by its last name."""
    (function,) = functions(
        ast.parse('@app.command()\n@x\ndef f():\n    """D."""\n    a = 1\n\n    return a\n')
    )
    assert body_lines(function) == 3
    assert decorators(function) == {"command", "x"}

"""Layers, documentation and safety: what every module has, and what none may do.

Sizes are in test_conventions_shape.py, names in test_conventions_names.py, prose in
test_conventions_prose.py. Style within a line is ruff's.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.source_tree import (
    PACKAGES,
    ROOT,
    Function,
    SourceFile,
    expect_none,
    list_code,
    list_public,
    list_sources,
    parse_snippet,
)

FORBIDDEN_CALLS = {"eval", "exec", "compile"}
# Runs the Python that a definition names under rows.schema, only where the settings allow it.
RUNS_SCHEMAS = "segmentation/schema_code.py"
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
DYNAMIC_IMPORTS = {"import_module", "__import__", "resolve_name", "load_module", "exec_module", "run_module"}
# Arrow aborts a process that ends while it reads from a Python file; these open paths natively.
OPENS_PARQUET = {"segmentation/parts.py", "segmentation/rows/reading/"}
PARQUET_READERS = {"ParquetFile", "ParquetDataset", "read_table", "read_schema", "read_metadata"}
DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.ClassDef,
    ast.If,
    *Function.__args__,
)


def list_undocumented(files: Iterable[SourceFile]) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""
    violations = []
    for file in files:
        if not ast.get_docstring(file.tree):
            violations.append(f"{file.path}:1 module")
        violations += [
            f"{file.path}:{node.lineno} {node.name}"
            for node in list_public(file.tree.body)
            if not ast.get_docstring(node)
        ]
    return violations


def list_borderless(files: Iterable[SourceFile]) -> list[str]:
    """Modules whose docstring is a single sentence, so that it names no border."""
    return [
        f"{file.path}:1"
        for file in files
        if len(re.findall(r"[.:;!?](\s|$)", ast.get_docstring(file.tree) or "")) < 2
    ]


def list_wordless_tests(files: Iterable[SourceFile]) -> list[str]:
    """Tests whose docstring is not a sentence."""
    return [
        f"{file.path}:{function.lineno} {function.name}"
        for file in files
        for function in file.functions
        if function.name.startswith("test_")
        and not (ast.get_docstring(function) or "").rstrip().endswith(".")
    ]


def list_asserts(files: Iterable[SourceFile]) -> list[str]:
    """Assert statements."""
    return [
        f"{file.path}:{node.lineno} assert"
        for file in files
        for node in file.nodes
        if isinstance(node, ast.Assert)
    ]


def list_dangers(files: Iterable[SourceFile]) -> list[str]:
    """Calls that run what was read, and imports of libraries that unpickle."""
    violations = []
    for file in files:
        for node in file.nodes:
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                    violations.append(f"{file.path}:{node.lineno} {name}")
                case ast.Import() | ast.ImportFrom():
                    names = {name.split(".")[0] for name in list_imported(node)} & FORBIDDEN_IMPORTS
                    violations += [f"{file.path}:{node.lineno} {name}" for name in names]
    return violations


def list_imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Modules that a statement imports."""
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def list_dynamic_imports(files: Iterable[SourceFile]) -> list[str]:
    """Imports by a function. import-linter cannot see them, so they could cross the layers unnoticed."""
    violations = []
    for file in files:
        for node in file.nodes:
            match node:
                # Also where it is handed on: Thread(target=import_module).
                case ast.Name(id=name) | ast.Attribute(attr=name) if name in DYNAMIC_IMPORTS:
                    violations.append(f"{file.path}:{node.lineno} {name}")
    return violations


def list_parquet_readers(files: Iterable[SourceFile]) -> list[str]:
    """Calls of a function of pyarrow.parquet that opens a file."""
    violations = []
    for file in files:
        for node in file.nodes:
            match node:
                case ast.Call(func=ast.Attribute(attr=name, value=module)) if name in PARQUET_READERS:
                    if ast.unparse(module) in ("pq", "pyarrow.parquet", "pa.parquet"):
                        violations.append(f"{file.path}:{node.lineno} {name}")
    return violations


def list_actions(files: Iterable[SourceFile]) -> list[str]:
    """Statements at the top of a module that are not definitions: a call on its own, a loop, a `with`."""
    return [
        f"{file.path}:{node.lineno}"
        for file in files
        for node in file.tree.body
        if not isinstance(node, DEFINITIONS)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def test_layers_hold() -> None:
    """resegment > flows > tasks > segmentation > schemas > config, and Prefect stays in the upper ones."""
    command = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_everything_public_is_documented() -> None:
    """Every public module, class and function has a docstring."""
    expect_none(list_undocumented(list_code()))


def test_every_module_names_its_border() -> None:
    """A module's docstring says what it is and, in a second sentence, what belongs elsewhere."""
    expect_none(list_borderless(list_code()))


def test_every_test_is_a_sentence() -> None:
    """Every test's docstring is a sentence of behaviour."""
    expect_none(list_wordless_tests(list_sources("tests")))


def test_no_bare_assert() -> None:
    """Data is judged by contracts and exceptions: `assert` vanishes under -O."""
    expect_none(list_asserts(list_code()))


def test_nothing_is_evaluated_or_unpickled() -> None:
    """No eval, exec or pickle: what this project reads is never run, except schemas that people allow."""
    files = [file for file in list_code() if file.path != RUNS_SCHEMAS]
    expect_none(list_dangers(files))


def test_parquet_is_opened_natively() -> None:
    """Commands end without an abort: tables are opened by open_parquet and read_table of parts.py."""
    files = [file for file in list_code() if not file.path.startswith(tuple(OPENS_PARQUET))]
    expect_none(list_parquet_readers(files))


def test_imports_are_open() -> None:
    """No import by a function: a lazy import is an import statement inside a function."""
    expect_none(list_dynamic_imports(list_code()))


def test_importing_does_nothing() -> None:
    """The top of a module holds definitions only: no call on its own, no loop, no file opened."""
    expect_none(list_actions(list_code()))


def test_no_stage_shadows_the_standard_library() -> None:
    """A stage's file has no name of the standard library, which it would hide when run as a file."""
    stages = [file for file in list_sources("tasks") if file.path.count("/") == 1]
    assert [file.path for file in stages if file.stem in sys.stdlib_module_names] == []


def test_tests_are_flat() -> None:
    """tests/ has no folders of Python: tests/tasks would shadow tasks."""
    paths = {file.path for file in list_sources("tests")}
    assert [path for path in paths if path.count("/") > 1] == []
    assert "tests/conftest.py" in paths
    assert all(list_sources(package) for package in PACKAGES)


@pytest.mark.parametrize(
    ("list_violations", "code"),
    [
        (list_undocumented, '"""Module."""\ndef f(): ...'),
        (list_undocumented, '"""Module."""\nclass A:\n """A."""\n def f(self): ...'),
        (list_undocumented, ""),
        (list_borderless, '"""A module without a border."""'),
        (list_wordless_tests, 'def test_a():\n """No sentence"""'),
        (list_wordless_tests, "def test_a(): ..."),
        (list_asserts, "def f():\n assert x"),
        (list_dangers, "def f():\n import pickle"),
        (list_dangers, "from joblib.memory import x"),
        (list_dangers, "eval('1')"),
        (list_dynamic_imports, "Thread(target=import_module)"),
        (list_dynamic_imports, "importlib.import_module('flows.resegment')"),
        (list_dynamic_imports, "__import__('flows')"),
        (list_parquet_readers, "with path.open('rb') as file:\n pq.ParquetFile(file)"),
        (list_parquet_readers, "pyarrow.parquet.read_table(path)"),
        (list_actions, "print(1)"),
        (list_actions, "for x in y: ..."),
    ],
)
def test_violations_are_seen(list_violations: object, code: str) -> None:
    """Each convention fails for code that breaks it."""
    assert callable(list_violations)
    assert len(list_violations(parse_snippet(code))) == 1

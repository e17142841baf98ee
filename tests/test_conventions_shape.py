"""Files, functions and parameter lists stay small enough to read. The budgets are those of the style page.

Names are in test_conventions_names.py, documentation and safety in test_conventions.py.
"""

import ast
import io
import statistics
import tokenize
from collections.abc import Iterable, Iterator

import pytest

from tests.source_tree import (
    PACKAGES,
    Function,
    SourceFile,
    count_body_lines,
    expect_none,
    get_decorators,
    list_all,
    list_code,
    list_parameters,
    list_sources,
    parse_snippet,
)

LONGEST_FILE, MEDIAN_FILE = 250, 130
LONGEST_BODY, LONG_BODY, MEDIAN_BODY = 50, 30, 10
MOST_PARAMETERS = 5
# An option of the command and a field of the UI's form are parameters, so these may have more.
FORM_DECORATORS = {"command", "flow"}
GROUPS = (PACKAGES, ("tests",), ("bench",))


def list_long_files(files: Iterable[SourceFile]) -> list[str]:
    """Files of more than 250 lines."""
    lengths = [(file, len(file.text.splitlines())) for file in files]
    return [f"{file.path}:{lines} lines" for file, lines in lengths if lines > LONGEST_FILE]


def list_long_bodies(files: Iterable[SourceFile]) -> list[str]:
    """Functions whose body has more than 50 lines."""
    return [
        f"{file.path}:{function.lineno} {function.name}: {count_body_lines(function)} lines"
        for file in files
        for function in file.functions
        if count_body_lines(function) > LONGEST_BODY
    ]


def list_long_signatures(files: Iterable[SourceFile]) -> list[str]:
    """Functions with more than five parameters, the members of a tuple parameter counted one by one."""
    files = list(files)
    aliases = {name: members for file in files for name, members in iterate_aliases(file)}
    return [
        f"{file.path}:{function.lineno} {function.name}: {count} parameters"
        for file in files
        for function in file.functions
        if not get_decorators(function) & FORM_DECORATORS
        and (count := count_parameters(function, aliases)) > MOST_PARAMETERS
    ]


def count_parameters(function: Function, aliases: dict[str, int]) -> int:
    """Parameters except self and cls; one annotated as a tuple of several values counts as so much."""
    return sum(count_members(parameter.annotation, aliases) for parameter in list_parameters(function))


def count_members(annotation: ast.expr | None, aliases: dict[str, int]) -> int:
    """Values that one parameter holds: 2 for tuple[int, str], 1 for tuple[int, ...] and everything else."""
    match annotation:
        case ast.Constant(value=str(text)):
            return count_members(ast.parse(text, mode="eval").body, aliases)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return max(count_members(left, aliases), count_members(right, aliases))
        case ast.Subscript(value=ast.Name(id="tuple" | "Tuple"), slice=ast.Tuple(elts=members)):
            is_uniform = isinstance(members[-1], ast.Constant) and members[-1].value is ...
            return 1 if is_uniform else sum(count_members(member, aliases) for member in members)
        case ast.Name(id=name):
            return aliases.get(name, 1)
    return 1


def iterate_aliases(file: SourceFile) -> Iterator[tuple[str, int]]:
    """Module-level names for a tuple type, such as `Pair = tuple[int, str]`, with its members."""
    for node in file.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() as value):
                yield name, count_members(value, {})


def list_bare_signatures(files: Iterable[SourceFile]) -> list[str]:
    """Functions with a parameter or a result that is not annotated."""
    return [
        f"{file.path}:{function.lineno} {function.name}"
        for file in files
        for function in file.functions
        if function.returns is None
        or any(parameter.annotation is None for parameter in list_parameters(function))
    ]


def measure_bodies(files: Iterable[SourceFile]) -> tuple[float, float]:
    """Median and 95th percentile of the lines of function bodies."""
    lengths = [count_body_lines(function) for file in files for function in file.functions]
    return statistics.median(lengths), statistics.quantiles(lengths, n=20, method="inclusive")[-1]


def measure_comments(files: Iterable[SourceFile]) -> float:
    """Lines with a comment per 100 lines of code, blank lines left out."""
    comments = lines = 0
    for file in files:
        tokens = tokenize.generate_tokens(io.StringIO(file.text).readline)
        comments += sum(token.type == tokenize.COMMENT for token in tokens)
        lines += sum(bool(line.strip()) for line in file.text.splitlines())
    return 100 * comments / lines


def test_files_are_short() -> None:
    """No file is longer than 250 lines."""
    expect_none(list_long_files(list_all()))


def test_most_files_are_shorter() -> None:
    """Half of the files have at most 130 lines."""
    assert statistics.median(len(file.text.splitlines()) for file in list_all()) <= MEDIAN_FILE


def test_functions_are_short() -> None:
    """No function's body is longer than 50 lines."""
    expect_none(list_long_bodies(list_all()))


@pytest.mark.parametrize("folders", GROUPS, ids=("code", "tests", "bench"))
def test_most_functions_are_shorter(folders: tuple[str, ...]) -> None:
    """Half of the functions have at most 10 lines, and 95 of 100 at most 30."""
    median, long = measure_bodies(list_sources(*folders))
    assert median <= MEDIAN_BODY
    assert long <= LONG_BODY


def test_functions_take_few_parameters() -> None:
    """A function takes at most five values; only a command's options and a form's fields may be more."""
    expect_none(list_long_signatures(list_all()))


def test_everything_is_annotated() -> None:
    """Every function declares the types of its parameters and of its result."""
    expect_none(list_bare_signatures(list_all()))


def test_comments_are_neither_rare_nor_everywhere() -> None:
    """The code has 1 to 8 comments per 100 lines; the aim is 4 to 7."""
    assert 1 <= measure_comments(list_code()) <= 8


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("def f(a, b, *, c): ...", 3),
        ("class A:\n def f(self, a): ...", 1),
        ("async def f(): ...", 0),
        ("def f(a: tuple[int, str]): ...", 2),
        ("def f(a: tuple[int, ...], b: list[tuple[int, str]]): ...", 2),
        ("def f(a: 'tuple[int, str] | None'): ...", 2),
        ("def f(a: tuple[int, tuple[str, str]]): ...", 3),
        ("Pair = tuple[int, str]\ndef f(a: Pair): ...", 2),
    ],
)
def test_parameters_are_counted(code: str, count: int) -> None:
    """Keyword-only and asynchronous functions and the members of a tuple count, self does not."""
    (file,) = parse_snippet(code)
    (function,) = file.functions
    assert count_parameters(function, dict(iterate_aliases(file))) == count


def test_long_signatures_are_seen() -> None:
    """Six parameters are one too many, in a stage too, but not in a flow."""
    signature = "def f(a: tuple[int, str], b, c, d, e): ..."
    assert list_long_signatures(parse_snippet(f"@stage('x')\n{signature}")) == [
        "tasks/snippet.py:2 f: 6 parameters"
    ]
    assert list_long_signatures(parse_snippet(f"@flow(name='x')\n{signature}")) == []


def test_long_files_and_bodies_are_seen() -> None:
    """A file of 251 lines, a body of 51 lines and a parameter without a type are seen."""
    assert list_long_files(parse_snippet("a = 1\n" * 251)) == ["tasks/snippet.py:251 lines"]
    body = parse_snippet('def f(a) -> None:\n    """D."""\n' + "    a = 1\n" * 51)
    assert list_long_bodies(body) == ["tasks/snippet.py:1 f: 51 lines"]
    assert list_bare_signatures(body) == ["tasks/snippet.py:1 f"]
    assert measure_bodies(body * 2) == (51, 51)


def test_bodies_and_decorators_are_seen() -> None:
    """A body is measured without its docstring, a decorator is known by its last name."""
    (file,) = parse_snippet('@app.command()\n@x\ndef f():\n    """D."""\n    a = 1\n\n    return a  # b\n')
    (function,) = file.functions
    assert count_body_lines(function) == 3
    assert get_decorators(function) == {"command", "x"}
    assert measure_comments([file]) == pytest.approx(100 / 6)

"""The flow alone states the order of the stages: no second list of it, no figure of earlier stages."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import pytest

from flows.resegment import segment_customers
from tasks.runtime.stage import list_stages
from tests.source_tree import ROOT, SourceFile, expect_none, list_all, list_strings, parse_snippet

FEWEST = 4  # names of stages that make a list of stages
FEWEST_CALLS = 5  # a test may call a few stages after another
STAGES = ("read", "join", "sort", "group", "write")  # of an invented flow, to test these guards

_MEASURED = re.compile(r"^Measured at commit [0-9a-f]{7,40}\b[^\n]*?\bstages: ([\w, ]+)", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def get_stages() -> list[str]:
    """Names of the flow's stages in its order, as people see them; a stage of two passes is named once."""
    return list(dict.fromkeys(stage.name for stage in list_stages(segment_customers)))


def list_stage_lists(files: Iterable[SourceFile], stages: Sequence[str]) -> list[str]:
    """Collections, strings and functions outside flows/ that go through four or more stages."""
    return [
        f"{file.path}:{line} {kind} of stages"
        for file in files
        if file.package != "flows"
        for kind, line in [
            *(("collection", line) for line in iterate_collections(file, stages)),
            *(("string", line) for line in iterate_strings(file, stages)),
            *(("sequence of calls", line) for line in iterate_callers(file, stages)),
        ]
    ]


def iterate_collections(file: SourceFile, stages: Sequence[str]) -> Iterator[int]:
    """Lines of literal lists, tuples, sets and dictionaries with four stages or more."""
    for node in file.nodes:
        match node:
            case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members):
                names = {get_name(member) for member in members}
            case ast.Dict(keys=keys):
                names = {get_name(key) for key in keys if key is not None}
            case _:
                continue
        if len(names & set(stages)) >= FEWEST:
            yield node.lineno


def iterate_strings(file: SourceFile, stages: Sequence[str]) -> Iterator[int]:
    """Lines of strings that name four stages or more in a row, such as `read, join, sort and group`."""
    names = "|".join(map(re.escape, stages))
    listing = re.compile(rf"(?:\b(?:{names})\b(?:[\s,;:>|→-]|\band\b)+){{{FEWEST - 1},}}\b(?:{names})\b")
    for node, text in list_strings(file):
        if listing.search(text):
            yield node.lineno


def iterate_callers(file: SourceFile, stages: Sequence[str]) -> Iterator[int]:
    """Lines of functions that call five different stages or more."""
    for function in file.functions:
        calls = {get_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
        if len(calls & set(stages)) >= FEWEST_CALLS:
            yield function.lineno


def get_name(node: ast.expr) -> str:
    """What an element or a called function is called: `read` for "read", read, read.fn and stages.read."""
    match node:
        case ast.Constant(value=str(name)) | ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr="fn" | "map" | "submit"):
            return get_name(value)
        case ast.Attribute(attr=name):
            return name
    return ""


def list_stale_tables(path: str, page: str, stages: Sequence[str]) -> list[str]:
    """Tables of figures without a line that names commit and stages, or whose stages are not the flow's."""
    violations = []
    for table in _TABLE.finditer(page):
        if not is_measured(table[0]):
            continue
        section = page[: table.start()].rpartition("\n#")[2]
        line = page.count("\n", 0, table.start()) + 1
        measured = _MEASURED.findall(section)
        if not measured:
            violations.append(f"{path}:{line} no line `Measured at commit …, stages: …` above the table")
        elif (listed := re.split(r",\s*", measured[-1].strip())) != list(stages):
            violations.append(f"{path}:{line} measured with the stages {', '.join(listed)}")
    return violations


def is_measured(table: str) -> bool:
    """Whether a Markdown table publishes figures: more than half of the cells below its head are numbers."""
    cells = [cell.strip() for row in table.splitlines()[2:] for cell in row.strip("|").split("|")]
    numbers = [cell for cell in cells if re.match(r"[-+]?[\d.,]+\s*(%|s|ms|MB|GB)?(\s|$|/)", cell)]
    return len(numbers) > len(cells) / 2


def test_only_the_flow_lists_the_stages() -> None:
    """No list, string or sequence of calls outside flows/ repeats the order of the stages."""
    expect_none(list_stage_lists(list_all(), get_stages()))


@pytest.mark.release
def test_published_figures_are_of_these_stages() -> None:
    """Each table of figures in docs/ and bench/ names its commit and was measured with the flow's stages."""
    violations = []
    for path in sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "bench").glob("*.md")]):
        name = path.relative_to(ROOT).as_posix()
        violations += list_stale_tables(name, path.read_text(encoding="utf-8"), get_stages())
    expect_none(violations)


@pytest.mark.parametrize(
    "code",
    [
        'x = ["read", "join", "group", "write"]',
        "x = {read: 1, join: 2, sort: 3, write: 4}",
        'x = "read > join > sort > group"',
        '"""The stages read, join,\nsort and group."""',
        "def f():\n read(); b = join.fn(1); sort.map(2); tasks.group(); write()",
    ],
)
def test_lists_of_stages_are_seen(code: str) -> None:
    """Each way to write the order down a second time is seen, but in the flow itself it is allowed."""
    assert len(list_stage_lists(parse_snippet(code), STAGES)) == 1
    assert list_stage_lists(parse_snippet(code, "flows/night.py"), STAGES) == []


def test_a_few_stages_are_no_list() -> None:
    """Three names, and a test that calls four stages, are allowed."""
    code = 'x = ["read", "join", "sort"]\ndef f():\n read(); join(); sort(); group()\n'
    assert list_stage_lists(parse_snippet(code), STAGES) == []


@pytest.mark.parametrize(
    ("above", "count"),
    [
        ("", 1),
        ("Measured at commit abc1234 (2 cores), stages: read, join.\n\n", 1),
        ("Measured at commit abc1234 (2 cores), stages: read, join, sort, group, write.\n\n", 0),
        ("Measured at commit HEAD, stages: read, join, sort, group, write.\n\n", 1),
        ("Measured at commit abc1234, stages: read, join, sort, group, write.\n\n## Next\n\n", 1),
    ],
)
def test_stale_figures_are_seen(above: str, count: int) -> None:
    """A table of figures needs the line above it, in its own section, with exactly the flow's stages."""
    table = "| side | CPU s |\n| --- | ---: |\n| 10,000 | 1.5 |\n| 24,000 | 2.25 s |\n"
    assert len(list_stale_tables("bench/README.md", f"# A\n\n{above}{table}", STAGES)) == count


def test_tables_of_words_are_no_figures() -> None:
    """A table that describes options or columns needs no commit."""
    table = "| option | default |\n| --- | --- |\n| `--rows` | 3 |\n| `--out` | none |\n"
    assert list_stale_tables("docs/x.md", table, STAGES) == []

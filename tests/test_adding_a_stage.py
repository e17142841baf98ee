"""docs/add-a-stage.md, followed to the letter on a copy of the project, gives a stage that passes the checks.

How stages work is tested in test_retry.py and test_flow.py.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import PACKAGES, ROOT

STAGE = "distant"
FOLDERS = (*PACKAGES, "tests", "bench", "docs")
MOST_FILES = (4, 6)  # of a stage, and of a stage that feeds a check
# What makes `make test` fast is not copied; mypy's cache is, or this test would check every library again.
LEFT_OUT = shutil.ignore_patterns("__pycache__", "results", "_build")


def copy_project(root: Path) -> None:
    """A copy of the project with mypy's cache, if there is one."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
    for path in (*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "LICENSE"):
        shutil.copy(path, root)
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", root / ".mypy_cache")


def list_steps(page: str) -> list[tuple[str, str]]:
    """The page's Python blocks: the comment in their first line, which says what to do, and the code."""
    return re.findall(r"```python\n# ([^\n]*)\n(.*?)```", page, re.DOTALL)


def apply_step(root: Path, instruction: str, code: str) -> str:
    """Do what one block says. Returns the path of the file."""
    match = re.fullmatch(r"(\w+) (?:in |to )?([\w/]+\.py)(?: (?:before |after )?\"(.*)\")?", instruction)
    assert match is not None, instruction
    action, name, mark = match.groups()
    path = root / name
    lines = [] if action == "file" else path.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if mark and line.startswith(mark)]
    if action in ("file", "add"):
        lines += [*(["\n\n"] if lines else []), code]
    else:
        assert len(places) == 1, f"{instruction}: {len(places)} such lines"
        start = end_of_statement(lines, places[0]) if action == "line" else places[0]
        # A function that goes before another has two empty lines after it.
        lines[start : start + (action == "replace")] = [code, *(["\n\n"] if action == "before" else [])]
    path.write_text("".join(lines), encoding="utf-8")
    return name


def end_of_statement(lines: list[str], start: int) -> int:
    """The line after a statement or an argument that begins at `start` and may span several lines."""
    depth = 0
    for i, line in enumerate(lines[start:], start):
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0 or line.rstrip().endswith(":"):
            return i + 1
    return len(lines)


def run_in(root: Path, *arguments: str) -> str:
    """Run Python in the copy, with the copy's packages, and return what it printed."""
    from prefect.settings import PREFECT_API_URL

    environment = {
        "PYTHONPATH": str(root),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "HOME": str(root),
        "COLUMNS": "100",
    }
    process = subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("prefect_server")
def test_adding_a_stage_works_as_the_page_says(tmp_path: Path) -> None:
    """The page's stage passes style, types, conventions and its test, and appears wherever it should."""
    copy_project(tmp_path)
    steps = list_steps((ROOT / "docs" / "add-a-stage.md").read_text(encoding="utf-8"))
    paths = {apply_step(tmp_path, instruction, code) for instruction, code in steps}
    assert len(paths) <= MOST_FILES[1]

    run_in(tmp_path, "-m", "ruff", "check", *sorted(paths))
    run_in(tmp_path, "-m", "ruff", "format", "--check", *sorted(paths))
    run_in(tmp_path, "-m", "mypy", *sorted(paths))
    # Figures are measured again before a release, not by whoever adds a stage: docs/add-a-stage.md.
    tests = [f"tests/test_{STAGE}.py", f"tasks/{STAGE}.py", *map(str, tmp_path.glob("tests/test_conv*.py"))]
    run_in(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not release", *tests)

    output = run_in(
        tmp_path, "-m", "resegment", "run", "article", "--as-of", "2026-01-31", "--store", "store"
    )
    assert f"{STAGE} 2026-01-31" in output
    (manifest,) = (tmp_path / "store").glob("article/editions/*/*/manifest.json")
    checks = json.loads(manifest.read_text(encoding="utf-8"))["checks"]
    assert STAGE in [check["name"] for check in checks]


def test_the_first_part_of_the_page_touches_four_files(tmp_path: Path) -> None:
    """A stage that nothing else reads takes four files, as the page says."""
    page = (ROOT / "docs" / "add-a-stage.md").read_text(encoding="utf-8")
    first = page[: page.index("## 5.")]
    paths = {re.findall(r"[\w/]+\.py", instruction)[0] for instruction, _ in list_steps(first)}
    assert len(paths) <= MOST_FILES[0]


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ('line in a.py after "x = f("', "x = f(\n    1,\n)\nnew\ny = 2\n"),
        ('before in a.py "y = 2"', "x = f(\n    1,\n)\nnew\n\n\ny = 2\n"),
        ('replace in a.py "y = 2"', "x = f(\n    1,\n)\nnew\n"),
        ("add to a.py", "x = f(\n    1,\n)\ny = 2\n\n\nnew\n"),
        ("file a.py", "new\n"),
    ],
)
def test_steps_are_followed(instruction: str, expected: str, tmp_path: Path) -> None:
    """Each kind of step changes the file where it says."""
    path = tmp_path / "a.py"
    path.write_text("x = f(\n    1,\n)\ny = 2\n")
    assert apply_step(tmp_path, instruction, "new\n") == "a.py"
    assert path.read_text() == expected


def test_a_step_that_finds_no_place_is_an_error(tmp_path: Path) -> None:
    """A page that no longer fits the code fails, instead of changing another line."""
    (tmp_path / "a.py").write_text("x = 1\nx = 2\n")
    for mark in ("y", "x"):
        with pytest.raises(AssertionError, match="such lines"):
            apply_step(tmp_path, f'line in a.py after "{mark}"', "new\n")

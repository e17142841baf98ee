"""The tables that benchmarks print and save: the same Markdown on the terminal, in a file, in README.md.

The numbers are measured in bench/measure.py.
"""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.measure import Results, get_median, list_ratios
from config.cores import count_usable_cores

LIBRARIES = ("prefect", "pandas", "pyarrow", "duckdb", "scikit-learn", "numpy", "plotly", "pandera")


class Goal(NamedTuple):
    """The most that a figure may be."""

    title: str
    figure: float
    limit: float

    def describe(self) -> str:
        """One line: whether the goal is met, and by which figure."""
        verdict = "met" if self.figure <= self.limit else "MISSED"
        return f"- {verdict}: {self.title}: {self.figure:.4g}, goal at most {self.limit:.4g}"


class SideColumn(NamedTuple):
    """A column of a table of sides: a figure, or its ratio to the figure of a peer."""

    title: str
    key: str
    digits: int = 1
    peer: str | None = None


def format_setting() -> str:
    """What was measured: `Measured at commit … (machine; libraries), stages: …`.

    A test compares these stages with the flow's, so that no table outlives the program it was measured on.
    """
    # Here, so that the sides, which import this module, load Prefect only if they use it.
    from flows.resegment import segment_customers
    from tasks.runtime.stage import list_stages

    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    stages = ", ".join(dict.fromkeys(stage.name for stage in list_stages(segment_customers)))
    machine = f"{count_usable_cores()} cores, {system}; {libraries}"
    return f"Measured at commit {read_commit()} ({machine}), stages: {stages}.\n"


def read_commit() -> str:
    """The commit that is checked out; `abc1234+changes` if files differ from it."""
    folder = Path(__file__).parent
    revision = ["git", "rev-parse", "--short=7", "HEAD"]
    commit = subprocess.run(revision, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    # README.md is where the figures go, so it may differ.
    changes = ["git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!README.md"]
    status = subprocess.run(changes, cwd=folder, check=True, capture_output=True, text=True).stdout
    return f"{commit}+changes" if status.strip() else commit


def format_row(*cells: object) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def format_head(*titles: str, words: int = 1) -> str:
    """The first two lines of a Markdown table; columns after the first `words` are aligned right."""
    rule = format_row(*("---" if i < words else "---:" for i in range(len(titles))))
    return f"{format_row(*titles)}\n{rule}"


def format_sides(rounds: Sequence[Results], labels: Mapping[str, str], columns: Sequence[SideColumn]) -> str:
    """A table with a row for each side."""
    lines = [format_head(f"median of {len(rounds)}", *(column.title for column in columns))]
    for side in rounds[0]:
        lines.append(format_row(labels[side], *(_format_figure(rounds, side, column) for column in columns)))
    return "\n".join([*lines, ""])


def _format_figure(rounds: Sequence[Results], side: str, column: SideColumn) -> str:
    """`4.21`, or `0.21 (0.20 to 0.23)` for ratios to a peer: the median, and the range of the rounds."""
    if column.peer is None:
        return f"{get_median(rounds, side, column.key):.{column.digits}f}"
    ratios = list_ratios(rounds, side, column.peer, column.key)
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"

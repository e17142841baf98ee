"""The tables that benchmarks print and save: the same Markdown on the terminal, in a file, in README.md.

The numbers are measured in bench/measure.py.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

LABELS = {
    "command_cpu": "CPU s, whole process, `resegment run`",
    "command_wall": "wall s, whole process, `resegment run`",
    "cpu": "CPU s, whole process, the flow alone",
    "wall": "wall s, whole process, the flow alone",
    "work_cpu": "CPU s, after imports",
    "work_wall": "wall s, after imports",
    "imports_cpu": "CPU s, imports",
    "peak_mb": "peak memory, MB",
    "html_bytes": "page, bytes",
}
LIBRARIES = ("prefect", "pandas", "pyarrow", "duckdb", "scikit-learn", "numpy", "plotly", "pandera")
RESULTS = Path(__file__).with_name("results")


class Goal(NamedTuple):
    """A limit, and the figure that is held against it."""

    title: str
    figure: float
    limit: float
    at_least: bool

    def describe(self) -> str:
        """One line: whether the goal is met, and by which figure."""
        is_met = self.figure >= self.limit if self.at_least else self.figure <= self.limit
        bound = f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
        return f"- {'met' if is_met else 'MISSED'}: {self.title}: {self.figure:.4g}, goal {bound}"


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
    machine = f"{os.cpu_count()} cores, {system}; {libraries}"
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


def format_stages(seconds: Mapping[str, float], digits: int = 2) -> str:
    """`ingest 0.12, summarise 0.03`: seconds by stage."""
    return ", ".join(f"{stage} {value:.{digits}f}" for stage, value in seconds.items())


def format_comparison(title: str, comparison: dict[str, Any]) -> str:
    """Both sides, their ratios, their stages and their inertia."""
    median = f"median of {comparison['repeats']}"
    lines = [f"### {title}", "", format_head(median, "article's way", "ours", "ratio", "range")]
    for key, label in LABELS.items():
        article, ours, ratio = (comparison[side][key] for side in ("article", "ours", "ratio"))
        low, high = comparison["ratio_range"][key]
        digits = 0 if key == "html_bytes" else 1
        sides = f"{article:,.{digits}f}", f"{ours:,.{digits}f}"
        lines.append(format_row(label, *sides, f"{ratio:.2f}", f"{low:.2f} to {high:.2f}"))
    lines.append("")
    for side, name in (("article", "article's way"), ("ours", "ours")):
        lines.append(f"Wall seconds by step, {name}: {format_stages(comparison[side]['stages'])}.")
    worst = max(comparison["inertia_by_k"].values())
    lines.append(
        f"Inertia, ours / article's: final {comparison['inertia']:.5f}, worst over k {worst:.5f}. "
        f"Meanwhile the server used {comparison['server_cpu']:.1f} CPU s."
    )
    return "\n".join([*lines, ""])


def format_inertia(ratios: dict[str, float]) -> str:
    """Published inertia divided by that of full fits, by k."""
    head = ["### Published inertia / best of three full scikit-learn fits", "", format_head("k", "ratio")]
    return "\n".join([*head, *(format_row(k, f"{ratio:.5f}") for k, ratio in ratios.items()), ""])


def format_memory(runs: list[dict[str, Any]]) -> str:
    """Peak memory by number of rows."""
    head = ["### Ours, from Parquet", "", format_head("rows", "peak MB", "CPU s", "wall s", words=0)]
    rows = [
        format_row(f"{run['rows']:,}", f"{run['peak_mb']:.0f}", f"{run['cpu']:.1f}", f"{run['wall']:.1f}")
        for run in runs
    ]
    return "\n".join([*head, *rows, ""])


def format_events(events: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """Seconds and memory of each side that turned events into customers."""
    customers = next(iter(results.values()))["customers"]
    size = f"Parquet files of {events['bytes'] / 1e6:,.0f} MB, written in {events['wall']:.0f} s"
    lines = [
        f"### {events['events']:,} events of {events['days']} days to {customers:,} customers",
        "",
        f"{size} ({events['cpu']:.0f} CPU s, peak {events['peak_mb']:.0f} MB).",
        "",
        format_head("side", "CPU s", "wall s", "CPU s after imports", "peak MB"),
    ]
    for side, result in results.items():
        seconds = [f"{result[key]:.1f}" for key in ("cpu", "wall", "work_cpu")]
        lines.append(format_row(side, *seconds, f"{result['peak_mb']:,.0f}"))
    lines.append("")
    lines += [f"- {side}, wall s: {format_stages(result['stages'], 1)}" for side, result in results.items()]
    return "\n".join([*lines, ""])


def save(folder: Path, name: str, text: str, results: dict[str, Any]) -> None:
    """Write the tables as Markdown and the numbers as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

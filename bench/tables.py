"""What is printed and saved: the same lines on the terminal and in Markdown.

Numbers are made in bench/measure.py and bench/nightly.py.
"""

import json
import os
import platform
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


class Goal(NamedTuple):
    """What was asked for, and what was found."""

    what: str
    found: float
    limit: float
    at_least: bool

    def tell(self) -> str:
        """One line."""
        met = self.found >= self.limit if self.at_least else self.found <= self.limit
        asked = f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
        return f"- {'met' if met else 'MISSED'}: {self.what}: {self.found:.4g}, asked for {asked}"


def tell_comparison(title: str, found: dict[str, Any]) -> str:
    """Both sides, their ratios, their stages and their inertia."""
    lines = [f"## {title}", "", f"| median of {found['repeats']} | article's way | ours | ratio | range |"]
    lines.append("| --- | ---: | ---: | ---: | --- |")
    for key, label in LABELS.items():
        a, b, ratio = (found[side][key] for side in ("article", "ours", "ratio"))
        low, high = found["ratio_range"][key]
        digits = 0 if key == "html_bytes" else 1
        lines.append(
            f"| {label} | {a:,.{digits}f} | {b:,.{digits}f} | {ratio:.2f} | {low:.2f} to {high:.2f} |"
        )
    lines.append("")
    for side, name in (("article", "article's way"), ("ours", "ours")):
        stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in found[side]["stages"].items())
        lines.append(f"Stages, {name}, wall s: {stages}.")
    worst = max(found["inertia_by_k"].values())
    lines.append(
        f"Inertia, ours / article's: final {found['inertia']:.5f}; sweep, worst over k {worst:.5f}. "
        f"The server used {found['server_cpu']:.1f} CPU s meanwhile."
    )
    return "\n".join([*lines, ""])


def tell_inertia(ratios: dict[str, float]) -> str:
    """Published inertia against full fits."""
    rows = [f"| {k} | {ratio:.5f} |" for k, ratio in ratios.items()]
    head = ["## Published inertia / best of three full scikit-learn fits", "", "| k | ratio |"]
    return "\n".join([*head, "| ---: | ---: |", *rows, ""])


def tell_memory(found: list[dict[str, Any]]) -> str:
    """Peak memory by number of rows."""
    rows = [
        f"| {one['rows']:,} | {one['peak_mb']:.0f} | {one['cpu']:.1f} | {one['wall']:.1f} |" for one in found
    ]
    head = ["## Ours, from Parquet", "", "| rows | peak MB | CPU s | wall s |"]
    return "\n".join([*head, "| ---: | ---: | ---: | ---: |", *rows, ""])


def tell_events(job: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """The sides' seconds and memory, and what they found."""
    written, first = job["written"], next(iter(results.values()))
    head = f"## {written['events']:,} events of {written['days']} days to {first['customers']:,} customers"
    size = f"Parquet files of {written['bytes'] / 1e6:,.0f} MB, written in {written['wall']:.0f} s"
    lines = [head, "", f"{size} ({written['cpu']:.0f} CPU s, peak {written['peak_mb']:.0f} MB).", ""]
    lines += [
        "| side | CPU s | wall s | CPU s after imports | peak MB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {side} | {one['cpu']:.1f} | {one['wall']:.1f} | {one['work_cpu']:.1f} | {one['peak_mb']:,.0f} |"
        for side, one in results.items()
    ]
    lines.append("")
    for side, one in results.items():
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in one["stages"].items())
        lines.append(f"- {side}, wall s: {stages}")
    return "\n".join([*lines, ""])


def tell_machine() -> str:
    """What it ran on: seconds depend on it, ratios hardly."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}; {libraries}."


def save(folder: Path, name: str, text: str, results: dict[str, Any]) -> None:
    """Write the tables as Markdown and the numbers as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

"""How a night grows with its customers or order lines: `python -m bench.growth [--rows N …] [--lines N …]`.

One definition for all sizes. The stages run without Prefect, a process for each night. Nanoseconds per row by
stage are compared with the least that any program must do (bench/bound.py), order lines with DuckDB.
100 million rows need about 15 GB of temporary space: `--rows 100000000 --lines`.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from bench.bound import STEPS
from bench.inputs import K_MAX, LINES_PER_CUSTOMER, NIGHTS, write_definition
from bench.measure import Results, Workplace, run_side, run_two_nights
from bench.tables import Goal, format_head, format_row, format_setting

BOUND = "bench.bound:bound"
GOAL_ROWS = 10_000_000  # most goals are set for nights of this size
GOAL_EVIDENCE = {12: 2.0, 30: 6.0}  # CPU seconds of evaluate, by k.max, from a tenth of that size
NIGHT_TITLES = ("CPU s", "wall s", "main thread", "peak MB", "stage files", "edition, MB")


class SizeResults(NamedTuple):
    """Both nights of one size, what else ran on the same files, and the bytes of the source."""

    rows: int
    source_bytes: int
    nights: Results
    peers: Results


def measure_customers(rows: int, workplace: Workplace, peer: str, k_max: int = K_MAX) -> SizeResults:
    """Nights of the shop's customers, and a side of another program."""
    files = [str(workplace.folder / f"night-{number}.parquet") for number in (1, 2)]
    features = write_definition(workplace.folder, "shop", "shop", k_max)
    job: dict[str, Any] = {"sample": "shop", "rows": rows, "nights": files, "features": features}
    count = run_side("write_customers", job, workplace)["rows"]
    nights = run_two_nights("shop", files, workplace)
    result = run_side(peer, {**job, "source": files[1], "previous": files[0]}, workplace)
    return SizeResults(count, Path(files[1]).stat().st_size, nights, {peer: result})


def measure_lines(lines: int, workplace: Workplace, kind: str = "parquet") -> SizeResults:
    """Nights of the shop's order lines in daily files, and DuckDB."""
    folder = str(workplace.folder / "orders")
    write_definition(workplace.folder, "orders", "orders")
    job = {"folder": folder, "format": kind, "customers": max(lines // LINES_PER_CUSTOMER, 100)}
    orders = run_side("write_orders", job, workplace)
    nights = run_two_nights("orders", [folder, folder], workplace)
    peer = {"source": folder, "as_of": NIGHTS[1]}
    peers = {side: run_side(f"bench.peers:{side}", peer, workplace) for side in ("aggregate", "rules")}
    shutil.rmtree(folder)
    return SizeResults(orders["lines"], orders["bytes"], nights, peers)


def format_growth(unit: str, sizes: list[SizeResults]) -> str:
    """Seconds, memory and bytes of every night."""
    lines = [f"### {unit.capitalize()}: whole nights\n", format_head(unit, "night", *NIGHT_TITLES, words=0)]
    for size in sizes:
        for name, night in size.nights.items():
            lines.append(format_row(f"{size.rows:,}", name, *_format_night(night, size.source_bytes)))
        for name, peer in size.peers.items():
            if "work_cpu" in peer:
                figures = (
                    f"{peer['work_cpu']:.2f}",
                    f"{peer['work_wall']:.2f}",
                    "",
                    f"{peer['peak_mb']:.0f}",
                )
                lines.append(format_row(f"{size.rows:,}", f"DuckDB, {name}", *figures, "", ""))
    return "\n".join([*lines, ""])


def _format_night(night: dict[str, Any], source_bytes: int) -> tuple[str, ...]:
    return (
        f"{night['work_cpu']:.2f}",
        f"{night['work_wall']:.2f}",
        f"{night['work_main'] / night['work_cpu']:.0%}",
        f"{night['peak_mb']:.0f}",
        f"{night['stage_bytes'] / source_bytes:.1f} times",
        f"{night['edition_bytes'] / 1e6:.1f}",
    )


def format_stages(unit: str, sizes: list[SizeResults]) -> str:
    """CPU nanoseconds per row by stage, and by step of the bound for customers."""
    lines = []
    for side in ("first", "steady"):
        lines += [f"### {unit.capitalize()}: CPU ns for each, {side} night\n"]
        lines += [format_head("stage", *(f"{size.rows:,}" for size in sizes))]
        stages = dict.fromkeys(stage for size in sizes for stage in size.nights[side]["stages"])
        for stage in stages:
            costs = [
                (size.nights[side]["stages"].get(stage, {}).get("work_cpu", 0), size.rows) for size in sizes
            ]
            lines.append(_format_costs(stage, costs))
        lines.append(_format_costs("all", [(size.nights[side]["work_cpu"], size.rows) for size in sizes]))
        if side == "steady" and BOUND in sizes[0].peers:
            bounds = [size.peers[BOUND]["seconds"] for size in sizes]
            for step, label in STEPS.items():
                costs = [(bound[step], size.rows) for bound, size in zip(bounds, sizes, strict=True)]
                lines.append(_format_costs(f"bound: {label}", costs))
            costs = [(sum(bound.values()), size.rows) for bound, size in zip(bounds, sizes, strict=True)]
            lines.append(_format_costs("bound: all", costs))
        lines.append("")
    return "\n".join(lines)


def _format_costs(label: str, costs: list[tuple[float, int]]) -> str:
    return format_row(label, *(f"{1e9 * seconds / count:,.0f}" for seconds, count in costs))


def list_growth_goals(size: SizeResults, k_max: int) -> list[Goal]:
    """The goals for a million customers or more, and for ten million."""
    night, bound = size.nights["steady"], sum(size.peers[BOUND]["seconds"].values())
    figures = {}
    if size.rows >= GOAL_ROWS / 11 and k_max in GOAL_EVIDENCE:
        evidence = size.nights["first"]["stages"]["evaluate"]["work_cpu"]
        figures[f"first: CPU s of evaluate, k.max {k_max}"] = (evidence, GOAL_EVIDENCE[k_max])
    if size.rows >= GOAL_ROWS / 1.1:  # dirty rows of the sample are left out
        figures |= {
            "steady: CPU s / bound": (night["work_cpu"] / bound, 2.5),
            "steady: wall s / CPU s": (night["work_wall"] / night["work_cpu"], 0.6),
            "steady: main thread / CPU s": (night["work_main"] / night["work_cpu"], 0.15),
            "steady: stage files / source": (night["stage_bytes"] / size.source_bytes, 3.0),
            "steady: peak MB": (night["peak_mb"], 1000.0),
        }
    return [Goal(f"{size.rows:,} customers, {name}", *figure) for name, figure in figures.items()]


def main() -> None:
    """Measure every size, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sizes = [10_000, 100_000, 1_000_000, GOAL_ROWS]
    parser.add_argument("--rows", type=int, nargs="*", default=sizes, help="customers")
    parser.add_argument("--lines", type=int, nargs="*", default=[3_000_000, 10_000_000], help="order lines")
    parser.add_argument("--k-max", type=int, default=K_MAX, help="the largest k that first nights try")
    options = parser.parse_args()
    print(format_setting(), flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-growth-") as name:
        workplace = Workplace(Path(name))
        customers = [measure_customers(rows, workplace, BOUND, options.k_max) for rows in options.rows]
        lines = [measure_lines(count, workplace) for count in options.lines]
    for unit, results in (("customers", customers), ("order lines", lines)):
        if results:
            print(f"{format_growth(unit, results)}\n{format_stages(unit, results)}", flush=True)
    if goals := [goal for size in customers for goal in list_growth_goals(size, options.k_max)]:
        print("\n".join(["### Goals\n", *(goal.describe() for goal in goals)]))


if __name__ == "__main__":
    main()

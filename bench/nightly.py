"""The whole night side by side with the article's way, as ratios: `python -m bench.nightly`.

Both sides read the same clean file, in turn, each in a process of its own. Ours runs against a Prefect
server that is already up, as in production. Seconds depend on the machine, ratios hardly do.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.inputs import K_MAX, write_definition
from bench.measure import Workplace, compare_sides, run_side
from bench.server import running_server
from bench.tables import (
    RESULTS,
    Goal,
    format_comparison,
    format_inertia,
    format_memory,
    format_setting,
    save,
)

GOAL_ROWS = 1_000_000  # the goals are set for nights of this size
K = 5


def _parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.nightly", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers of the large comparison")
    parser.add_argument("--repeats", type=int, default=3, help="alternating pairs of runs")
    parser.add_argument(
        "--ks", type=int, nargs="*", default=[3, 5, 8, 12], help="k to compare with full fits"
    )
    parser.add_argument(
        "--parquet", type=int, nargs="*", default=[1_000_000, 3_000_000, 10_000_000], metavar="ROWS"
    )
    parser.add_argument("--quick", action="store_true", help="100,000 rows, one repeat")
    parser.add_argument(
        "--save", type=Path, nargs="?", const=RESULTS, metavar="DIR", help="write nightly.md and nightly.json"
    )
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeats, options.ks, options.parquet = 100_000, 1, [K], [100_000]
    return options


def make_night_job(workplace: Workplace, sample: str, rows: int, suffix: str) -> dict[str, Any]:
    """Write an input file and its definition: the job that both sides get."""
    job: dict[str, Any] = {"sample": sample, "rows": rows, "definition": f"bench-{sample}"}
    job |= {"k": K, "k_max": K_MAX, "scaled": sample == "shop"}
    job["data"] = str(workplace.folder / f"{sample}-{rows}{suffix}")
    job["features"] = write_definition(workplace.folder, job["definition"], sample, K)
    job["rows"] = run_side("write_input", job, workplace)["rows"]
    return job


def compare_inertia(job: dict[str, Any], workplace: Workplace, ks: list[int]) -> dict[str, float]:
    """Published inertia at fixed k against the best of three full scikit-learn fits to all rows."""
    best = run_side("best_of_three", {**job, "ks": ks}, workplace)
    ratios = {}
    for k in ks:
        name = f"bench-k{k}"
        write_definition(workplace.folder, name, "shop", k)
        ratios[str(k)] = run_side("ours", {**job, "definition": name}, workplace)["inertia"] / best[str(k)]
    return ratios


def measure_memory(rows: int, workplace: Workplace) -> dict[str, Any]:
    """Run ours once from a Parquet file, which is removed afterwards."""
    job = make_night_job(workplace, "shop", rows, ".parquet")
    result = run_side("ours", job, workplace)
    Path(job["data"]).unlink()
    return {"rows": job["rows"], **{key: result[key] for key in ("peak_mb", "cpu", "wall", "stages")}}


def list_goals(big: dict[str, Any], inertia: dict[str, float], runs: list[dict[str, Any]]) -> list[Goal]:
    """The goals that the project set itself."""
    goals = [
        Goal("CPU after imports, article's way / ours", big["ratio"]["work_cpu"], 4.0, True),
        Goal("CPU of the whole process, article's way / ours", big["ratio"]["command_cpu"], 1.8, True),
        Goal("wall time of the whole process, article's way / ours", big["ratio"]["command_wall"], 1.8, True),
    ]
    if inertia:
        goals.append(Goal("inertia, ours / best of three full fits", max(inertia.values()), 1.005, False))
    if runs:
        rows = runs[-1]["rows"]
        goals.append(Goal(f"peak MB at {rows:,} rows from Parquet", runs[-1]["peak_mb"], 1000, False))
    return goals


def measure_all(workplace: Workplace, options: argparse.Namespace) -> Iterator[tuple[str, Any, str]]:
    """Each comparison when it is done: its key among the results, its numbers and its table."""
    small = make_night_job(workplace, "article", 24_000, ".csv")
    compare_sides(small, workplace, 1)  # a warm-up: the first runs of a server and of a file cache are slow
    comparison = compare_sides(small, workplace, options.repeats)
    yield "small", comparison, format_comparison("24,000 x 3: the article's data, from CSV", comparison)

    big = make_night_job(workplace, "shop", options.rows, ".csv")
    comparison = compare_sides(big, workplace, options.repeats)
    title = f"{big['rows']:,} x 8: heavy-tailed customers, from CSV"
    yield "big", comparison, format_comparison(title, comparison)
    inertia = compare_inertia(big, workplace, options.ks) if options.ks else {}
    yield "inertia", inertia, format_inertia(inertia) if inertia else ""
    runs = [measure_memory(rows, workplace) for rows in options.parquet]
    yield "memory", runs, format_memory(runs) if runs else ""


def main() -> None:
    """Run every comparison, print each table when it is done, save them if `--save` is given."""
    options = _parse_options()
    tables = [format_setting()]
    print(tables[0], flush=True)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        os.environ["RESEGMENT_DEFINITIONS"] = name
        for key, numbers, table in measure_all(Workplace(Path(name), server), options):
            results[key] = numbers
            tables.append(table)
            print(table, flush=True)
    if options.rows >= GOAL_ROWS:
        goals = list_goals(results["big"], results["inertia"], results["memory"])
        tables.append("\n".join(["### Goals", "", *(goal.describe() for goal in goals)]))
        print(tables[-1], flush=True)
    if options.save:
        save(options.save, "nightly", "\n".join(["## The night side by side", "", *tables, ""]), results)


if __name__ == "__main__":
    main()

"""The whole night side by side with the article's way, in one run, as ratios: `make bench`.

Both sides read the same clean file, in processes of their own, in turn. Ours runs against a Prefect
server that is up already, as it is at night. Seconds depend on the machine; ratios hardly do.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from bench.inputs import K_MAX, write_definition
from bench.measure import Bench, compare, run_side
from bench.server import running_server
from bench.tables import Goal, save, tell_comparison, tell_inertia, tell_machine, tell_memory

RESULTS = Path(__file__).with_name("results")
GOAL_ROWS = 1_000_000  # the goals are about nights of this size
K = 5


def parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.nightly", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers of the large comparison")
    parser.add_argument("--repeats", type=int, default=3, help="alternating pairs of runs")
    parser.add_argument("--ks", type=int, nargs="*", default=[3, 5, 8, 12], help="k compared with full fits")
    parser.add_argument(
        "--memory", type=int, nargs="*", default=[1_000_000, 3_000_000, 10_000_000], metavar="ROWS"
    )
    parser.add_argument("--quick", action="store_true", help="100,000 rows, one repeat: does it run at all?")
    parser.add_argument(
        "--save", type=Path, nargs="?", const=RESULTS, metavar="DIR", help="write nightly.md and nightly.json"
    )
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeats, options.ks, options.memory = 100_000, 1, [K], [100_000]
    return options


def make_job(bench: Bench, sample: str, rows: int, suffix: str) -> dict[str, Any]:
    """An input file with its definition: what a side is told."""
    job: dict[str, Any] = {"sample": sample, "rows": rows, "definition": f"bench-{sample}"}
    job |= {"k": K, "k_max": K_MAX, "scaled": sample == "shop"}
    job["data"] = str(bench.folder / f"{sample}-{rows}{suffix}")
    job["features"] = write_definition(bench.folder, job["definition"], sample, K)
    job["rows"] = run_side("write_input", job, bench)["rows"]
    return job


def compare_inertia(job: dict[str, Any], bench: Bench, ks: list[int]) -> dict[str, float]:
    """Published inertia at fixed k against the best of three full scikit-learn fits to all rows."""
    best = run_side("best_of_three", {**job, "ks": ks}, bench)
    ratios = {}
    for k in ks:
        name = f"bench-k{k}"
        write_definition(bench.folder, name, "shop", k)
        ratios[str(k)] = run_side("ours", {**job, "definition": name}, bench)["inertia"] / best[str(k)]
    return ratios


def measure_memory(rows: int, bench: Bench) -> dict[str, Any]:
    """One run of ours from a Parquet file that is removed afterwards."""
    job = make_job(bench, "shop", rows, ".parquet")
    found = run_side("ours", job, bench)
    Path(job["data"]).unlink()
    return {"rows": job["rows"], **{key: found[key] for key in ("peak_mb", "cpu", "wall", "stages")}}


def list_goals(big: dict[str, Any], inertia: dict[str, float], memory: list[dict[str, Any]]) -> list[Goal]:
    """The goals that the project set itself."""
    goals = [
        Goal("CPU after imports, article's way / ours", big["ratio"]["work_cpu"], 4.0, True),
        Goal("CPU of the whole process, article's way / ours", big["ratio"]["command_cpu"], 1.8, True),
        Goal("wall time of the whole process, article's way / ours", big["ratio"]["command_wall"], 1.8, True),
    ]
    if inertia:
        goals.append(Goal("inertia, ours / best of three full fits", max(inertia.values()), 1.005, False))
    if memory:
        rows = memory[-1]["rows"]
        goals.append(Goal(f"peak MB at {rows:,} rows from Parquet", memory[-1]["peak_mb"], 1000, False))
    return goals


def main() -> None:
    """Run every comparison, print the tables as they come, save them if asked to."""
    options = parse_options()
    told: list[str] = [tell_machine() + "\n"]

    def tell(text: str) -> None:
        told.append(text)
        print(text, flush=True)

    print(told[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        bench = Bench(Path(name), server)
        os.environ["RESEGMENT_DEFINITIONS"] = name
        small = make_job(bench, "article", 24_000, ".csv")
        compare(small, bench, 1)  # not shown: the first runs of a server and of a file cache are slow
        results: dict[str, Any] = {"small": compare(small, bench, options.repeats)}
        tell(tell_comparison("24,000 x 3: the article's data, from CSV", results["small"]))

        big = make_job(bench, "shop", options.rows, ".csv")
        results["big"] = compare(big, bench, options.repeats)
        title = f"{big['rows']:,} x 8: heavy-tailed customers, from CSV"
        tell(tell_comparison(title, results["big"]))
        results["inertia"] = compare_inertia(big, bench, options.ks) if options.ks else {}
        if options.ks:
            tell(tell_inertia(results["inertia"]))
        results["memory"] = [measure_memory(rows, bench) for rows in options.memory]
        if options.memory:
            tell(tell_memory(results["memory"]))

    if options.rows >= GOAL_ROWS:
        goals = list_goals(results["big"], results["inertia"], results["memory"])
        tell("\n".join(["## Goals", "", *(goal.tell() for goal in goals)]))
    if options.save:
        save(options.save, "nightly", "\n".join(["# The night side by side", "", *told, ""]), results)


if __name__ == "__main__":
    main()

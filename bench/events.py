"""Events to customers side by side: 50 million order lines in dated Parquet files, 1 million customers.

`python -m bench.events`. pandas, plain DuckDB and pyarrow make features; ours judges every line as well,
and goes on to segments and report. What each does is bench/event_sides.py's.
"""

import argparse
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bench.inputs import K_MAX
from bench.measure import Bench, run_side
from bench.nightly import RESULTS
from bench.server import running_server
from bench.tables import save, tell_events, tell_machine
from config.parameters import BUILT_IN

AS_OF = date(2026, 1, 1)
# Name, side, and the memory that DuckDB may use.
SIDES = (
    ("pandas", "pandas", None),
    ("pyarrow", "pyarrow", None),
    ("duckdb", "duckdb", None),
    ("duckdb-1gb", "duckdb", "1GB"),
    ("ours", "ours", None),
)


def parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000_000, help="order lines, at least")
    parser.add_argument("--customers", type=int, default=1_000_000, help="places for customers")
    parser.add_argument("--quick", action="store_true", help="200,000 events, 10,000 customers")
    parser.add_argument("--sides", nargs="+", default=[name for name, _, _ in SIDES], help="only these sides")
    parser.add_argument("--save", type=Path, nargs="?", const=RESULTS, metavar="DIR", help="write events.md")
    options = parser.parse_args()
    if options.quick:
        options.events, options.customers = 200_000, 10_000
    if unknown := set(options.sides) - {name for name, _, _ in SIDES}:
        parser.error(f"no such sides: {', '.join(sorted(unknown))}")
    return options


def write_definition(folder: Path, days: int) -> str:
    """The shipped definition of orders over a window of so many days, dated Parquet files; its name."""
    content = yaml.safe_load((BUILT_IN / "orders.yaml").read_text(encoding="utf-8"))
    content |= {"name": "bench-events", "k": {"max": K_MAX, "rule": "elbow"}}
    content["summary"]["window_days"] = days
    (folder / "bench-events.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return "bench-events"


def make_job(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Events on disk with their definition: what every side is told."""
    data = bench.folder / "events"
    data.mkdir()
    job: dict[str, Any] = {"data": str(data), "as_of": str(AS_OF)}
    job |= {"events": options.events, "customers": options.customers}
    job["written"] = run_side("bench.event_sides:write_events", job, bench)
    job["days"] = job["written"]["days"]
    job["definition"] = write_definition(bench.folder, job["days"])
    return job


def check_agreement(results: dict[str, dict[str, Any]]) -> None:
    """Stop where the sides have not found the same customers, orders and revenue."""
    first, *others = results.items()
    for name, found in others:
        for key in ("customers", "recency_days", "orders", "revenue"):
            if abs(found[key] - first[1][key]) > 1e-9 * abs(first[1][key]):
                raise SystemExit(f"{name} found {key} {found[key]}, {first[0]} {first[1][key]}")


def main() -> None:
    """Write the events, run the sides one after another, print the table, save it if asked to."""
    options = parse_options()
    told = [tell_machine() + "\n"]
    print(told[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        bench = Bench(Path(name), server)
        os.environ["RESEGMENT_DEFINITIONS"] = name
        job = make_job(bench, options)
        results = {}
        for side, function, memory_limit in SIDES:
            if side in options.sides:
                told_it = {**job, "memory_limit": memory_limit}
                results[side] = run_side(f"bench.event_sides:{function}", told_it, bench)
                print(f"{side}: {results[side]['wall']:.1f} s", flush=True)
        check_agreement(results)
    told.append(tell_events(job, results))
    print(told[-1], flush=True)
    if options.save:
        text = "\n".join(["# Events side by side", "", *told, ""])
        save(options.save, "events", text, {"written": job["written"], **results})


if __name__ == "__main__":
    main()

"""Events to customers side by side, from dated Parquet files: `python -m bench.events`.

pandas, pyarrow and plain DuckDB compute features. Ours also checks every line, and makes segments, a report
and an edition. The sides are in bench/event_sides.py.
"""

import argparse
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bench.inputs import K_MAX
from bench.measure import Workplace, run_side
from bench.server import running_server
from bench.tables import RESULTS, format_events, format_setting, save
from config.definition import BUILT_IN

AS_OF = date(2026, 1, 1)
# Name, side, and the memory that DuckDB may use.
SIDES = (
    ("pandas", "pandas", None),
    ("pyarrow", "pyarrow", None),
    ("duckdb", "duckdb", None),
    ("duckdb-1gb", "duckdb", "1GB"),
    ("ours", "ours", None),
)


def _parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000_000, help="smallest number of order lines")
    parser.add_argument("--customers", type=int, default=1_000_000, help="size of the simulated shop")
    parser.add_argument("--quick", action="store_true", help="200,000 events, 10,000 customers")
    parser.add_argument("--sides", nargs="+", default=[name for name, _, _ in SIDES], help="only these sides")
    parser.add_argument("--save", type=Path, nargs="?", const=RESULTS, metavar="DIR", help="write events.md")
    options = parser.parse_args()
    if options.quick:
        options.events, options.customers = 200_000, 10_000
    if unknown := set(options.sides) - {name for name, _, _ in SIDES}:
        parser.error(f"no such sides: {', '.join(sorted(unknown))}")
    return options


def write_events_definition(folder: Path, days: int) -> str:
    """Write the shipped definition of orders with a window of `days`. Returns its name."""
    content = yaml.safe_load((BUILT_IN / "orders.yaml").read_text(encoding="utf-8"))
    content |= {"name": "bench-events", "k": {"max": K_MAX, "rule": "elbow"}}
    content["summary"]["window_days"] = days
    (folder / "bench-events.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return "bench-events"


def make_events_job(workplace: Workplace, options: argparse.Namespace) -> dict[str, Any]:
    """Write the events and their definition: the job that every side gets."""
    data = workplace.folder / "events"
    data.mkdir()
    job: dict[str, Any] = {"data": str(data), "as_of": str(AS_OF)}
    job |= {"events": options.events, "customers": options.customers}
    job["written"] = run_side("bench.event_sides:write_events", job, workplace)
    job["days"] = job["written"]["days"]
    job["definition"] = write_events_definition(workplace.folder, job["days"])
    return job


def check_agreement(results: dict[str, dict[str, Any]]) -> None:
    """Stop if the sides disagree on customers, recency, orders or revenue."""
    (reference, expected), *sides = results.items()
    for name, result in sides:
        for key in ("customers", "recency_days", "orders", "revenue"):
            if abs(result[key] - expected[key]) > 1e-9 * abs(expected[key]):
                raise SystemExit(f"{key} is {result[key]} by {name}, but {expected[key]} by {reference}")


def main() -> None:
    """Write the events, run the sides one after another, print the table, save it if `--save` is given."""
    options = _parse_options()
    setting = format_setting()
    print(setting, flush=True)
    results = {}
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        workplace = Workplace(Path(name), server)
        os.environ["RESEGMENT_DEFINITIONS"] = name
        job = make_events_job(workplace, options)
        for side, function, memory_limit in SIDES:
            if side in options.sides:
                side_job = {**job, "memory_limit": memory_limit}
                results[side] = run_side(f"bench.event_sides:{function}", side_job, workplace)
        check_agreement(results)
    table = format_events(job["written"], results)
    print(table, flush=True)
    if options.save:
        text = "\n".join(["## Events side by side", "", setting, table])
        save(options.save, "events", text, {"written": job["written"], **results})


if __name__ == "__main__":
    main()

"""Nights of order lines next to DuckDB, as ratios: `python -m bench.events`.

A year of daily files, CSV and Parquet. The first night, and a steady night after it to which one file is new.
DuckDB aggregates the same window with one query, and with every line judged. Ours also makes segments, a
report and an edition.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

from bench.inputs import NIGHTS, write_definition
from bench.measure import Results, Workplace, list_ratios, run_side, run_two_nights
from bench.server import running_server
from bench.tables import Goal, SideColumn, format_setting, format_sides

LABELS = {
    "first": "first night",
    "steady": "steady night",
    "aggregate": "DuckDB, aggregate alone",
    "rules": "DuckDB, every rule, quarantine, aggregate",
}
COLUMNS = (
    SideColumn("CPU s", "work_cpu", 2),
    SideColumn("of the aggregate's (range)", "work_cpu", peer="aggregate"),
    SideColumn("of those with rules (range)", "work_cpu", peer="rules"),
    SideColumn("wall s", "work_wall"),
    SideColumn("peak MB", "peak_mb", 0),
)
GOALS = {("steady", "aggregate"): 1.5, ("first", "rules"): 1.3}


def compare_orders(
    kind: str, customers: int, repeats: int, workplace: Workplace
) -> tuple[list[Results], str]:
    """All sides in turn on the files of one format, with their table."""
    folder, name = str(workplace.folder / kind), f"bench-{kind}"
    write_definition(workplace.folder, name, "orders")
    job = {"folder": folder, "format": kind, "customers": customers}
    orders = run_side("write_orders", job, workplace)
    peer = {"source": folder, "as_of": NIGHTS[1]}
    rounds = []
    for _ in range(repeats):
        results = run_two_nights(name, [folder, folder], workplace, "flow")
        results |= {side: run_side(f"bench.peers:{side}", peer, workplace) for side in ("aggregate", "rules")}
        check_agreement(results)
        rounds.append(results)
    size = f"{orders['lines']:,} lines, {orders['bytes'] / 1e6:,.0f} MB, {rounds[0]['steady']['customers']:,}"
    return rounds, f"### {kind}: {size} customers\n\n{format_sides(rounds, LABELS, COLUMNS)}"


def check_agreement(results: Results) -> None:
    """Stop if the sides disagree on the customers of the second night, their orders or their revenue."""
    for side in ("aggregate", "rules"):
        for key in ("customers", "orders", "revenue"):
            ours, theirs = results["steady"][key], results[side][key]
            if abs(ours - theirs) > 1e-9 * abs(theirs):
                raise SystemExit(f"{key}: {ours} by ours, but {theirs} by {LABELS[side]}")


def main() -> None:
    """Run both formats, and print each table when it is done."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="of the shop: 29 lines each in a year")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, in each of which every side runs")
    options = parser.parse_args()
    print(format_setting(), flush=True)
    goals = []
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        os.environ["RESEGMENT_DEFINITIONS"] = name
        workplace = Workplace(Path(name), server)
        for kind in ("csv", "parquet"):
            rounds, table = compare_orders(kind, options.customers, options.repeats, workplace)
            print(table, flush=True)
            goals += [
                Goal(
                    f"{kind}, {LABELS[side]}: CPU s / {LABELS[peer]}",
                    median(list_ratios(rounds, side, peer)),
                    limit,
                )
                for (side, peer), limit in GOALS.items()
            ]
    print("### Goals\n")
    for goal in goals:
        print(goal.describe())


if __name__ == "__main__":
    main()

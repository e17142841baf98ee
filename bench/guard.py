"""Fails if a steady night costs far more than it should, next to what others would use: `make bench-guard`.

    python -m bench.guard [--rows N] [--lines N] [--limits SKLEARN DUCKDB]

Two ratios of CPU seconds after imports, measured in one run: a steady night of customers to the loop of
scikit-learn, and a steady night of orders to DuckDB's aggregate. The limits are about twice what was
measured, so that a busy machine passes, and a new stage that reads everything again does not.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.inputs import LINES_PER_CUSTOMER, NIGHTS, write_definition
from bench.measure import Workplace, run_side, run_two_nights

LIMITS = (0.5, 5.0)


class Ratio(NamedTuple):
    """CPU seconds of a steady night and of what it is compared with."""

    night: str
    peer: str
    seconds: tuple[float, float]
    limit: float

    @property
    def quotient(self) -> float:
        """How many times the peer's CPU time the night takes."""
        return self.seconds[0] / self.seconds[1]

    def describe(self) -> str:
        """What was measured, in one sentence."""
        ours, theirs = self.seconds
        bound = "within" if self.quotient <= self.limit else "more than"
        return (
            f"A steady night of {self.night} takes {self.quotient:.2f} times the CPU time of {self.peer}"
            f" ({ours:.2f} s against {theirs:.2f} s), {bound} the limit of {self.limit:g}."
        )


def main(arguments: list[str] | None = None) -> int:
    """Measure both ratios and print them. Returns 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers of the first ratio")
    parser.add_argument("--lines", type=int, default=3_000_000, help="order lines of the second ratio")
    parser.add_argument("--limits", type=float, nargs=2, default=LIMITS, metavar=("SKLEARN", "DUCKDB"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="resegment-guard-") as folder:
        workplace = Workplace(Path(folder))
        ratios = [
            compare_customer_nights(workplace, options.rows, options.limits[0]),
            compare_order_nights(workplace, options.lines, options.limits[1]),
        ]
    return report_ratios(ratios)


def report_ratios(ratios: list[Ratio]) -> int:
    """Print a sentence for each ratio, to the error stream if it exceeds its limit; then return 1."""
    exceeded = [ratio for ratio in ratios if ratio.quotient > ratio.limit]
    for ratio in ratios:
        print(ratio.describe(), file=sys.stderr if ratio in exceeded else sys.stdout)
    return 1 if exceeded else 0


def compare_customer_nights(workplace: Workplace, rows: int, limit: float) -> Ratio:
    """The shop's customers: a steady night and the loop of scikit-learn."""
    files = [str(workplace.folder / f"night-{number}.parquet") for number in (1, 2)]
    features = write_definition(workplace.folder, "guard-shop", "shop")
    run_side("write_customers", {"sample": "shop", "rows": rows, "nights": files}, workplace)
    steady = run_two_nights("guard-shop", files, workplace)["steady"]
    loop = run_side("bench.peers:sklearn", {"source": files[1], "features": features}, workplace)
    seconds = (steady["work_cpu"], loop["work_cpu"])
    return Ratio(f"{rows:,} customers", "scikit-learn's loop over k", seconds, limit)


def compare_order_nights(workplace: Workplace, lines: int, limit: float) -> Ratio:
    """The shop's order lines in daily CSV files: a steady night and DuckDB's aggregate."""
    folder = str(workplace.folder / "orders")
    customers = max(lines // LINES_PER_CUSTOMER, 100)
    write_definition(workplace.folder, "guard-orders", "orders")
    job = {"folder": folder, "format": "csv", "customers": customers}
    lines = run_side("write_orders", job, workplace)["lines"]
    steady = run_two_nights("guard-orders", [folder, folder], workplace)["steady"]
    aggregate = run_side("bench.peers:aggregate", {"source": folder, "as_of": NIGHTS[1]}, workplace)
    seconds = (steady["work_cpu"], aggregate["work_cpu"])
    return Ratio(f"{lines:,} order lines", "DuckDB's aggregate", seconds, limit)


if __name__ == "__main__":
    sys.exit(main())

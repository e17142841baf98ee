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

from bench.growth import SizeResults, measure_customers, measure_lines
from bench.measure import Workplace

LOOP = "bench.peers:sklearn"
PEERS = {LOOP: "scikit-learn's loop over k", "aggregate": "DuckDB's aggregate"}
LIMITS = (0.5, 4.0)


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
        customers = measure_customers(options.rows, workplace, LOOP)
        lines = measure_lines(options.lines, workplace, "csv")
    peers = (("customers", customers, LOOP), ("order lines", lines, "aggregate"))
    ratios = [
        Ratio(f"{size.rows:,} {unit}", PEERS[peer], get_seconds(size, peer), limit)
        for (unit, size, peer), limit in zip(peers, options.limits, strict=True)
    ]
    return report_ratios(ratios)


def get_seconds(size: SizeResults, peer: str) -> tuple[float, float]:
    """CPU seconds after imports of the steady night and of the peer."""
    return size.nights["steady"]["work_cpu"], size.peers[peer]["work_cpu"]


def report_ratios(ratios: list[Ratio]) -> int:
    """Print a sentence for each ratio, to the error stream if it exceeds its limit; then return 1."""
    exceeded = [ratio for ratio in ratios if ratio.quotient > ratio.limit]
    for ratio in ratios:
        print(ratio.describe(), file=sys.stderr if ratio in exceeded else sys.stdout)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())

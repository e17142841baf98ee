"""Every benchmark of bench/README.md, one after another: `make bench`, about 25 minutes on two cores.

    python -m bench.all [--quick] [--only NAME ...] [--save DIR]

Each benchmark runs in a process of its own, with arguments that fit the time. Those that need the folder of
real data or a browser are skipped where it is missing, and say so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote, split
from typing import NamedTuple

from segmentation.report.serving.screenshots import look_up_browser

RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online_retail_by_day"
RESULTS = Path(__file__).with_name("results")
LABELLED = RETAIL.parent / "clustering_dev"


class Benchmark(NamedTuple):
    """A module of this folder, with its arguments for a full and for a quick run.

    What follows a hyphen in the name tells two runs of a module apart.
    """

    name: str
    arguments: str
    quick: str
    needs: Path | None = None


def list_benchmarks(folder: Path) -> Iterator[Benchmark]:
    """All benchmarks, in the order of bench/README.md. `folder` is where write_shops has written."""
    retail, place = f"online-retail {quote(str(RETAIL))}", quote(str(folder))
    moves = "--ks 4,5,6,7,8 --ways auto --nights"
    shoppers = f"shoppers {place}/shoppers.parquet --definitions {place} --start 2026-02-05 {moves}"
    year = f"orders {place}/orders --start 2025-01-01 --nights"
    labelled = f"--labelled {quote(str(LABELLED))}" if LABELLED.is_dir() else ""
    stability, september = f"{retail} --as-of 2011-12-10 --samples", f"{retail} --start 2011-09-01 --nights"
    november = f"{retail} --start 2011-11-10 {moves}"
    yield Benchmark("nightly", "", "--rows 20000 --repeats 1")
    yield Benchmark("events", "", "--customers 2000 --repeats 1")
    yield Benchmark("growth", "", "--rows 10000 --lines 20000")
    yield Benchmark("growth-k30", "--rows 1000000 --lines --k-max 30", "--rows 10000 --lines --k-max 15")
    yield Benchmark("k_stability", f"{stability} 20", f"{stability} 1", RETAIL)
    yield Benchmark("k_accuracy", f"--tables 8 {labelled}", "--tables 1 --resampled 0")
    yield Benchmark("identity", f"{september} 30 --ks 4,auto", f"{september} 2 --ks 4", RETAIL)
    yield Benchmark("identity-november", f"{november} 21", f"{november} 2", RETAIL)
    yield Benchmark("identity-shoppers", f"{shoppers} 21", f"{shoppers} 2")
    yield Benchmark("years", f"{year} 60", f"{year} 2")
    yield Benchmark("page", "", "--customers 20000 --repeats 1")


def write_shops(folder: Path, quick: bool) -> None:
    """The simulated shops that bench.identity and bench.years read; a year of orders before the nights."""
    customers, nights = (2000, 2) if quick else (20_000, 60)
    sample = f"sample orders --customers {customers} --start 2024-01-01 --nights {366 + nights} -o"
    resegment = Path(sys.executable).with_name("resegment")
    subprocess.run([sys.executable, "-m", "bench.shoppers", str(folder)], check=True)
    subprocess.run([resegment, *sample.split(), folder / "orders"], check=True, capture_output=True)


def get_obstacle(benchmark: Benchmark) -> str | None:
    """Why a benchmark cannot run here, if it cannot."""
    if benchmark.needs is not None and not benchmark.needs.exists():
        return f"{benchmark.needs.name} is not there"
    if benchmark.name == "page" and look_up_browser(None) is None:
        return "no browser"
    return None


def run_benchmark(benchmark: Benchmark, quick: bool) -> str:
    """Run one benchmark and print what it prints. Returns its output; raises if it fails."""
    arguments = benchmark.quick if quick else benchmark.arguments
    command = [sys.executable, "-m", f"bench.{benchmark.name.split('-')[0]}", *split(arguments)]
    start = time.perf_counter()
    print(f"## {benchmark.name}\n\n`python {' '.join(command[1:])}`\n", flush=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    print(process.stdout, flush=True)
    print(f"<!-- {benchmark.name}: {time.perf_counter() - start:.0f} s -->\n", flush=True)
    return process.stdout


def main() -> None:
    """Run the benchmarks, and save each one's tables if `--save` is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small inputs: checks that everything runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these only")
    parser.add_argument("--save", type=Path, nargs="?", const=RESULTS, metavar="DIR", help="write NAME.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resegment-orders-") as name:
        benchmarks = [
            benchmark
            for benchmark in list_benchmarks(Path(name))
            if not options.only or benchmark.name in options.only
        ]
        if any(name in benchmark.arguments for benchmark in benchmarks):
            write_shops(Path(name), options.quick)
        for benchmark in benchmarks:
            if obstacle := get_obstacle(benchmark):
                print(f"<!-- {benchmark.name} skipped: {obstacle} -->\n", flush=True)
                continue
            tables = run_benchmark(benchmark, options.quick)
            if options.save:
                options.save.mkdir(parents=True, exist_ok=True)
                (options.save / f"{benchmark.name}.md").write_text(tables, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Every table of bench/README.md, one benchmark after another: `make bench`, about 25 minutes on two cores.

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
from typing import NamedTuple

from segmentation.report.serving.screenshots import look_up_browser

RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online_retail_by_day"
RESULTS = Path(__file__).with_name("results")
LABELLED = RETAIL.parent / "clustering_dev"
# Orders of the simulated shop for bench.years: a year of history, then the nights.
YEAR_START, HISTORY_DAYS = "2025-01-01", 366


class Benchmark(NamedTuple):
    """A module of this folder, with its arguments for a full and for a quick run.

    What follows a hyphen in the name tells two runs of a module apart.
    """

    name: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]
    needs: Path | None = None


def list_benchmarks(orders: Path) -> Iterator[Benchmark]:
    """All benchmarks, in the order of bench/README.md. `orders` is the folder of bench.years' orders."""
    retail = ("online-retail", str(RETAIL))
    year = ("orders", str(orders), "--start", YEAR_START)
    yield Benchmark("nightly", (), ("--rows", "20000", "--repeats", "1"))
    yield Benchmark("events", (), ("--customers", "2000", "--repeats", "1"))
    yield Benchmark("growth", (), ("--rows", "10000", "--lines", "20000"))
    yield Benchmark(
        "growth-k30",
        ("--rows", "1000000", "--lines", "--k-max", "30"),
        ("--rows", "10000", "--lines", "--k-max", "15"),
    )
    yield Benchmark(
        "k_stability",
        (*retail, "--as-of", "2011-12-10", "--samples", "20"),
        (*retail, "--as-of", "2011-12-10", "--samples", "1"),
        RETAIL,
    )
    yield Benchmark(
        "k_accuracy",
        ("--tables", "8", *(("--labelled", str(LABELLED)) if LABELLED.is_dir() else ())),
        ("--tables", "1", "--resampled", "0"),
    )
    yield Benchmark(
        "identity",
        (*retail, "--start", "2011-09-01", "--nights", "30", "--ks", "4,auto"),
        (*retail, "--start", "2011-09-01", "--nights", "2", "--ks", "4"),
        RETAIL,
    )
    yield Benchmark("years", (*year, "--nights", "60"), (*year, "--nights", "2"))
    yield Benchmark("page", (), ("--customers", "20000", "--repeats", "1"))


def write_year(folder: Path, quick: bool) -> None:
    """The simulated shop's orders that bench.years reads."""
    nights = HISTORY_DAYS + (2 if quick else 60)
    command = [str(Path(sys.executable).with_name("resegment")), "sample", "orders", "-o", str(folder)]
    command += ["--customers", "2000" if quick else "20000", "--start", "2024-01-01", "--nights", str(nights)]
    subprocess.run(command, check=True, capture_output=True)


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
    module = f"bench.{benchmark.name.split('-')[0]}"
    command = [sys.executable, "-m", module, *arguments]
    start = time.perf_counter()
    print(f"## {benchmark.name}\n\n`python -m {' '.join((module, *arguments))}`\n", flush=True)
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
        if any(benchmark.name == "years" for benchmark in benchmarks):
            write_year(Path(name), options.quick)
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

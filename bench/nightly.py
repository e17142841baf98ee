"""The whole night side by side with the article's way, in one run, as ratios: `make bench`.

Both sides read the same clean file, in processes of their own, in turn. Ours runs against a Prefect
server that is up already, as it is at night. Seconds depend on the machine; ratios hardly do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import yaml
from rich.console import Console
from rich.table import Table

from config.parameters import BUILT_IN
from deployments.local_server import start_server, stop_server
from segmentation.samples import article_table, shop_table

CHUNK = 131_072
K_MAX = 12
console = Console(width=120)


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A Prefect server of the benchmark's own."""
    os.environ["PREFECT_HOME"] = str(folder / "prefect")
    os.environ.pop("PREFECT_API_URL", None)
    url, _ = start_server(folder / "state")
    os.environ["PREFECT_API_URL"] = url
    try:
        yield
    finally:
        stop_server(folder / "state")


def clean_shop(rows: int) -> Iterator[pa.Table]:
    """The shop's customers in chunks, numbers typed, dirty rows left out."""
    for start in range(0, rows, CHUNK):
        table = shop_table(start, min(CHUNK, rows - start), 7)
        clean = pc.and_(pc.not_equal(table["customer_id"], ""), pc.not_equal(table["orders"], "n/a"))
        table = table.filter(pc.and_(clean, pc.not_equal(table["revenue"], "-1.00")))
        numbers = {name: pc.cast(table[name], pa.float64()) for name in table.column_names[1:]}
        yield pa.table({"customer_id": table["customer_id"], **numbers})


def write_shop(path: Path, rows: int) -> None:
    """Write the clean shop as CSV or Parquet, chunk by chunk."""
    tables = clean_shop(rows)
    first = next(tables)
    make = arrow_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    with make(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def write_definition(folder: Path, name: str, base: str, changes: dict[str, Any]) -> list[str]:
    """A definition for the benchmark, made from a shipped one; its features."""
    content = yaml.safe_load((BUILT_IN / f"{base}.yaml").read_text())
    columns = {column: {"type": "float"} for column in content["rows"]["columns"]}
    content["rows"]["columns"] = columns if base == "shop" else content["rows"]["columns"]
    content |= {"name": name, "k": {"max": K_MAX, "rule": "fixed", "fixed": 5}, **changes}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return list(content["features"])


def measure_command(job: dict[str, Any], folder: Path) -> dict[str, float]:
    """CPU and wall seconds of the whole process that a user starts: `resegment run`."""
    store = tempfile.mkdtemp(dir=folder)
    command = [str(Path(sys.executable).with_name("resegment")), "run", job["definition"]]
    command += ["--as-of", "2026-01-31", "--source", job["data"], "--store", store, "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"resegment run failed with status {process.returncode}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": time.perf_counter() - began}


def measure(side: str, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run one side in a process of its own; its result, with whole-process CPU and wall seconds."""
    store = Path(tempfile.mkdtemp(dir=folder))
    work, answer = store / "job.json", store / "answer.json"
    work.write_text(json.dumps({**job, "store": str(store)}))
    began = time.perf_counter()
    command = [sys.executable, "-m", "bench.sides", side, str(work), str(answer)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{side} failed with status {process.returncode}")
    found: dict[str, Any] = json.loads(answer.read_text())
    whole = {"cpu": usage.ru_utime + usage.ru_stime, "wall": time.perf_counter() - began}
    return {**found, **whole}


def compare(job: dict[str, Any], folder: Path, repeats: int) -> dict[str, Any]:
    """Both sides in turn, `repeats` times: medians and median ratios."""
    runs = [
        (measure("article", job, folder), measure("ours", job, folder) | measure_command(job, folder))
        for _ in range(repeats)
    ]
    keys = ("cpu", "wall", "work_cpu", "work_wall", "imports_cpu", "peak_mb", "html")
    return {
        "article": {key: statistics.median(a[key] for a, _ in runs) for key in keys},
        "ours": {key: statistics.median(b[key] for _, b in runs) for key in keys},
        "ratio": {key: statistics.median(a[key] / b[key] for a, b in runs) for key in keys},
        "stages": runs[-1][1]["stages"],
        "inertia": {
            k: runs[-1][1]["inertia"][k] / v if v else 1.0 for k, v in runs[-1][0]["inertia"].items()
        },
        "final": runs[-1][1]["final"] / runs[-1][0]["final"],
        "sweep": runs[-1][1]["inertia"],
    }


def compare_inertia(job: dict[str, Any], folder: Path, ks: list[int]) -> dict[int, float]:
    """Published inertia at fixed k against the best of three full scikit-learn fits to all rows."""
    best = measure("best_of_three", {**job, "ks": ks}, folder)
    ratios = {}
    for k in ks:
        plan = {"scaling": {"default": "standard"}, "k": {"max": K_MAX, "rule": "fixed", "fixed": k}}
        write_definition(folder, f"bench-k{k}", "shop", plan)
        ratios[k] = measure("ours", {**job, "definition": f"bench-k{k}"}, folder)["final"] / best[str(k)]
    told = ", ".join(f"k = {k}: {ratio:.5f}" for k, ratio in ratios.items())
    console.print(f"published inertia / best of three full scikit-learn fits: {told}\n")
    return ratios


def show(title: str, found: dict[str, Any]) -> None:
    """Print one comparison."""
    table = Table(title=title, title_justify="left", box=None)
    for column in ("", "article's way", "ours", "ratio"):
        table.add_column(column, justify="right")
    names = {
        "cpu": "CPU s, whole process", "wall": "wall s, whole process", "work_cpu": "CPU s, after imports",
        "work_wall": "wall s, after imports", "imports_cpu": "CPU s, imports", "peak_mb": "peak MB",
        "html": "bytes of HTML",
    }  # fmt: skip
    for key, name in names.items():
        a, b, ratio = (found[side][key] for side in ("article", "ours", "ratio"))
        table.add_row(name, f"{a:,.1f}", f"{b:,.1f}", f"{ratio:.2f}")
    console.print(table)
    console.print("stages, wall s: " + ", ".join(f"{k} {v:.2f}" for k, v in found["stages"].items()))
    worst = max(found["inertia"].values())
    console.print(f"inertia, ours / article's: final {found['final']:.5f}, worst over k {worst:.5f}\n")


def main() -> None:
    """Parse the options, run every comparison, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers of the large comparison")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000_000, 10_000_000], metavar="ROWS")
    parser.add_argument("--best-of-three", type=int, nargs="*", default=[3, 5, 8, 12], metavar="K")
    parser.add_argument("--save", type=Path, help="write the results as JSON")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, server(Path(name)):
        folder = Path(name)
        os.environ["RESEGMENT_DEFINITIONS"] = name
        small: dict[str, Any] = {"data": str(folder / "article.csv"), "k": 5, "k_max": K_MAX, "scaled": False}
        arrow_csv.write_csv(article_table(), small["data"])
        small |= {"definition": "bench-article"}
        small["features"] = write_definition(folder, "bench-article", "article", {})
        results["24,000 x 3"] = compare(small, folder, options.repeats)
        show("24,000 x 3, the article's data, from CSV", results["24,000 x 3"])

        big = {**small, "data": str(folder / "shop.csv"), "definition": "bench-shop", "scaled": True}
        big["features"] = write_definition(folder, "bench-shop", "shop", {"scaling": {"default": "standard"}})
        write_shop(Path(big["data"]), options.rows)
        title = f"{options.rows:,} x 8"
        results[title] = compare(big, folder, options.repeats)
        show(f"{title}, heavy-tailed customers, from CSV", results[title])
        if options.best_of_three:
            results["best of three"] = compare_inertia(big, folder, options.best_of_three)
        for rows in options.memory:
            path = folder / "shop.parquet"
            write_shop(path, rows)
            found = measure("ours", {**big, "data": str(path)}, folder)
            results[f"memory {rows}"] = found
            console.print(
                f"{rows:,} rows from Parquet: peak {found['peak_mb']:.0f} MB, CPU {found['cpu']:.1f} s, "
                f"wall {found['wall']:.1f} s"
            )
    if options.save:
        options.save.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What the report costs: seconds and memory of the stage alone, and the page's weight, at many customers.

    python -m bench.report --rows 1000000

The stages before it run once, without Prefect, on the simulated shop of eight features. Then the report is
made in a process of its own from their records, as on a retry: what is measured is what it adds to it.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench.nights import judge, showing_nothing
from bench.tables import tell_machine
from config.definitions import read_definition
from config.parameters import BUILT_IN, Segmentation
from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.record import Record
from schemas.records import Customers, Ingested, Night, Scaled
from schemas.verdicts import Verdict
from tasks.ingest import ingest
from tasks.report import report
from tasks.summarise import summarise

RECORDS: dict[str, type[Record]] = {
    "night": Night,
    "rows": Ingested,
    "customers": Customers,
    "scaled": Scaled,
    "choice": Choice,
    "aligned": Aligned,
    "memory": Memory,
    "verdict": Verdict,
}


def prepare(folder: Path, rows: int) -> Path:
    """Run the stages up to the checks; the file of their records."""
    content = read_definition(BUILT_IN / "shop.yaml").model_dump(mode="json")
    content["source"]["customers"] = rows
    segmentation = Segmentation.model_validate(content)
    night = Night(
        run_id="report",
        segmentation=segmentation,
        as_of=date(2026, 1, 31),
        source=None,
        store=folder / "store",
        force=False,
    )
    night.staging.mkdir(parents=True)
    with showing_nothing():
        ingested = ingest.fn(night)
        customers = summarise.fn(night, ingested)
        judged = judge(night, ingested, customers)
    made: dict[str, Record] = dict(zip(RECORDS, (night, ingested, customers, *judged), strict=True))
    path = folder / "records.json"
    path.write_text(json.dumps({name: one.model_dump(mode="json") for name, one in made.items()}))
    return path


def measure(path: Path) -> dict[str, Any]:
    """Make the report from the records in a file: seconds, MB added to the peak, bytes of the page."""
    content = json.loads(path.read_text())
    records = [kind.model_validate(content[name]) for name, kind in RECORDS.items()]
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = read_memory("VmRSS")
    began, used = time.perf_counter(), time.process_time()
    with showing_nothing():
        made = report.fn(*records)  # type: ignore[arg-type]
    return {
        "wall": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "added_mb": read_memory("VmHWM") - before,
        "page": made.html.size,
    }


def read_memory(name: str) -> float:
    """A figure of this process's memory, in MB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Print a line of a table for each repeat."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--records", type=Path, help="Measure in this process, from this file of records.")
    asked = parser.parse_args()
    if asked.records:
        print(json.dumps(measure(asked.records)))
        return
    print(
        f"{tell_machine()}\n\n| customers | wall s | CPU s | MB added | page, bytes |\n" + "| ---: " * 5 + "|"
    )
    with tempfile.TemporaryDirectory(prefix="resegment-report-") as name:
        records = prepare(Path(name), asked.rows)
        for _ in range(asked.repeats):
            again = [sys.executable, "-m", "bench.report", "--records", str(records)]
            told = subprocess.run(again, check=True, capture_output=True, text=True).stdout
            found = json.loads(told.splitlines()[-1])
            figures = (
                f"{found['wall']:.2f} | {found['cpu']:.2f} | {found['added_mb']:.0f} | {found['page']:,}"
            )
            print(f"| {asked.rows:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()

"""What the report costs: seconds and memory of its stage alone, and the size of the page.

    python -m bench.report --rows 1000000

The stages before it run once, on the simulated shop of eight features. The report is then made from their
records in a process of its own, as on a retry, so that what is measured is what the report adds. What the
page costs a browser is measured in bench/page.py.
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

from bench.tables import format_head, format_row, format_setting
from config.definition import BUILT_IN, Definition
from config.definition_files import read_definition
from flows.resegment import draft_edition
from schemas.draft import EditionDraft
from schemas.night import Night
from schemas.record import Record
from schemas.verdicts import Verdict
from tasks.check import check
from tasks.ingest import ingest
from tasks.report import report
from tasks.summarise import summarise

RECORDS: dict[str, type[Record]] = {"night": Night, "draft": EditionDraft, "verdict": Verdict}


def make_records(folder: Path, rows: int) -> Path:
    """Run the stages up to the checks and write their records to a file."""
    content = read_definition(BUILT_IN / "shop.yaml").model_dump(mode="json")
    content["source"]["customers"] = rows
    night = Night(
        run_id="report",
        definition=Definition.model_validate(content),
        as_of=date(2026, 1, 31),
        source=None,
        store=folder / "store",
        force=False,
    )
    night.staging.mkdir(parents=True)
    draft = draft_edition(night, summarise(night, ingest(night)))
    records = dict(zip(RECORDS, (night, draft, check(night, draft)), strict=True))
    path = folder / "records.json"
    path.write_text(json.dumps({name: record.model_dump(mode="json") for name, record in records.items()}))
    return path


def measure_report(path: Path) -> dict[str, Any]:
    """Make the report from the records in a file: seconds, MB added to the peak, bytes of the page."""
    content = json.loads(path.read_text())
    records = [kind.model_validate(content[name]) for name, kind in RECORDS.items()]
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, so that the peak counts from here
    resident = read_memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    reported = report(*records)  # type: ignore[arg-type]
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "added_mb": read_memory("VmHWM") - resident,
        "page": reported.html.size,
    }


def read_memory(name: str) -> float:
    """A figure of this process's memory, in MB."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def main() -> None:
    """Print a line of a table for each repeat."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--records", type=Path, help="measure in this process, from this file of records")
    options = parser.parse_args()
    if options.records:
        print(json.dumps(measure_report(options.records)))
        return
    print(format_setting())
    print(format_head("customers", "wall s", "CPU s", "MB added", "page, bytes", words=0), flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-report-") as name:
        records = make_records(Path(name), options.rows)
        for _ in range(options.repeats):
            command = [sys.executable, "-m", "bench.report", "--records", str(records)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures = json.loads(output.splitlines()[-1])
            seconds = (f"{figures['wall']:.2f}", f"{figures['cpu']:.2f}")
            sizes = (f"{figures['added_mb']:.0f}", f"{figures['page']:,}")
            print(format_row(f"{options.rows:,}", *seconds, *sizes), flush=True)


if __name__ == "__main__":
    main()

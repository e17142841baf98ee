"""What Prefect costs a night: the flow against a running server, beside its bare stages, as differences.

    python -m bench.overhead [--rows 24000 100000] [--repeats 3]

Each side is a process of its own. The bare side never imports Prefect: its decorators are stand-ins, its
stages are called one after another, on one thread each, as the flow's are.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from bench.inputs import write_definition
from bench.measure import Bench, run_side
from bench.server import running_server
from bench.sides import AS_OF

SAMPLES = {24_000: "article", 100_000: "shop"}
MODULES = (
    "", ".artifacts", ".cache_policies", ".client", ".client.schemas", ".client.schemas.objects",
    ".context", ".settings", ".states", ".tasks",
)  # fmt: skip


def run_flow(job: dict[str, Any]) -> None:
    """The flow itself, as a worker's process runs it."""
    from flows.resegment import resegment

    resegment(job["definition"], AS_OF, job["data"], job["store"])


def run_bare(job: dict[str, Any]) -> None:
    """The stages of the flow, in its order, in a process that has no Prefect."""
    stand_in = MagicMock()
    stand_in.task = lambda **_: lambda function: MagicMock(fn=function)
    for name in MODULES:
        sys.modules[f"prefect{name}"] = stand_in
    from bench.nights import run_night
    from config.definitions import find_definition, read_definition
    from schemas.records import Night

    folder = Path(os.environ["RESEGMENT_DEFINITIONS"])
    run_night(
        Night(
            run_id="bare",
            segmentation=read_definition(find_definition(job["definition"], folder)),
            as_of=AS_OF,
            source=job["data"],
            store=Path(job["store"]),
            force=False,
        )
    )


def measure(rows: int, bench: Bench, repeats: int) -> str:
    """A row of the table: medians of both sides, and of the pairs' differences."""
    sample = SAMPLES[rows]
    job: dict[str, Any] = {"sample": sample, "rows": rows, "definition": f"bench-{sample}", "k_max": 12}
    job |= {"data": str(bench.folder / f"{sample}.csv"), "scaled": sample == "shop", "k": 5}
    job["features"] = write_definition(bench.folder, job["definition"], sample, 5)
    run_side("write_input", job, bench)
    run_side("bench.overhead:flow", job, bench)  # not counted: the first of a server is slow
    pairs = [
        {side: run_side(f"bench.overhead:{side}", job, bench) for side in ("bare", "flow")}
        for _ in range(repeats)
    ]

    def tell(what: str) -> str:
        sides = [statistics.median(pair[side][what] for pair in pairs) for side in ("bare", "flow")]
        more = [pair["flow"][what] - pair["bare"][what] for pair in pairs]
        spread = f"{statistics.median(more):.1f} ({min(more):.1f} to {max(more):.1f})"
        return f"{sides[0]:.1f} | {sides[1]:.1f} | {spread} | {sides[1] / sides[0]:.2f}"

    served = statistics.median(pair["flow"]["server_cpu"] for pair in pairs)
    return f"| {rows:,} | CPU | {tell('cpu')} | {served:.1f} |\n| {rows:,} | wall | {tell('wall')} | |"


def main() -> None:
    """Print the table, or be one side: SIDE JOB.json ANSWER.json."""
    if len(sys.argv) == 4 and sys.argv[1] in ("flow", "bare"):
        job = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
        {"flow": run_flow, "bare": run_bare}[sys.argv[1]](job)
        Path(sys.argv[3]).write_text("{}", encoding="utf-8")
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=list(SAMPLES), choices=list(SAMPLES))
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print("| rows | seconds of | bare stages | flow | difference (range) | ratio | server's |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        os.environ["RESEGMENT_DEFINITIONS"] = name
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RESEGMENT_THREADS"):
            os.environ[variable] = "1"
        for rows in asked.rows:
            print(measure(rows, Bench(Path(name), server), asked.repeats), flush=True)


if __name__ == "__main__":
    main()

"""What Prefect costs a night: the flow against a running server, and the same stages without Prefect.

    python -m bench.overhead [--rows 24000 100000] [--repeats 3]

Each side is a process of its own, on one thread. The bare side never imports Prefect: every `prefect` module
is a stand-in, so the flow's functions call the stages as plain functions.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

from bench.inputs import K_MAX, write_definition
from bench.measure import Workplace, run_side
from bench.server import running_server
from bench.sides import AS_OF
from bench.tables import format_head, format_row, format_setting

SAMPLES = {24_000: "article", 100_000: "shop"}
K = 5
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RESEGMENT_THREADS")


class StandIn(MetaPathFinder, Loader):
    """Imports a mock instead of any module of Prefect."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for Prefect's modules only."""
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "prefect" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module whose every name is a mock; outside a flow run, as no context is active."""
        module = MagicMock(__path__=[], __spec__=spec)
        module.FlowRunContext.get.return_value = None
        module.TaskRunContext.get.return_value = None
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The mock is complete."""


def run_flow(job: dict[str, Any]) -> None:
    """Run the flow itself, as a worker's process does."""
    from flows.resegment import resegment

    resegment(job["definition"], AS_OF, job["data"], job["store"])


def run_bare(job: dict[str, Any]) -> None:
    """Run the flow's stages in a process without Prefect."""
    sys.meta_path.insert(0, StandIn())
    from bench.nights import run_night
    from config.definition_files import read_definition, resolve_definition
    from schemas.night import Night

    folder = Path(os.environ["RESEGMENT_DEFINITIONS"])
    run_night(
        Night(
            run_id="bare",
            definition=read_definition(resolve_definition(job["definition"], folder)),
            as_of=AS_OF,
            source=job["data"],
            store=Path(job["store"]),
            force=False,
        )
    )


def run_pairs(rows: int, workplace: Workplace, repeats: int) -> list[dict[str, dict[str, Any]]]:
    """Both sides in turn on a sample of this many rows: their seconds."""
    sample = SAMPLES[rows]
    job: dict[str, Any] = {"sample": sample, "rows": rows, "definition": f"bench-{sample}", "k_max": K_MAX}
    job |= {"data": str(workplace.folder / f"{sample}.csv"), "scaled": sample == "shop", "k": K}
    job["features"] = write_definition(workplace.folder, job["definition"], sample, K)
    run_side("write_input", job, workplace)
    run_side("bench.overhead:flow", job, workplace)  # a warm-up: the first run of a server is slow
    return [
        {side: run_side(f"bench.overhead:{side}", job, workplace) for side in ("bare", "flow")}
        for _ in range(repeats)
    ]


def format_pairs(rows: int, pairs: list[dict[str, dict[str, Any]]]) -> str:
    """Two lines of the table: medians of both sides and of the pairs' differences, CPU and wall."""
    lines = []
    served = f"{statistics.median(pair['flow']['server_cpu'] for pair in pairs):.1f}"
    for label, key, server in (("CPU", "cpu", served), ("wall", "wall", "")):
        bare, flow = (statistics.median(pair[side][key] for pair in pairs) for side in ("bare", "flow"))
        differences = [pair["flow"][key] - pair["bare"][key] for pair in pairs]
        spread = f"{statistics.median(differences):.1f} ({min(differences):.1f} to {max(differences):.1f})"
        ratio = f"{flow / bare:.2f}"
        lines.append(format_row(f"{rows:,}", label, f"{bare:.1f}", f"{flow:.1f}", spread, ratio, server))
    return "\n".join(lines)


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
    options = parser.parse_args()
    print(format_setting())
    titles = ("rows", "seconds of", "bare stages", "flow", "difference (range)", "ratio", "server, CPU")
    print(format_head(*titles, words=2), flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        os.environ["RESEGMENT_DEFINITIONS"] = name
        os.environ.update(dict.fromkeys(THREADS, "1"))
        workplace = Workplace(Path(name), server)
        for rows in options.rows:
            print(format_pairs(rows, run_pairs(rows, workplace, options.repeats)), flush=True)


if __name__ == "__main__":
    main()

"""Our sides of the comparisons: a night as the flow, and as bare stages. Each runs in a process of its own.

    python -m MODULE SIDE JOB.json ANSWER.json

The sides of others are in bench/peers.py. bench/measure.py starts them.
"""

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench.inputs import write_customers, write_orders

if TYPE_CHECKING:
    from schemas.night import Published

Side = Callable[[dict[str, Any]], dict[str, Any]]


class Clock:
    """CPU seconds of the process and of its main thread, and wall seconds, from when it is made."""

    def __init__(self) -> None:
        self.start = self._read()

    def read(self) -> dict[str, float]:
        """Seconds so far."""
        pairs = zip(("work_cpu", "work_wall", "work_main"), self._read(), self.start, strict=True)
        return {name: now - start for name, now, start in pairs}

    @staticmethod
    def _read() -> tuple[float, float, float]:
        return time.process_time(), time.perf_counter(), time.thread_time()


def import_libraries() -> None:
    """What every night needs, so that it counts as imports, as on the other sides."""
    from resegment.flow_runs import prepare_environment

    prepare_environment()
    import duckdb  # noqa: F401
    import pandera.pandas  # noqa: F401
    import plotly.io
    import plotly.offline  # noqa: F401
    import sklearn.cluster  # noqa: F401

    import flows.resegment  # noqa: F401


def run_flow(job: dict[str, Any]) -> dict[str, Any]:
    """The nightly flow, against the server that PREFECT_API_URL names."""
    import_libraries()
    from flows.resegment import resegment
    from schemas.night import Published

    clock = Clock()
    as_of = date.fromisoformat(job["as_of"])
    published = resegment(job["definition"], as_of=as_of, source=job["source"], store=job["store"])
    seconds = clock.read()
    if not isinstance(published, Published):
        raise SystemExit("the run ended without an edition")
    return {**seconds, **sum_features(published.segments_path), **read_edition(published)}


def run_bare(job: dict[str, Any]) -> dict[str, Any]:
    """The stages alone: no server, and no flow run. Also seconds by stage, and bytes of stage files."""
    import_libraries()
    from bench.nights import run_nights
    from config.definition_files import read_definition

    definition = read_definition(Path(job["definitions"], f"{job['definition']}.yaml"))
    store = Path(job["store"])
    with measured_stages(store / definition.name / ".staging") as costs:
        clock = Clock()
        (_, published), *_ = run_nights(definition, job["source"], store, [date.fromisoformat(job["as_of"])])
        seconds = clock.read()
    return {**seconds, **costs, **read_edition(published)}


@contextmanager
def measured_stages(staging: Path) -> Iterator[dict[str, Any]]:
    """Seconds of each stage that runs in the block, and the most bytes of stage files after any of them."""
    from tasks.runtime.stage import Stage

    stages: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    costs: dict[str, Any] = {"stages": stages, "stage_bytes": 0}

    def measure(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(stage: Stage[..., Any], *args: object, **kwargs: object) -> object:
            clock = Clock()
            record = method(stage, *args, **kwargs)
            for name, seconds in clock.read().items():
                stages[stage.name][name] += seconds
            costs["stage_bytes"] = max(costs["stage_bytes"], sum_file_sizes(staging))
            return record

        return run

    with (
        patch.object(Stage, "__call__", measure(Stage.__call__)),
        patch.object(Stage, "for_each", measure(Stage.for_each)),
    ):
        yield costs


def read_edition(published: "Published") -> dict[str, Any]:
    """What is compared of an edition."""
    edition = Path(published.report_path).parent
    manifest = json.loads((edition / "manifest.json").read_bytes())
    return {
        "inertia": manifest["inertia"],
        "customers": published.customers,
        "k": published.k,
        "edition_bytes": sum_file_sizes(edition),
    }


def sum_features(path: str) -> dict[str, float]:
    """All orders and all revenue, which other sides must agree on, if the segments have these features."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = [name for name in ("orders", "revenue") if name in pq.read_schema(path).names]
    table = pq.read_table(path, columns=names)
    return {name: float(pc.sum(table[name]).as_py()) for name in names}


def sum_file_sizes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def peak_mb() -> float:
    """Peak memory of this process in MB.

    Read from VmHWM on Linux: ru_maxrss survives exec, so it would include the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def answer(sides: dict[str, Side], arguments: list[str]) -> None:
    """Run the side that this process was started for, and write its answer with the peak memory."""
    side, work, answer_path = arguments
    result = sides[side](json.loads(Path(work).read_text(encoding="utf-8")))
    Path(answer_path).write_text(json.dumps({**result, "peak_mb": peak_mb()}), encoding="utf-8")


SIDES: dict[str, Side] = {
    "flow": run_flow,
    "bare": run_bare,
    "write_customers": write_customers,
    "write_orders": write_orders,
}

if __name__ == "__main__":
    answer(SIDES, sys.argv[1:])

"""The sides of the comparison, each run in a process of its own: ours, and the article's way.

    python -m bench.sides SIDE JOB.json ANSWER.json

bench/nightly.py decides what is compared and how often.
"""

import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from bench.inputs import write_input

SEED = 42
AS_OF = date(2026, 1, 31)
MAX_ITER = 400

Side = Callable[[dict[str, Any]], dict[str, Any]]


class Clock:
    """CPU and wall seconds of the work after imports, and of its stages."""

    def __init__(self) -> None:
        self.imports_cpu, self.start = time.process_time(), time.perf_counter()
        self.ends: dict[str, float] = {}

    def end(self, stage: str) -> None:
        """Note that a stage ends now. Where several tasks share a name, the last end counts."""
        self.ends[stage] = time.perf_counter()

    def read(self) -> dict[str, Any]:
        """Seconds so far. A stage lasts from the end of the previous one."""
        cpu, wall = time.process_time() - self.imports_cpu, time.perf_counter() - self.start
        starts = [self.start, *list(self.ends.values())[:-1]]
        stages = {name: end - start for (name, end), start in zip(self.ends.items(), starts, strict=True)}
        return {"work_cpu": cpu, "work_wall": wall, "imports_cpu": self.imports_cpu, "stages": stages}


class StageLines(logging.Handler):
    """Notes when stages end, from the lines that Prefect logs."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.INFO)
        self.clock = clock

    def emit(self, record: logging.LogRecord) -> None:
        """Note the flow's beginning and the end of each task."""
        message = record.getMessage()
        if "Beginning flow run" in message:
            self.clock.end("start")
        elif "Finished in state" in message and (name := getattr(record, "task_run_name", "")):
            self.clock.end(name.split(" ")[0])


def run_ours(job: dict[str, Any]) -> dict[str, Any]:
    """The nightly flow, against the server that PREFECT_API_URL names."""
    from resegment.flow_runs import prepare_environment

    prepare_environment()
    # Needed by every run, so counted as imports, as on the other side
    import plotly.io
    import plotly.offline  # noqa: F401
    import pyarrow.parquet as pq
    import sklearn.cluster  # noqa: F401

    from flows.resegment import resegment
    from schemas.night import Published

    clock = Clock()
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addHandler(StageLines(clock))
    published = resegment(job["definition"], as_of=AS_OF, source=job["data"], store=job["store"])
    seconds = clock.read()
    if not isinstance(published, Published):
        raise SystemExit("the run was held by a check")
    edition = Path(published.report_path).parent
    sweep = pq.read_table(edition / "sweep.parquet").to_pydict()
    return {
        **seconds,
        "inertia_by_k": dict(zip(map(str, sweep["k"]), sweep["inertia"], strict=True)),
        "inertia": json.loads((edition / "manifest.json").read_bytes())["inertia"],
        "html_bytes": Path(published.report_path).stat().st_size,
    }


def run_article(job: dict[str, Any]) -> dict[str, Any]:
    """pandas.read_csv, a loop of scikit-learn KMeans, a final fit, a scatter of all rows."""
    import pandas as pd
    import plotly.express as px
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    clock = Clock()
    frame = pd.read_csv(job["data"])
    clock.end("read")
    features = frame[job["features"]]
    x = StandardScaler().fit_transform(features) if job["scaled"] else features.to_numpy(float)
    clock.end("scale")
    by_k = {}
    for k in range(1, job["k_max"] + 1):
        by_k[str(k)] = float(KMeans(**settings(k, SEED)).fit(x).inertia_)
    clock.end("sweep")
    final = KMeans(**settings(job["k"], SEED)).fit(x)
    frame["cluster"] = final.labels_.astype(str)
    clock.end("fit")
    axes = dict(zip("xyz", job["features"], strict=False))
    page = Path(job["store"]) / "article.html"
    px.scatter_3d(frame, **axes, color="cluster").write_html(page)
    clock.end("page")
    return {
        **clock.read(),
        "inertia_by_k": by_k,
        "inertia": float(final.inertia_),
        "html_bytes": page.stat().st_size,
    }


def fit_best_of_three(job: dict[str, Any]) -> dict[str, Any]:
    """The best inertia of three full scikit-learn fits to all rows, for a few k."""
    import pandas as pd
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    x = StandardScaler().fit_transform(pd.read_csv(job["data"], usecols=job["features"])[job["features"]])
    return {
        str(k): min(float(KMeans(**settings(k, seed)).fit(x).inertia_) for seed in (1, 2, 3))
        for k in job["ks"]
    }


def settings(k: int, seed: int) -> dict[str, Any]:
    """The article's k-means: scikit-learn's defaults (one k-means++ start) with the article's `max_iter`."""
    return {"n_clusters": k, "init": "k-means++", "max_iter": MAX_ITER, "random_state": seed}


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
    "ours": run_ours,
    "article": run_article,
    "best_of_three": fit_best_of_three,
    "write_input": write_input,
}

if __name__ == "__main__":
    answer(SIDES, sys.argv[1:])

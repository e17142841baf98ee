"""The two sides of the comparison, each run in a process of its own: ours, and the article's way.

`python -m bench.sides SIDE JOB.json` prints one JSON document. What is compared, and how often,
is bench/nightly.py's.
"""

import json
import logging
import resource
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

SEED = 42
AS_OF = date(2026, 1, 31)
MAX_ITER = 400


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """The nightly flow, against the server that PREFECT_API_URL names."""
    from segmentation.running import prepare_environment

    prepare_environment()
    import plotly.io  # noqa: F401 - counted as import on both sides
    import sklearn.cluster  # noqa: F401 - the same
    from plotly import offline  # noqa: F401

    from flows.resegment import resegment
    from schemas.records import Published

    stages: list[tuple[str, float]] = []

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            name = getattr(record, "task_run_name", "")
            if "Finished in state" in record.getMessage() and name:
                stages.append((name.split(" ")[0], time.perf_counter()))

    logging.getLogger("prefect.task_runs").addHandler(Note())
    cpu, wall = time.process_time(), time.perf_counter()
    published = resegment(job["definition"], as_of=AS_OF, source=job["data"], store=job["store"])
    assert isinstance(published, Published)
    found = used_since(cpu, wall)
    ends = dict(stages)
    begins = [wall, *list(ends.values())[:-1]]
    import pyarrow.parquet as pq

    sweep = pq.read_table(published.report_path.with_name("sweep.parquet")).to_pydict()
    return {
        **found,
        "stages": {
            name: round(end - begin, 3) for (name, end), begin in zip(ends.items(), begins, strict=True)
        },
        "inertia": dict(zip(map(str, sweep["k"]), sweep["inertia"], strict=True)),
        "final": json.loads(published.report_path.with_name("manifest.json").read_bytes())["inertia"],
        "html": published.report_path.stat().st_size,
    }


def article(job: dict[str, Any]) -> dict[str, Any]:
    """pandas.read_csv, a loop of scikit-learn KMeans, a final fit, a scatter of all rows."""
    import pandas as pd
    import plotly.express as px
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    cpu, wall = time.process_time(), time.perf_counter()
    frame = pd.read_csv(job["data"])
    features = frame[job["features"]]
    x = StandardScaler().fit_transform(features) if job["scaled"] else features.to_numpy(float)
    inertia = {}
    for k in range(1, job["k_max"] + 1):
        inertia[str(k)] = float(KMeans(**settings(k, SEED)).fit(x).inertia_)
    final = KMeans(**settings(job["k"], SEED)).fit(x)
    frame["cluster"] = final.labels_.astype(str)
    a, b, c = job["features"][:3]
    page = Path(job["store"]) / "article.html"
    px.scatter_3d(frame, x=a, y=b, z=c, color="cluster").write_html(page)
    return {
        **used_since(cpu, wall),
        "inertia": inertia,
        "final": float(final.inertia_),
        "html": page.stat().st_size,
    }


def best_of_three(job: dict[str, Any]) -> dict[str, Any]:
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
    """The article's k-means: scikit-learn's defaults, its seed and number of passes."""
    return {"n_clusters": k, "init": "k-means++", "max_iter": MAX_ITER, "random_state": seed}


def used_since(cpu: float, wall: float) -> dict[str, Any]:
    """CPU and wall seconds of the work after imports, of the imports, and peak memory in MB."""
    return {
        "work_cpu": time.process_time() - cpu,
        "work_wall": time.perf_counter() - wall,
        "imports_cpu": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    side = {"ours": ours, "article": article, "best_of_three": best_of_three}[sys.argv[1]]
    result = side(json.loads(Path(sys.argv[2]).read_text()))
    Path(sys.argv[3]).write_text(json.dumps(result))

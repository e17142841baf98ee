"""How often each rule finds the true k: `python -m bench.k_accuracy`.

Simulated tables (bench/k_families.py) and, with --labelled DIR, labelled sets run through the project's
own stages scale, sweep, score and weigh; every rule then chooses from the same fits.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bench.k_families import FAMILIES, Table
from bench.k_report import tell_accuracy
from bench.stages import run_stages
from config.parameters import Segmentation
from config.plans import KPlan
from schemas.evidence import Choice, Curve, Evidence
from schemas.records import Night
from segmentation.k.choosing import best_by, choose_gap, choose_k, linear_elbow
from segmentation.k.weighing import label_rows

K_MAX = 12
SEEDS = {"development": 1_000, "reporting": 900_000}
RESAMPLED, DRAWS = 4, 5  # tables per family, and how often four fifths of their rows are drawn
SOLVABLE = 0.8  # ARI of k-means at the true k


class Job(NamedTuple):
    """One table to try, by family and seed, or by file; `draw`: four fifths of its rows, drawn so."""

    family: str
    seed: int
    rows: int
    file: Path | None = None
    draw: int | None = None


def rules(curve: Curve, evidence: Evidence) -> dict[str, int]:
    """The k of every rule, from the same fits."""
    from kneed import KneeLocator

    k = [point.k for point in curve.points]
    knee = KneeLocator(
        k, [point.inertia for point in curve.points], curve="convex", direction="decreasing"
    ).knee
    measures = evidence.measures
    return {
        "auto": choose_k(KPlan(max=K_MAX), curve, evidence).k,
        "kneed": int(knee) if knee is not None else 1,
        "linear elbow": linear_elbow(curve.points),
        "log elbow": choose_k(KPlan(max=K_MAX, rule="elbow"), curve, evidence).k,
        "silhouette": best_by(measures, "silhouette") or 1,
        "calinski-harabasz": best_by(measures, "calinski_harabasz") or 1,
        "davies-bouldin": best_by(measures, "davies_bouldin", smallest=True) or 1,
        "gap": choose_gap(measures) or 1,
        "gap, PCA": choose_gap(measures, pca=True) or 1,
        "fixed 4": 4,
    }


def read_labelled(path: Path) -> Table:
    """A set of whitespace-separated numbers with its reference partition; 0 is noise."""
    with gzip.open(path) as file:
        x = np.loadtxt(file, ndmin=2)
    with gzip.open(str(path).replace(".data.gz", ".labels0.gz")) as file:
        labels = np.loadtxt(file).astype(int)
    return Table(x, labels, len(set(labels.tolist()) - {0}))


def make_table(job: Job) -> Table:
    """The job's table; the same for the same job on any machine."""
    if job.file is not None:
        return read_labelled(job.file)
    rng = np.random.default_rng([job.seed, list(FAMILIES).index(job.family)])
    table = FAMILIES[job.family](rng, job.rows)
    if job.draw is None:
        return table
    drawn = np.random.default_rng([job.seed, job.draw, 7]).permutation(len(table.x))[: len(table.x) * 4 // 5]
    return table._replace(x=table.x[drawn], labels=table.labels[drawn])


def define(table: Table, folder: Path) -> Night:
    """A night over these features, with everything left to the project's defaults."""
    names = [f"f{j}" for j in range(table.x.shape[1])]
    content: dict[str, Any] = {
        "name": "k-accuracy",
        "source": {"path": "none.csv"},
        "rows": {"id": None, "columns": {name: {"type": "float"} for name in names}},
        "features": names,
        "k": {"min": 1, "max": K_MAX},
    }
    segmentation = Segmentation.model_validate(content)
    return Night(
        run_id="bench",
        segmentation=segmentation,
        as_of=date(2026, 1, 31),
        store=folder,
        source=None,
        force=False,
    )


def try_table(job: Job) -> dict[str, Any]:
    """Run the stages on one table; what every rule chose, and how well its segments fit the truth."""
    from sklearn.metrics import adjusted_rand_score

    table = make_table(job)
    with tempfile.TemporaryDirectory() as folder:
        night = define(table, Path(folder))
        columns = dict(zip(night.segmentation.features, table.x.T, strict=True))
        tried = run_stages(night, pa.table(columns))
    x, candidates, curve, evidence = tried.x, tried.candidates, tried.curve, tried.evidence
    agreement = {
        one.k: float(adjusted_rand_score(table.labels, label_rows(x, np.array(one.centres))))
        for one in candidates
    }
    choice: Choice = choose_k(KPlan(max=K_MAX), curve, evidence)
    return {
        "family": job.family,
        "seed": job.seed,
        "draw": job.draw,
        "name": job.file.name if job.file else "",
        "rows": len(x),
        "k": table.k,
        "solvable": agreement.get(table.k, 0.0) >= SOLVABLE,
        "chosen": rules(curve, evidence) | {"auto": 1 if choice.strength == "none" else choice.k},
        "agreement": agreement,
        "agreement_auto": agreement[choice.k],
        "strength": choice.strength,
        "natural": list(evidence.natural),
        "seconds": tried.seconds,
    }


def make_jobs(per_family: int, seeds: str, labelled: Path | None) -> Iterator[Job]:
    """Tables of 500 to 10,000 rows; customers twice as often, crowds four times."""
    for family in FAMILIES:
        times = {"customer": 2, "crowd": 4}.get(family, 1)
        for i in range(per_family * times):
            seed = SEEDS[seeds] + i
            rows = int(np.exp(np.random.default_rng([seed, 99]).uniform(np.log(500), np.log(10_000))))
            yield Job(family, seed, rows)
            if i < RESAMPLED:
                yield from (Job(family, seed, rows, draw=draw) for draw in range(DRAWS))
    for path in sorted(labelled.glob("*/*.data.gz")) if labelled else ():
        yield Job("labelled", 0, 0, path)


def parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.k_accuracy", description=__doc__)
    parser.add_argument("--tables", type=int, default=40, help="tables per family")
    parser.add_argument(
        "--seeds", choices=SEEDS, default="reporting", help="constants were set on development"
    )
    parser.add_argument("--labelled", type=Path, help="a folder of labelled sets as in clustering-data-v1")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write every table's result as JSON")
    return parser.parse_args()


def main() -> None:
    """Try every table, tell the rates."""
    options = parse_options()
    jobs: Sequence[Job] = list(make_jobs(options.tables, options.seeds, options.labelled))
    attempt: Callable[[Job], dict[str, Any]] = partial(try_table)
    with ProcessPoolExecutor(options.workers) as pool:
        found = list(pool.map(attempt, jobs, chunksize=4))
    if options.save:
        options.save.write_text(json.dumps(found, indent=1) + "\n")
    print(tell_accuracy(found))


if __name__ == "__main__":
    main()

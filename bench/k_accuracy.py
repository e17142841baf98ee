"""How often each rule chooses the true k: `python -m bench.k_accuracy`.

Simulated tables (bench/k_families.py) and, with --labelled DIR, labelled sets go through the project's own
stages, from scaling to evaluation. Every rule then chooses from the same fits.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bench.k_families import FAMILIES, SimulatedTable
from bench.k_report import TableOutcome, format_accuracy
from bench.stages import evaluate_table
from bench.tables import format_setting
from config.clauses import KOptions
from config.definition import Definition
from schemas.evidence import Choice, Curve, Evidence
from schemas.night import Night
from segmentation.k.evaluation_sample import label_nearest
from segmentation.k.rules import choose_k
from segmentation.k.votes import best_k_by, choose_gap, choose_linear_elbow

K_MAX = 12
SEEDS = {"development": 1_000, "reporting": 900_000}
DRAWS = 5  # of four fifths of a table's rows
SOLVABLE = 0.8  # ARI of k-means at the true k


class Job(NamedTuple):
    """One table, by family and seed or by file. `draw` is the seed for drawing four fifths of its rows."""

    family: str
    seed: int
    rows: int
    file: Path | None = None
    draw: int | None = None


def apply_rules(curve: Curve, evidence: Evidence) -> dict[str, int]:
    """The k that each rule chooses from the same fits."""
    from kneed import KneeLocator

    k = [point.k for point in curve.points]
    knee = KneeLocator(
        k, [point.inertia for point in curve.points], curve="convex", direction="decreasing"
    ).knee
    measures = evidence.measures
    return {
        "auto": choose_k(KOptions(max=K_MAX), curve, evidence).k,
        "kneed": int(knee) if knee is not None else 1,
        "linear elbow": choose_linear_elbow(curve.points),
        "log elbow": choose_k(KOptions(max=K_MAX, rule="elbow"), curve, evidence).k,
        "silhouette": best_k_by(measures, "silhouette") or 1,
        "calinski-harabasz": best_k_by(measures, "calinski_harabasz") or 1,
        "davies-bouldin": best_k_by(measures, "davies_bouldin") or 1,
        "gap": choose_gap(measures) or 1,
        "gap, PCA": choose_gap(measures, by_components=True) or 1,
        "fixed 4": 4,
    }


def read_labelled(path: Path) -> SimulatedTable:
    """A set of whitespace-separated numbers with its reference partition, in which 0 is noise."""
    with gzip.open(path) as file:
        x = np.loadtxt(file, ndmin=2)
    with gzip.open(str(path).replace(".data.gz", ".labels0.gz")) as file:
        labels = np.loadtxt(file).astype(int)
    return SimulatedTable(x, labels, len(set(labels.tolist()) - {0}))


def make_table(job: Job) -> SimulatedTable:
    """The job's table, the same on every machine."""
    if job.file is not None:
        return read_labelled(job.file)
    rng = np.random.default_rng([job.seed, list(FAMILIES).index(job.family)])
    table = FAMILIES[job.family](rng, job.rows)
    if job.draw is None:
        return table
    order = np.random.default_rng([job.seed, job.draw, 7]).permutation(len(table.x))
    rows = order[: len(table.x) * 4 // 5]
    return table._replace(x=table.x[rows], labels=table.labels[rows])


def define_night(table: SimulatedTable, folder: Path) -> Night:
    """A night over these features, with the project's defaults."""
    names = [f"f{j}" for j in range(table.x.shape[1])]
    content: dict[str, Any] = {
        "name": "k-accuracy",
        "source": {"path": "none.csv"},
        "rows": {"id": None, "columns": {name: {"type": "float"} for name in names}},
        "features": names,
        "k": {"min": 1, "max": K_MAX},
    }
    definition = Definition.model_validate(content)
    return Night(
        run_id="bench",
        definition=definition,
        as_of=date(2026, 1, 31),
        store=folder,
        source=None,
        force=False,
    )


def measure_table(job: Job) -> TableOutcome:
    """Run the stages on one table: what each rule chose, and how well its segments match the truth."""
    from sklearn.metrics import adjusted_rand_score

    table = make_table(job)
    with tempfile.TemporaryDirectory() as folder:
        night = define_night(table, Path(folder))
        columns = dict(zip(night.definition.features, table.x.T, strict=True))
        evaluation = evaluate_table(night, pa.table(columns))
    agreement = {
        candidate.k: float(
            adjusted_rand_score(table.labels, label_nearest(evaluation.x, np.array(candidate.centres)))
        )
        for candidate in evaluation.candidates
    }
    choice: Choice = choose_k(KOptions(max=K_MAX), evaluation.curve, evaluation.evidence)
    ks = apply_rules(evaluation.curve, evaluation.evidence)
    return TableOutcome(
        family=job.family,
        seed=job.seed,
        draw=job.draw,
        name=job.file.name if job.file else "",
        rows=len(evaluation.x),
        k=table.k,
        is_solvable=agreement.get(table.k, 0.0) >= SOLVABLE,
        # Without evidence the division is only a convenience, so `auto` has not claimed any segments.
        chosen=ks | {"auto": 1 if choice.strength == "none" else choice.k},
        agreement=agreement | {0: agreement[choice.k]},
        strength=choice.strength,
        seconds=evaluation.evidence_seconds,
    )


def make_jobs(options: argparse.Namespace) -> Iterator[Job]:
    """Tables of 500 to 10,000 rows, twice as many of customers and four times as many crowds."""
    for family in FAMILIES:
        times = {"customer": 2, "crowd": 4}.get(family, 1)
        for i in range(options.tables * times):
            seed = SEEDS[options.seeds] + i
            rows = int(np.exp(np.random.default_rng([seed, 99]).uniform(np.log(500), np.log(10_000))))
            yield Job(family, seed, rows)
            if i < options.resampled and family != "crowd":
                yield from (Job(family, seed, rows, draw=draw) for draw in range(DRAWS))
    for path in sorted(options.labelled.glob("*/*.data.gz")) if options.labelled else ():
        yield Job("labelled", 0, 0, path)


def _parse_options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.k_accuracy", description=__doc__)
    parser.add_argument("--tables", type=int, default=40, help="tables per family")
    parser.add_argument("--resampled", type=int, default=4, help="tables per family to draw rows of again")
    parser.add_argument(
        "--seeds", choices=SEEDS, default="reporting", help="constants were set on development"
    )
    parser.add_argument("--labelled", type=Path, help="a folder of labelled sets as in clustering-data-v1")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write every table's result as JSON")
    return parser.parse_args()


def main() -> None:
    """Run every table and print the rates."""
    options = _parse_options()
    jobs = list(make_jobs(options))
    with ProcessPoolExecutor(options.workers) as pool:
        outcomes = list(pool.map(measure_table, jobs, chunksize=4))
    if options.save:
        content = [outcome._asdict() for outcome in outcomes]
        options.save.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{format_setting()}\n{format_accuracy(outcomes)}")


if __name__ == "__main__":
    main()

"""The stages from scaling to evaluation on one table in memory, as a first night runs them.

The whole night is run by bench/nights.py.
"""

import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.clustering import Candidate
from schemas.evidence import Curve, Evidence
from schemas.identity import PreviousEdition
from schemas.night import Night
from schemas.rows import Customers, EditionKey, Ingested, RowBalance
from segmentation.k.evaluation import FAMILIES
from segmentation.parts import read_part, to_matrix, write_part
from tasks.evaluate import evaluate, join_evidence
from tasks.scale import scale
from tasks.sweep import measure_inertia, sweep


class TableEvaluation(NamedTuple):
    """Scaled rows (n, d), the fits, what is known about each k, and the CPU seconds of learning it."""

    x: np.ndarray
    candidates: list[Candidate]
    curve: Curve
    evidence: Evidence
    evidence_seconds: float


def evaluate_table(night: Night, table: pa.Table) -> TableEvaluation:
    """Scale, cluster and evaluate a table of one row per customer, as a first night does."""
    night.staging.mkdir(parents=True)
    scaled = scale(night, wrap_table(night, table), PreviousEdition())
    candidates = sweep.for_each(scaled.ks, night, scaled)
    curve = measure_inertia(night, scaled, candidates)
    start = time.process_time()
    evidence = join_evidence(scaled, evaluate.for_each(list(FAMILIES), night, scaled, candidates))
    return TableEvaluation(
        x=np.concatenate([to_matrix(read_part(part)).T for part in scaled.parts]),
        candidates=candidates,
        curve=curve,
        evidence=evidence,
        evidence_seconds=time.process_time() - start,
    )


def wrap_table(night: Night, table: pa.Table) -> Customers:
    """The record that summarise would return for this table."""
    part = write_part(night.staging / "customers.parquet", table)
    balance = RowBalance(read=part.rows, used=part.rows)
    key = EditionKey(edition="bench", previous=None, replaces=None)
    ingested = Ingested(key=key, inputs=(), digests=(), balance=balance, parts=(), quarantine=(), warnings=())
    return Customers(ingested=ingested, parts=(part,), quarantine=(), balance=balance, warnings=())

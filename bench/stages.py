"""The stages from scaling to evidence on one table in memory, as a first night runs them, without Prefect."""

import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.evidence import Curve, Evidence
from schemas.identity import Memory
from schemas.records import Candidate, Customers, Night
from segmentation.parts import read_part, to_matrix, write_part
from tasks.evaluate import weigh
from tasks.scale import scale
from tasks.sweep import score, sweep


class Tried(NamedTuple):
    """What the stages made of a table: scaled rows (n, d), fits, curve, evidence.

    seconds, sweeping: of CPU, for the evidence, and for sweep and score.
    """

    x: np.ndarray
    candidates: list[Candidate]
    curve: Curve
    evidence: Evidence
    seconds: float
    sweeping: float


def run_stages(night: Night, table: pa.Table) -> Tried:
    """Scale, sweep, score and weigh one row per customer, as a first night does."""
    night.staging.mkdir(parents=True)
    part = write_part(night.staging / "customers.parquet", table)
    customers = Customers(
        parts=(part,),
        quarantine=(),
        read=part.rows,
        used=part.rows,
        merged=0,
        quarantined=0,
        reasons={},
        warnings=(),
    )
    scaled = scale.fn(night, customers, Memory())
    began = time.process_time()
    candidates = [sweep.fn(night, scaled, k) for k in scaled.ks]
    curve = score.fn(night, scaled, candidates)
    swept = time.process_time()
    evidence = weigh.fn(night, scaled, candidates)
    seconds, sweeping = time.process_time() - swept, swept - began
    x = np.concatenate([to_matrix(read_part(one)).T for one in scaled.parts])
    return Tried(x, candidates, curve, evidence, seconds, sweeping)

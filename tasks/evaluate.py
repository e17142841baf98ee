"""Stage evaluate: the evidence for and against each k, from one sample of the customers, a task per family.

The measures are computed in segmentation/k/evaluation.py. Choosing among the k is in tasks/choose.py.
"""

import numpy as np

from schemas.clustering import Candidate, Scaled
from schemas.evidence import Evidence, MeasureFamily
from schemas.night import Night
from segmentation.k.evaluation import FAMILIES, join_families
from segmentation.k.evaluation_sample import EvaluationSample
from segmentation.k.fits import get_thread_pools, read_weighted
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage


@stage("evaluate {night.as_of} {family}")
def evaluate(night: Night, scaled: Scaled, candidates: list[Candidate], family: str) -> MeasureFamily:
    """Compute one family of measures for every candidate."""
    # Not the sweep's coreset, which draws outliers on purpose: its density is not that of the customers.
    rows = to_matrix(read_part(scaled.sample.uniform)).T
    exact = read_weighted(scaled.sample.part) if scaled.sample.exact else None
    sample = EvaluationSample(rows, exact, night.definition.k.smallest_share, night.definition.seed)
    centres = [np.array(candidate.centres) for candidate in candidates]
    # Families run at the same time, and so do the k of one. With threads inside each small product as well,
    # the same work takes twice the CPU time.
    with get_thread_pools().limit(limits=1):
        return MeasureFamily(name=family, by_k=FAMILIES[family](sample, centres))


def join_evidence(scaled: Scaled, families: list[MeasureFamily]) -> Evidence:
    """The evidence of all families."""
    measures, natural = join_families(family.by_k for family in families)
    return Evidence(
        measures=tuple(measures),
        natural=tuple(natural),
        rows=scaled.sample.uniform.rows,
        distinct=scaled.sample.distinct,
    )

"""Stage evaluate: the evidence for and against each k, from one sample of the customers.

The measures are computed in segmentation/k/evaluation.py. Choosing among the k is in tasks/choose.py.
"""

import numpy as np

from schemas.clustering import Candidate, Scaled
from schemas.evidence import Evidence
from schemas.night import Night
from segmentation.k.evaluation import evaluate_all
from segmentation.k.evaluation_sample import EvaluationSample
from segmentation.k.fits import read_weighted
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage


@stage("evaluate {night.as_of}")
def evaluate(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Evidence:
    """Compute every measure of every candidate."""
    # Not the sweep's coreset, which draws outliers on purpose: its density is not that of the customers.
    rows = to_matrix(read_part(scaled.sample.uniform)).T
    exact = read_weighted(scaled.sample.part) if scaled.sample.exact else None
    sample = EvaluationSample(rows, exact, night.definition.k.smallest_share, night.definition.seed)
    centres = [np.array(candidate.centres) for candidate in candidates]
    measures, natural = evaluate_all(sample, centres)
    return Evidence(
        measures=tuple(measures), natural=tuple(natural), rows=len(rows), distinct=scaled.sample.distinct
    )

"""Stage weigh: all that speaks for and against each k, from one sample of the customers.

The measures are segmentation/k/weighing.py's; choosing among the k belongs in tasks/choose.py.
"""

import numpy as np

from schemas.evidence import Evidence
from schemas.records import Candidate, Night, Scaled
from segmentation.features.sampling import WEIGHT
from segmentation.k.fits import Weighted
from segmentation.k.weighing import Bench, weigh_all
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage


@stage("weigh {night.as_of}")
def weigh(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Evidence:
    """Every measure of every candidate."""
    rows = to_matrix(read_part(scaled.sample.even)).T
    exact = None
    if scaled.sample.exact:
        sample = read_part(scaled.sample.part)
        exact = Weighted(to_matrix(sample.drop_columns(WEIGHT)).T, sample[WEIGHT].to_numpy())
    bench = Bench(rows, exact, night.segmentation.k.smallest_share, night.segmentation.seed)
    measures, natural = weigh_all(bench, [np.array(one.centres) for one in candidates])
    return Evidence(
        measures=tuple(measures), natural=tuple(natural), rows=len(rows), distinct=scaled.sample.distinct
    )

"""Stage challenge: one algorithm on a sample of the customers, compared with the k-means champion.

The algorithms are in segmentation/k/challengers.py, the measures in segmentation/k/trials.py.
"""

import re
from typing import Annotated

import numpy as np
from pydantic import Field

from config.settings import read_settings
from schemas.clustering import Scaled
from schemas.comparison import Champion, Contest, Trial
from schemas.night import Night
from segmentation.k.challengers import CHALLENGERS
from segmentation.k.evaluation_sample import label_nearest
from segmentation.k.trials import TrialSample, run_trial
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage

Rows = Annotated[int, Field(strict=True, ge=100, le=10_000)]
UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


def parse_bytes(size: str) -> int:
    """Bytes of a size such as 1.5GB.

    >>> parse_bytes("1.5GB")
    1500000000
    """
    number, unit = re.fullmatch(r"([\d.]+)([MG]i?B)", size).groups()  # type: ignore[union-attr]
    return int(float(number) * UNITS[unit])


def set_up_contest(scaled: Scaled, champion: Champion, rows: int) -> Contest:
    """What every algorithm is given: at most `rows` customers, and the champion's centres."""
    return Contest(sample=scaled.sample.uniform, centres=champion.centres, rows=rows)


def draw_trial_sample(night: Night, contest: Contest) -> TrialSample:
    """The contest's customers, and the champion's labels for them."""
    seed = night.definition.seed
    uniform = to_matrix(read_part(contest.sample)).T
    order = np.random.default_rng(seed).permutation(len(uniform))[: contest.rows]
    rows, centres = uniform[order], np.array(contest.centres)
    # As many algorithms run at once as there are threads, and each may need its estimate at the same moment.
    memory_bytes = parse_bytes(read_settings().memory_limit) // read_settings().threads
    return TrialSample(rows, label_nearest(rows, centres), len(centres), seed, memory_bytes)


@stage("challenge {night.as_of} {algorithm}")
def challenge(night: Night, contest: Contest, algorithm: str) -> Trial:
    """Fit one algorithm to the sample and measure its segments."""
    return run_trial(CHALLENGERS[algorithm], draw_trial_sample(night, contest))

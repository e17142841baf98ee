"""RFM scores of all customers: exact quintile cut points over the parts, and the columns of one part.

Scores are those of one night: `resegment score` has none. The report shows them in
segmentation/report/sections/rfm_view.py.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.rfm import CODE, SCORES, RfmColumns
from schemas.part import Part
from schemas.rfm import QuintileCuts, RfmCuts
from segmentation.features.order_statistics import pass_over, select_ranks
from segmentation.features.quintiles import GROUPS, list_cut_ranks, score_quintiles
from segmentation.parts import read_part, to_matrix


def compute_rfm_cuts(parts: Sequence[Part], columns: RfmColumns) -> RfmCuts:
    """The cut points of the three columns over all customers who have a value, whatever the parts' order."""
    cuts = {name: compute_column_cuts(parts, getattr(columns, name)) for name in SCORES}
    return RfmCuts(**cuts)


def compute_column_cuts(parts: Sequence[Part], column: str) -> QuintileCuts:
    """One column's cut points, in bounded memory."""
    values = pass_over(parts, lambda part: _repeat_present(read_values(part, column)))
    count = sum(values(lambda _, labels: len(labels)))
    if not count:
        return QuintileCuts(column=column, cuts=())
    cuts = select_ranks(values, list_cut_ranks(count)[None, :], GROUPS - 1)[0]
    return QuintileCuts(column=column, cuts=tuple(cuts.tolist()))


def _repeat_present(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values that are there, once per cut point: each has a rank of its own."""
    present = values[~np.isnan(values)]
    return np.broadcast_to(present, (GROUPS - 1, len(present))), np.zeros(len(present), np.int64)


def read_values(part: Part, column: str) -> np.ndarray:
    """A column of one part as float64 (n,), NaN where it is missing."""
    values: np.ndarray = to_matrix(read_part(part, [column]))[0]
    return values


def make_scorer(cuts: RfmCuts | None) -> Callable[[pa.Table], dict[str, pa.Array]] | None:
    """What computes the scores of a part; None without cut points."""
    return partial(score_rfm, cuts=cuts) if cuts else None


def score_rfm(customers: pa.Table, cuts: RfmCuts) -> dict[str, pa.Array]:
    """The columns of the scores for a part of the customers; null where a value is missing."""
    columns: dict[str, pa.Array] = {}
    for score, quintiles in cuts.by_score.items():
        values = to_matrix(customers, [quintiles.column])[0]
        scores = score_quintiles(values, np.array(quintiles.cuts))
        if score == SCORES["recency"]:
            scores = GROUPS + 1 - scores  # the fewest days are best
        columns[score] = pa.array(scores, pa.int64(), mask=np.isnan(values))
    texts = [scores.cast(pa.string()) for scores in columns.values()]
    return {**columns, CODE: pc.binary_join_element_wise(*texts, "")}

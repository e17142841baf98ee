"""RFM scores: the cut points of a night in the manifest.

The columns are in rfm_columns.py. Both are computed in segmentation/features/rfm.py.
"""

from config.rfm import SCORES
from schemas.record import Record


class QuintileCuts(Record):
    """A column's four cut points, ascending: the values that 20, 40, 60 and 80 % of customers do not exceed.

    Empty if no customer has a value.
    """

    column: str
    cuts: tuple[float, ...]


class RfmCuts(Record):
    """The cut points of a night's scores."""

    recency: QuintileCuts
    frequency: QuintileCuts
    monetary: QuintileCuts

    @property
    def by_score(self) -> dict[str, QuintileCuts]:
        """The cut points by the names of the scores."""
        return {score: getattr(self, name) for name, score in SCORES.items()}

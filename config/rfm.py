"""The part of a definition that asks for RFM scores: recency, frequency and monetary value, 1 to 5 each.

How quintiles are computed is in segmentation/features/quintiles.py.
"""

from collections.abc import Collection, Mapping

from pydantic import Field

from config.clauses import Clause
from config.columns import Column

SCORES = {"recency": "rfm_recency", "frequency": "rfm_frequency", "monetary": "rfm_monetary"}
CODE = "rfm"


class RfmColumns(Clause):
    """Adds quintile scores to segments.parquet. They take no part in distances."""

    recency: str = Field(
        min_length=1, description="Column of the days since the last purchase: the fewest days score 5."
    )
    frequency: str = Field(min_length=1, description="Column of the number of purchases: the most score 5.")
    monetary: str = Field(min_length=1, description="Column of what was spent: the most scores 5.")

    @property
    def by_score(self) -> dict[str, str]:
        """The columns by the names of their scores."""
        return {score: getattr(self, name) for name, score in SCORES.items()}

    def fault(self, columns: Mapping[str, Column], kept_columns: Collection[str]) -> str | None:
        """Why no scores can be computed; None if they can. columns: those of the customer table."""
        names = list(self.by_score.values())
        if len(set(names)) != len(names):
            return "recency, frequency and monetary must be three different columns"
        for name in names:
            if name not in kept_columns:
                return f"{name} is neither in features nor in profile; add it to profile to keep it"
            if columns[name].type not in ("int", "float"):
                return f"{name} has type {columns[name].type}; expected int or float"
        added = {CODE, *SCORES.values()}
        # SQL names are case-insensitive.
        clashes = sorted(name for name in kept_columns if name.casefold() in added)
        return f"segments.parquet gets a column {clashes[0]} from it; rename yours" if clashes else None

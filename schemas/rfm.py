"""RFM scores: their columns in segments.parquet, and the cut points in the manifest.

They are computed in segmentation/features/rfm.py.
"""

import pandera.pandas as pa

from config.definition import Definition
from config.rfm import CODE, SCORES
from schemas.customer_columns import describe_columns
from schemas.fields import text
from schemas.record import Record

_MEANINGS = {
    "recency": "recency, 1 to 5: 5 for the fifth of customers with the fewest days",
    "frequency": "frequency, 1 to 5: 5 for the fifth of customers with the most purchases",
    "monetary": "monetary value, 1 to 5: 5 for the fifth of customers who spent most",
}


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


def describe_scores(definition: Definition) -> dict[str, pa.Column]:
    """The columns that `rfm` adds to segments.parquet; none without it."""
    if definition.rfm is None:
        return {}
    sources = definition.rfm.by_score
    contracts = describe_columns(definition, list(sources.values()))
    columns = {
        score: pa.Column(
            "Int64" if contracts[source].nullable else "int64",
            pa.Check.in_range(1, 5),
            nullable=contracts[source].nullable,
            description=f"Quintile score of {_MEANINGS[name]}. Null where the value is missing.",
        )
        for (name, score), source in zip(SCORES.items(), sources.values(), strict=True)
    }
    is_nullable = any(column.nullable for column in columns.values())
    meaning = "The three scores as one text, such as 545. Null where one of them is."
    return {**columns, CODE: text(meaning, is_nullable, pa.Check.str_matches(r"^[1-5]{3}$"))}

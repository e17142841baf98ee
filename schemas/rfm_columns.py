"""RFM scores: their columns in segments.parquet. The cut points are in rfm.py.

They are apart, since a manifest is read without pandera.
"""

import pandera.pandas as pa

from config.definition import Definition
from config.rfm import CODE, SCORES
from schemas.customer_columns import describe_columns
from schemas.fields import text

_MEANINGS = {
    "recency": "recency, 1 to 5: 5 for the fifth of customers with the fewest days",
    "frequency": "frequency, 1 to 5: 5 for the fifth of customers with the most purchases",
    "monetary": "monetary value, 1 to 5: 5 for the fifth of customers who spent most",
}


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

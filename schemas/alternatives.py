"""The contract of alternatives.parquet: the segments of every k that was tried, from the sweep's fits.

Its rows are computed in segmentation/report/tables/alternatives_table.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_SEGMENT, count, number, text

ALTERNATIVES = pa.DataFrameSchema(
    {
        "k": count("Number of segments of this division.", 1),
        "is_published": pa.Column("bool", description="Is this the edition's division?"),
        "position": count("Place in reading order, from 1: most value first, else largest first.", 1),
        "segment_id": text("The segment, in the edition's division. Null in others.", True, IS_SEGMENT),
        "name": text("Factual name, from the centre. If published, that of descriptions.parquet."),
        "size": count("Customers in the segment.", 0),
        "share": number("Share of all customers, 0 to 1.", at_least=0),
        "value_share": number(
            "Share of the value feature's sum. Null without one, or if the sum is not above 0.", True
        ),
        "stability": number(
            "Bootstrap Jaccard of the least stable segment; 0.75 and more holds. Of the trial fit, "
            "also where the edition keeps last night's model.",
            True,
            0,
        ),
        "centre": text("The centre in the scaled units of model.json, as JSON."),
    },
    name="alternatives",
    title="alternatives.parquet",
    description="One row per k tried and segment: what another number of segments would be.",
    strict=True,
    ordered=True,
)

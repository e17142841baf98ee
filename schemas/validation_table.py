"""The contract of validation.parquet: each measure of an outcome in each segment of a past edition.

The record of a validation is in validation.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_SEGMENT, count, number, text

VALIDATION = pa.DataFrameSchema(
    {
        "measure": text("What became known, such as revenue or churn."),
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "name": text("Its factual name in the edition."),
        "customers": count("Customers of the segment whose outcome is known."),
        "mean": number("Mean, or rate, of the measure. Null for fewer than 10 customers.", nullable=True),
        "mean_low": number("Lower end of its 95 % confidence interval.", nullable=True),
        "mean_high": number("Upper end.", nullable=True),
        "lift": number("Mean / mean over all customers. Null where that is not above 0.", nullable=True),
        "lift_low": number("Lower end of its 95 % confidence interval.", nullable=True),
        "lift_high": number("Upper end.", nullable=True),
    },
    name="validation",
    title="validation.parquet",
    description="One row per measure and segment.",
    strict=True,
    ordered=True,
)

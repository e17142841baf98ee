"""The contract of levels.parquet: who is in the segments, by the columns of the definition's profile.

Its rows are computed in segmentation/report/tables/level_table.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_SEGMENT, count, number, text

KINDS = ("level", "other", "missing", "number")
TESTS = ("chi-square", "exact", "simulated", "Kruskal-Wallis", "rank sum")


def _test(description: str) -> pa.Column:
    return text(description, True, pa.Check.isin(list(TESTS)))


LEVELS = pa.DataFrameSchema(
    {
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "column": text("Profile column that this row describes."),
        "kind": text(
            "level; other: rare levels together; missing; number: values of a column of numbers or times.",
            check=pa.Check.isin(list(KINDS)),
        ),
        "level": text("The level, (other) or (missing). Null for numbers.", True),
        "customers": count("Customers of the segment with this level; of numbers, with a value."),
        "share": number("customers / all customers of the segment, 0 to 1.", at_least=0),
        "share_of_all": number("The same share over all customers.", at_least=0),
        "lift": number(
            "share / share_of_all; of numbers, median / median_of_all. Null where that is not above 0, and "
            "for times.",
            True,
        ),
        "unit": text(
            "Unit of means and quartiles: as in the definition, or days since 1970-01-01 for times."
        ),
        "mean": number("Arithmetic mean over the segment's customers. Null unless kind is number.", True),
        "lower_quartile": number("Value that a quarter of the segment's customers do not exceed.", True),
        "median": number("Value that half of the segment's customers do not exceed.", True),
        "upper_quartile": number("Value that three quarters of the segment's customers do not exceed.", True),
        "mean_of_all": number("Arithmetic mean over all customers.", True),
        "median_of_all": number("Lower median over all customers.", True),
        "test": _test("The test of this segment against all other customers. Null if there are too few."),
        "p_value": number("Its p-value.", True, 0),
        "q_value": number(
            "p_value adjusted for all rows of the table (Benjamini and Hochberg): below 0.05, at most one in "
            "twenty such rows differs by chance.",
            True,
            0,
        ),
        "column_test": _test("The test of the column over all segments. Null if customers are too few."),
        "column_p_value": number("Its p-value.", True, 0),
        "column_q_value": number("column_p_value adjusted for all columns in the same way.", True, 0),
        "association": number(
            "How strongly column and segments go together, 0 to 1: Cramér's V, or of numbers the correlation "
            "ratio of their ranks.",
            True,
            0,
        ),
    },
    name="levels",
    title="levels.parquet",
    description="One row per segment and level of a profile column: who is in the segments.",
    strict=True,
    ordered=True,
)

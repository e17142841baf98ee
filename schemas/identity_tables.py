"""Contracts of the tables that relate an edition to the one before: lineage, history, migration, changes.

The other published tables are in tables.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_DAY, IS_SEGMENT, SEGMENT_ID, count, number, text
from schemas.known_customers import LAPSED, NEW

BORDER = "(border)"  # in place of a feature, where only the new model moves the customer
# With `groups` in the definition, customers come from the new and the lapsed, and leave to them.
_IS_SEGMENT_OR_GROUP = pa.Check.str_matches(rf"{SEGMENT_ID}|^({NEW}|{LAPSED})$")

LINEAGE = pa.DataFrameSchema(
    {
        "event": text(
            "survived, split, merged, born or died.",
            check=pa.Check.isin(["survived", "split", "merged", "born", "died"]),
        ),
        "from_segment_id": text("Segment before. Null if the segment was born.", True, IS_SEGMENT),
        "segment_id": text("Segment of this edition. Null if the segment died.", True, IS_SEGMENT),
        "shared": count("Customers who were in the first and are in the second."),
        "share_of_from": number("shared / customers of from_segment_id who are still customers.", True, 0),
        "share_of_segment": number("shared / customers of segment_id who were customers before.", True, 0),
    },
    name="lineage",
    title="lineage.parquet",
    description="What became of each segment of the previous edition, and where each new one comes from.",
    strict=True,
    ordered=True,
)

HISTORY = pa.DataFrameSchema(
    {
        "as_of": text("Date of the edition, YYYY-MM-DD.", check=IS_DAY),
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "name": text("Its factual name in that edition."),
        "size": count("Its customers.", 1),
        "share": number("Share of all customers of that edition, 0 to 1.", at_least=0),
        "value": number(
            "Sum of the value feature (`value` in the definition) over its customers. Null without one.",
            True,
        ),
        "moved_share": number(
            "Share of the customers of both dates who changed segment, over the whole edition. Null "
            "without an edition before.",
            True,
            0,
        ),
    },
    name="history",
    title="history.parquet",
    description="The segments of this edition and of those it follows, the last 90 dates: continued from "
    "the edition before, empty before a cold start.",
    strict=True,
    ordered=True,
)

TRENDS = pa.DataFrameSchema(
    {
        "as_of": text("Date of the edition, YYYY-MM-DD.", check=IS_DAY),
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "feature": text("Feature."),
        "mean": number("Its arithmetic mean over the segment's customers, in original units."),
        "median": number("Its lower median over the segment's customers, in original units."),
    },
    name="trends",
    title="trends.parquet",
    description="Averages by date, segment and feature, for the dates of history.parquet: of each night the "
    "40 features in which segments differ most.",
    strict=True,
    ordered=True,
)

MIGRATION = pa.DataFrameSchema(
    {
        "from_segment_id": text("Segment before. Null for customers who joined.", True, IS_SEGMENT),
        "segment_id": text("Segment in this edition. Null for customers who left.", True, IS_SEGMENT),
        "customers": count("Number of customers."),
    },
    name="migration",
    title="migration.parquet",
    description="Customers by segment before and now: sums by from_segment_id are the sizes before, sums by "
    "segment_id the sizes now.",
    strict=True,
    ordered=True,
)

CHANGES = pa.DataFrameSchema(
    {
        "customer_id": text("Customer id."),
        "change": text("joined, left or moved.", check=pa.Check.isin(["joined", "left", "moved"])),
        "from_segment_id": text(
            "Segment in the edition before. Of customers who joined: new, lapsed, or null.",
            True,
            _IS_SEGMENT_OR_GROUP,
        ),
        "from_segment_name": text(
            "Its name in this edition; of a segment that is gone, its last name. Null for customers who "
            "joined.",
            True,
        ),
        "segment_id": text(
            "Segment in this edition. Of customers who left: with groups, lapsed or new, else null.",
            True,
            _IS_SEGMENT_OR_GROUP,
        ),
        "segment_name": text(
            "Name that people gave it, else its factual name. Null for customers who left.", True
        ),
        "cause": text(
            "Why the customer moved: behaviour or model. Null unless moved.",
            True,
            pa.Check.isin(["behaviour", "model"]),
        ),
        "moved_by": text(
            "The feature whose change did most to carry the customer over the border; (border) where the new "
            "model moved it. Null unless moved, or where last night's model cannot place the customer.",
            True,
        ),
        "before": text(
            "Its value in the edition before, in original units, as text. Null where it was missing.", True
        ),
        "after": text("Its value now. Null where it is missing.", True),
        "moved_by_2": text("A second feature, where the first alone would not have been enough.", True),
        "before_2": text("Its value in the edition before.", True),
        "after_2": text("Its value now.", True),
    },
    name="changes",
    title="changes.parquet",
    description="Customers who joined, left or moved since the edition before, sorted by customer_id. "
    "Empty without an edition before.",
    strict=True,
    ordered=True,
)

CONTESTED = pa.DataFrameSchema(
    {
        "customer_id": text("Customer id."),
        "wanted": text("Segment that new models would move the customer to.", check=IS_SEGMENT),
        "nights": count("For how many nights in a row.", 1),
    },
    name="contested",
    title="contested.parquet",
    description="With refit.mode combine: customers only the new model would move. They keep their segment.",
    strict=True,
    ordered=True,
)

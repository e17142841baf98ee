"""Contracts of what tells one edition from the one before: lineage, migration, changes, contested customers.

The other published tables are in schemas/tables.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_SEGMENT, count, number, text

LINEAGE = pa.DataFrameSchema(
    {
        "event": text(
            "survived, split, merged, born or died.",
            check=pa.Check.isin(["survived", "split", "merged", "born", "died"]),
        ),
        "from_segment_id": text("Segment before. Null if the segment was born.", True, IS_SEGMENT),
        "segment_id": text("Segment of this edition. Null if the segment died.", True, IS_SEGMENT),
        "shared": count("Customers who were in the one and are in the other."),
        "share_of_from": number("shared / those of from_segment_id who are still customers.", True, 0),
        "share_of_segment": number("shared / those of segment_id who were customers before.", True, 0),
    },
    name="lineage",
    title="lineage.parquet",
    description="What became of each segment of the edition before, and where each of this one comes from.",
    strict=True,
    ordered=True,
)

HISTORY = pa.DataFrameSchema(
    {
        "as_of": text("Date of the edition, YYYY-MM-DD.", check=pa.Check.str_matches(r"^\d{4}-\d{2}-\d{2}$")),
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "name": text("Its factual name in that edition."),
        "size": count("Its customers.", 1),
        "share": number("Share of all customers of that edition, 0 to 1.", at_least=0),
        "value": number(
            "Sum of the value feature over its customers, see the definition's `value`. Null without one.",
            True,
        ),
        "moved_share": number(
            "Share of the customers of both dates who changed their segment, of the whole edition. Null "
            "without an edition before.",
            True,
            0,
        ),
    },
    name="history",
    title="history.parquet",
    description="The segments of this edition and of those it follows, the last 90 dates: carried on from "
    "the edition before, begun anew without one.",
    strict=True,
    ordered=True,
)

MIGRATION = pa.DataFrameSchema(
    {
        "from_segment_id": text("Segment before. Null for who joined since.", True, IS_SEGMENT),
        "segment_id": text("Segment in this edition. Null for who left.", True, IS_SEGMENT),
        "customers": count("How many."),
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
        "from_segment_id": text("Segment in the edition before. Null for who joined.", True, IS_SEGMENT),
        "segment_id": text("Segment in this edition. Null for who left.", True, IS_SEGMENT),
        "cause": text("Of who moved: behaviour or model.", True, pa.Check.isin(["behaviour", "model"])),
    },
    name="changes",
    title="changes.parquet",
    description="Who joined, left or moved since the edition before, sorted by customer_id: for activation. "
    "Empty without an edition before.",
    strict=True,
    ordered=True,
)

CONTESTED = pa.DataFrameSchema(
    {
        "customer_id": text("Customer id."),
        "wanted": text("Segment that new models ask to move the customer to.", check=IS_SEGMENT),
        "nights": count("For so many nights in a row.", 1),
    },
    name="contested",
    title="contested.parquet",
    description="With refit.mode combine: whom a new model alone would move, and who keep their segment.",
    strict=True,
    ordered=True,
)

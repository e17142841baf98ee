"""The contract of known.parquet: every known customer, and the group that the customer is in.

How many are in each group is in known_customers.py. The other published tables are in tables.py.
"""

import pandera.pandas as pa

from schemas.fields import IS_DAY, text
from schemas.known_customers import GROUP_IDS

_IS_GROUP = pa.Check.isin(list(GROUP_IDS))

KNOWN = pa.DataFrameSchema(
    {
        "customer_id": text("Customer id."),
        "first_seen": text("Day on which the customer was first seen, YYYY-MM-DD.", check=IS_DAY),
        "last_seen": text("Day on which the customer was last seen, YYYY-MM-DD.", check=IS_DAY),
        "group": text("segment (see segments.parquet), new or lapsed.", check=_IS_GROUP),
        "previous_group": text(
            "The group in the edition before. Null for customers who were not known then.", True, _IS_GROUP
        ),
    },
    name="known",
    title="known.parquet",
    description="One row per customer seen in the source before as_of: in a segment, new or lapsed.",
    strict=True,
    ordered=True,
)

"""Lapsed customers who have rows tonight, all of which were refused: they may be active.

Refused rows decide nobody's group. Who is lapsed is decided in assignment.py.
"""

from collections.abc import Sequence

from schemas.known_customers import LAPSED
from schemas.night import Night
from schemas.part import Part
from segmentation.parts import create_empty_folder
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.kept_rows import list_paths
from segmentation.rows.summarising.sql_terms import AggregationQuery

_COUNT = (
    "SELECT count(*) AS count FROM read_parquet($known) k SEMI JOIN read_parquet($refused) r "
    'USING (customer_id) WHERE k."group" = $lapsed'
)


def count_refused_lapsed(night: Night, customers: Sequence[Part], quarantine: Sequence[Part]) -> int:
    """How many lapsed customers have a refused row. customers: all known ones, with their group."""
    if not customers or not quarantine:
        return 0
    values = {"known": list_paths(customers), "refused": list_paths(quarantine), "lapsed": LAPSED}
    spill = create_empty_folder(night.staging / "refused-lapsed")
    with open_engine(night.staging, spill) as connection:
        (counts,) = run_query(connection, AggregationQuery(_COUNT, values))
    return int(counts["count"][0].as_py())

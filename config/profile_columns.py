"""Columns that describe customers without taking part in distances: the definition's `profile`.

How they are counted by segment is in segmentation/report/tables/level_table.py.
"""

from collections.abc import Collection, Mapping

from config.columns import Column, Rows
from config.comparisons import RowComparison

MOST_PROFILE_COLUMNS = 100


def check_profile(
    profile: Collection[str], features: Collection[str], columns: Mapping[str, Column], rows: Rows
) -> None:
    """ValueError if the profile names what it cannot have. columns: those of the customer table."""
    place = "rows.columns" if rows.grain == "customer" else "summary.features"
    if len(set(profile)) != len(profile):
        raise ValueError("profile names a column twice")
    for name in profile:
        if name in features:
            raise ValueError(f"profile names {name}, which is a feature; profiles have every feature anyway")
        if rows.grain == "customer" and name == rows.id:
            raise ValueError(f"profile names {name}, the customer id")
        if name not in columns:
            raise ValueError(f"profile names {name}, which is not in {place}")


def list_needed_columns(rows: Rows, profile: Collection[str]) -> Rows:
    """The rows of a table to score: without profile columns, unless a rule needs them."""
    if not profile or rows.python_schema is not None:  # a schema may check any column
        return rows
    needed = {column.currency for column in rows.columns.values()}
    for rule in rows.where:
        needed |= set(rule.comparison.columns) if isinstance(rule, RowComparison) else {rule.column}
    dropped = set(profile) - needed
    columns = {name: column for name, column in rows.columns.items() if name not in dropped}
    return rows.model_copy(update={"columns": columns})

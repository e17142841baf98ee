"""The part of a definition that counts customers outside the segments: the new and the lapsed.

Who is in which group is decided in segmentation/groups/. Nothing here reads a file.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from config.clauses import Clause
from config.columns import Rows


class NewCustomers(Clause):
    """Customers who are too new to be clustered: they have hardly any history."""

    days: int = Field(
        ge=1, le=3660, description="Customers first seen within this many days before as_of are new."
    )
    first_seen: str | None = Field(
        None,
        description="Grain customer: the timestamp column of when a customer was first seen. With "
        "events, the first event counts.",
    )


class GroupOptions(Clause):
    """Groups of customers outside the segments, so that all known customers add up."""

    lapsed: Literal[True] = Field(
        True, description="Known customers without an event in the window, or without a row tonight."
    )
    new: NewCustomers | None = Field(
        None, description="Customers who are left out of the segments because they are new; null: nobody is."
    )
    since: date | None = Field(
        None,
        description="Events: from which day on the source says who is known; null: from its beginning.",
    )

    def fault(self, rows: Rows, window_days: int | None) -> str | None:
        """Why the groups do not fit the rows. None if they fit. window_days: None for grain customer."""
        if rows.id is None:
            return "groups need rows.id, so that customers are recognised from night to night"
        first_seen = self.new.first_seen if self.new else None
        if window_days is None:
            column = rows.columns.get(first_seen or "")
            if self.since is not None:
                return "since needs grain: event; customers of a table are known from its first edition on"
            if self.new and (column is None or column.type != "timestamp" or first_seen == rows.id):
                return "new needs first_seen with grain customer: a column of type timestamp"
            return None
        if first_seen is not None:
            return "first_seen is for grain customer; with events, the first event counts"
        if self.new and self.new.days > window_days:
            return f"new.days {self.new.days} is more than summary.window_days {window_days}"
        return None

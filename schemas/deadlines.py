"""The result of a deadline check: whether a night was published in time. Prefect and the command show it.

The check is in segmentation/deadline_check.py.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record


class Deadline(Record):
    """What the store has for a date and, if nothing was published, why."""

    name: str
    as_of: date | None = Field(description="None if its time zone, and so the day, cannot be read.")
    status: Literal["published", "no-data", "missing", "unknown"] = Field(
        description="unknown: the store cannot be read far enough to tell."
    )
    edition: str | None = None
    message: str = Field(description="A sentence for the notification.")

    @property
    def is_met(self) -> bool:
        """Is the night published, or allowed not to be?"""
        return self.status in ("published", "no-data")

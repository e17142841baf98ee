"""The result of a deadline check: whether a night was published in time. Prefect shows it.

The check is in segmentation/deadline_check.py.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record


class Deadline(Record):
    """What the store has for a date and, if nothing was published, why."""

    name: str
    as_of: date
    status: Literal["published", "no-data", "missing"]
    edition: str | None = None
    message: str = Field(description="A sentence for the notification.")

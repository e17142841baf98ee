"""Whether a night met its deadline, as the store tells it. A record that Prefect shows.

How it is found out is segmentation/watching.py's.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record


class Deadline(Record):
    """What the store holds for a date, and why it does not hold more."""

    name: str
    as_of: date
    status: Literal["published", "no-data", "missing"]
    edition: str | None = None
    message: str = Field(description="In words, for the notice.")

"""What a promotion did: an edition that a person has put live.

How it is done is segmentation/promoting.py's.
"""

from datetime import date

from pydantic import Field

from schemas.record import Record


class Promotion(Record):
    """An edition that is live now, by whom, and what was live before."""

    name: str
    as_of: date
    edition: str
    outcome: str = Field(description="promoted, or already-live where there was nothing to do.")
    who: str
    reason: str
    was_live: tuple[date, str] | None = Field(description="Date and edition that were live before.")
    set_aside: tuple[date, ...] = Field((), description="Later dates: published still, live no more.")
    k: int
    customers: int
    segments_path: str
    report_path: str
    warnings: tuple[str, ...] = Field((), description="What could not be done besides.")

    def tell_set_aside(self) -> str:
        """The later dates in words."""
        if len(self.set_aside) <= 3:
            return ", ".join(map(str, self.set_aside))
        return f"{len(self.set_aside)} dates, {self.set_aside[0]} to {self.set_aside[-1]}"

"""The record of a promotion: an edition that a person has put live.

Promoting is in segmentation/promoting.py.
"""

from datetime import date

from pydantic import ConfigDict, Field

from schemas.manifest import EditionRef
from schemas.record import Record


class Promotion(Record):
    """The edition that is live now, who promoted it, and the edition that was live before."""

    # Scripts and the ledger read these keys.
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    name: str
    as_of: date
    edition: str
    outcome: str = Field(description="promoted, or already-live if nothing had to change.")
    who: str
    reason: str
    previous_live: EditionRef | None = Field(
        validation_alias="was_live", serialization_alias="was_live", description="The edition live before."
    )
    superseded: tuple[date, ...] = Field(
        (),
        validation_alias="set_aside",
        serialization_alias="set_aside",
        description="Later dates: still published, but no run builds on them.",
    )
    k: int
    customers: int
    segments_path: str
    report_path: str
    warnings: tuple[str, ...] = Field((), description="Steps after the promotion that failed.")

    def describe_superseded(self) -> str:
        """`2026-02-01, 2026-02-02`, or `12 dates, 2026-02-01 to 2026-02-12`."""
        if len(self.superseded) <= 3:
            return ", ".join(map(str, self.superseded))
        return f"{len(self.superseded)} dates, {self.superseded[0]} to {self.superseded[-1]}"

"""A campaign: who was on its list, who was held out, and what it did to the outcome.

How an effect is computed is in segmentation/outcomes/campaign_effect.py.
"""

from datetime import date

from pydantic import Field

from schemas.manifest import EditionRef
from schemas.record import Record
from schemas.validation import Interval, OutcomeMeasure


class Campaign(Record):
    """The customers that `resegment export` put on a list or held out."""

    segment_ids: tuple[str, ...] = Field((), description="Segments, or groups, on the list; empty: all.")
    is_of_groups: bool = Field(False, description="Are these groups of customers outside the segments?")
    since: EditionRef | None = Field(None, description="Only customers who entered them since this edition.")
    min_margin: float | None = None
    holdout: float = Field(description="Share of customers who were held out.")
    salt: str


class GroupMean(Record):
    """One measure of the customers on the list, or of those held out."""

    customers: int
    mean: float = Field(description="Mean, or rate.")
    interval: Interval


class MeasuredEffect(OutcomeMeasure):
    """How the customers on the list differ in one measure from those held out."""

    on_list: GroupMean
    held_out: GroupMean
    difference: float = Field(description="Mean, or rate, on the list less that of those held out.")
    interval: Interval
    sentence: str

    @property
    def is_shown(self) -> bool:
        """Is 0 outside the interval?"""
        return not self.interval.low <= 0 <= self.interval.high


class CampaignEffect(Record):
    """What a campaign did, by the outcome of the definition."""

    name: str
    as_of: date
    edition: str
    until: date = Field(description="The first day after the horizon.")
    campaign: Campaign
    unknown: int = Field(description="Customers without an outcome, who are left out.")
    measures: tuple[MeasuredEffect, ...]

    @property
    def log_line(self) -> str:
        """The sentence about the first measure."""
        return self.measures[0].sentence

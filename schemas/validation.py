"""What a validation found: one past edition's segments judged by what became known later.

How outcomes are read and judged is in segmentation/outcomes/. The published table: validation_table.py.
"""

import hashlib
from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record

# division: another k that the edition tried.
GroupingKind = Literal["segments", "previous", "cells", "random", "division"]


class Interval(Record):
    """A 95 % confidence interval."""

    low: float
    high: float


class SegmentOutcome(Record):
    """One measure in one segment. Without a mean, the segment has too few customers to show it."""

    segment_id: str
    name: str
    customers: int = Field(description="Customers of the segment whose outcome is known.")
    mean: float | None = Field(None, description="Mean, or rate, of the measure.")
    interval: Interval | None = None
    lift: float | None = Field(None, description="Mean / mean over all customers.")
    lift_interval: Interval | None = None


class GroupingSkill(Record):
    """How well one way to group customers predicts a measure for customers it has not seen."""

    kind: GroupingKind
    label: str
    groups: int
    r2: float | None = Field(description="Held-out R squared; None if the measure does not vary.")
    r2_interval: Interval | None = None
    auc: float | None = Field(None, description="Held-out AUC, of rates only.")
    error: float | None = Field(
        None, description="Standard error of the AUC or, of amounts, of R squared. Of divisions only."
    )

    @property
    def score(self) -> float | None:
        """What divisions are compared by: AUC of rates, else R squared."""
        return self.r2 if self.auc is None else self.auc

    @property
    def score_text(self) -> str:
        """Three digits: divisions into nearly as many segments differ little."""
        return f"{self.score or 0.0:.3f}".replace("-0.000", "0.000")

    @property
    def score_label(self) -> str:
        """`R² 0.113`."""
        return f"{'R²' if self.auc is None else 'AUC'} {self.score_text}"


class OutcomeMeasure(Record):
    """One measure of the outcome: its name, and whether its means are rates or amounts of a unit."""

    measure: str
    unit: str = ""
    is_rate: bool


class MeasureValidation(OutcomeMeasure):
    """What one measure is in every segment, and what the segments say about it."""

    customers: int
    mean: float
    p_value: float = Field(description="Of a permutation test: could the segments be random groups?")
    says_something: bool
    sentence: str
    segments: tuple[SegmentOutcome, ...]
    groupings: tuple[GroupingSkill, ...]

    @property
    def divisions(self) -> list[GroupingSkill]:
        """The edition's segments and its other divisions that have a score, by their number of segments."""
        skills = (skill for skill in self.groupings if skill.kind in ("segments", "division"))
        return sorted((skill for skill in skills if skill.score is not None), key=lambda skill: skill.groups)


class Validation(Record):
    """An edition and what came after it: the content of validation.json."""

    name: str
    as_of: date
    edition: str
    until: date = Field(description="The first day after the horizon: all that was used is older.")
    days: int
    customers: int = Field(description="Customers of the edition.")
    drawn: int = Field(description="Customers that were judged; fewer than all in large editions.")
    unknown: int = Field(description="Of these: customers without an outcome, who are left out.")
    measures: tuple[MeasureValidation, ...]

    @property
    def verdict(self) -> str:
        """What the segments say about the first measure, in a sentence."""
        return self.measures[0].sentence

    @property
    def digest(self) -> str:
        """16 characters for the content. In the names of editions whose page shows it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def log_line(self) -> str:
        """The verdict."""
        return self.verdict


class Validated(Record):
    """How a run of validate ended: what it found, and where that is stored."""

    validation: Validation
    table_path: str
    json_path: str
    warnings: tuple[str, ...] = ()

    @property
    def log_line(self) -> str:
        """The verdict."""
        return self.validation.verdict

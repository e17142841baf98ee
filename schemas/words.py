"""The words of a model: how each feature is summed up, and every segment's name and rule, kept in model.json.

They are learnt when a model is trained, so that names and rules hold still while it is used. Learning them:
segmentation/report/words/learning.py. How they become text: name_text.py and rule_text.py there.
"""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.numbers import Finite
from schemas.record import Record

Statistic = Literal["mean", "median"]


class TypicalFigure(Record):
    """The one figure that stands for a feature of many customers, on pages and in names."""

    feature: str
    statistic: Statistic
    spread: Finite = Field(ge=0, description="How far customers usually are from it; 0 if they are equal.")


class NamePart(Record):
    """What a name says about one feature: a grade such as very high, or else a range of the figure."""

    feature: str
    grade: int = Field(0, ge=-3, le=3, description="From the lowest words to the highest, 0 is average.")
    at_least: Finite | None = Field(None, description="The figure's lower limit, where grades do not do.")
    below: Finite | None = Field(None, description="Its upper limit.")

    @property
    def is_range(self) -> bool:
        """Is this a range of the figure, with numbers?"""
        return self.at_least is not None or self.below is not None


class Condition(Record):
    """One threshold of a rule, in original units: the feature is at least it, or below it."""

    feature: str
    at_least: bool
    threshold: Finite


class SegmentWords(Record):
    """A segment's name in parts, and its rule. No rule: no simple one holds."""

    segment_id: str
    name: tuple[NamePart, ...] = ()
    rule: tuple[Condition, ...] = ()
    f1: Finite = Field(0.0, description="Of the rule in training, which orders the rules.")


class Words(Record):
    """Names and rules of a model's segments. reason: why they are of another date than the model."""

    as_of: date
    reason: str = ""
    figures: tuple[TypicalFigure, ...]
    segments: tuple[SegmentWords, ...]

    @model_validator(mode="after")
    def _features_are_known(self) -> Self:
        features = {figure.feature for figure in self.figures}
        for segment in self.segments:
            used = {part.feature for part in segment.name} | {part.feature for part in segment.rule}
            if used - features:
                raise ValueError("a name or a rule has a feature without a figure")
        return self

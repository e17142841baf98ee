"""The parts of a definition that say how: which k are tried, how hard k-means tries, what holds a night.

What is read and clustered belongs in config/parameters.py.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rule = Literal["auto", "elbow", "silhouette", "gap", "fixed"]


class Clause(BaseModel):
    """A frozen part of a definition; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class KPlan(Clause):
    """Which k are tried and how one is chosen."""

    min: int = Field(1, ge=1, le=100, description="Smallest k tried.")
    max: int = Field(12, ge=1, le=100, description="Largest k tried.")
    rule: Rule = Field("auto", description="auto (by borders), elbow, silhouette, gap or fixed.")
    fixed: int | None = Field(None, ge=1, le=100, description="With rule fixed: the k.")
    smallest_share: float = Field(
        0.01, ge=0, lt=1, description="A segment with a smaller share holds the night."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"k.min {self.min} is above k.max {self.max}")
        if (self.rule == "fixed") != (self.fixed is not None):
            raise ValueError("k.fixed goes with rule: fixed, and only with it")
        if self.fixed is not None and not self.min <= self.fixed <= self.max:
            raise ValueError(f"k.fixed {self.fixed} is not within {self.min}..{self.max}")
        return self


class CategoryPlan(Clause):
    """How categories without order become features."""

    rare_share: float = Field(
        0.01, ge=0, lt=1, description="Levels with a smaller share of customers are pooled as (other)."
    )
    most_levels: int = Field(
        20, ge=2, le=200, description="At most so many levels, the commonest; the rest is pooled as (other)."
    )


class FitPlan(Clause):
    """How hard k-means tries."""

    starts: int = Field(8, ge=1, le=1000, description="k-means++ starts per k.")
    max_iter: int = Field(300, ge=1, le=10_000, description="Lloyd passes at most.")
    tolerance: float = Field(
        1e-4, ge=0, lt=1, description="Stop when centres move less, relative to the variance."
    )


class Checks(Clause):
    """Limits that hold a night."""

    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="Largest share of rows that may be quarantined."
    )

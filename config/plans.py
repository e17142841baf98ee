"""The parts of a definition that say how: which k are tried, how hard k-means tries, what holds a night.

What is read and clustered belongs in config/parameters.py.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rule = Literal["auto", "elbow", "silhouette", "gap", "fixed"]
Policy = Literal["auto", "always", "never"]
Mode = Literal["warm", "cold", "combine"]


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


class RefitPlan(Clause):
    """When the model is fitted anew, from where, and how many nights must agree on a change."""

    policy: Policy = Field("auto", description="auto, always or never.")
    mode: Mode = Field("warm", description="warm, cold or combine.")
    max_drift: float = Field(
        0.25,
        gt=0,
        le=100,
        description="PSI of a feature against its training that asks for a refit.",
    )
    max_inertia_rise: float = Field(
        0.1, ge=0, le=100, description="Rise of inertia per customer that asks for a refit."
    )
    max_age_days: int = Field(30, ge=1, le=3660, description="Age of the model that asks for a refit.")
    nights: int = Field(
        3, ge=1, le=366, description="Nights in a row that must want another k, or (combine) another segment."
    )


class Checks(Clause):
    """Limits that hold a night, each against the edition before."""

    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="Largest share of rows that may be quarantined."
    )
    max_churn: float = Field(
        0.25, ge=0, le=1, description="Largest share of staying customers who may change their segment."
    )
    max_row_change: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Rows, and customers: neither night may have fewer by this share or more.",
    )
    max_drift: float = Field(1.0, gt=0, le=1000, description="Largest PSI of a feature against its training.")
    max_staleness_days: int = Field(
        7, ge=0, le=3660, description="Oldest that the newest event, or the dated file, may be."
    )
    advisory: tuple[str, ...] = Field((), description="Checks, by name, that warn instead of holding.")

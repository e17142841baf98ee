"""The parts of a definition with options for modelling: k, the fit, refits, and the checks of a night.

What is read and clustered belongs in config/definition.py.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

KRule = Literal["auto", "elbow", "silhouette", "gap", "fixed"]
Init = Literal["k-means++", "random"]
RefitPolicy = Literal["auto", "always", "never"]
RefitMode = Literal["warm", "cold", "combine"]
NamedScaling = Literal["none", "standard", "robust", "log-standard", "aside"]
Scaling = Literal["auto", NamedScaling]


class Clause(BaseModel):
    """A frozen part of a definition that refuses unknown keys."""

    # Without forbid, a misspelt key would silently leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class KOptions(Clause):
    """Which k are tried, and how one is chosen."""

    min: int = Field(1, ge=1, le=100, description="Smallest k to try.")
    max: int = Field(12, ge=1, le=100, description="Largest k to try.")
    aim: tuple[int, int] = Field(
        (4, 8),
        description="Fewest and most segments that people can handle. Customers without natural segments are "
        "divided into as many of these as hold when customers are drawn again.",
    )
    rule: KRule = Field("auto", description="auto (by borders), elbow, silhouette, gap or fixed.")
    fixed: int | None = Field(None, ge=1, le=100, description="The k, with rule: fixed.")
    look_every: int = Field(
        7,
        ge=1,
        le=366,
        description="Measure every k again after this many days. In between, only if the model is refitted, "
        "the definition changes, or another k is pending.",
    )
    smallest_share: float = Field(
        0.01, ge=0, lt=1, description="A night with a segment below this share of customers is held."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"k.min {self.min} is above k.max {self.max}")
        aim_min, aim_max = self.aim
        if not 1 <= aim_min <= aim_max <= 100:
            raise ValueError(f"k.aim {aim_min}..{aim_max} is not a range within 1..100")
        if (self.rule == "fixed") != (self.fixed is not None):
            raise ValueError("k.fixed is needed with rule: fixed, and allowed only there")
        if self.fixed is not None and not self.min <= self.fixed <= self.max:
            raise ValueError(f"k.fixed {self.fixed} is not within {self.min}..{self.max}")
        return self

    @property
    def division_range(self) -> tuple[int, int]:
        """Fewest and most segments of a division: k.aim within min and max, or these if k.aim is outside."""
        low, high = max(self.aim[0], self.min), min(self.aim[1], self.max)
        return (low, high) if low <= high else (self.min, self.max)


class CategoryOptions(Clause):
    """How categories without order become features."""

    rare_share: float = Field(
        0.01, ge=0, lt=1, description="Levels with a smaller share of customers are pooled as (other)."
    )
    most_levels: int = Field(
        20,
        ge=2,
        le=200,
        description="Keep at most this many of the most common levels; the others are pooled as (other).",
    )


class ScalingOptions(Clause):
    """How each feature is scaled before distances are computed."""

    default: Scaling = Field("auto", description="For features not listed in columns.")
    columns: dict[str, Scaling] = Field(default_factory=dict, description="Scaling by feature.")


class FitOptions(Clause):
    """How thoroughly k-means searches."""

    # Restarts matter far more than further Lloyd passes.
    starts: int = Field(8, ge=1, le=1000, description="Number of starts per k.")
    init: Init = Field(
        "k-means++",
        # An edition of before this key has the same model: it must not be fitted again for the default.
        exclude_if=lambda init: init == "k-means++",
        description="How a start chooses its centres: k-means++ or random.",
    )
    max_iter: int = Field(300, ge=1, le=10_000, description="Maximum number of Lloyd iterations per start.")
    tolerance: float = Field(
        1e-4, ge=0, lt=1, description="Stop when centres move less than this, relative to the variance."
    )


class RefitOptions(Clause):
    """When the model is refitted, where the fit starts, and how many nights must agree on a change."""

    policy: RefitPolicy = Field("auto", description="auto, always or never.")
    mode: RefitMode = Field("warm", description="warm, cold or combine.")
    # By convention a PSI above 0.25 is a major change (Siddiqi 2006).
    max_drift: float = Field(
        0.25,
        gt=0,
        le=100,
        description="Refit if a feature's PSI against its training exceeds this.",
    )
    max_inertia_rise: float = Field(
        0.1, ge=0, le=100, description="Refit if inertia per customer rises by more than this share."
    )
    max_age_days: int = Field(30, ge=1, le=3660, description="Refit once the model is this old, in days.")
    # With nothing changing, k changes on 14 to 29 % of nights by common rules. Three nights in a row bring
    # every rule below 2 %, for about two nights' delay.
    nights: int = Field(
        3,
        ge=1,
        le=366,
        description="Nights in a row that must agree on another k or, with mode combine, on another segment.",
    )


class Retention(Clause):
    """How long editions are kept. `resegment prune` removes the others."""

    # Not from today: after a month without nights, or with a clock set forward, nothing more may go.
    all_days: int = Field(
        ge=1,
        le=36_600,
        description="Keep every date of this many days, counted back from the newest published date.",
    )
    month_ends: int | None = Field(
        None,
        ge=0,
        le=1200,
        description="Of older dates, keep the last published one of each month, for this many months; null: "
        "for ever.",
    )


class CheckLimits(Clause):
    """Limits beyond which a night is held. Changes are measured against earlier editions."""

    max_quarantined: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest share of rows, and of an amount's value, that may be quarantined.",
    )
    max_quarantined_day: float = Field(
        0.5, ge=0, le=1, description="Largest share of a day's or a file's rows that may be quarantined."
    )
    # On a month of Online Retail, 2.5 to 4.9 % of customers really moved in a night. A fit that fell into
    # another optimum moved 45 %.
    max_churn: float = Field(
        0.25, ge=0, le=1, description="Largest share of returning customers who may change segment."
    )
    max_row_change: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Rows, and customers: neither night may have fewer than the other by this share or more.",
    )
    min_rows: int | None = Field(
        None,
        ge=0,
        description="Refuse the night if fewer rows are read, not counting those outside the window.",
    )
    max_rows: int | None = Field(
        None,
        ge=0,
        description="Refuse the night if more rows are read, not counting those outside the window.",
    )
    max_drift: float = Field(1.0, gt=0, le=1000, description="Largest PSI of a feature against its training.")
    max_staleness_days: int = Field(
        7, ge=0, le=3660, description="Largest age of the newest event, or of the dated file."
    )
    advisory: tuple[str, ...] = Field((), description="Names of checks that only warn.")
    required: tuple[str, ...] = Field(
        (), description="Names of advisory checks that hold the night if they fail."
    )

    @model_validator(mode="after")
    def _limits_leave_a_count(self) -> Self:
        if self.min_rows is not None and self.max_rows is not None and self.min_rows > self.max_rows:
            raise ValueError(f"min_rows {self.min_rows} is above max_rows {self.max_rows}")
        return self

    @model_validator(mode="after")
    def _no_check_is_both(self) -> Self:
        if both := sorted(set(self.advisory) & set(self.required)):
            raise ValueError(f"advisory and required both name {', '.join(both)}")
        return self

"""The definition file: which data, which contract, which features, how k is chosen, what may go live.

Frozen pydantic models with unknown keys forbidden. Reading a definition touches one YAML file and
nothing else; where things lie on this machine belongs in config/settings.py.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from config.columns import Column, Rows
from config.plans import CategoryPlan, Checks, Clause, FitPlan, KPlan, RefitPlan
from config.sources import Source, find_binds
from config.summary import Summary

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Scaling = Literal["auto", "none", "standard", "robust", "log-standard", "aside"]
# Where rows come from does not decide the result; the rows themselves do.
_PLACES = {"path", "sample", "customers", "sql", "connection", "on_no_data"}


class ScalingPlan(Clause):
    """How each feature is scaled before distances are taken."""

    default: Scaling = Field("auto", description="Used for features not named in columns.")
    columns: dict[str, Scaling] = Field(default_factory=dict, description="Per feature.")


class Segmentation(Clause):
    """A named segmentation: the whole of a definition file."""

    name: Name = Field(description="Names the segmentation in the store.")
    description: str = Field("", max_length=500, description="One sentence.")
    timezone: str = Field("UTC", description="IANA zone in which as_of is a day.")
    source: Source = Field(description="Where rows come from.")
    rows: Rows = Field(description="What one row is, and its contract.")
    summary: Summary | None = Field(None, description="Grain event: how events become customers.")
    features: tuple[str, ...] = Field(min_length=1, max_length=200, description="Columns that are clustered.")
    value: str | None = Field(
        None,
        description="Feature whose sum says what customers are worth, for the report; null: the first sum "
        "or number with a currency as unit.",
    )
    scaling: ScalingPlan = Field(
        default_factory=lambda: ScalingPlan(), description="How features are scaled."
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="Factor on a feature's part of the squared distance (1)."
    )
    categories: CategoryPlan = Field(
        default_factory=lambda: CategoryPlan(), description="How categories without order become features."
    )
    k: KPlan = Field(default_factory=lambda: KPlan(), description="Which k, and how it is chosen.")
    fit: FitPlan = Field(default_factory=lambda: FitPlan(), description="How hard k-means tries.")
    refit: RefitPlan = Field(
        default_factory=lambda: RefitPlan(), description="When the model is fitted anew, and how."
    )
    checks: Checks = Field(default_factory=lambda: Checks(), description="What holds a night.")
    seed: int = Field(42, ge=0, le=2**32 - 1, description="Seed of everything random.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("not an IANA time zone, such as Europe/London") from error
        return timezone

    @model_validator(mode="after")
    def _summary_fits_the_events(self) -> Self:
        if (self.rows.grain == "event") != (self.summary is not None):
            raise ValueError("summary goes with rows.grain: event, and only with it")
        if self.source.sample is not None and (self.source.sample == "orders") != (self.summary is not None):
            raise ValueError(
                "source.sample: orders goes with rows.grain: event, the other samples with customer"
            )
        columns = {name: column for name, column in self.rows.columns.items() if name != self.rows.id}
        for name, feature in self.summary.features.items() if self.summary else ():
            if fault := feature.fault(columns):
                raise ValueError(f"summary.features.{name}: {fault}")
        return self

    @model_validator(mode="after")
    def _features_are_columns(self) -> Self:
        if len(set(self.features)) != len(self.features):
            raise ValueError("features names a column twice")
        for feature in self.features:
            if feature == self.rows.id and self.summary is None:
                raise ValueError(f"feature {feature} is the customer id, which is text")
            column = self.customer_columns.get(feature)
            if column is None:
                place = "summary.features" if self.summary else "rows.columns"
                raise ValueError(f"feature {feature} is not among {place}")
            if column.type not in ("int", "float", "bool", "category"):
                raise ValueError(
                    f"feature {feature} has type {column.type}; int, float, bool or category is needed"
                )
            if column.nullable and column.fill is None:
                raise ValueError(f"feature {feature} is nullable: say with fill what stands in for no value")
        for key in (*self.scaling.columns, *self.weights):
            if key not in self.features:
                raise ValueError(f"scaling or weights name {key}, which is not a feature")
        for key in self.scaling.columns:
            column = self.customer_columns[key]
            if column.type == "category" and column.order is None:
                raise ValueError(f"scaling names {key}, a category without order: it is one-hot")
        return self

    @model_validator(mode="after")
    def _value_is_a_number(self) -> Self:
        if self.value is None:
            return self
        if self.value not in self.features:
            raise ValueError(f"value names {self.value}, which is not a feature")
        if self.customer_columns[self.value].type not in ("int", "float"):
            raise ValueError(f"value names {self.value}, which is no int or float")
        return self

    @model_validator(mode="after")
    def _window_is_there(self) -> Self:
        if self.source.sql is not None and "window_start" in find_binds(self.source.sql) and not self.summary:
            raise ValueError("sql binds :window_start, but there is no summary with a window")
        return self

    @property
    def customer_columns(self) -> dict[str, Column]:
        """The contract of the customer table, one row per customer, from which features are taken."""
        if self.summary is None:
            return self.rows.columns
        return {name: feature.contract for name, feature in self.summary.features.items()}

    @property
    def customer_rows(self) -> Rows:
        """The contract of a table that already has one row per customer, as `resegment score` takes it."""
        if self.summary is None:
            return self.rows
        return Rows(grain="customer", id=self.rows.id, columns=self.customer_columns)

    def window(self, as_of: date) -> tuple[date, date] | None:
        """First day whose events count and the day before which they end, as_of; None without events."""
        if self.summary is None:
            return None
        return as_of - timedelta(days=self.summary.window_days), as_of

    def scaling_of(self, feature: str) -> Scaling:
        """The scaling asked for this feature."""
        return self.scaling.columns.get(feature, self.scaling.default)

    def today(self, now: datetime) -> str:
        """The date, as text, that the instant `now` (with zone) falls on in the time zone."""
        return now.astimezone(ZoneInfo(self.timezone)).date().isoformat()

    def substance(self) -> dict[str, Any]:
        """What of the definition decides the result: all but where the source lies.

        `value` counts where it is given only: editions made before there was such a key are still the same.
        """
        content = self.model_dump(mode="json", exclude={"source": _PLACES})
        if content["value"] is None:
            del content["value"]
        return content


BUILT_IN = Path(__file__).parent / "segmentations"

"""The definition of a segmentation: its data, contract and features, how k is chosen, and its checks.

Models are frozen and refuse unknown keys. Reading definition files belongs in config/definition_files.py,
settings of the machine in config/settings.py.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from config.clauses import CategoryOptions, CheckLimits, Clause, FitOptions, KOptions, RefitOptions, Retention
from config.columns import Column, Rows
from config.event_summary import EventSummary
from config.sources import Source
from config.sql_text import list_binds

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"

DefinitionName = Annotated[str, Field(pattern=NAME_PATTERN)]
NamedScaling = Literal["none", "standard", "robust", "log-standard", "aside"]
Scaling = Literal["auto", NamedScaling]
# Where rows come from does not affect the result; the rows themselves do.
_PLACES = {"path", "sample", "customers", "sql", "connection", "on_no_data", "version"}


class ScalingOptions(Clause):
    """How each feature is scaled before distances are computed."""

    default: Scaling = Field("auto", description="For features not listed in columns.")
    columns: dict[str, Scaling] = Field(default_factory=dict, description="Scaling by feature.")


class Definition(Clause):
    """A definition: everything that is configured for one segmentation."""

    name: DefinitionName = Field(description="Name of the segmentation in the store.")
    description: str = Field("", max_length=500, description="One sentence.")
    timezone: str = Field("UTC", description="IANA time zone in which as_of is a day.")
    source: Source = Field(description="Where rows come from.")
    rows: Rows = Field(description="What one row is, and its contract.")
    summary: EventSummary | None = Field(None, description="Grain event: how events become customers.")
    features: tuple[str, ...] = Field(min_length=1, max_length=200, description="Columns to cluster.")
    value: str | None = Field(
        None,
        description="Feature whose sum is the value of customers in the report; null: the first sum or "
        "number whose unit is a currency.",
    )
    scaling: ScalingOptions = Field(
        default_factory=lambda: ScalingOptions(), description="How features are scaled."
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="Factor on a feature's share of the squared distance (1)."
    )
    categories: CategoryOptions = Field(
        default_factory=lambda: CategoryOptions(), description="How categories without order become features."
    )
    k: KOptions = Field(default_factory=lambda: KOptions(), description="Which k, and how it is chosen.")
    fit: FitOptions = Field(
        default_factory=lambda: FitOptions(), description="How thoroughly k-means searches."
    )
    refit: RefitOptions = Field(
        default_factory=lambda: RefitOptions(), description="When the model is refitted, and how."
    )
    checks: CheckLimits = Field(
        default_factory=lambda: CheckLimits(), description="Limits beyond which a night is held."
    )
    retention: Retention | None = Field(
        None, description="Which editions `resegment prune` keeps; null: all of them, for ever."
    )
    seed: int = Field(42, ge=0, le=2**32 - 1, description="Seed of all random numbers.")

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
            raise ValueError("summary is needed with rows.grain: event, and allowed only there")
        if self.source.sample is not None and (self.source.sample == "orders") != (self.summary is not None):
            raise ValueError("source.sample: orders needs rows.grain: event, the other samples need customer")
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
                raise ValueError(f"feature {feature} is not in {place}")
            if column.type not in ("int", "float", "bool", "category"):
                raise ValueError(
                    f"feature {feature} has type {column.type}; expected int, float, bool or category"
                )
            if column.nullable and column.fill is None:
                raise ValueError(f"feature {feature} is nullable, so it needs fill")
        for key in (*self.scaling.columns, *self.weights):
            if key not in self.features:
                raise ValueError(f"scaling or weights name {key}, which is not a feature")
        for key in self.scaling.columns:
            column = self.customer_columns[key]
            if column.type == "category" and column.order is None:
                raise ValueError(f"scaling names {key}, a category without order, which is one-hot encoded")
        return self

    @model_validator(mode="after")
    def _value_is_a_number(self) -> Self:
        if self.value is None:
            return self
        if self.value not in self.features:
            raise ValueError(f"value names {self.value}, which is not a feature")
        if self.customer_columns[self.value].type not in ("int", "float"):
            raise ValueError(f"value names {self.value}, which is not int or float")
        return self

    @model_validator(mode="after")
    def _window_exists(self) -> Self:
        if self.source.sql is not None and "window_start" in list_binds(self.source.sql) and not self.summary:
            raise ValueError("sql binds :window_start, which needs a summary with a window")
        return self

    @property
    def customer_columns(self) -> dict[str, Column]:
        """The contract of the customer table, which has the features and one row per customer."""
        if self.summary is None:
            return self.rows.columns
        return {name: feature.contract for name, feature in self.summary.features.items()}

    @property
    def customer_rows(self) -> Rows:
        """The contract of a table with one row per customer, as `resegment score` reads it."""
        if self.summary is None:
            return self.rows
        return Rows(grain="customer", id=self.rows.id, columns=self.customer_columns)

    def window(self, as_of: date) -> tuple[date, date] | None:
        """The half-open range of days whose events count, [start, as_of). None without events."""
        if self.summary is None:
            return None
        # as_of itself is excluded: a night runs during that day, whose events are not complete.
        return as_of - timedelta(days=self.summary.window_days), as_of

    def scaling_of(self, feature: str) -> Scaling:
        """The configured scaling of this feature."""
        return self.scaling.columns.get(feature, self.scaling.default)

    def grows_daily(self, feature: str) -> bool:
        """Does this feature of a customer grow by one each day on which nothing happens?"""
        summary = self.summary.features.get(feature) if self.summary else None
        return summary is not None and (summary.op or "").startswith("days_since")

    def today(self, instant: datetime) -> str:
        """The date of an aware instant in the definition's time zone, as text."""
        return instant.astimezone(ZoneInfo(self.timezone)).date().isoformat()

    def decisive_content(self) -> dict[str, Any]:
        """The part of the definition that affects the result: all but the source's location and retention.

        A null `value` is left out, so editions published before that key existed keep their names.
        """
        # Defaults are included: a later version with another default makes another edition.
        content = self.model_dump(mode="json", exclude={"source": _PLACES, "retention": True})
        if content["value"] is None:
            del content["value"]
        return content


BUILT_IN = Path(__file__).parent / "segmentations"

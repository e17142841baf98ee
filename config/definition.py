"""The definition of a segmentation: its data, contract and features, how k is chosen, and its checks.

Models are frozen and refuse unknown keys. Reading definition files belongs in config/definition_files.py,
settings of the machine in config/settings.py.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from config.aliases import Aliases
from config.attributes import Attributes
from config.clauses import (
    CategoryOptions,
    CheckLimits,
    Clause,
    FitOptions,
    KOptions,
    RefitOptions,
    Retention,
    Scaling,
    ScalingOptions,
)
from config.columns import Column, Rows
from config.event_summary import EventSummary
from config.groups import GroupOptions
from config.outcome import Outcome, get_tie_content
from config.profile_columns import MOST_PROFILE_COLUMNS, check_profile, list_needed_columns
from config.rfm import RfmColumns
from config.sources import Source
from config.sql_text import list_binds

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
DefinitionName = Annotated[str, Field(pattern=NAME_PATTERN)]
# Where rows come from does not affect the result; the rows themselves do.
_PLACES = {"path", "sample", "customers", "sql", "connection", "on_no_data", "version"}
# That a person accepts today's attributes for a past date (as_of) does not affect what they are.
_SIDE = {"attributes": {"source": _PLACES, "as_of": True}, "aliases": {"source": _PLACES}}
_INDECISIVE: dict[str, Any] = {"source": _PLACES, "retention": True, "outcome": True, **_SIDE}
_OPTIONAL = ("value", "profile", "attributes", "aliases", "groups", "rfm")  # left out where they are empty


class Definition(Clause):
    """A definition: everything that is configured for one segmentation."""

    name: DefinitionName = Field(description="Name of the segmentation in the store.")
    description: str = Field("", max_length=500, description="One sentence.")
    timezone: str = Field("UTC", description="IANA time zone in which as_of is a day.")
    source: Source = Field(description="Where rows come from.")
    rows: Rows = Field(description="What one row is, and its contract.")
    summary: EventSummary | None = Field(None, description="Grain event: how events become customers.")
    attributes: Attributes | None = Field(
        None, description="A second table with more columns of customers, joined by id."
    )
    aliases: Aliases | None = Field(None, description="A table of ids that were merged into others.")
    groups: GroupOptions | None = Field(
        None, description="Groups outside the segments: customers who are new, and customers who lapsed."
    )
    features: tuple[str, ...] = Field(min_length=1, max_length=200, description="Columns to cluster.")
    profile: tuple[str, ...] = Field(
        (),
        max_length=MOST_PROFILE_COLUMNS,
        description="Columns of any type that describe customers and take no part in distances.",
    )
    rfm: RfmColumns | None = Field(None, description="Adds RFM scores of these columns to segments.parquet.")
    value: str | None = Field(
        None,
        description="Feature whose sum is the value of customers in the report; null: the one whose name and "
        "unit suggest revenue, if there is one.",
    )
    scaling: ScalingOptions = Field(default_factory=ScalingOptions, description="How features are scaled.")
    weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="Factor on a feature's share of the squared distance (1)."
    )
    categories: CategoryOptions = Field(
        default_factory=lambda: CategoryOptions(), description="How categories without order become features."
    )
    k: KOptions = Field(default_factory=lambda: KOptions(), description="Which k, and how it is chosen.")
    fit: FitOptions = Field(default_factory=FitOptions, description="How thoroughly k-means searches.")
    refit: RefitOptions = Field(
        default_factory=RefitOptions, description="When the model is refitted, and how."
    )
    checks: CheckLimits = Field(
        default_factory=CheckLimits, description="Limits beyond which a night is held."
    )
    retention: Retention | None = Field(
        None, description="Which editions `resegment prune` keeps; null: all of them, for ever."
    )
    outcome: Outcome | None = Field(
        None, description="What becomes known about customers later, to judge segments by."
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
        if self.summary is not None and (fault := self.summary.fault(columns)):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _attributes_fit(self) -> Self:
        if self.aliases is not None:
            self.aliases.check(self.rows.id)
        if self.attributes is not None:
            self.attributes.check(self.rows.id, self.row_columns, self.features)
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
                place += " or attributes.columns" if self.attributes else ""
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
    def _kept_columns_fit(self) -> Self:
        check_profile(self.profile, self.features, self.customer_columns, self.rows)
        if self.rfm and (fault := self.rfm.fault(self.customer_columns, self.kept_columns)):
            raise ValueError(f"rfm: {fault}")
        return self

    @model_validator(mode="after")
    def _outcome_and_groups_fit(self) -> Self:
        outcome, rule = self.outcome, self.k.rule
        if outcome and (fault := outcome.fault(self.rows, self.summary, self.features, rule)):
            raise ValueError(f"outcome: {fault}")
        days = self.summary.window_days if self.summary else None
        if self.groups is not None and (fault := self.groups.fault(self.rows, days)):
            raise ValueError(f"groups: {fault}")
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
        if self.attributes is None:
            return self.row_columns
        return {**self.row_columns, **self.attributes.customer_columns}

    @property
    def row_columns(self) -> dict[str, Column]:
        """What the source's rows say of a customer: their columns or, of events, what they add up to."""
        if self.summary is None:
            return self.rows.columns
        columns = self.rows.columns
        return {name: feature.make_contract(columns) for name, feature in self.summary.features.items()}

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of a customer that are computed and published: the features, then the profile."""
        return (*self.features, *self.profile)

    @property
    def kept_of_rows(self) -> tuple[str, ...]:
        """Those of them that the source's rows give. The others are joined from attributes."""
        columns = self.row_columns
        return tuple(name for name in self.kept_columns if name in columns)

    @property
    def customer_rows(self) -> Rows:
        """The contract of a table with one row per customer, as `resegment score` reads it."""
        if self.summary is None:
            rows = self.rows.model_copy(update={"columns": self.customer_columns})
            return list_needed_columns(rows if self.attributes else self.rows, self.profile)
        features = {name: self.customer_columns[name] for name in self.features}
        return Rows(grain="customer", id=self.rows.id, columns=features)

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
        """The part of the definition that affects the result, without places, retention and most outcomes.

        Keys that came later are left out where they are empty, so that earlier editions keep their names.
        """
        # Defaults are included: a later version with another default makes another edition.
        content = {**self.model_dump(mode="json", exclude=_INDECISIVE), **get_tie_content(self.outcome)}
        return {key: value for key, value in content.items() if key not in _OPTIONAL or value}


BUILT_IN = Path(__file__).parent / "segmentations"

"""The definition file: which data, which contract, which features, how k is chosen, what may go live.

Frozen pydantic models with unknown keys forbidden. Reading a definition touches one YAML file and
nothing else; where things lie on this machine belongs in config/settings.py.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from config.plans import Checks, Clause, FitPlan, KPlan

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
COLUMN_PATTERN = re.compile(r"^[^\W_][\w .,()$%&/#+-]{0,99}\Z")

# The strptime directives that date_in_name may hold, each with what it finds in a file's name.
DATE_PARTS = {"%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}", "%y": r"\d{2}", "%j": r"\d{3}"}

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
ColumnType = Literal["int", "float", "text", "category", "bool", "timestamp"]
Scaling = Literal["auto", "none", "standard", "robust", "log-standard"]
DuplicatePolicy = Literal["quarantine", "first", "last", "sum", "mean"]


class Csv(Clause):
    """How CSV files are written. Never guessed: a file that differs is refused."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="Field separator.")
    encoding: str = Field("utf-8", description="Text encoding, as Python names it.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of numbers.")
    null_values: tuple[str, ...] = Field(
        ("",), description="Texts that mean 'no value' in columns other than text."
    )
    final_newline: bool = Field(
        True, description="Refuse a file that does not end in a newline, since it may be cut."
    )

    @model_validator(mode="after")
    def _delimiter_is_free(self) -> Self:
        if self.delimiter in '"\r\n\0' or not self.delimiter.isascii():
            raise ValueError("delimiter is one ASCII character, neither a quote nor a line end")
        if self.delimiter == self.decimal:
            raise ValueError(f"delimiter and decimal are both {self.decimal!r}")
        return self


class Source(Clause):
    """Where rows come from: `path` (file, folder or glob) or `sample`, one of them."""

    path: str | None = Field(None, description="File, folder or glob of CSV or Parquet files.")
    sample: Literal["article", "shop"] | None = Field(None, description="Data that the project makes itself.")
    customers: int | None = Field(
        None, ge=1, le=1_000_000_000, description="Sample shop: number of customers (20000)."
    )
    date_in_name: str | None = Field(
        None,
        description="strptime pattern found in file names: the newest dated on or before as_of is read.",
    )
    csv: Csv = Field(default_factory=lambda: Csv(), description="How CSV files are written.")

    @field_validator("date_in_name")
    @classmethod
    def _date_can_be_found(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        parts = re.findall("%.?", pattern, re.DOTALL)
        if set(parts) - DATE_PARTS.keys() or len(set(parts)) != len(parts):
            raise ValueError(f"date_in_name may hold {', '.join(DATE_PARTS)}, each once, and plain text")
        if not {"%Y", "%y"} & set(parts):
            raise ValueError("date_in_name needs the year, %Y or %y")
        return pattern

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.sample is None):
            raise ValueError("give exactly one of path and sample")
        if self.customers is not None and self.sample != "shop":
            raise ValueError("customers goes with sample: shop")
        return self


class Column(Clause):
    """The contract of one column. A row that breaks it is quarantined with the reason."""

    type: ColumnType = Field(description="int, float, text, category, bool or timestamp.")
    nullable: bool = Field(False, description="May a value be missing?")
    ge: float | None = Field(None, description="Smallest value allowed.")
    gt: float | None = Field(None, description="Values must be above this.")
    le: float | None = Field(None, description="Largest value allowed.")
    lt: float | None = Field(None, description="Values must be below this.")
    isin: tuple[str | int | float | bool, ...] | None = Field(None, description="The only values allowed.")
    unit: str = Field("", description="Unit, shown to people.")
    description: str = Field("", description="One sentence, carried to the outputs.")

    @model_validator(mode="after")
    def _bounds_need_numbers(self) -> Self:
        bounds = (self.ge, self.gt, self.le, self.lt)
        if self.type not in ("int", "float") and any(b is not None for b in bounds):
            raise ValueError(f"ge, gt, le and lt need type int or float, not {self.type}")
        return self


class Rows(Clause):
    """What one row is, and what it must look like."""

    grain: Literal["customer"] = Field("customer", description="One row per customer.")
    id: str | None = Field(
        description="The customer id's column, read as text; null: every row stands for itself."
    )
    columns: dict[str, Column] = Field(min_length=1, max_length=1000, description="The contract.")
    on_duplicate: DuplicatePolicy = Field(
        "quarantine", description="What to do with several rows of one customer that differ."
    )

    @field_validator("columns")
    @classmethod
    def _column_names(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for name in columns:
            if not COLUMN_PATTERN.match(name):
                raise ValueError(
                    "column names start with a letter or digit and hold at most 100 letters, digits, "
                    "spaces and . , ( ) $ % & / # + -"
                )
        return columns

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        for name in self.columns if self.id is None else (self.id, *self.columns):
            # The outputs call the id customer_id, so an id may already have that name.
            if name in RESERVED_COLUMNS and not name == self.id == "customer_id":
                raise ValueError(f"column name {name} is used by the outputs; rename the column")
        return self


RESERVED_COLUMNS = frozenset(
    {"customer_id", "segment_id", "distance", "margin", "runner_up", "source_file", "source_row"}
)


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
    features: tuple[str, ...] = Field(min_length=1, max_length=200, description="Columns that are clustered.")
    scaling: ScalingPlan = Field(
        default_factory=lambda: ScalingPlan(), description="How features are scaled."
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="Factor on a feature's part of the squared distance (1)."
    )
    k: KPlan = Field(default_factory=lambda: KPlan(), description="Which k, and how it is chosen.")
    fit: FitPlan = Field(default_factory=lambda: FitPlan(), description="How hard k-means tries.")
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
    def _features_are_columns(self) -> Self:
        if len(set(self.features)) != len(self.features):
            raise ValueError("features names a column twice")
        for feature in self.features:
            if feature == self.rows.id:
                raise ValueError(f"feature {feature} is the customer id, which is text")
            column = self.rows.columns.get(feature)
            if column is None:
                raise ValueError(f"feature {feature} is not among rows.columns")
            if column.type not in ("int", "float", "bool"):
                raise ValueError(f"feature {feature} has type {column.type}; int, float or bool is needed")
            if column.nullable:
                raise ValueError(f"feature {feature} is nullable; every customer needs a value")
        for key in (*self.scaling.columns, *self.weights):
            if key not in self.features:
                raise ValueError(f"scaling or weights name {key}, which is not a feature")
        return self

    def scaling_of(self, feature: str) -> Scaling:
        """The scaling asked for this feature."""
        return self.scaling.columns.get(feature, self.scaling.default)

    def today(self, now: datetime) -> str:
        """The date, as text, that the instant `now` (with zone) falls on in the time zone."""
        return now.astimezone(ZoneInfo(self.timezone)).date().isoformat()

    def substance(self) -> dict[str, Any]:
        """What of the definition decides the result: all but where the source lies."""
        return self.model_dump(mode="json", exclude={"source": {"path", "sample", "customers"}})


BUILT_IN = Path(__file__).parent / "segmentations"

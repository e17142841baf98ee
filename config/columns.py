"""The parts of a definition that say what one row is: its columns, their contract, its id.

Where rows come from is in config/sources.py; which columns are clustered in config/parameters.py.
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.conditions import RowRule
from config.plans import Clause

COLUMN_PATTERN = re.compile(r"^[^\W_][\w .,()$%&/#+-]{0,99}\Z")
RESERVED_COLUMNS = frozenset(
    {"customer_id", "segment_id", "distance", "margin", "runner_up", "source_file", "source_row"}
)

ColumnType = Literal["int", "float", "text", "category", "bool", "timestamp"]
DuplicatePolicy = Literal["quarantine", "first", "last", "sum", "mean"]
# The strptime directives that format may hold: digits only, so that no locale has a say.
TIME_PARTS = frozenset(["%Y", "%y", "%m", "%d", "%j", "%H", "%M", "%S", "%f", "%z", "%%"])
# Columns that stage files of events have besides the declared ones; a query knows no case.
_STAGE_COLUMNS = ("customer_id", "source_file", "source_row")


class Fill(Clause):
    """What stands in for a missing value of a feature."""

    by: Literal["constant", "median", "level"] = Field(
        description="constant: value; median: learnt at fit time and kept in the model; level: missing is a "
        "level of its own, for categories without order."
    )
    value: str | int | float | bool | None = Field(None, description="With by constant: the value.")
    indicator: bool = Field(False, description="Add a 0/1 feature that says where the value was missing.")

    @model_validator(mode="after")
    def _value_goes_with_constant(self) -> Self:
        if (self.by == "constant") != (self.value is not None):
            raise ValueError("value goes with by: constant, and only with it")
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
    order: tuple[str, ...] | None = Field(
        None, min_length=2, max_length=1000, description="Category: its levels from low to high, all of them."
    )
    fill: Fill | None = Field(None, description="With nullable: what stands in for a missing value.")
    format: str | None = Field(
        None, max_length=100, description="strptime pattern of a timestamp's text; null: ISO 8601."
    )
    unit: str = Field("", description="Unit, shown to people.")
    description: str = Field("", description="One sentence, carried to the outputs.")

    @field_validator("format")
    @classmethod
    def _format_names_a_day(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        parts = re.findall("%.?", pattern, re.DOTALL)
        if set(parts) - TIME_PARTS or len(set(parts)) != len(parts):
            raise ValueError(f"format may hold {', '.join(sorted(TIME_PARTS))}, each once, and plain text")
        if not {"%Y", "%y"} & set(parts) or not ({"%m", "%d"} <= set(parts) or "%j" in parts):
            raise ValueError("format needs year, month and day")
        return pattern

    @model_validator(mode="after")
    def _bounds_need_numbers(self) -> Self:
        bounds = (self.ge, self.gt, self.le, self.lt)
        if self.type not in ("int", "float") and any(b is not None for b in bounds):
            raise ValueError(f"ge, gt, le and lt need type int or float, not {self.type}")
        if self.format is not None and self.type != "timestamp":
            raise ValueError(f"format needs type timestamp, not {self.type}")
        return self

    @model_validator(mode="after")
    def _order_and_fill_fit(self) -> Self:
        if self.order is not None:
            if self.type != "category" or self.isin is not None:
                raise ValueError("order goes with type category, and instead of isin")
            if len(set(self.order)) != len(self.order):
                raise ValueError("order names a level twice")
        if self.fill is None:
            return self
        if not self.nullable:
            raise ValueError("fill goes with nullable: true")
        if self.fill.by == "median" and self.type not in ("int", "float"):
            raise ValueError(f"fill by median needs type int or float, not {self.type}")
        if self.fill.by == "level" and (self.type != "category" or self.order is not None):
            raise ValueError("fill by level needs type category without order")
        if self.fill.by == "constant" and not self._takes(self.fill.value):
            raise ValueError("fill.value is not a value of the column")
        return self

    def _takes(self, value: str | int | float | bool | None) -> bool:
        """Is this a value that the column may hold?"""
        if self.type == "bool":
            return isinstance(value, bool)
        if self.type in ("int", "float"):
            return isinstance(value, int if self.type == "int" else (int, float)) and value is not True
        return isinstance(value, str) and (self.order is None or value in self.order)


class Rows(Clause):
    """What one row is, and what it must look like."""

    grain: Literal["customer", "event"] = Field(
        "customer", description="customer: one row per customer; event: many rows, which summary summarises."
    )
    id: str | None = Field(
        description="The customer id's column, read as text; null: every row stands for itself."
    )
    id_suffix: str | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="Text that is taken off the end of ids, such as the .0 that a spreadsheet has appended.",
    )
    time: str | None = Field(None, description="Grain event: the timestamp column that says when.")
    where: tuple[RowRule, ...] = Field((), max_length=100, description="Rules that every row must meet.")
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

    @model_validator(mode="after")
    def _grain_has_what_it_needs(self) -> Self:
        if self.id_suffix is not None and self.id is None:
            raise ValueError("id_suffix goes with an id")
        if self.grain == "customer":
            if self.time is not None:
                raise ValueError("time goes with grain: event")
            return self
        column = self.columns.get(self.time or "")
        if self.id is None:
            raise ValueError("grain event needs an id: whose event is it?")
        if self.time == self.id or column is None or column.type != "timestamp" or column.nullable:
            raise ValueError("grain event needs time: a column of type timestamp that is not nullable")
        if self.on_duplicate != "quarantine":
            raise ValueError("on_duplicate goes with grain: customer; equal events are all kept")
        folded = [name.casefold() for name in (*_STAGE_COLUMNS, *self.columns) if name != self.id]
        if len(set(folded)) != len(folded):
            raise ValueError("grain event cannot tell apart column names that differ in case only")
        return self

    @model_validator(mode="after")
    def _rules_fit_their_columns(self) -> Self:
        kinds = {name: column.type for name, column in self.columns.items()}
        if self.id is not None:
            kinds[self.id] = "text"
        for rule in self.where:
            if rule.column not in kinds:
                raise ValueError(f"where tests {rule.column}, which is not among rows.columns")
            if misfit := rule.misfit(kinds[rule.column]):
                raise ValueError(f"where on {rule.column}: {misfit}")
        return self

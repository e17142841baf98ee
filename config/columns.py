"""The parts of a definition that describe one row: its id, its columns and their contract.

Where rows come from is in config/sources.py. Which columns are clustered is in config/definition.py.
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.conditions import RowRule
from config.time_formats import compile_form, find_ambiguity, list_formats

# \Z, because $ would also accept a trailing newline.
COLUMN_PATTERN = re.compile(r"^[^\W_][\w .,()$%&/#+-]{0,99}\Z")
# Columns that the outputs add to those of the contract.
RESERVED_COLUMNS = frozenset(
    {"customer_id", "segment_id", "distance", "margin", "runner_up", "source_file", "source_row"}
)

ColumnType = Literal["int", "float", "text", "category", "bool", "timestamp"]
DuplicatePolicy = Literal["quarantine", "first", "last", "sum", "mean"]
# Columns that stage files of events have in addition. SQL names are case-insensitive.
_STAGE_COLUMNS = ("customer_id", "source_file", "source_row")


class Fill(Clause):
    """How missing values of a feature are filled."""

    by: Literal["constant", "median", "level"] = Field(
        description="constant: use value; median: learnt when the model is fitted, and kept in it; level: "
        "missing is an extra level, for categories without order."
    )
    value: str | int | float | bool | None = Field(None, description="The value, with by: constant.")
    indicator: bool = Field(False, description="Add a 0/1 feature that marks where the value was missing.")

    @model_validator(mode="after")
    def _value_goes_with_constant(self) -> Self:
        if (self.by == "constant") != (self.value is not None):
            raise ValueError("value is needed with by: constant, and allowed only there")
        return self


class Column(Clause):
    """The contract of one column. Rows that break it are quarantined, with the reason."""

    type: ColumnType = Field(description="int, float, text, category, bool or timestamp.")
    nullable: bool = Field(False, description="Whether values may be missing.")
    ge: float | None = Field(None, description="Values must be at least this.")
    gt: float | None = Field(None, description="Values must be above this.")
    le: float | None = Field(None, description="Values must be at most this.")
    lt: float | None = Field(None, description="Values must be below this.")
    isin: tuple[str | int | float | bool, ...] | None = Field(None, description="The only values allowed.")
    order: tuple[str, ...] | None = Field(
        None, min_length=2, max_length=1000, description="Category: all levels, from low to high."
    )
    fill: Fill | None = Field(None, description="How missing values are filled, if nullable.")
    format: str | tuple[str, ...] | None = Field(
        None,
        max_length=100,
        description="Timestamp: the strptime pattern of its text, iso, epoch-seconds, epoch-milliseconds or "
        "epoch-microseconds, or a list of these; null: ISO 8601.",
    )
    currency: str | Literal[False] | None = Field(
        None,
        description="Column with the currency of this amount. Several currencies are refused. false: the "
        "amount has one currency, whatever the file's columns say.",
    )
    unit: str = Field("", description="Unit, shown in reports.")
    description: str = Field("", description="One sentence, copied to the outputs.")

    @field_validator("format")
    @classmethod
    def _format_has_a_day(cls, text_format: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        formats = list_formats(text_format)
        if not formats:
            raise ValueError("format lists at least one form")
        for pattern in formats:
            compile_form(pattern)
        if rivals := find_ambiguity(formats):
            raise ValueError(f"format lists {rivals[0]} and {rivals[1]}, which read one text as two times")
        return text_format

    @model_validator(mode="after")
    def _bounds_need_numbers(self) -> Self:
        bounds = (self.ge, self.gt, self.le, self.lt)
        if self.type not in ("int", "float") and any(bound is not None for bound in bounds):
            raise ValueError(f"ge, gt, le and lt need type int or float, not {self.type}")
        if self.currency and self.type not in ("int", "float"):
            raise ValueError(f"currency needs type int or float, not {self.type}")
        if self.format is not None and self.type != "timestamp":
            raise ValueError(f"format needs type timestamp, not {self.type}")
        return self

    @model_validator(mode="after")
    def _order_and_fill_fit(self) -> Self:
        if self.order is not None:
            if self.type != "category" or self.isin is not None:
                raise ValueError("order needs type category, and replaces isin")
            if len(set(self.order)) != len(self.order):
                raise ValueError("order names a level twice")
        if self.fill is None:
            return self
        if not self.nullable:
            raise ValueError("fill needs nullable: true")
        if self.fill.by == "median" and self.type not in ("int", "float"):
            raise ValueError(f"fill by median needs type int or float, not {self.type}")
        if self.fill.by == "level" and (self.type != "category" or self.order is not None):
            raise ValueError("fill by level needs type category without order")
        if self.fill.by == "constant" and not self._allows(self.fill.value):
            raise ValueError("fill.value is not a value that the column may have")
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """The forms of a timestamp, in the order in which they are tried."""
        return list_formats(self.format)

    def _allows(self, value: str | int | float | bool | None) -> bool:
        """May the column have this value?"""
        if self.type == "bool":
            return isinstance(value, bool)
        if self.type in ("int", "float"):
            return isinstance(value, int if self.type == "int" else (int, float)) and value is not True
        return isinstance(value, str) and (self.order is None or value in self.order)


class Rows(Clause):
    """What one row is, and its contract."""

    grain: Literal["customer", "event"] = Field(
        "customer",
        description="customer: one row per customer; event: many rows per customer, summarised by summary.",
    )
    id: str | None = Field(
        description="Column of the customer id, read as text; null: every row is a customer."
    )
    id_suffix: str | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="Text to remove from the end of ids, such as a .0 appended by a spreadsheet.",
    )
    time: str | None = Field(None, description="Grain event: the timestamp column of the event.")
    where: tuple[RowRule, ...] = Field((), max_length=100, description="Rules that every row must meet.")
    columns: dict[str, Column] = Field(min_length=1, max_length=1000, description="The contract, by column.")
    key: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        max_length=10,
        description="Grain event: the columns that identify an event, such as [order_id, line]. Of several "
        "rows with one key, one counts.",
    )
    on_duplicate: DuplicatePolicy = Field(
        "quarantine", description="What to do if several rows of one customer, or of one key, differ."
    )
    order_by: str | None = Field(
        None,
        description="With key and on_duplicate first or last: the column that orders the rows of a key; "
        "null: the source's order.",
    )

    @field_validator("columns")
    @classmethod
    def _column_names(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for name in columns:
            if not COLUMN_PATTERN.match(name):
                raise ValueError(
                    "column names start with a letter or digit and have at most 100 letters, digits, "
                    "spaces and . , ( ) $ % & / # + -"
                )
        return columns

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        for name in self.columns if self.id is None else (self.id, *self.columns):
            # The outputs name the id customer_id, so an id column may already have that name.
            if name in RESERVED_COLUMNS and not name == self.id == "customer_id":
                raise ValueError(f"column name {name} is used by the outputs; rename the column")
        return self

    @model_validator(mode="after")
    def _grain_has_its_keys(self) -> Self:
        if self.id_suffix is not None and self.id is None:
            raise ValueError("id_suffix needs an id")
        if self.grain == "customer":
            if self.time is not None:
                raise ValueError("time needs grain: event")
            return self
        column = self.columns.get(self.time or "")
        if self.id is None:
            raise ValueError("grain event needs id, the customer's column")
        if self.time == self.id or column is None or column.type != "timestamp" or column.nullable:
            raise ValueError("grain event needs time: a column of type timestamp that is not nullable")
        if self.on_duplicate != "quarantine" and self.key is None:
            raise ValueError("on_duplicate needs key with grain: event, the columns that identify an event")
        if self.on_duplicate in ("sum", "mean"):
            raise ValueError(f"on_duplicate {self.on_duplicate} needs grain: customer")
        # DuckDB would take amount and Amount for one column.
        folded = [name.casefold() for name in (*_STAGE_COLUMNS, *self.columns) if name != self.id]
        if len(set(folded)) != len(folded):
            raise ValueError("with grain event, column names must differ in more than case")
        return self

    @model_validator(mode="after")
    def _key_identifies_events(self) -> Self:
        if self.key is None:
            if self.order_by is not None:
                raise ValueError("order_by needs key")
            return self
        if self.grain == "customer":
            raise ValueError("key needs grain: event; a row of a customer is identified by id")
        for name in self.key:
            column = self.columns.get(name)
            if name == self.id:
                continue
            if column is None or column.nullable or column.type == "float":
                raise ValueError(f"key names {name}: expected a column that is neither nullable nor float")
        if self.order_by is None:
            return self
        column = self.columns.get(self.order_by)
        if column is None or column.nullable or column.type not in ("int", "float", "timestamp"):
            raise ValueError("order_by needs a column of type int, float or timestamp that is not nullable")
        if self.on_duplicate == "quarantine":
            raise ValueError("order_by needs on_duplicate: first or last")
        return self

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that decide between the rows of one key: the key's, then order_by."""
        return tuple(dict.fromkeys((*(self.key or ()), *((self.order_by,) if self.order_by else ()))))

    @model_validator(mode="after")
    def _rules_fit_their_columns(self) -> Self:
        kinds = {name: column.type for name, column in self.columns.items()}
        if self.id is not None:
            kinds[self.id] = "text"
        for name, column in self.columns.items():
            if column.currency and kinds.get(column.currency) not in ("text", "category"):
                raise ValueError(f"currency of {name}: expected a column of type text or category")
        for rule in self.where:
            if rule.column not in kinds:
                raise ValueError(f"where tests {rule.column}, which is not in rows.columns")
            if misfit := rule.misfit(kinds[rule.column]):
                raise ValueError(f"where on {rule.column}: {misfit}")
        return self

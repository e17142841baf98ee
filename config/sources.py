"""The parts of a definition that say where rows come from and how their files are written.

The contract of a row is in config/columns.py. Nothing here reads a file.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.name_patterns import get_unit
from config.sql_text import blank_out, list_binds, strip_semicolon

BINDS = ("as_of", "window_start")


class Csv(Clause):
    """How CSV files are written. Nothing is guessed: a file that differs is refused."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="Field separator.")
    quote: str | None = Field(
        '"',
        min_length=1,
        max_length=1,
        description="Mark around fields that contain delimiters or line breaks, doubled inside them. null: "
        "quotes are text.",
    )
    escape: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Mark before a quote, delimiter, line break or itself that makes it text, such as a "
        "backslash. Before anything else it is text.",
    )
    encoding: str = Field("utf-8", description="Text encoding, as Python names it.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of numbers.")
    thousands: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Mark between the thousands of numbers, such as , or a blank. null: none is read.",
    )
    currency_marks: tuple[Annotated[str, Field(min_length=1, max_length=8)], ...] = Field(
        (),
        max_length=20,
        description="Texts before or after numbers that are dropped, such as $ or EUR; also %.",
    )
    negative: tuple[Literal["minus", "trailing", "parentheses"], ...] = Field(
        ("minus",),
        description="How negative numbers are written: minus (-5, always read), trailing (5-), "
        "parentheses ((5)).",
    )
    null_values: tuple[str, ...] = Field(
        ("",), description="Texts that mean a missing value, in columns of every type and in ids."
    )
    final_newline: bool = Field(
        True, description="Refuse a file that does not end in a newline, because it may be truncated."
    )

    @model_validator(mode="after")
    def _marks_of_numbers_differ(self) -> Self:
        if self.thousands is not None and self.thousands in {*"+-()eE0123456789", self.decimal}:
            raise ValueError("thousands must be neither a digit, a sign, e nor the decimal mark")
        if any(re.search(r"[\d+\-()]|^\s|\s$", mark) for mark in self.currency_marks):
            raise ValueError("currency_marks contain no digits, signs or parentheses, and no blanks around")
        return self

    @model_validator(mode="after")
    def _quote_and_escape_are_free(self) -> Self:
        marks = [mark for mark in (self.delimiter, self.quote, self.escape) if mark is not None]
        if len(set(marks)) < len(marks):
            raise ValueError("delimiter, quote and escape must differ; a quote is doubled without any escape")
        if any(mark in "\r\n\0" or not mark.isascii() for mark in marks):
            raise ValueError("quote and escape must be one ASCII character that does not end a line")
        return self

    @model_validator(mode="after")
    def _delimiter_is_free(self) -> Self:
        if self.delimiter in '"\r\n\0' or not self.delimiter.isascii():
            raise ValueError("delimiter must be one ASCII character, neither a quote nor a line end")
        if self.delimiter == self.decimal:
            raise ValueError(f"delimiter and decimal are both {self.decimal!r}")
        return self


class Source(Clause):
    """Where rows come from: one of `path` (file, folder or glob), `sample` and `sql`."""

    path: str | None = Field(
        None,
        description="File, folder or glob of CSV, TSV, JSON-lines or Parquet files, a Delta table's folder, "
        "or an s3:// URL.",
    )
    sample: Literal["article", "shop", "people", "orders"] | None = Field(
        None, description="A generated sample: article, shop, people or orders."
    )
    customers: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="Number of customers in a sample (shop and people: 20000, orders: 5000).",
    )
    sql: str | None = Field(
        None,
        max_length=20_000,
        description="One SELECT with ORDER BY. :as_of and :window_start are bound to dates.",
    )
    connection: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        description="With sql: the name of the secret with the database URL.",
    )
    date_in_name: str | None = Field(
        None,
        description="strptime pattern of the date in a file's name, or in its path below the source's "
        "folder. The newest file up to as_of is read; for events, every file whose days meet the window.",
    )
    days_before: int = Field(
        0, ge=0, le=366, description="Events: a file may also hold rows of this many days before its own."
    )
    days_after: int = Field(
        0, ge=0, le=366, description="Events: a file may also hold rows of this many days after its own."
    )
    version: int | None = Field(None, ge=0, description="Delta table: the version to read; null: the newest.")
    on_no_data: Literal["refuse", "skip"] = Field(
        "refuse",
        description="On a date without a file or a row: refuse, as an error, or skip, and later dates run.",
    )
    csv: Csv = Field(default_factory=lambda: Csv(), description="How CSV files are written.")

    @field_validator("date_in_name")
    @classmethod
    def _date_can_be_found(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            get_unit(pattern)
        return pattern

    @field_validator("sql")
    @classmethod
    def _sql_is_one_query(cls, sql: str | None) -> str | None:
        if sql is None:
            return None
        code = blank_out(strip_semicolon(sql))
        if not re.match(r"\s*\(*\s*(SELECT|WITH)\b", code, re.IGNORECASE):
            raise ValueError("sql must be one statement that starts with SELECT or WITH")
        if ";" in code:
            raise ValueError("sql must be one statement, without a ; in it")
        if unknown := sorted(set(list_binds(sql)) - set(BINDS)):
            raise ValueError(f"sql may bind :as_of and :window_start, not {', '.join(unknown)}")
        return sql

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.sample, self.sql)) != 1:
            raise ValueError("give exactly one of path, sample and sql")
        if (self.sql is None) != (self.connection is None):
            raise ValueError("sql and connection go together")
        if (self.days_before or self.days_after) and self.date_in_name is None:
            raise ValueError("days_before and days_after need date_in_name")
        if self.customers is not None and self.sample not in ("shop", "people", "orders"):
            raise ValueError("customers needs sample: shop, people or orders")
        return self

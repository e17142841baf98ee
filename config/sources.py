"""The parts of a definition that say where rows come from and how their files are written.

What a row must look like is in config/columns.py. Nothing here touches a file.
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.plans import Clause

# The strptime directives that date_in_name may hold, each with what it finds in a file's name.
DATE_PARTS = {"%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}", "%y": r"\d{2}", "%j": r"\d{3}"}


BINDS = ("as_of", "window_start")


def find_binds(sql: str) -> list[str]:
    """The names that a statement binds, :name; a cast (::date) is none."""
    return re.findall(r"(?<![:\w\\]):(\w+)", sql)


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
    """Where rows come from: `path` (file, folder or glob), `sample` or `sql`, one of them."""

    path: str | None = Field(None, description="File, folder or glob of CSV or Parquet files, or s3:// URL.")
    sample: Literal["article", "shop", "people", "orders"] | None = Field(
        None, description="Data that the project makes itself."
    )
    customers: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="Samples shop and people: number of customers (20000); orders: of their places (5000).",
    )
    sql: str | None = Field(
        None,
        max_length=20_000,
        description="One SELECT, its rows in an order of its own (ORDER BY); :as_of and :window_start are "
        "bound to dates.",
    )
    connection: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        description="With sql: the name of the secret that holds the database's URL.",
    )
    date_in_name: str | None = Field(
        None,
        description="strptime pattern found in file names: the newest dated on or before as_of is read; of "
        "events, the files dated within the window.",
    )
    on_no_data: Literal["refuse", "skip"] = Field(
        "refuse",
        description="A date without a file or a row: refuse, as a fault; or skip, and history goes on.",
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

    @field_validator("sql")
    @classmethod
    def _sql_is_one_question(cls, sql: str | None) -> str | None:
        if sql is None:
            return None
        if not re.match(r"\s*(SELECT|WITH)\b", sql, re.IGNORECASE):
            raise ValueError("sql is one statement that begins with SELECT or WITH")
        if ";" in sql.rstrip().rstrip(";"):
            raise ValueError("sql is one statement, without a ; in it")
        if unknown := sorted(set(find_binds(sql)) - set(BINDS)):
            raise ValueError(f"sql may bind :as_of and :window_start, not {', '.join(unknown)}")
        return sql

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(one is not None for one in (self.path, self.sample, self.sql)) != 1:
            raise ValueError("give exactly one of path, sample and sql")
        if (self.sql is None) != (self.connection is None):
            raise ValueError("sql and connection go together")
        if self.customers is not None and self.sample not in ("shop", "people", "orders"):
            raise ValueError("customers goes with sample: shop, people or orders")
        return self

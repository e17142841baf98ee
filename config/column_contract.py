"""The contract of one column: its type, the values it may have, and how its times are written.

Which columns a row has is in config/columns.py, the forms of times are in config/time_formats.py.
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.time_formats import compile_form, detect_ambiguity, list_formats

# Any character that shows, except those that YAML, HTML, expressions or terminals could take for their own.
COLUMN_PATTERN = re.compile(
    "(?!\\s)[^`<>\\\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]{1,100}(?<!\\s)\\Z"
)
COLUMN_NAMES = (
    "column names start and end with a character that shows, and have at most 100 characters, without line "
    "breaks, backticks, backslashes, < and >"
)

MOST_FORMATS = 20  # of one column: each is compared with every other
ColumnType = Literal["int", "float", "text", "category", "bool", "timestamp"]


def check_pattern(pattern: str) -> None:
    """ValueError if the pattern is not a regular expression of RE2."""
    # Imported here: it takes 0.3 s, and most definitions have no pattern.
    import pyarrow as pa
    import pyarrow.compute as pc

    fault = ""
    try:
        # Alone too: a)|(b fits into a group, and means something else there.
        for text in (pattern, rf"\A(?:{pattern})\z"):
            pc.match_substring_regex(pa.array([""]), text)
    except pa.ArrowInvalid as error:
        fault = str(error).removeprefix("Invalid regular expression: ")
    if fault:
        raise ValueError(f"pattern is not a regular expression of RE2: {fault}")


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
    pattern: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Text: an RE2 regular expression that must match all of it.",
    )
    unique: bool = Field(
        False,
        description="Whether no two rows that count may share a value. All rows that do are quarantined.",
    )
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
    label: str = Field(
        "",
        max_length=60,
        exclude_if=lambda label: not label,  # unset, it is not part of the names of editions
        description="What pages and segment names call it, such as yearly revenue. Empty: its own name.",
    )
    description: str = Field("", description="One sentence, copied to the outputs.")

    absent: Literal["refuse", "null"] = Field(
        "refuse", description="A file without the column: refuse it, or read null, with nullable: true."
    )
    was: tuple[str, ...] = Field((), max_length=20, description="Names that the column has in older files.")

    @field_validator("absent", mode="before")
    @classmethod
    def _null_is_a_value(cls, absent: object) -> object:
        # YAML reads the word null as None.
        return "null" if absent is None else absent

    @field_validator("format")
    @classmethod
    def _format_has_a_day(cls, text_format: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        formats = list_formats(text_format)
        if not formats:
            raise ValueError("format lists at least one form")
        if len(formats) > MOST_FORMATS:
            raise ValueError(f"format lists {len(formats)} forms; expected at most {MOST_FORMATS}")
        for pattern in formats:
            compile_form(pattern)
        if rivals := detect_ambiguity(formats):
            raise ValueError(f"format lists {rivals[0]} and {rivals[1]}, which read one text as two times")
        return text_format

    @field_validator("pattern")
    @classmethod
    def _pattern_is_regular(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            check_pattern(pattern)
        return pattern

    @model_validator(mode="after")
    def _absent_needs_nullable(self) -> Self:
        if self.absent == "null" and not self.nullable:
            raise ValueError("absent: null needs nullable: true")
        return self

    @model_validator(mode="after")
    def _bounds_need_numbers(self) -> Self:
        bounds = (self.ge, self.gt, self.le, self.lt)
        if self.type not in ("int", "float") and any(bound is not None for bound in bounds):
            raise ValueError(f"ge, gt, le and lt need type int or float, not {self.type}")
        if self.currency and self.type not in ("int", "float"):
            raise ValueError(f"currency needs type int or float, not {self.type}")
        if self.format is not None and self.type != "timestamp":
            raise ValueError(f"format needs type timestamp, not {self.type}")
        if self.pattern is not None and self.type not in ("text", "category"):
            raise ValueError(f"pattern needs type text or category, not {self.type}")
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

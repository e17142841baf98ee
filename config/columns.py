"""The part of a definition that describes one row: its id, its columns and the rules across them.

The contract of one column is in config/column_contract.py, where rows come from in config/sources.py, and
which columns are clustered in config/definition.py.
"""

import re
from collections import Counter
from fnmatch import translate
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from config.clauses import Clause
from config.column_contract import COLUMN_NAMES, COLUMN_PATTERN, Column, ColumnType
from config.comparisons import RowComparison
from config.conditions import RowRule

__all__ = [
    "COLUMN_NAMES",
    "COLUMN_PATTERN",
    "RESERVED_COLUMNS",
    "Column",
    "ColumnType",
    "DuplicatePolicy",
    "Rows",
]

# Columns that the outputs add to those of the contract.
RESERVED_COLUMNS = frozenset(
    {
        "customer_id",
        "segment_id",
        "segment_name",
        "distance",
        "margin",
        "runner_up",
        "previous_segment_id",
        "change",
        "cause",
        "source_file",
        "source_row",
    }
)

DuplicatePolicy = Literal["quarantine", "first", "last", "sum", "mean"]
# Columns that stage files of events have in addition. SQL names are case-insensitive.
_STAGE_COLUMNS = ("customer_id", "source_file", "source_row")


@lru_cache(maxsize=8)
def _compile_ignored(entries: tuple[str, ...]) -> re.Pattern[str]:
    """One regular expression for all of rows.ignore: a header may have as many columns as it has entries."""
    return re.compile("|".join(f"{re.escape(entry)}|{translate(entry)}" for entry in entries) or r"(?!)")


# Which kind of rule an entry of rows.where is. The marks keep the tags out of messages.
_AnyRule = Annotated[
    Annotated[RowRule, Tag("<condition>")] | Annotated[RowComparison, Tag("<comparison>")],
    Discriminator(
        lambda rule: (
            "<comparison>"
            if isinstance(rule, RowComparison) or (isinstance(rule, dict) and "test" in rule)
            else "<condition>"
        )
    ),
]


class Rows(Clause):
    """What one row is, and its contract."""

    # In code the key schema is python_schema: pydantic has a method called schema.
    model_config = ConfigDict(serialize_by_alias=True)

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
    where: tuple[_AnyRule, ...] = Field((), max_length=100, description="Rules that every row must meet.")
    columns: dict[str, Column] = Field(min_length=1, max_length=1000, description="The contract, by column.")
    ignore: tuple[str, ...] = Field(
        (),
        max_length=2000,
        description="Columns of the source that are left out on purpose, by name or with * and ?.",
    )
    python_schema: str | None = Field(
        None,
        alias="schema",
        max_length=200,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="A pandera schema that judges rows too, as module:Name; see contracts.md.",
    )
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
                raise ValueError(COLUMN_NAMES)
        earlier = Counter(name for column in columns.values() for name in column.was)
        for name, count in earlier.items():
            if name in columns or count > 1:
                raise ValueError(f"was names {name}, which another column is or was")
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
    def _ignored_columns_are_not_declared(self) -> Self:
        declared = self.columns if self.id is None else (self.id, *self.columns)
        for name in declared:
            if name in self.ignore:
                raise ValueError(f"ignore names {name}, which is in rows.columns")
        return self

    def is_ignored(self, name: str) -> bool:
        """Is this column of the source left out on purpose?"""
        return _compile_ignored(self.ignore).fullmatch(name) is not None

    @model_validator(mode="after")
    def _rules_fit_their_columns(self) -> Self:
        kinds = {name: column.type for name, column in self.columns.items()}
        if self.id is not None:
            kinds[self.id] = "text"
        for name, column in self.columns.items():
            if column.currency and kinds.get(column.currency) not in ("text", "category"):
                raise ValueError(f"currency of {name}: expected a column of type text or category")
        for rule in self.where:
            if isinstance(rule, RowComparison):
                if fault := rule.misfit(kinds):
                    raise ValueError(fault)
                continue
            if rule.column not in kinds:
                raise ValueError(f"where tests {rule.column}, which is not in rows.columns")
            if misfit := rule.misfit(kinds[rule.column]):
                raise ValueError(f"where on {rule.column}: {misfit}")
        return self

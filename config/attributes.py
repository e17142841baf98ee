"""The part of a definition that joins a second table to customers by id: its source, contract and validity.

The table has columns that do not come from the rows, such as country, age or consent. Which ids were merged
is in config/aliases.py. Joining is in segmentation/attributes/.
"""

from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, model_validator

from config.clauses import Clause
from config.columns import Column, Rows
from config.comparisons import RowComparison
from config.sources import Source
from config.sql_text import list_binds

ENDS_BEFORE_IT_BEGINS = "validity ends before it begins"


def check_side_source(source: Source) -> None:
    """ValueError if a source cannot be that of a second table."""
    if source.sample is not None:
        raise ValueError("source.sample is for rows; a second table needs path or sql")
    if source.days_before or source.days_after:
        raise ValueError("days_before and days_after are for events")
    if source.sql is not None and "window_start" in list_binds(source.sql):
        raise ValueError("sql of a second table may bind :as_of only")


class Attributes(Clause):
    """A second table, joined to customers by id: columns that are features or profiles like any other."""

    source: Source = Field(description="Where the table is. With date_in_name, the newest file up to as_of.")
    id: str = Field(min_length=1, description="Column of the customer id, read as text.")
    id_suffix: str | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="Text to remove from the end of ids; null: that of rows.id_suffix.",
    )
    columns: dict[str, Column] = Field(
        min_length=1, max_length=1000, description="The contract, by column; see rows.columns."
    )
    ignore: tuple[str, ...] = Field(
        (),
        max_length=2000,
        description="Columns of the table that are left out on purpose, by name or with * and ?.",
    )
    valid_from: str | None = Field(
        None, description="Timestamp column: when a row begins to hold, included; missing: it always did."
    )
    valid_to: str | None = Field(
        None,
        description="Timestamp column: when a row ceases to hold, excluded; missing: it still holds. "
        "null: a row holds until the id's next one.",
    )
    as_of: Literal["latest"] | None = Field(
        None,
        description="latest: a table without dates is used for past dates too; null: past dates are refused.",
    )

    @model_validator(mode="after")
    def _source_fits(self) -> Self:
        check_side_source(self.source)
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        # DuckDB would take country and Country for one column.
        folded = [name.casefold() for name in self.columns if name != self.id]
        if len(set(folded)) != len(folded):
            raise ValueError("names of columns must differ in more than case")
        # The rules of a contract of customers: a ValueError here says what is wrong.
        _ = self.rows
        return self

    @model_validator(mode="after")
    def _validity_is_in_times(self) -> Self:
        if self.valid_to is not None and self.valid_from is None:
            raise ValueError("valid_to needs valid_from")
        for key, name in (("valid_from", self.valid_from), ("valid_to", self.valid_to)):
            column = self.columns.get(name or "")
            if name is not None and (name == self.id or column is None or column.type != "timestamp"):
                raise ValueError(f"{key} names {name}: expected a column of type timestamp")
        if self.valid_from is not None and self.valid_from == self.valid_to:
            raise ValueError("valid_from and valid_to name the same column")
        return self

    @property
    def rows(self) -> Rows:
        """The contract of the table's rows."""
        rules: tuple[RowComparison, ...] = ()
        if self.valid_from is not None and self.valid_to is not None:
            test = f"`{self.valid_to}` > `{self.valid_from}`"
            rules = (RowComparison(test=test, reason=ENDS_BEFORE_IT_BEGINS),)
        return Rows(
            grain="customer",
            id=self.id,
            id_suffix=self.id_suffix,
            columns=self.columns,
            ignore=self.ignore,
            where=rules,
        )

    @property
    def is_dated(self) -> bool:
        """Does the table say what held on a past date?"""
        binds = list_binds(self.source.sql) if self.source.sql else ()
        return self.source.date_in_name is not None or self.valid_from is not None or "as_of" in binds

    @property
    def customer_columns(self) -> dict[str, Column]:
        """What the table adds to customers. All may be missing, since a customer may have no row in it."""
        bounds = {self.id, self.valid_from, self.valid_to}
        return {
            name: column.model_copy(update={"nullable": True})
            for name, column in self.columns.items()
            if name not in bounds
        }

    def check(self, rows_id: str | None, row_columns: Collection[str], features: Collection[str]) -> None:
        """ValueError if the table cannot be joined to customers with this id and these columns."""
        if rows_id is None:
            raise ValueError("attributes need rows.id, by which they are joined")
        if not self.customer_columns:
            raise ValueError("attributes.columns names only the id and the validity")
        folded = {name.casefold() for name in (rows_id, *row_columns)}
        for name, column in self.customer_columns.items():
            if name.casefold() in folded:
                raise ValueError(
                    f"attributes.columns names {name}, which is a column of the rows or of the summary; "
                    "rename one of them"
                )
            if name in features and column.fill is None:
                raise ValueError(
                    f"feature {name} is in attributes, where a customer may be missing, so it needs "
                    "nullable: true and fill"
                )

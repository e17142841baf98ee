"""The part of a definition that names a table of merged ids, so that a merger is not a leaver and a joiner.

Reading the table is in segmentation/attributes/aliases.py, following ids in
segmentation/rows/casting/merged_ids.py.
"""

from typing import Self

from pydantic import Field, model_validator

from config.attributes import check_side_source
from config.clauses import Clause
from config.columns import Column, Rows
from config.sources import Source


class Aliases(Clause):
    """Ids that were merged into others: an old id, and the one that stays."""

    source: Source = Field(description="Where the table is. With date_in_name, the newest file up to as_of.")
    old_id: str = Field(min_length=1, description="Column of the id that was given up.")
    new_id: str = Field(min_length=1, description="Column of the id that stays. It may be given up later.")
    valid_from: str | None = Field(
        None, description="Column of the time of the merger; null: a merger counts on every date."
    )
    format: str | tuple[str, ...] | None = Field(
        None, max_length=100, description="How valid_from is written; see rows.columns.NAME.format."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        check_side_source(self.source)
        names = [name for name in (self.old_id, self.new_id, self.valid_from) if name is not None]
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError("old_id, new_id and valid_from must name different columns")
        if self.format is not None and self.valid_from is None:
            raise ValueError("format needs valid_from")
        _ = self.rows
        return self

    def check(self, rows_id: str | None) -> None:
        """ValueError if rows have no id that could be replaced."""
        if rows_id is None:
            raise ValueError("aliases need rows.id, the column in which ids are replaced")

    @property
    def rows(self) -> Rows:
        """The contract of the table's rows."""
        columns = {self.new_id: Column(type="text")}
        if self.valid_from is not None:
            columns[self.valid_from] = Column(type="timestamp", nullable=True, format=self.format)
        return Rows(grain="customer", id=self.old_id, columns=columns, ignore=("*",))

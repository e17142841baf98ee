"""The clause `outcome`: what becomes known about customers later, by which segments are judged.

No outcome takes part in the model. How outcomes are read and judged: segmentation/outcomes/.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.columns import COLUMN_PATTERN, Rows
from config.event_summary import EventSummary
from config.name_patterns import get_unit

BOUGHT_AGAIN = "bought_again"  # of events: did the customer have any within the horizon?
# These are 0 for a customer without events, so every customer of an edition has an outcome.
ADDITIVE_OPERATIONS = ("sum", "count", "count_distinct")
_PLACES = {"path", "date_in_name", "id"}  # where the outcome's table is: that does not affect the result


class Outcome(Clause):
    """What becomes known about customers later, such as churn or next quarter's revenue.

    Segments are judged by it; the model never sees it.
    """

    days: int | None = Field(
        None,
        ge=1,
        le=3660,
        description="The horizon. Events: the outcome is summed over [as_of, as_of + days). Customers: it is "
        "read as of as_of + days; null: as of the edition's own date.",
    )
    measures: tuple[str, ...] = Field(
        (),
        max_length=20,
        description="Grain event: summary.features with op sum, count or count_distinct, computed over the "
        "horizon; empty: the value feature. Whether customers bought again is always added.",
    )
    column: str | None = Field(
        None, description="Grain customer: the column of the outcome, such as churn. It cannot be a feature."
    )
    positive: str | None = Field(
        None, description='With column: the value that counts, such as "Yes"; null: the column is a number.'
    )
    path: str | None = Field(
        None,
        description="With column: file, folder or glob with it, written as the source's files; null: the "
        "source itself.",
    )
    date_in_name: str | None = Field(
        None, description="With path: as source.date_in_name. Then the file of as_of + days is read."
    )
    id: str | None = Field(None, description="With path: its column of the customer id; null: rows.id.")
    breaks_ties: bool = Field(
        False,
        description="Choose among several numbers of segments that hold by what an earlier edition's "
        "segments said about the outcome.",
    )

    @field_validator("date_in_name")
    @classmethod
    def _date_can_be_read(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            get_unit(pattern)
        return pattern

    @model_validator(mode="after")
    def _has_the_keys_of_its_kind(self) -> Self:
        if len(set(self.measures)) != len(self.measures):
            raise ValueError("measures names a feature twice")
        if self.column is None:
            keys = [name for name in ("positive", "path", "date_in_name", "id") if getattr(self, name)]
            if keys:
                raise ValueError(f"{' and '.join(keys)} need column")
            if self.days is None:
                raise ValueError("give column, for rows of customers, or days, for events")
            return self
        if self.measures:
            raise ValueError("column and measures exclude each other")
        if not COLUMN_PATTERN.match(self.column):
            raise ValueError("column is not the name of a column")
        if self.path is None and (self.date_in_name or self.id):
            raise ValueError("date_in_name and id need path")
        return self

    def fault(
        self, rows: Rows, summary: EventSummary | None, features: tuple[str, ...], rule: str
    ) -> str | None:
        """Why the outcome does not fit the rows and the rule for k of its definition. None if it fits."""
        if self.breaks_ties and rule != "auto":
            return f"breaks_ties needs k.rule auto; {rule} leaves no tie to break"
        if rows.id is None:
            return "customers without an id cannot be followed to a later date"
        if summary is None:
            return self._fault_of_column(rows, features)
        if self.column is not None or self.days is None:
            return "events need days, not column"
        for name in self.measures:
            if name == BOUGHT_AGAIN:
                return f"measures names {name}, which is always computed"
            if name not in summary.features:
                return f"measures names {name}, which is not in summary.features"
            if summary.features[name].op not in ADDITIVE_OPERATIONS:
                return (
                    f"{name} is not 0 for customers without events; expected op sum, count or count_distinct"
                )
        return None

    def _fault_of_column(self, rows: Rows, features: tuple[str, ...]) -> str | None:
        if self.column is None:
            return "rows of customers need column"
        if self.column == rows.id:
            return f"{self.column} is the customer id"
        feature_names = {name for feature in features for name in list_column_names(rows, feature)}
        if self.column in feature_names:
            return f"{self.column} is a feature: the model would see what it is judged by"
        declared = rows.columns.get(self.column)
        if declared is not None and declared.type not in ("int", "float", "bool") and self.positive is None:
            return f"{self.column} has type {declared.type}; say which value counts with positive"
        return None


def get_tie_content(outcome: Outcome | None) -> dict[str, Any]:
    """What of the clause affects editions: nothing unless it breaks ties, and never the table's place."""
    if outcome is None or not outcome.breaks_ties:
        return {}
    return {"outcome": outcome.model_dump(mode="json", exclude=_PLACES)}


def restore_outcome(decisive: Mapping[str, Any], outcome: Outcome | None) -> dict[str, Any]:
    """The clause from a manifest, with the place of the table from today's definition."""
    if not decisive.get("outcome"):
        return {}
    places = {} if outcome is None else outcome.model_dump(include=_PLACES, exclude_none=True)
    return {"outcome": {**decisive["outcome"], **places}}


def list_column_names(rows: Rows, feature: str) -> tuple[str, ...]:
    """A feature's column and the names that the column has in older files."""
    columns: Mapping[str, object] = rows.columns
    return (feature, *(rows.columns[feature].was if feature in columns else ()))

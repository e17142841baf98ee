"""A row of the ledger, as far as anything reads it: keys that a row has must have these types.

Rows are written in segmentation/store/ledger.py, which says what each is for. Other keys may be anything.
"""

from pydantic import BaseModel, ConfigDict, Field

_DAY = r"^\d{4}-\d\d-\d\d$"


class _Read(BaseModel):
    # Strict: a text where a number belongs would end in a traceback wherever it is formatted.
    model_config = ConfigDict(extra="allow", strict=True)


class CountedRows(_Read):
    """The balance of rows."""

    customers: int = 0
    used: int = 0
    quarantined: int = 0


class ChurnCounts(_Read):
    """Customers who stayed, moved, joined and left."""

    stayed: int
    behaviour: int
    model: int
    joined: int
    left: int


class LedgerInput(_Read):
    """A file that a run read."""

    name: str
    sha256: str
    numbered: bool = False


class LedgerRow(_Read):
    """A run, or something that a person did."""

    run_id: str = Field(pattern=r"^[\w.-]+$")
    as_of: str | None = Field(None, pattern=_DAY)
    outcome: str = ""
    began: str = ""
    ended: str | None = None
    edition: str | None = None
    k: int | None = None
    how: str | None = None
    source: str | None = None
    code: str | None = None
    commit: str | None = None
    tries: int = 0
    refusals: int = 0
    reasons: list[str] = []
    rows: CountedRows | None = None
    churn: ChurnCounts | None = None
    sizes: dict[str, int] | None = None
    inputs: list[LedgerInput] | None = None
    ids_before: int | None = Field(None, ge=0, description="Segment ids issued before the edition's own.")
    set_aside: list[str] = Field([], description="Dates that a promotion superseded.")
    superseded_editions: list[str] | None = Field(None, description="All superseded editions, from then on.")

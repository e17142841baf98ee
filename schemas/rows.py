"""From source rows to customers: what ingest and summarise return, and the balance of rows.

The contract that judges rows is in contract.py; the features of customers are in clustering.py.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from config.side_tables import SideTableName
from schemas.breakdown import Breakdown
from schemas.known_customers import KnownCustomers, KnownHistory
from schemas.known_files import KnownFiles
from schemas.late_files import LateFiles
from schemas.part import Part
from schemas.record import Record
from schemas.validation import Validation
from schemas.wording import choose_verb, format_count


class Input(Record):
    """A source file as it was read. `name` is below the source's folder; for a database, its connection's."""

    name: str
    size: int
    sha256: str
    numbered: bool = Field(
        False, description="Rows are numbered through the whole source, so file layout changes nothing."
    )
    version: int | None = Field(None, description="Delta table: the version that the file is of.")


class Digest(Record):
    """What identifies a source, or a part of it: a text file by name and bytes, or typed rows."""

    of: Literal["bytes", "rows", "history"]
    name: str | None = None
    sha256: str
    version: int | None = Field(None, description="Delta table: the version that was read.")
    table: SideTableName | None = Field(None, description="A second table that it is of; None: the rows.")

    @property
    def label(self) -> str:
        """The file's name, or what the digest is of; of a second table after its name."""
        name = self.name or self.of
        return f"{self.table}: {name}" if self.table else name

    @model_serializer(mode="wrap")
    def _leave_out_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Few sources have these, and manifests of earlier versions keep their bytes.
        content: dict[str, Any] = serialize(self)
        optional = ("version", "table")
        return {key: value for key, value in content.items() if key not in optional or value is not None}


class EditionKey(Record):
    """The edition that a run makes, and what the store held when it started."""

    edition: str
    previous: str | None = Field(description="Edition that the newest earlier date has, if any.")
    previous_as_of: date | None = Field(None, description="That date.")
    replaces: str | None = Field(description="Edition that this date held when the run started.")
    accept_new_ids: bool = Field(
        False, description="A person accepted new ids, since the previous edition cannot be continued."
    )
    starts_history: bool = Field(False, description="The history of the previous edition is damaged.")
    lost_evidence: bool = Field(False, description="The evidence for k of the previous edition is damaged.")
    store_warnings: tuple[str, ...] = Field((), description="About the store, so not part of an edition.")
    tombstones: str | None = Field(None, description="Digest of all tombstones when the run started.")
    validation: Validation | None = Field(None, description="The validation that its page shows.")
    given_names: dict[str, str] = Field({}, description="Names that people gave, by segment id.")


class RowBalance(Record):
    """Every source row, accounted for once: read = used + merged + quarantined + erased.

    Rows outside the definition's window are counted apart, in `outside`.
    """

    read: int = 0
    used: int = 0
    merged: int = Field(0, description="Duplicates that the definition's policy folded into another row.")
    quarantined: int = 0
    reasons: dict[str, int] = Field(default={}, description="Quarantined rows by primary reason.")
    mentions: dict[str, int] = Field(default={}, description="Quarantined rows by every reason they have.")
    outside: int = 0
    erased: int = Field(0, description="Rows of erased customers, left out at reading. Left out if 0.")

    @model_serializer(mode="wrap")
    def _leave_out_erased(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Most stores have erased nobody, and manifests of earlier versions keep their bytes.
        content: dict[str, Any] = serialize(self)
        return {key: value for key, value in content.items() if key != "erased" or value}

    @property
    def adds_up(self) -> bool:
        """Is every row read used, merged, quarantined for a reason, or of an erased customer?"""
        accounted = self.used + self.merged + self.quarantined + self.erased
        return self.read == accounted and sum(self.reasons.values()) == self.quarantined

    def after_summary(
        self, *, used: int, merged: int, reasons: Mapping[str, int], mentions: Mapping[str, int]
    ) -> "RowBalance":
        """The balance once the used rows were summarised: `reasons` quarantines some of them."""
        update = {
            "used": used,
            "merged": merged,
            "quarantined": self.quarantined + sum(reasons.values()),
            "reasons": add_counts(self.reasons, reasons),
            "mentions": add_counts(self.mentions, mentions),
        }
        return self.model_copy(update=update)

    def describe(self) -> str:
        """`812 rows read = 700 used + 0 merged + 112 quarantined`; with erased rows also these."""
        erased = f" + {self.erased:,} erased" if self.erased else ""
        return (
            f"{format_count(self.read, 'row')} read = {self.used:,} used + {self.merged:,} merged "
            f"+ {self.quarantined:,} quarantined{erased}"
        )


def add_counts(counts: Mapping[str, int], other_counts: Mapping[str, int]) -> dict[str, int]:
    """Sums by key, in alphabetical order.

    >>> add_counts({"b": 1}, {"a": 2, "b": 3})
    {'a': 2, 'b': 4}
    """
    return dict(sorted((Counter(counts) + Counter(other_counts)).items()))


class SideRows(Record):
    """The rows of a second table, as they were read and judged."""

    inputs: tuple[Input, ...]
    balance: RowBalance
    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    warnings: tuple[str, ...]
    day: date | None = Field(None, description="The first day of the dated file that was read.")


class AttributeBalance(Record):
    """What became of the rows of attributes, and how many ids they share with the customers."""

    rows: RowBalance = Field(description="Rows that do not hold on the date count as outside.")
    customers: int
    matched: int = Field(description="Customers with a row in attributes.")
    ids_elsewhere: int = Field(description="Ids with a row that holds, and without a customer.")
    merged_ids: int = Field(0, description="Rows of ids that were merged, used for the ids that stay.")
    day: date | None = Field(None, description="The first day of the dated file that was read.")
    cause: str = Field("", description="Why few ids match, if most others would match once rewritten.")

    @property
    def share(self) -> float:
        """The share of customers with a row in attributes."""
        return self.matched / self.customers if self.customers else 0.0

    def describe(self) -> str:
        """`3,950 of 4,264 customers (92.6%) are in attributes; 12 of its ids belong to no customer`."""
        verb, day = choose_verb(self.matched, "is", "are"), f" of {self.day}" if self.day else ""
        remarks = (
            (self.rows.quarantined, "refused", "refused"),
            (self.rows.outside, "holds on other dates only", "hold on other dates only"),
            (self.merged_ids, "of merged ids is used", "of merged ids are used"),
        )
        rows = (f"; {format_count(n, 'row')} {choose_verb(n, one, more)}" for n, one, more in remarks if n)
        return (
            f"{self.matched:,} of {format_count(self.customers, 'customer')} ({self.share:.1%}) {verb} in "
            f"attributes{day}; {self.ids_elsewhere:,} of its ids "
            f"{choose_verb(self.ids_elsewhere, 'belongs', 'belong')} to no customer{''.join(rows)}"
        )


class Ingested(Record):
    """What ingest wrote. With `is_published` or `no_data` it read no rows."""

    key: EditionKey
    inputs: tuple[Input, ...]
    known_files: KnownFiles = KnownFiles()
    files_outside: int = Field(0, description="Dated files of the source outside the days that count.")
    digests: tuple[Digest, ...]
    is_published: bool = Field(False, description="The date's edition is already in the store.")
    other_code: tuple[str, ...] = Field(
        (), description="How the code that made the published edition differs, if it does."
    )
    balance: RowBalance
    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    replacing: tuple[Part, ...] = Field((), description="With rows.key: keys of rows that do not count.")
    breakdown: Breakdown = Field(Breakdown(), description="Where refused rows are: days, files, amounts.")
    warnings: tuple[str, ...]
    late: LateFiles = LateFiles()
    aliases: Part | None = Field(None, description="Old ids, and the ids that stay.")
    side_inputs: tuple[Input, ...] = Field((), description="Files of second tables, by `table: name`.")
    attributes: SideRows | None = None
    history: KnownHistory | None = Field(None, description="With groups: who was seen before the window.")
    no_data: str | None = Field(None, description="Why there is nothing to segment, where that is allowed.")
    tombstones: str | None = Field(None, description="Digest of the tombstones that removed rows.")

    @property
    def recorded_inputs(self) -> tuple[Input, ...]:
        """All files that were read, as the ledger and the lists of typed files name them."""
        return (*self.inputs, *self.side_inputs)

    @property
    def log_line(self) -> str:
        """`541,909 rows of 305 inputs: 406,829 good, 135,080 quarantined, 0 outside the window`."""
        if self.is_published:
            note = f", by other code: {'; '.join(self.other_code)}" if self.other_code else ""
            return f"edition {self.key.edition} is already published{note}"
        balance = self.balance
        return (
            f"{balance.read:,} rows of {len(self.inputs)} inputs: {balance.used:,} good, "
            f"{balance.quarantined:,} quarantined, {balance.outside:,} outside the window"
            + (f", {balance.erased:,} of erased customers" if balance.erased else "")
            + self.known_files.describe(len(self.inputs))
        )


LARGEST_KEPT = 5  # in Customers.largest


class Customers(Record):
    """One row per customer, in canonical order, with the balance of the rows they were made from."""

    ingested: Ingested
    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    balance: RowBalance
    warnings: tuple[str, ...]
    largest: tuple[int, ...] = Field((), description="Most events of single customers, descending.")
    events: int = Field(0, description="Events that were summarised; 0 for grain customer.")
    known_parts: tuple[Part, ...] = Field((), description="With groups: all known customers, by customer_id.")
    groups: KnownCustomers | None = Field(None, description="How many of them are in each group.")
    attributes: AttributeBalance | None = None
    attribute_quarantine: tuple[Part, ...] = ()

    @property
    def count(self) -> int:
        """Number of customers. `balance.used` counts rows, several of them for one customer."""
        return sum(part.rows for part in self.parts)

    @property
    def log_line(self) -> str:
        """`4,264 customers of 383,380 rows; 0 merged`."""
        return f"{self.count:,} customers of {self.balance.used:,} rows; {self.balance.merged:,} merged"

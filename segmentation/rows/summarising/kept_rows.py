"""What is left of rows after a rule about several of them: parts that count, and the balance of the others.

Rules of one key and one order are in kept_events.py, rules of the whole table in table_rules.py.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from schemas.part import Part
from segmentation.parts import check_part

if TYPE_CHECKING:
    import duckdb


class KeptRows(NamedTuple):
    """Parts of the rows that count, and the balance of those that do not."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...] = ()
    reasons: Counter[str] = Counter()  # noqa: RUF012 - never changed
    mentions: Counter[str] = Counter()  # noqa: RUF012 - never changed
    merged: int = 0

    def after(self, earlier: "KeptRows") -> "KeptRows":
        """These parts, with the balance of an earlier rule added to that of this one."""
        return KeptRows(
            self.parts,
            (*earlier.quarantine, *self.quarantine),
            earlier.reasons + self.reasons,
            earlier.mentions + self.mentions,
            earlier.merged + self.merged,
        )


class QuerySession(NamedTuple):
    """Where a stage runs its queries and writes, and the names of the source's files by number."""

    connection: "duckdb.DuckDBPyConnection"
    folder: Path
    names: Sequence[str | None]


def list_paths(parts: Sequence[Part]) -> list[str]:
    """The paths of these parts, for a query."""
    return [str(check_part(part)) for part in parts]

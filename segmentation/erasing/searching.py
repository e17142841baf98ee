"""Searching a whole store for rows of erased customers, and summarising what was found.

One edition is searched in editions.py, published tables in published_tables.py.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.erasure import ErasedEdition, ErasureSummary
from schemas.manifest import EditionRef
from schemas.wording import format_count
from segmentation.erasing.editions import EditionRows, search_edition
from segmentation.erasing.matching import ErasedCustomers
from segmentation.erasing.published_tables import PublishedTable, list_published_tables
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath
from segmentation.store.places import list_unknown

Progress = Callable[[str], None]  # takes a line for people
_MOST_NAMED = 5


class SearchResult(NamedTuple):
    """What a search has found: every edition, also those without rows, and the published tables."""

    customers: ErasedCustomers
    editions: list[EditionRows]
    tables: list[PublishedTable]

    @property
    def affected(self) -> list[EditionRows]:
        """Editions with rows of erased customers."""
        return [edition for edition in self.editions if edition.rows]

    def add(self, later: "SearchResult") -> "SearchResult":
        """With what a later search of other editions has found. Its published tables are the current ones."""
        return self._replace(editions=[*self.editions, *later.editions], tables=later.tables)


def search_store(
    home: AnyPath, refs: Iterable[EditionRef], customers: ErasedCustomers, progress: Progress
) -> SearchResult:
    """Search these editions and every published table. Refused if rows have no id, or a file is damaged."""
    editions = []
    for ref in refs:
        edition = search_edition(home, ref, customers)
        editions.append(edition)
        progress(f"{ref.as_of}: {ref.edition}, {format_count(edition.total, 'row')} found")
    if editions and all(edition.reading.column is None for edition in editions):
        raise Refused(
            "no-id-column",
            f"{home.name} has no rows.id: its customers are numbered rows, so nobody can be recognised in it",
        )
    return SearchResult(customers, editions, list_published_tables(home, customers))


def summarise_search(home: AnyPath, findings: SearchResult) -> ErasureSummary:
    """How many rows of which editions, and what was not searched."""
    affected = {edition.ref for edition in findings.affected}
    ids = findings.customers.ids
    return ErasureSummary(
        name=home.name,
        outcome="dry-run",
        ids=None if ids is None else len(ids),
        ids_found=None if ids is None else len(findings.customers.seen),
        editions=tuple(
            ErasedEdition(as_of=edition.ref.as_of, edition=edition.ref.edition, rows=dict(edition.rows))
            for edition in findings.affected
        ),
        tables=tuple(
            table.as_of
            for table in findings.tables
            if table.is_stale or table.orphan_rows or EditionRef(table.as_of, table.edition) in affected
        ),
        notes=tuple(_list_unsearched(home, findings)),
    )


def _list_unsearched(home: AnyPath, findings: SearchResult) -> list[str]:
    notes = []
    without_ids = [str(edition.ref.as_of) for edition in findings.editions if edition.reading.column is None]
    if without_ids:
        notes.append(f"not searched, since their rows have no id: the editions of {_join(without_ids)}")
    if unknown := list_unknown(home.parent, home.name):
        notes.append(f"not searched, since Resegment does not know what they are: {_join(unknown)}")
    return notes


def _join(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more

"""Which published dates were made without a file that is there now, or with another version of it.

They are redone with all that builds on them: the plan of `backfill --mode changed`. Files are compared in
segmentation/sources/late_files.py, dates are run in flows/backfill.py.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from config.definition import Definition
from config.side_tables import SideTableName, has_dated_files, list_side_tables, make_side_definition
from schemas.backfills import PlannedDate
from schemas.late_files import FileChanges
from schemas.manifest import EditionRef
from schemas.wording import list_names
from segmentation.errors import NoData, Refused
from segmentation.parts import hash_file
from segmentation.sources.dated_names import Span
from segmentation.sources.late_files import (
    EditionFiles,
    FileDays,
    compare_files,
    hash_text,
    read_edition_files,
)
from segmentation.sources.listing import list_source
from segmentation.store.catalogue.published import published_editions
from segmentation.store.edition.manifests import MANIFEST
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.files.small_files import advise_audit, damaged
from segmentation.store.layout import edition_folder
from segmentation.store.pointer import read_pointer


class SourceFolder:
    """The source's files as they are now. Each is hashed once, for however many dates it is read."""

    def __init__(
        self, definition: Definition, source: str | None, table: SideTableName | None = None
    ) -> None:
        """definition: of a second table, that of its rows."""
        self.definition, self.source, self.table = definition, source, table
        self._paths: dict[str, AnyPath] = {}
        self._digests: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def list_files(self, as_of: date) -> EditionFiles:
        """The files that a night of this date would read, sha256 by name."""
        definition = self.definition
        window = definition.window(as_of)
        days = FileDays(definition.source, as_of, Span(*window) if window else None, self.table)
        text, typed = dict[str, str](), dict[str, str]()
        for name, path in self._list_paths(as_of):
            if name not in self._digests:
                self._paths[name], self._digests[name] = path, hash_file(path)
            (typed if path.name.lower().endswith(".parquet") else text)[name] = self._digests[name]
        return EditionFiles(days, text, typed)

    def _list_paths(self, as_of: date) -> Iterator[tuple[str, AnyPath]]:
        definition = self.definition
        try:
            listing = list_source(definition.source, self.source, as_of, definition.window(as_of))
        except NoData:
            return
        yield from ((file.name, file.path) for file in listing.files)

    def unpack(self, name: str) -> str:
        """sha256 of the text of a compressed file."""
        if name not in self._texts:
            path = self._paths[name]
            with scratch_folder() as folder:
                local = path if isinstance(path, Path) else path.fetch(folder)
                self._texts[name] = hash_text(local)
        return self._texts[name]


def list_changed_dates(
    home: AnyPath, definition: Definition, source: str | None, days: tuple[date, date]
) -> tuple[PlannedDate, ...]:
    """The published dates between two days, both included, to redo: in order, each with its reason.

    Refused where files that an edition was made from are gone: redoing it would leave their rows out.
    """
    if not has_dated_files(definition):
        raise Refused(
            "mode", "mode changed compares dated files: it needs source.date_in_name; use mode rebuild"
        )
    folders, superseded = list_table_folders(definition, source), read_pointer(home).superseded
    planned: dict[EditionRef, PlannedDate] = {}
    for ref in published_editions(home):
        # No later edition builds on a superseded one, so redoing it would change nothing that is read.
        if not days[0] <= ref.as_of <= days[1] or ref.edition in superseded:
            continue
        tables = [read_edition_files(home, ref, folder.definition, folder.table) for folder in folders]
        editions = [files for files in tables if files is not None]
        if len(editions) < len(folders):
            path = edition_folder(home, *ref) / MANIFEST
            raise damaged(path, "is damaged", "the files that the edition was made from", advise_audit(home))
        edition, changes, reasons = editions[0], FileChanges(), []
        for files, folder in zip(editions, folders, strict=True):
            changes = changes.merge(compare_edition(files, folder))
        # Files that are gone are no reason to redo a date, only to refuse it.
        if changes.missed:
            reasons.append(changes.model_copy(update={"gone": ()}).describe())
        if edition.previous is not None and edition.previous in planned:
            reasons.append(f"builds on the edition of {edition.previous.as_of}")
        if reasons and changes.gone:
            raise refuse_gone(ref, changes)
        if reasons and edition.previous is None:
            reasons.append("nothing before it to take segment ids from: its segments get new ones")
        if reasons:
            planned[ref] = PlannedDate(as_of=ref.as_of, reason="; ".join(reasons))
    return tuple(planned.values())


def list_table_folders(definition: Definition, source: str | None) -> list[SourceFolder]:
    """The dated files of the rows and of every second table."""
    folders = [SourceFolder(definition, source)]
    for name in list_side_tables(definition):
        folders.append(SourceFolder(make_side_definition(definition, name), None, name))
    return [folder for folder in folders if folder.definition.source.date_in_name is not None]


def compare_edition(edition: EditionFiles, folder: SourceFolder) -> FileChanges:
    """How the source's files of today differ from those that an edition was made from."""
    current = folder.list_files(edition.days.as_of)
    text = compare_files(edition.text, current.text, edition.days, folder.unpack)
    typed = compare_files(edition.typed, current.typed, edition.days, folder.unpack)
    changes = text.merge(typed)
    return changes.label(folder.table) if folder.table else changes


def refuse_gone(ref: EditionRef, changes: FileChanges) -> Refused:
    """The refusal to redo an edition whose files are no longer all there."""
    return Refused(
        "gone-files",
        f"the edition of {ref.as_of} was made from files that are gone ({list_names(changes.gone)}), so "
        "redoing it would leave their rows out; put them back, or choose dates with --start and --end",
    )

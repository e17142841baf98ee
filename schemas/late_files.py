"""Records of late files: what differs between a source's files and those that an edition was made from.

Comparing them belongs in segmentation/sources/late_files.py.
"""

from datetime import date

from pydantic import Field

from schemas.record import Record
from schemas.wording import format_count, list_names


class FileChanges(Record):
    """Names of files that an edition lacks, has in another version, or has but the source does not."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """The files that the edition lacks or has in another version."""
        return (*self.new, *self.changed)

    @property
    def is_empty(self) -> bool:
        """Is there no difference?"""
        return not (self.new or self.changed or self.gone)

    def merge(self, other: "FileChanges") -> "FileChanges":
        """The changes of both."""
        return FileChanges(
            new=(*self.new, *other.new),
            changed=(*self.changed, *other.changed),
            gone=(*self.gone, *other.gone),
        )

    def label(self, table: str) -> "FileChanges":
        """The changes with the table's name before each file's."""
        names = {
            kind: tuple(f"{table}: {name}" for name in names) for kind, names in self.model_dump().items()
        }
        return FileChanges.model_validate(names)

    def describe(self) -> str:
        """`1 file is new (2026-01-03.csv), 2 files have changed (…), 1 file is gone (…)`."""
        groups = (
            (self.new, "is new", "are new"),
            (self.changed, "has changed", "have changed"),
            (self.gone, "is gone", "are gone"),
        )
        return ", ".join(
            f"{format_count(len(names), 'file')} {one if len(names) == 1 else many} ({list_names(names)})"
            for names, one, many in groups
            if names
        )


class LateFiles(Record):
    """Differences from the files of the previous edition; `since` is its date, None without a comparison.

    text: files whose names and bytes identify an edition. typed: Parquet files, of which only the rows do.
    """

    since: date | None = None
    text: FileChanges = FileChanges()
    typed: FileChanges = FileChanges()
    editions: tuple[date, ...] = Field(
        (), description="Published dates, made without a file that is new, or with another version of one."
    )

    def merge(self, other: "LateFiles") -> "LateFiles":
        """What is late in either of two tables."""
        return LateFiles(
            since=self.since or other.since,
            text=self.text.merge(other.text),
            typed=self.typed.merge(other.typed),
            editions=tuple(sorted({*self.editions, *other.editions})),
        )

    @property
    def advice(self) -> str:
        """How many editions lack the files: `3 published dates lack them (2026-01-04 to 2026-01-06)`."""
        first, last = self.editions[0], self.editions[-1]
        files = "it" if len(self.text.missed) + len(self.typed.missed) == 1 else "them"
        if len(self.editions) == 1:
            return f"1 published date lacks {files} ({first})"
        return f"{len(self.editions):,} published dates lack {files} ({first} to {last})"

"""Every kind of file in a store: what it holds, who may read it, what erasing and pruning do with it.

A new kind of file is added here first: tests/test_places.py fails on a file that matches no entry. Erasing,
pruning and the report server look up what to do here. Paths are computed in layout.py.
"""

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from config.definition import NAME_PATTERN
from segmentation.store.files.objects import AnyPath, ObjectPath


class Erasing(StrEnum):
    """What `resegment erase` does with a kind of file."""

    REWRITE = "rewritten without the rows of the erased customers"
    DELETE = "deleted"
    KEEP = "kept: no customer's row is in it"


class Pruning(StrEnum):
    """What `resegment prune` does with a kind of file."""

    EDITION = "removed with its edition"
    DATE = "removed with its date"
    SWEEP = "removed once its process has ended"
    KEEP = "kept"


class FileKind(NamedTuple):
    """A kind of file. `pattern` is relative to the store, with placeholders in braces."""

    pattern: str
    content: str
    erasing: Erasing = Erasing.KEEP
    pruning: Pruning = Pruning.KEEP
    is_served: bool = False

    @property
    def has_rows(self) -> bool:
        """Does it hold rows of single customers?"""
        return self.erasing is not Erasing.KEEP

    def matches(self, path: str) -> bool:
        """Is this the kind of the file? path: relative to the store, with slashes."""
        return _compile(self.pattern).fullmatch(path) is not None


_PLACEHOLDERS = {
    "name": NAME_PATTERN.strip("^$"),
    "date": r"\d{4}-\d\d-\d\d",
    "edition": "[0-9a-f]{16}",
    "run": r"[A-Za-z0-9][\w.-]*",
    "any": ".+",
}
_EDITION = "{name}/editions/{date}/{edition}"


def _edition_file(
    name: str, content: str, erasing: Erasing = Erasing.KEEP, *, is_served: bool = True
) -> FileKind:
    return FileKind(f"{_EDITION}/{name}", content, erasing, Pruning.EDITION, is_served)


def _temporary_file(folder: str) -> FileKind:
    # Whatever is being written: it may be a table with rows.
    return FileKind(
        f"{folder}.{{any}}.tmp", "a file that is being written", Erasing.DELETE, pruning=Pruning.SWEEP
    )


PLACES = (
    _edition_file("segments.parquet", "one row per customer", Erasing.REWRITE),
    _edition_file("changes.parquet", "who joined, left or moved", Erasing.REWRITE),
    _edition_file("contested.parquet", "customers only the new model would move", Erasing.REWRITE),
    _edition_file("known.parquet", "all known customers, with groups", Erasing.REWRITE),
    _edition_file("quarantine.parquet", "refused rows", Erasing.REWRITE, is_served=False),
    _edition_file(
        "quarantine-attributes.parquet", "refused rows of attributes", Erasing.REWRITE, is_served=False
    ),
    _edition_file("profiles.parquet", "segments, feature by feature"),
    _edition_file("descriptions.parquet", "segments in words"),
    _edition_file("levels.parquet", "segments by the levels of profile columns, counted"),
    _edition_file("sweep.parquet", "the evidence for k"),
    _edition_file("evidence.json", "fits and evidence of the last look at k"),
    _edition_file("alternatives.parquet", "the segments of every k that was tried"),
    _edition_file("lineage.parquet", "what became of segments"),
    _edition_file("migration.parquet", "customers by segment before and now, counted"),
    _edition_file("history.parquet", "segments of earlier dates"),
    _edition_file("trends.parquet", "averages of earlier dates"),
    _edition_file("report.html", "the page of the edition"),
    _edition_file("model.json", "transforms and centres"),
    _edition_file("manifest.json", "how the edition was made"),
    _edition_file("schema.py", "the Python schema that judged the rows", is_served=False),
    _edition_file("SHA256SUMS", "digests of the edition's files"),
    FileKind(
        "{name}/published/as_of={date}/segments.parquet",
        "the published table",
        Erasing.REWRITE,
        Pruning.DATE,
        is_served=True,
    ),
    FileKind("{name}/comparisons/{date}/comparison.parquet", "algorithms compared", pruning=Pruning.DATE),
    FileKind("{name}/comparisons/{date}/comparison.html", "the page of a comparison", pruning=Pruning.DATE),
    FileKind(
        "{name}/comparisons/{date}/{edition}-{edition}.html",
        "the page of two editions compared, counted",
        pruning=Pruning.DATE,
    ),
    FileKind("{name}/validations/{date}/validation.json", "verdicts on segments", pruning=Pruning.DATE),
    FileKind("{name}/validations/{date}/validation.parquet", "outcomes by segment", pruning=Pruning.DATE),
    FileKind("{name}/inputs/{date}/{edition}.json", "digests of typed input files", pruning=Pruning.EDITION),
    FileKind("{name}/ledger/{run}.json", "one run, promotion, erasure or other act of a person"),
    FileKind("{name}/live.json", "the live edition", is_served=True),
    FileKind("{name}/names.json", "names that people gave to segments", is_served=True),
    FileKind("{name}/ids.json", "segment ids that were given"),
    FileKind("{name}/tombstones.json", "salted hashes of erased customers' ids"),
    FileKind("{name}/index.html", "the page of all editions", is_served=True),
    FileKind("{name}/index.json", "a cache of the page"),
    FileKind("{name}/.lock", "the lock of a segmentation"),
    FileKind("{name}/.erase.lock", "the lock of an erasure"),
    FileKind(
        "{name}/.replaced/{date}/{edition}/{any}",
        "an edition that is being replaced, on file systems that cannot exchange folders",
        Erasing.DELETE,
        Pruning.SWEEP,
    ),
    FileKind(
        "{name}/.staging/{run}/{any}",
        "stage files of a run, and what a promotion or erasure is building",
        Erasing.DELETE,
        Pruning.SWEEP,
    ),
    FileKind(
        "{name}/.judged/{any}",
        "rows of source files that earlier nights judged",
        Erasing.DELETE,
        Pruning.SWEEP,
    ),
    _temporary_file("{name}/"),
    _temporary_file("{name}/ledger/"),
    _temporary_file("{name}/inputs/{date}/"),
    _temporary_file("{name}/comparisons/{date}/"),
    _temporary_file("{name}/validations/{date}/"),
    _temporary_file("{name}/published/as_of={date}/"),
    _temporary_file(""),
    FileKind("index.html", "the page of all segmentations", is_served=True),
    FileKind("index.json", "a cache of the page"),
    FileKind(".lock", "the lock of the store's page"),
)

# Outside the store, and so without a pattern, a worker's own disk has:
# - object-stores/ in RESEGMENT_STATE: a folder for each store in a bucket, laid out as a store, with stage
#   files of this machine's runs; deleted as in a store
# - resegment-scratch-…/ among the system's temporary files: what rebuild, screenshots and downloads work on;
#   removed at their end, or by the next command after a kill
# - resegment-page-…/ there: reports that a browser shows, without rows
# - Prefect's results, database and logs: counts, names, digests and paths of stage files, without rows


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern.

    >>> bool(_compile("{name}/ledger/{run}.json").fullmatch("article/ledger/7d-1.json"))
    True
    """
    parts = re.split(r"\{(\w+)\}", pattern)
    # Odd parts are placeholders, the others literal text.
    return re.compile(
        "".join(f"(?:{_PLACEHOLDERS[part]})" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )


def look_up_place(path: str) -> FileKind | None:
    """The kind of a file by its path relative to the store; None for a file that is not the store's.

    >>> look_up_place("article/live.json").content
    'the live edition'
    """
    return next((place for place in PLACES if place.matches(path)), None)


def list_edition_files(erasing: Erasing) -> tuple[str, ...]:
    """Names of the files in an edition's folder that erasing treats so."""
    prefix = f"{_EDITION}/"
    return tuple(
        place.pattern.removeprefix(prefix)
        for place in PLACES
        if place.erasing is erasing and place.pattern.startswith(prefix)
    )


def list_prunable(pruning: Pruning, name: str, as_of: date, edition: str = "") -> list[str]:
    """Folders and files, relative to the store, that go with an edition or with a date, each one once.

    >>> list_prunable(Pruning.DATE, "article", date(2026, 1, 31))
    ['article/published/as_of=2026-01-31', 'article/comparisons/2026-01-31', 'article/validations/2026-01-31']
    """
    word = {Pruning.EDITION: "{edition}", Pruning.DATE: "{date}"}[pruning]
    paths = []
    for place in PLACES:
        if place.pruning is pruning:
            parts = place.pattern.split("/")
            depth = max(i for i, part in enumerate(parts) if word in part)
            path = "/".join(parts[: depth + 1])
            values = {"{name}": name, "{date}": str(as_of), "{edition}": edition}
            for pattern, value in values.items():
                path = path.replace(pattern, value)
            paths.append(path)
    return list(dict.fromkeys(paths))


def list_store_files(folder: AnyPath) -> Iterator[AnyPath]:
    """Every file below a folder, or every object."""
    if isinstance(folder, ObjectPath):
        yield from folder.list_below()
        return
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from list_store_files(path)
        else:
            yield path


def list_unknown(store: AnyPath, name: str) -> list[str]:
    """Files of a segmentation that match no entry, relative to the store, sorted."""
    prefix = f"{store}/"
    paths = (str(path).removeprefix(prefix) for path in list_store_files(store / name))
    return sorted(path for path in paths if look_up_place(path) is None)

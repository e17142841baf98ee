"""Rows that were delivered twice, recognised by the sketches of all files of a source.

Files whose rows, or most of them, are also in other files are refused: every sum would count them twice. A
definition that says what identifies an event (rows.key) needs no such guess. Hashing rows belongs in
sketches.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.columns import Rows
from config.definition import Definition
from schemas.rows import Input
from schemas.wording import format_count, list_names
from segmentation.errors import Refused
from segmentation.rows.judging.sketches import SKETCHED_ROWS, Sketch, list_volatile_columns

# Two sales may look alike, also in two files, but not half of a file's.
LEAST_REPEATED = 0.5
# Rows of customers have no time: in two months, many customers may have the same numbers.
LEAST_REPEATED_CUSTOMERS, LEAST_CUSTOMERS = 1.0, 20
LEAST_SHARED, LEAST_COPY = 5, 2  # rows: fewer say nothing, except that a file is a copy
WARNED_SHARE = 0.05
LEAST_NEAR, LEAST_NEAR_ROWS = 0.8, 20
MOST_NAMED = 10


def counts_twice(rows: Rows) -> bool:
    """Would a row that is delivered twice count twice?"""
    if rows.grain == "event":
        return rows.key is None
    return rows.id is None or rows.on_duplicate in ("sum", "mean")


class FileOverlap(NamedTuple):
    """What the sampled rows of each file share: int64 arrays (f,), by the file's number.

    `rows` counts the file's distinct rows, `shared` those that another file has too, `partners` the
    other file with most of them (-1 for none). `sampled` counts rows, also those that repeat one of their
    own file.
    """

    rows: np.ndarray
    shared: np.ndarray
    partners: np.ndarray
    sampled: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """The share of each file's rows that other files have too, float64 (f,)."""
        shares: np.ndarray = self.shared / np.maximum(self.rows, 1)
        return shares

    @property
    def repeated_within(self) -> float:
        """The share of rows that repeat another row of their own file."""
        return 1 - float(self.rows.sum()) / float(self.sampled.sum()) if self.sampled.any() else 0.0


def measure_overlap(hashes: np.ndarray, files: np.ndarray, count: int) -> FileOverlap:
    """The overlap of `count` files, from the hashes of their rows, uint64 (n,), and files, int32 (n,)."""
    order = np.lexsort((files, hashes))
    hashes, files = hashes[order], files[order].astype(np.int64)
    sampled = np.bincount(files, minlength=count)
    is_new = np.ones(len(hashes), bool)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (files[1:] != files[:-1])
    hashes, files = hashes[is_new], files[is_new]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else files
    sizes = np.diff(np.append(starts, len(hashes)))
    is_shared = np.repeat(sizes > 1, sizes)
    # The first file that has the row, and for that file the second: one partner per row, not all pairs.
    firsts = np.repeat(files[starts], sizes)
    seconds = np.repeat(files[np.minimum(starts + 1, len(files) - 1)], sizes)
    partners_of_rows = np.where(files == firsts, seconds, firsts)[is_shared]
    pairs, counts = np.unique(files[is_shared] * count + partners_of_rows, return_counts=True)
    partners = np.full(count, -1)
    by_count = np.argsort(counts, kind="stable")
    partners[pairs[by_count] // count] = pairs[by_count] % count
    return FileOverlap(
        rows=np.bincount(files, minlength=count),
        shared=np.bincount(files[is_shared], minlength=count),
        partners=partners,
        sampled=sampled,
    )


class Deliveries:
    """The sketches of a source's batches, added up as they come. Memory does not grow with the source."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = inputs
        self.present = np.zeros(len(inputs), bool)
        self.hashes = np.empty(0, np.uint64)
        self.files = np.empty(0, np.int32)
        self.versions = np.empty(0, np.uint64)
        self.near = np.empty(0, np.uint64)
        self.pending: list[Sketch] = []
        self.limit = np.uint64(2**64 - 1)

    def add(self, sketch: Sketch) -> None:
        """Add the sketch of one batch."""
        self.present[sketch.present] = True
        self.pending.append(sketch)
        if sum(len(sketch.hashes) for sketch in self.pending) > SKETCHED_ROWS:
            self._merge()

    def _merge(self) -> None:
        hashes = np.concatenate([self.hashes, *(sketch.hashes for sketch in self.pending)])
        files = np.concatenate([self.files, *(sketch.files for sketch in self.pending)])
        versions = np.concatenate([self.versions, *(sketch.versions for sketch in self.pending)])
        near = np.concatenate([self.near, *(sketch.near for sketch in self.pending)])
        self.pending = []
        is_kept = hashes <= self.limit
        # The sample was chosen by file size alone, so it may be larger than expected.
        while is_kept.sum() > 2 * SKETCHED_ROWS:
            self.limit //= np.uint64(2)
            is_kept = hashes <= self.limit
        self.hashes, self.files = hashes[is_kept], files[is_kept]
        self.versions, self.near = versions[is_kept], near[is_kept]

    def check_repeats(self, definition: Definition) -> list[str]:
        """Refuse files that repeat others. Returns warnings about rows that may have been delivered twice."""
        if not counts_twice(definition.rows):
            return []
        by_event = definition.rows.grain == "event"
        self._merge()
        overlap = measure_overlap(self.hashes, self.files, len(self.inputs))
        self._refuse(overlap, by_event)
        if not by_event:
            return []
        versions = self.versions[np.unique(self.hashes, return_index=True)[1]]
        shared = self._warn_of_shared(overlap) or self._warn_of_near()
        return [*shared, *_warn_of_repeats(overlap, versions, definition)]

    def _refuse(self, overlap: FileOverlap, by_event: bool) -> None:
        shares = overlap.shares
        if by_event:
            is_repeated = (shares >= LEAST_REPEATED) & (overlap.shared >= LEAST_SHARED)
            is_repeated |= (shares == 1) & (overlap.shared >= LEAST_COPY)
        else:
            is_repeated = (shares >= LEAST_REPEATED_CUSTOMERS) & (overlap.shared >= LEAST_CUSTOMERS)
        pairs: dict[tuple[int, int], float] = {}
        for number in np.flatnonzero(is_repeated).tolist():
            pair = (min(number, partner := int(overlap.partners[number])), max(number, partner))
            pairs[pair] = max(pairs.get(pair, 0.0), float(shares[number]))
        for pair in self._list_copies():
            pairs.setdefault(pair, 1.0)
        if not pairs:
            return
        names = [
            f"{self.inputs[first].name} and {self.inputs[second].name} ({share:.0%})"
            for (first, second), share in sorted(pairs.items())
        ]
        advice = ", or declare rows.key, the columns that identify an event" if by_event else ""
        raise Refused(
            "repeated-files",
            f"rows were delivered twice, in {list_names(names, MOST_NAMED, 'pair', '; ')}. The percentage is "
            f"the share of one file's rows that other files have too. Remove the copies{advice}",
        )

    def _list_copies(self) -> list[tuple[int, int]]:
        """Pairs of files with rows to use and the same bytes, by number."""
        firsts: dict[str, int] = {}
        pairs = []
        for number in np.flatnonzero(self.present).tolist():
            first = firsts.setdefault(self.inputs[number].sha256, number)
            if first != number:
                pairs.append((first, number))
        return pairs

    def _warn_of_shared(self, overlap: FileOverlap) -> list[str]:
        is_odd = (overlap.shares >= WARNED_SHARE) & (overlap.shared >= LEAST_SHARED)
        if not is_odd.any():
            return []
        # Typed rows make the same edition whatever file they are in, so such files are not named.
        worst = int(np.argmax(np.where(is_odd, overlap.shares, 0)))
        name = "a file" if self.inputs[worst].numbered else self.inputs[worst].name
        count = int(is_odd.sum()) - 1
        ending = f", as is a smaller share of {format_count(count, 'more file')}" if count else ""
        return [
            f"about {overlap.shares[worst]:.0%} of the rows of {name} are in another file too{ending}: they "
            "count twice unless rows.key says what identifies an event"
        ]

    def _warn_of_near(self) -> list[str]:
        overlap = measure_overlap(self.near, self.files, len(self.inputs))
        is_odd = (overlap.shares >= LEAST_NEAR) & (overlap.shared >= LEAST_NEAR_ROWS)
        if not is_odd.any():
            return []
        worst = int(np.argmax(np.where(is_odd, overlap.shares, 0)))
        names = [self.inputs[number].name for number in (worst, int(overlap.partners[worst]))]
        if any(self.inputs[number].numbered for number in (worst, int(overlap.partners[worst]))):
            names = ["a file", "another"]
        return [
            f"about {overlap.shares[worst]:.0%} of the rows of {names[0]} nearly match rows of {names[1]}: "
            "only digits of amounts or times of the day differ. If a day was delivered twice, remove the "
            "copy or declare rows.key"
        ]


def _warn_of_repeats(overlap: FileOverlap, versions: np.ndarray, definition: Definition) -> list[str]:
    """Warnings about rows that repeat another one of their file, or differ from one in its status only."""
    summary = definition.summary
    if summary is None:
        return []
    features = [summary.features[name] for name in summary.order_features(definition.features)]
    if not any(feature.counts_lines for feature in features):
        return []
    warnings = []
    repeats = int(overlap.sampled.sum() - overlap.rows.sum())
    if overlap.repeated_within > WARNED_SHARE and repeats >= LEAST_SHARED:
        warnings.append(
            f"about {overlap.repeated_within:.0%} of rows repeat another row of their file in every declared "
            "column, and count each time: if they are the same events, declare rows.key"
        )
    # Of distinct rows: those that repeat have been warned of.
    older = len(versions) - len(np.unique(versions))
    if older > WARNED_SHARE * len(versions) and older >= LEAST_SHARED:
        columns = ", ".join(list_volatile_columns(definition.rows))
        warnings.append(
            f"about {older / len(versions):.0%} of rows differ from another row in {columns} only, and count "
            "each time: if they are versions of the same events, declare rows.key with on_duplicate: last"
        )
    return warnings

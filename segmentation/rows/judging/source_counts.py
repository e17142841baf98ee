"""The counts of all batches of a source, and the days and files where most rows are refused.

One batch is counted in row_counts.py. What the counts mean for a night is decided in
segmentation/checks/refusals.py.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from schemas.breakdown import AmountBalance, Breakdown, GroupBalance, MisdatedFile
from schemas.rows import Input
from segmentation.rows.judging.refused_value import LOST, NUMBER_LIKE, REFUSED_ROWS, USED
from segmentation.rows.judging.row_counts import (
    END_CREDIBLE,
    EPOCH,
    FIRST_CREDIBLE,
    MISDATED,
    REFUSED,
    ROWS,
    SMALLEST_REFUSED,
    WITHOUT_ID,
    Kind,
    RowCounts,
)

SMALLEST_SHARE = 0.1  # days and files below are not listed
MOST_GROUPS, MOST_FILES = 1000, 100


class SourceCounts:
    """The counts of all batches of a source, added up as they come."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = inputs
        self.by_file = np.zeros((len(inputs), 4), np.int64)
        # Dense over all credible days: 3.5 MB, whatever the window.
        self.by_day = np.zeros((END_CREDIBLE - FIRST_CREDIBLE, 4), np.int64)
        self.reasons = Counter[tuple[Kind, int, str]]()
        self.sums: np.ndarray | None = None

    def add(self, counts: RowCounts, sums: np.ndarray | None) -> None:
        """Add the counts of one batch, and the sums of its amounts by piece."""
        # Not +=: several pieces of a batch may be of one file.
        np.add.at(self.by_file, counts.files, counts.by_file)
        start = counts.first_day - FIRST_CREDIBLE
        self.by_day[start : start + len(counts.by_day)] += counts.by_day
        self.reasons.update(counts.reasons)
        # Piece by piece: the last digits do not depend on which files were judged together.
        for piece in () if sums is None else sums:
            self.sums = piece if self.sums is None else self.sums + piece

    def break_down(self, amounts: Sequence[str]) -> Breakdown:
        """Days and files with the largest refused shares, files with rows of other days, and the amounts."""
        groups = [*self._list_groups("day"), *self._list_groups("file")]
        misdated = self.by_file[:, MISDATED]
        order = np.argsort(-misdated, kind="stable")[:MOST_FILES]
        return Breakdown(
            usual_without_id={
                kind: usual
                for kind, counts in (("day", self.by_day), ("file", self.by_file))
                if (usual := _measure_usual(counts))
            },
            groups=tuple(
                sorted(groups, key=lambda group: (-group.share, group.kind, group.name))[:MOST_GROUPS]
            ),
            misdated=int(misdated.sum()),
            misdated_files=tuple(
                MisdatedFile(name=self.inputs[i].name, rows=int(misdated[i])) for i in order if misdated[i]
            ),
            rows_in_files=int(self.by_file[:, ROWS].sum()),
            amounts=tuple(
                AmountBalance(
                    name=name,
                    used=float(sums[USED]),
                    refused=float(sums[LOST]),
                    refused_rows=int(sums[REFUSED_ROWS]),
                    number_like=int(sums[NUMBER_LIKE]),
                )
                for name, sums in zip(amounts, () if self.sums is None else self.sums, strict=False)
                if sums[REFUSED_ROWS]
            ),
        )

    def _list_groups(self, kind: Kind) -> list[GroupBalance]:
        counts = self.by_day if kind == "day" else self.by_file
        is_listed = (counts[:, REFUSED] >= SMALLEST_REFUSED) & (
            counts[:, REFUSED] >= SMALLEST_SHARE * counts[:, ROWS]
        )
        groups = []
        common: dict[int, tuple[str, int]] = {}
        for (kind_of_key, key, reason), count in sorted(self.reasons.items()):
            if kind_of_key == kind and count > common.get(key, ("", 0))[1]:
                common[key] = (reason, count)
        for position in np.flatnonzero(is_listed).tolist():
            # Typed rows make the same edition whatever file they are in, so that their days tell.
            if kind == "file" and self.inputs[position].numbered and self.by_day.any():
                continue
            key = position + FIRST_CREDIBLE if kind == "day" else position
            rows, refused, without_id, _ = counts[position].tolist()
            reason, reason_rows = common[key]
            groups.append(
                GroupBalance(
                    kind=kind,
                    name=str(EPOCH + timedelta(key)) if kind == "day" else self.inputs[key].name,
                    rows=rows,
                    refused=refused,
                    without_id=without_id,
                    reason=reason,
                    reason_rows=reason_rows,
                )
            )
        return groups


def _measure_usual(counts: np.ndarray) -> float:
    """The median share of rows without an id, over the days or files with rows."""
    rows = counts[:, ROWS]
    shares = counts[rows > 0, WITHOUT_ID] / rows[rows > 0]
    return round(float(np.median(shares)), 4) if len(shares) else 0.0

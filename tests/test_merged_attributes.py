"""Attributes under ids that were merged into others: they count for the ids that stay."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from schemas.night import Night
from segmentation.attributes.aliases import choose_mergers
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.store.tombstones import ErasureIntent, create_tombstones
from tests.joined_tables import AGE, TIME, Joiner, write_csv

INTENT = ErasureIntent(erasure="one", who="ana", when="2026-01-01", reason="request")
IDS = ["c", "g", "z"]


@pytest.fixture
def joiner(tmp_path: Path, make_night: Callable[..., Night]) -> Joiner:
    """Joins tables in the test's folder."""
    return Joiner(tmp_path, make_night)


def merge(pairs: Mapping[str, str], since: Mapping[str, int] | None = None) -> MergedIds:
    """The mergers: each old id with the one that stays, and when it was merged."""
    times = pa.array([(since or {}).get(old, 0) for old in pairs], pa.int64())
    return MergedIds(pa.array(pairs), pa.array(pairs.values()), times)


def test_rows_of_merged_ids_count_for_the_id_that_stays(joiner: Joiner) -> None:
    """Its own row counts before that of a merged id; of several merged ids, the newest merger's counts."""
    path = write_csv(joiner.folder / "a.csv", "no,age a,1 c,3 f,4 q,9 x,5 y,6")
    merged = merge({"a": "c", "f": "g", "x": "z", "y": "z"}, {"x": 1, "y": 2})
    joined = joiner.join(IDS, path, merged=merged)
    assert joined.ages == {"c": 3, "g": 4, "z": 6}
    rows = joined.balance.rows
    assert (rows.read, rows.used, rows.merged, rows.adds_up) == (6, 4, 2, True)
    assert (joined.balance.matched, joined.balance.merged_ids) == (3, 2)
    assert joined.balance.describe().endswith(
        "1 of its ids belongs to no customer; 2 rows of merged ids are used"
    )
    earlier = merge({"a": "c", "x": "z", "y": "z"}, {"x": 2, "y": 1})
    assert joiner.join(IDS, path, merged=earlier).ages == {"c": 3, "z": 5}


def test_the_newest_row_counts_where_rows_have_dates(joiner: Joiner) -> None:
    """With valid_from, the row of the merged id that began last is the newest; expired rows are not used."""
    path = write_csv(
        joiner.folder / "a.csv",
        "no,age,since x,5,2026-01-09 y,6,2025-01-01 y,7,2026-01-08 a,1,2026-02-09 c,2,2024-01-01",
    )
    merged = merge({"a": "c", "x": "z", "y": "z"}, {"x": 1, "y": 2})
    columns = {"age": AGE, "since": TIME}
    joined = joiner.join(IDS, path, merged=merged, columns=columns, valid_from="since")
    assert joined.ages == {"c": 2, "z": 5}
    assert joined.balance.rows.adds_up


def test_rows_of_merged_ids_that_contradict_each_other_are_refused(joiner: Joiner) -> None:
    """Two rows of one old id that differ are refused; rows of two merged accounts contradict nothing."""
    path = write_csv(joiner.folder / "a.csv", "no,age a,1 a,2 x,5 z,6")
    joined = joiner.join(IDS, path, merged=merge({"a": "c", "x": "z"}))
    assert joined.ages == {"z": 6}
    assert joined.refused["reason"].tolist() == ["conflicting rows of one customer"] * 2


def test_an_erased_customer_is_not_joined_under_an_old_id(joiner: Joiner) -> None:
    """Rows of an old id are left out, also from quarantine, if the id that stays was erased."""
    path = write_csv(joiner.folder / "a.csv", "no,age a,old x,5 g,6")
    tombstones = create_tombstones().add(["c"], INTENT)
    joined = joiner.join(IDS, path, tombstones=tombstones, merged=merge({"a": "c", "x": "z"}))
    assert joined.ages == {"g": 6, "z": 5}
    assert (joined.balance.rows.erased, len(joined.refused)) == (1, 0)


def test_mergers_know_when_they_were() -> None:
    """Each old id has the time of its own merger, also in a chain."""
    pairs = pd.DataFrame({"old": ["b", "a", "a"], "new": ["c", "b", "x"], "since": [5, 7, 1]})
    merged = choose_mergers(pairs)
    assert (merged.old.to_pylist(), merged.new.to_pylist()) == (["a", "b"], ["c", "c"])
    assert merged.since is not None and merged.since.to_pylist() == [7, 5]

"""Merged ids: followed from one to the next, and neither a customer who left nor one who joined."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from config.definition import Definition
from schemas.night import Night
from segmentation.attributes.aliases import read_merged_ids
from segmentation.errors import Refused
from segmentation.identity.merged_customers import read_merged
from segmentation.parts import create_empty_folder
from segmentation.rows.casting.merged_ids import MergedIds, follow_merges
from tasks.runtime.opening import open_side_tables
from tests.conftest import DEFINITION
from tests.erasing import erase
from tests.joined_tables import write_csv
from tests.nights import FOUR, Town, create_town, day, draw_customers, manifest, read

ROWS = {"id": "id", "columns": {"spend": {"type": "float"}, "visits": {"type": "float"}}}
Reader = Callable[..., dict[str, str]]


@pytest.fixture
def read_pairs(tmp_path: Path, make_night: Callable[..., Night]) -> Reader:
    """Reads a table of merged ids: every old id and the one that stays."""

    def read_table(lines: str, as_of: date = date(2026, 1, 31), **changes: Any) -> dict[str, str]:
        path = write_csv(tmp_path / "merged.csv", lines)
        clause = {"source": {"path": str(path)}, "old_id": "old", "new_id": "new", **changes}
        night = make_night(aliases=clause).model_copy(update={"as_of": as_of})
        folder = create_empty_folder(night.staging / "test")
        merged = read_merged_ids(night, open_side_tables(night, None), folder)
        assert merged is not None
        return dict(zip(merged.old.to_pylist(), merged.new.to_pylist(), strict=True))

    return read_table


def test_chains_are_followed(read_pairs: Reader) -> None:
    """An id that was merged into one that was merged itself belongs to the last one."""
    assert read_pairs("old,new a,b b,c x,y q,q a,b") == {"a": "c", "b": "c", "x": "y"}
    assert read_pairs("old,new") == {}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("old,new a,b b,c c,a d,a x,y", "alias-cycle: aliases: 4 ids are merged in a circle"),
        ("old,new a,b a,c", "aliases: aliases: 1 id is merged into several others"),
        ("old,new a, b,c", r"aliases: aliases: 1 row is refused: new: missing \(1\)"),
        ("old,other a,b", "missing-column: aliases: merged.csv: the header lacks new"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(read_pairs: Reader, lines: str, message: str) -> None:
    """A circle, an id with two successors, or a row that cannot be read refuses the night."""
    with pytest.raises(Refused, match=message):
        read_pairs(lines)


def test_a_merger_counts_from_its_time(read_pairs: Reader) -> None:
    """Before its time, a merger is not applied; of several mergers of one id, the newest counts."""
    lines = "old,new,since a,b,2026-01-31 c,d,2026-02-01 e,f,2025-01-01 e,g,2026-01-01 h,i,"
    assert read_pairs(lines, valid_from="since") == {"a": "b", "e": "g", "h": "i"}
    assert read_pairs(lines, date(2025, 6, 1), valid_from="since") == {"e": "f", "h": "i"}


def test_followed_ids_agree_with_one_step_at_a_time() -> None:
    """On drawn mergers, the end of each chain is the one that naive steps reach, or a circle."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        old = rng.choice(30, 20, replace=False)
        new = rng.integers(0, 30, 20)
        target = dict(zip(old.tolist(), new.tolist(), strict=True))
        expected = []
        for place in old.tolist():
            for _ in range(40):
                place = target.get(place, place)
            expected.append(-1 if place in target else place)
        assert follow_merges(old, new).tolist() == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"new_id": "old"}, "must name different columns"),
        ({"format": "%d.%m.%Y"}, "format needs valid_from"),
        ({"source": {"sample": "shop"}}, "a second table needs path or sql"),
    ],
)
def test_each_rule_of_the_clause(changes: dict[str, Any], message: str) -> None:
    """A clause that cannot be read is refused before any data is."""
    clause = {"source": {"path": "a.csv"}, "old_id": "old", "new_id": "new", **changes}
    with pytest.raises(ValidationError, match=message):
        Definition.model_validate({**DEFINITION, "aliases": clause})


@pytest.fixture(scope="module")
def merged_town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Two nights. Before the second, a00001 became z00001, and d00001 was merged into b00001."""
    folder = tmp_path_factory.mktemp("merged")
    clause = {"source": {"path": str(folder / "merged.csv")}, "old_id": "old", "new_id": "new"}
    clause["valid_from"] = "since"
    town = create_town(folder, aliases=clause, rows={**ROWS, "on_duplicate": "first"})
    lines = "old,new,since a00001,y00001,2026-01-02 y00001,z00001,2026-01-02 d00001,b00001,2026-01-02"
    write_csv(folder / "merged.csv", lines)
    assert town.night(1, draw_customers(FOUR)).outcome == "published"
    return town


def test_a_merger_is_no_leaver_and_no_joiner(merged_town: Town, tmp_path: Path) -> None:
    """Whoever has the id that stays was in the segment of the old id, and it is counted and said."""
    town = merged_town.copy_to(tmp_path)
    second = town.night(2, draw_customers(FOUR))
    segments, earlier = read(second).set_index("customer_id"), read_first(town).set_index("customer_id")
    assert not {"a00001", "y00001", "d00001"} & {*segments.index}
    assert len(segments) == len(earlier) - 1
    survivor, merged = segments.loc["z00001"].to_dict(), earlier.loc["a00001"].to_dict()
    assert (survivor["previous_segment_id"], survivor["change"]) == (merged["segment_id"], "stayed")
    # The surviving id's own segment counts before that of the merged one.
    assert (
        segments.loc["b00001"].to_dict()["previous_segment_id"]
        == earlier.loc["b00001"].to_dict()["segment_id"]
    )
    assert not {"joined", "left"} & {*read(second, "changes.parquet")["change"]}
    assert second.merged is not None
    assert second.merged.describe() == (
        "3 ids are merged into others; 2 customers of the previous edition have another id now, "
        "1 of them the id of another customer"
    )
    churn, absorbed = manifest(second)["churn"], manifest(second)["merged"]["absorbed"]
    assert churn["stayed"] + churn["behaviour"] + churn["model"] + churn["left"] + absorbed == len(earlier)
    sums = read(second, "migration.parquet").groupby("from_segment_id")["customers"].sum()
    assert sums.sum() + absorbed == len(earlier)
    assert second.merged.describe() in Path(second.report_path).read_text().replace("<wbr>", "")


@pytest.mark.slow
def test_rows_of_merged_ids_that_differ_are_explained(merged_town: Town, tmp_path: Path) -> None:
    """Without a rule that says which row counts, both are refused, and a warning says why and what to do."""
    town = create_town(
        tmp_path, aliases=merged_town.definition.aliases, rows={**ROWS, "on_duplicate": "quarantine"}
    )
    customers = pd.concat([draw_customers(FOUR), pd.DataFrame({"id": ["c00001"], "spend": 1, "visits": 1})])
    published = town.night(2, customers)
    assert published.rows is not None
    assert published.rows.reasons == {
        "conflicting rows of ids that were merged": 2,
        "conflicting rows of one customer": 2,
    }
    warnings = [text for text in published.warnings if "2 rows are refused, because ids that" in text]
    assert len(warnings) == 1 and "rows.on_duplicate" in warnings[0]
    assert {"b00001", "d00001"}.isdisjoint(read(published)["customer_id"])


def read_first(town: Town) -> pd.DataFrame:
    """The segments of the first night."""
    (path,) = town.home.glob(f"editions/{day(1)}/*/segments.parquet")
    return pd.read_parquet(path)


def test_the_previous_edition_is_read_in_the_order_of_the_new_ids(merged_town: Town) -> None:
    """Renamed rows are where their ids belong, and each id is there once."""
    (path,) = merged_town.home.glob(f"editions/{day(1)}/*/segments.parquet")
    merged = MergedIds(pa.array(["a00001", "c00005", "d00001"]), pa.array(["b00000x", "b00001", "a0"]))
    tables = list(read_merged(path, ["segment_id"], merged))
    ids = [name for table in tables for name in table["customer_id"].to_pylist()]
    original = pd.read_parquet(path)["customer_id"]
    unmerged = [name for name in original if name not in merged.old.to_pylist()]
    assert ids == sorted([*unmerged, "b00000x", "a0"])


def test_an_erased_id_stays_erased_under_its_new_name(merged_town: Town, tmp_path: Path) -> None:
    """Rows under an old id are left out if the id that stays was erased, or the old one itself."""
    town = merged_town.copy_to(tmp_path)
    erase(town, "b00001", "a00001")
    second = town.night(2, draw_customers(FOUR))
    assert {"b00001", "d00001", "a00001", "z00001"}.isdisjoint(read(second)["customer_id"])
    assert second.rows is not None
    assert second.rows.erased == 3
    assert {"b00001", "d00001", "a00001"}.isdisjoint(read(second, "changes.parquet")["customer_id"])


@pytest.mark.slow
def test_nights_go_on_when_all_old_ids_are_erased(merged_town: Town, tmp_path: Path) -> None:
    """Erasing every old id leaves no merger, which is no reason to refuse a night."""
    town = merged_town.copy_to(tmp_path)
    erase(town, "a00001", "d00001", "y00001")
    second = town.night(2, draw_customers(FOUR))
    assert (second.outcome, second.merged and second.merged.ids) == ("published", 0)

"""Delta tables: the rows of one version, whatever was overwritten, deleted or renamed before."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.definition import Definition
from segmentation.errors import NoData, Refused
from segmentation.rows.reading.delta import open_delta
from segmentation.rows.reading.opening import OpenedSource
from segmentation.store.files.objects import AnyPath, ObjectPath
from tasks.ingest import ingest
from tests.delta_tables import write_table
from tests.event_inputs import define, ingest_and_summarise, make_night, read_customers

deltalake = pytest.importorskip("deltalake")
DeltaTable, write_deltalake = deltalake.DeltaTable, deltalake.write_deltalake

AS_OF = date(2026, 2, 1)
Staged = tuple[OpenedSource, pd.DataFrame]
COLUMNS: dict[str, Any] = {"x": {"type": "float"}, "region": {"type": "category", "nullable": True}}


def define_customers(table: AnyPath, columns: dict[str, Any] = COLUMNS, **source: Any) -> Definition:
    """Customers of the table, with these columns."""
    rows = {"id": "id", "columns": columns}
    content = {"name": "demo", "source": {"path": str(table), **source}, "rows": rows, "features": ["x"]}
    return Definition.model_validate(content)


def stage(table: AnyPath, folder: Path, definition: Definition | None = None) -> Staged:
    """The opened table and its staged rows."""
    folder.mkdir(parents=True, exist_ok=True)
    source = open_delta(table, definition or define_customers(table), AS_OF, folder)
    return source, pq.read_table(source.files[0].path).to_pandas()


def customers(*numbers: int, region: str | None = "eu") -> pa.Table:
    """Rows of customers c0, c1, …"""
    frame = pd.DataFrame({"id": [f"c{number}" for number in numbers], "x": [float(x) for x in numbers]})
    return pa.table({**frame, "region": pa.array([region] * len(numbers), pa.string())})


def test_only_the_rows_of_the_version_count(tmp_path: Path) -> None:
    """Overwritten and deleted rows are still in the folder's files, and are not read."""
    table = tmp_path / "t"
    write_deltalake(str(table), customers(1, 2, 3))
    write_deltalake(str(table), customers(4, 5), mode="overwrite")
    write_deltalake(str(table), customers(6, 7, region=None), mode="append")
    DeltaTable(str(table)).delete("x = 5.0")
    source, rows = stage(table, tmp_path / "newest")
    assert sorted(rows["id"]) == ["c4", "c6", "c7"]
    assert (source.files[0].input.name, source.files[0].input.version) == ("t", 3)
    for version, ids in enumerate((["c1", "c2", "c3"], ["c4", "c5"], ["c4", "c5", "c6", "c7"])):
        _, rows = stage(table, tmp_path / f"{version}", define_customers(table, version=version))
        assert rows["id"].tolist() == ids


def test_rows_come_in_the_order_in_which_files_were_written(tmp_path: Path) -> None:
    """The same version gives the same bytes, and rows that were appended later come later."""
    table = tmp_path / "t"
    for number in range(9, 0, -1):
        write_deltalake(str(table), customers(number), mode="append")
    first, rows = stage(table, tmp_path / "first")
    second, _ = stage(table, tmp_path / "again")
    assert rows["x"].tolist() == list(range(9, 0, -1))
    assert first.files[0].input.sha256 == second.files[0].input.sha256


def test_partitions_are_columns(tmp_path: Path) -> None:
    """Values that are only in the log have their types, and null is null."""
    table = tmp_path / "t"
    regions = pa.array(["a b", "ü/x=1", ""])
    days = pa.array([date(2026, 1, 30), None, date(2026, 1, 31)])
    content = customers(1, 2, 3).append_column("day", days).set_column(2, "region", regions)
    content = content.append_column("shop", pa.array([1, 2, None], pa.int32()))
    write_deltalake(str(table), content, partition_by=["day", "shop", "region"])
    more = {"day": {"type": "timestamp", "nullable": True}, "shop": {"type": "int", "nullable": True}}
    columns = {**COLUMNS, **more}
    _, rows = stage(table, tmp_path / "out", define_customers(table, columns))
    regions = rows["region"].astype(object).where(rows["region"].notna(), None)
    partitions = dict(zip(rows["id"], zip(rows["day"], regions, strict=True), strict=True))
    assert partitions == {
        "c1": (date(2026, 1, 30), "a b"),
        "c2": (None, "ü/x=1"),
        "c3": (date(2026, 1, 31), None),
    }
    assert rows.set_index("id")["shop"].fillna(-1).to_dict() == {"c1": 1, "c2": 2, "c3": -1}


def test_a_column_that_was_added_later_is_null_before(tmp_path: Path) -> None:
    """Files that were written before a column was added have nulls in it."""
    table = tmp_path / "t"
    write_deltalake(str(table), customers(1, 2).drop_columns("region"))
    write_deltalake(str(table), customers(3), mode="append", schema_mode="merge")
    _, rows = stage(table, tmp_path / "out")
    assert rows["region"].fillna("null").tolist() == ["null", "null", "eu"]


@pytest.mark.parametrize("mapping", [None, "name"])
@pytest.mark.parametrize("deleted", [{}, {0: [0]}, {0: [1, 4], 1: [2]}, {1: [0, 1, 2]}, {0: range(0, 20, 3)}])
def test_deletion_vectors_and_renamed_columns_are_applied(
    tmp_path: Path, deleted: dict[int, Any], mapping: str | None
) -> None:
    """Rows that a deletion vector removes are not read, as the package's own engine confirms."""
    table, files = tmp_path / "t", [customers(*range(20)), customers(*range(20, 23))]
    write_table(table, [file.drop_columns("region") for file in files], deleted, mapping)
    _, rows = stage(table, tmp_path / "out")
    gone = {20 * file + row for file, numbers in deleted.items() for row in numbers}
    assert rows["x"].tolist() == [number for number in range(23) if number not in gone]
    assert set(rows["region"]) == {"eu"}
    assert rows["id"].tolist() == pa.table(DeltaTable(str(table)).scan())["id"].to_pylist()


def test_large_files_with_deletions_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are cut at the same rows as batches."""
    monkeypatch.setattr("segmentation.parts.PART_ROWS", 7)
    table, gone = tmp_path / "t", list(range(3, 60, 5))
    write_table(table, [customers(*range(50)).drop_columns("region")], {0: gone[:9]})
    _, rows = stage(table, tmp_path / "out")
    assert rows["x"].tolist() == [number for number in range(50) if number not in gone[:9]]


@pytest.mark.parametrize(
    ("mapping", "features", "named"),
    [
        ("id", ("columnMapping",), "columnMapping by id"),
        (None, ("deletionVectors", "rowSorcery"), "rowSorcery|log"),
    ],
)
def test_features_that_are_not_known_are_refused(
    tmp_path: Path, mapping: str | None, features: tuple[str, ...], named: str
) -> None:
    """A table that needs a feature which might change its rows is refused by the feature's name."""
    write_table(tmp_path / "t", [customers(1).drop_columns("region")], None, mapping, features)
    with pytest.raises(Refused, match=named):
        stage(tmp_path / "t", tmp_path / "out")


def test_versions_that_are_gone_are_refused(tmp_path: Path) -> None:
    """A version that VACUUM emptied, or that the log does not have, is refused by its number."""
    table = tmp_path / "t"
    write_deltalake(str(table), customers(1))
    write_deltalake(str(table), customers(2), mode="overwrite")
    with pytest.raises(Refused, match="vacuumed: version 9 of Delta table t"):
        stage(table, tmp_path / "out", define_customers(table, version=9))
    DeltaTable(str(table)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(Refused, match="vacuumed: version 0 of Delta table t can no longer be read"):
        stage(table, tmp_path / "out", define_customers(table, version=0))
    assert stage(table, tmp_path / "out")[1]["id"].tolist() == ["c2"]


def test_without_the_extra_a_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the deltalake package the message names the extra."""
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(Refused, match=r"pip install 'resegment\[delta\]'"):
        stage(tmp_path / "t", tmp_path / "out")


def test_damaged_logs_and_files_are_refused(tmp_path: Path) -> None:
    """A log without a table and a data file that is cut off are refused by name."""
    (tmp_path / "empty" / "_delta_log").mkdir(parents=True)
    with pytest.raises(Refused, match="delta: the log of Delta table empty"):
        stage(tmp_path / "empty", tmp_path / "out")
    write_deltalake(str(tmp_path / "t"), customers(1, 2))
    (file,) = (tmp_path / "t").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(Refused, match="damaged-parquet"):
        stage(tmp_path / "t", tmp_path / "out")


def test_a_header_that_breaks_the_contract_is_refused(tmp_path: Path) -> None:
    """A missing column is refused as in any file, before a row is read."""
    write_deltalake(str(tmp_path / "t"), customers(1))
    columns = {"spend": {"type": "float"}, "x": {"type": "float"}}
    with pytest.raises(Refused, match="missing-column: t: the header lacks spend"):
        stage(tmp_path / "t", tmp_path / "out", define_customers(tmp_path / "t", columns))


def test_ignored_columns_are_left_out_without_a_word(tmp_path: Path) -> None:
    """A column of the table that the contract lacks is warned of, unless rows.ignore names it."""
    write_deltalake(tmp_path / "t", customers(1))
    definition = define_customers(tmp_path / "t", {"x": {"type": "float"}})
    for count, ignored in enumerate([("reg*",), ()]):
        ignoring = {"rows": definition.rows.model_copy(update={"ignore": ignored})}
        opened = stage(tmp_path / "t", tmp_path / f"{count}", definition.model_copy(update=ignoring))
        assert len(opened[0].warnings) == count


def make_events(*days: tuple[int, int, int]) -> pa.Table:
    """An event of 5 x 2 at noon of each day."""
    stamps = [datetime(*day, 12, tzinfo=UTC) for day in days]
    frame = pd.DataFrame({"id": "a", "invoice": [str(day) for day in days], "pieces": 5, "price": 2.0})
    return pa.table({**frame, "day": pa.array(stamps, pa.timestamp("us", "UTC"))})


def test_events_come_from_the_files_that_meet_the_window(tmp_path: Path) -> None:
    """Files whose times are all outside the window are not opened; the edition names the version."""
    table = tmp_path / "t"
    write_deltalake(str(table), make_events((2026, 2, 1), (2026, 1, 1), (2026, 1, 31)))
    for early in ((2025, 10, 5), (2025, 11, 20)):
        write_deltalake(str(table), make_events(early), mode="append")
    for path in sorted(table.glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)[1:]:
        path.unlink()
    ingested, summarised = ingest_and_summarise(make_night(table, define()))
    assert read_customers(summarised)["revenue"].to_dict() == {"a": 20.0}
    assert (ingested.balance.used, ingested.balance.outside) == (2, 1)
    assert [(source.name, source.version) for source in ingested.inputs] == [("t", 2)]
    assert [(digest.of, digest.version) for digest in ingested.digests] == [("rows", 2)]


def test_a_daily_copy_of_customers_is_chosen_by_its_partition(tmp_path: Path) -> None:
    """With date_in_name, the newest partition up to as_of is read; without any, the date has no file."""
    table = tmp_path / "t"
    for day in (date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 3)):
        rows = customers(day.day).append_column("dt", pa.array([day]))
        write_deltalake(str(table), rows, mode="append", partition_by=["dt"])
    dated = define_customers(table, date_in_name="dt=%Y-%m-%d")
    assert stage(table, tmp_path / "out", dated)[1]["id"].tolist() == ["c31"]
    with pytest.raises(NoData):
        open_delta(table, dated, date(2026, 1, 1), tmp_path / "out")


def test_a_table_in_a_bucket_is_read_like_one_in_a_folder(bucket: ObjectPath, tmp_path: Path) -> None:
    """The log and the files are objects; rows, order and version are the same."""
    table = tmp_path / "t"
    write_deltalake(str(table), customers(1, 2), partition_by=["region"])
    write_deltalake(str(table), customers(3, region="a b"), mode="append")
    for path in table.rglob("*.*"):
        if path.is_file():
            (bucket / f"t/{path.relative_to(table)}").put(path.read_bytes())
    local, rows = stage(table, tmp_path / "local")
    remote, _ = stage(bucket / "t", tmp_path / "remote")
    assert rows["id"].tolist() == ["c1", "c2", "c3"]
    assert remote.files[0].input == local.files[0].input


def test_a_version_needs_a_delta_table(tmp_path: Path) -> None:
    """source.version with plain files is refused."""
    (tmp_path / "a.csv").write_text("id,x,region\nc1,1,eu\n")
    definition = define_customers(tmp_path / "a.csv", version=3)
    with pytest.raises(Refused, match=r"source\.version is for Delta tables"):
        ingest(make_night(tmp_path / "a.csv", definition))

"""Folders that are tables with a log of their own are refused as plain files; partitions are columns."""

from pathlib import Path

import pandas as pd
import pytest

from config.sources import Source
from segmentation.errors import Refused
from segmentation.sources.listing import ListedFile, list_source
from segmentation.store.files.objects import ObjectPath
from tests.event_inputs import (
    AS_OF,
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    with_rows,
    write_events,
)


def list_all(location: object, pattern: str | None = None) -> list[ListedFile]:
    """The files of a location."""
    return list_source(Source(path=str(location), date_in_name=pattern), None, AS_OF).files


@pytest.mark.parametrize(
    ("log", "file", "table_format"),
    [
        (".hoodie/hoodie.properties", "part-0.parquet", "Hudi"),
        (".hoodie/hoodie.properties", "region=eu/part-0.parquet", "Hudi"),
        ("metadata/v1.metadata.json", "data/part-0.parquet", "Iceberg"),
        ("metadata/v1.metadata.json.gz", "data/part-0.parquet", "Iceberg"),
        ("metadata/00001-a.metadata.json", "data/region=eu/part-0.parquet", "Iceberg"),
        ("_delta_log/00000000000000000000.json", "part-0.parquet", "Delta"),
        ("_delta_log/00000000000000000000.json", "region=eu/dt=2026-01-30/part-0.parquet", "Delta"),
        ("snapshot/LATEST", "bucket-0/part-0.parquet", "Paimon"),
        ("_spark_metadata/0", "part-0.parquet", "Spark Structured Streaming"),
    ],
)
def test_files_of_a_table_are_not_read_as_plain_files(
    tmp_path: Path, bucket: ObjectPath, log: str, file: str, table_format: str
) -> None:
    """The table's folder, the folder of its files, one of them, and a glob are refused, also in a bucket."""
    for name in (f"t/{log}", f"t/{file}"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")
        (bucket / name).put(b"PAR1")
    for root in (tmp_path, bucket):
        for location in (
            "t",
            f"t/{file}".rpartition("/")[0],
            f"t/{file}",
            f"t/{file}".replace("part-0", "*"),
        ):
            with pytest.raises(Refused, match=f"t is a {table_format} table") as refusal:
                list_all(f"{root}/{location}")
            assert refusal.value.code == "table-format"


def test_a_table_below_the_folder_is_refused_where_it_would_be_read(
    tmp_path: Path, bucket: ObjectPath
) -> None:
    """A table in a folder that is entered is refused; elsewhere its files are unread files like others."""
    for root in (tmp_path, bucket):
        for name in ("2026/01/30/_delta_log/0.json", "2026/01/30/part-0.parquet", "2026/01/31.csv"):
            path = root / f"in/{name}"
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"PAR1")
            else:
                path.put(b"PAR1")
        with pytest.raises(Refused, match="30 is a Delta table"):
            list_all(root / "in", "%Y/%m/%d")


def test_plain_folders_named_like_logs_are_read(tmp_path: Path) -> None:
    """A folder called metadata, snapshot or data is only a folder, unless it holds a log."""
    for name in ("metadata/notes.md", "snapshot/notes.md", "data/part-0.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"PAR1")
    assert [file.name for file in list_all(tmp_path / "data")] == ["part-0.parquet"]


def test_partitions_are_entered_and_name_columns(tmp_path: Path) -> None:
    """Folders such as region=eu are entered; their values are decoded, and Hive's null is null."""
    for folder in ("region=eu", "region=south%20east/shop=1", "region=__HIVE_DEFAULT_PARTITION__"):
        _make(tmp_path / folder / "a.csv").write_text("id\n")
    assert [(file.name, dict(file.partitions)) for file in list_all(tmp_path)] == [
        ("region=__HIVE_DEFAULT_PARTITION__/a.csv", {"region": None}),
        ("region=eu/a.csv", {"region": "eu"}),
        ("region=south%20east/shop=1/a.csv", {"region": "south east", "shop": "1"}),
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_partition_is_a_column_that_the_files_lack(tmp_path: Path, suffix: str) -> None:
    """The time, a number and a text may come from folders; a column in the file itself comes first."""
    folder, header = tmp_path / "in", "id,invoice,price"
    lines = {
        "day=2026-01-29/pieces=3/a": ["a,i1,5", "b,i2,2"],
        "day=2026-01-30/pieces=1/a": ["a,i3,4"],
        "day=2026-02-01/pieces=1/a": ["a,i4,400"],
    }
    for name, rows in lines.items():
        path = write_events(_make(folder / f"{name}.csv"), rows, header)
        if suffix == "parquet":
            pd.read_csv(path).to_parquet(path.with_suffix(".parquet"))
            path.unlink()
    definition = define(source={"path": str(folder), "date_in_name": "day=%Y-%m-%d"})
    ingested, customers = ingest_and_summarise(make_night(folder, definition))
    table = read_customers(customers)
    assert table["revenue"].to_dict() == {"a": 5 * 3 + 4.0, "b": 2 * 3.0}
    assert table["recency_days"].to_dict() == {"a": 2, "b": 3}
    assert len(ingested.inputs) == 2


def test_a_column_of_the_file_comes_before_its_folder(tmp_path: Path) -> None:
    """Where a file has the column itself, the folder's name is only a name."""
    path = _make(tmp_path / "in" / "pieces=9" / "a.csv")
    write_events(path, ["a,i1,2026-01-30,2,5"])
    _, customers = ingest_and_summarise(make_night(tmp_path / "in", define(rows=with_rows())))
    assert read_customers(customers)["revenue"].to_dict() == {"a": 10.0}


def _make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path

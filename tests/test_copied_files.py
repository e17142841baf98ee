"""Files that are copies by their names, and files of several folders or columns in folder names."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from segmentation.errors import Refused
from segmentation.sources.copied_files import refuse_copies
from tests.conftest import SHARED
from tests.event_inputs import (
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    read_refused,
    with_rows,
)

DAY = "2026-01-30"


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"{DAY} (1).csv",
            f"{DAY}(2).csv",
            f"{DAY} - Copy.csv",
            f"{DAY} - Copy (2).csv",
            f"{DAY} copy 3.csv",
        ),
        *(f"{DAY}_copy.csv", f"{DAY} - Kopie.csv", f"Copy of {DAY}.csv", f"{DAY}~.csv", f"{DAY}.bak.csv"),
        *(f"{DAY}_v2.csv", f"{DAY}-old.csv", f"{DAY}_corrected.csv", f"{DAY} (1) (1).csv"),
        *(f"{DAY} (Ann's conflicted copy {DAY}).csv", f"{DAY}.sync-conflict-20260131-010203-ABCDEFG.csv"),
        *(f"{DAY}.parquet", f"{DAY}.csv.gz", f"{DAY}.tsv", f"{DAY}.jsonl.zst", f"{DAY} (1).csv.gz"),
    ],
)
def test_two_files_of_a_day_that_are_the_same_by_name_are_refused(name: str) -> None:
    """A copy, a conflict of a sync tool and another format of the same day are refused with both names."""
    with pytest.raises(Refused) as refusal:
        refuse_copies(sorted([f"{DAY}.csv", name, "2026-01-31.csv"]), "%Y-%m-%d")
    assert refusal.value.code == "copied-file"
    assert f"{DAY}.csv" in refusal.value.message
    assert name in refusal.value.message
    assert "2026-01-31" not in refusal.value.message


@pytest.mark.parametrize(
    "names",
    [
        ["part-0.csv", "part-1.csv"],
        [f"{DAY}-part-0.csv", f"{DAY}-part-1.csv"],
        [f"{DAY}-berlin.csv", f"{DAY}-bonn.csv.gz", f"{DAY}.csv"],
        [f"{DAY}_1.csv", f"{DAY}_2.csv"],
        [f"{DAY} (1).csv", f"{DAY} (2).csv"],
        [f"eu/{DAY}.csv", f"us/{DAY}.parquet"],
        ["2026-01-30.csv", "2026-01-31 (1).csv"],
    ],
)
def test_several_files_of_a_day_are_read(names: Sequence[str]) -> None:
    """Parts, shops and regions of one day are different files, and numbers without an original no copies."""
    assert refuse_copies(names, "%Y-%m-%d") == []


def test_a_copy_without_a_date_is_a_warning() -> None:
    """A browser numbers downloads of a report, whatever they hold; two formats of one name are one table."""
    (warning,) = refuse_copies(["orders (1).csv", "orders.csv"], None)
    assert warning == "by their names, files may be copies of others: orders.csv and orders (1).csv"
    with pytest.raises(Refused, match=r"orders\.csv and orders\.parquet"):
        refuse_copies(["orders.csv", "orders.parquet"], None)


def write(folder: Path, name: str, *lines: str) -> None:
    """Write events to a file below the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in ("id,invoice,day,pieces,price", *lines)))


def test_a_day_in_two_formats_counts_once_with_a_key(tmp_path: Path) -> None:
    """Without a key the night refuses both names; with one, each event counts once."""
    write(tmp_path / "in", "2026-01-30.csv", "a,i1,2026-01-30,2,5", "b,i2,2026-01-30,1,3")
    write(tmp_path / "in", "2026-01-30 (1).csv", "a,i1,2026-01-30,2,5", "b,i2,2026-01-30,1,4")
    source = {"path": str(tmp_path / "in"), "date_in_name": "%Y-%m-%d"}
    with pytest.raises(Refused, match="copied-file"):
        ingest_and_summarise(make_night(tmp_path / "in", define(source=source)))
    keyed = define(source=source, rows=with_rows(key=["invoice"], on_duplicate="first"))
    _, customers = ingest_and_summarise(make_night(tmp_path / "in", keyed))
    # "2026-01-30 (1).csv" comes before "2026-01-30.csv" in the source's order.
    assert read_customers(customers)["revenue"].to_dict() == {"a": 10.0, "b": 4.0}


def test_files_of_several_folders_keep_their_names(tmp_path: Path) -> None:
    """Inputs and refused rows name a file below the source's folder, so that equal names stay apart."""
    folder = tmp_path / "in"
    write(folder, "2026/01/30.csv", "a,i1,2026-01-30,2,5", "b,i2,2026-01-30,x,3")
    write(folder, "2026/01/29.csv", "a,i3,2026-01-29,1,5")
    write(folder, "2025/01/30.csv", "a,i4,2025-01-30,1,5")
    source = {"path": str(folder), "date_in_name": "%Y/%m/%d"}
    ingested, customers = ingest_and_summarise(make_night(folder, define(source=source)))
    assert [file.name for file in ingested.inputs] == ["2026/01/29.csv", "2026/01/30.csv"]
    assert read_customers(customers)["revenue"].to_dict() == {"a": 15.0}
    assert read_refused(customers)[["source_file", "source_row"]].to_numpy().tolist() == [
        ["2026/01/30.csv", 2]
    ]


def test_the_case_of_a_day_delivered_twice_is_refused() -> None:
    """The shared case names the copies."""
    folder = SHARED.parent / "cases" / "day-twice" / "orders"
    if not folder.is_dir():
        pytest.skip("real data is not here: the shared cases")
    names = sorted(path.name for path in folder.iterdir())
    with pytest.raises(Refused, match=r"2024-06-07 \(1\)\.csv.* and 3 more pairs"):
        refuse_copies(names, "%Y-%m-%d")

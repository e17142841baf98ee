"""Reading files: row numbers, malformed lines, headers, quotes and damaged Parquet."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading import csv_reading, csv_text
from segmentation.rows.reading.file_batches import read_batches
from segmentation.rows.reading.headers import check_header, columns_to_read, read_header

ROWS = Rows.model_validate({"id": "id", "columns": {"n": {"type": "int"}}})


def read(path: Path, **csv: Any) -> tuple[dict[int, tuple[str, object]], dict[int, str]]:
    """Rows by number, and malformed lines by number."""
    rows: dict[int, tuple[str, object]] = {}
    malformed: dict[int, str] = {}
    for batch in read_batches(path, ROWS, Csv(**csv)):
        for number, row in zip(batch.rows.tolist(), batch.table.to_pylist(), strict=True):
            rows[number] = (row["id"], row["n"])
        malformed |= {line.row: line.text for line in batch.malformed}
    return rows, malformed


def write(path: Path, text: str | bytes) -> Path:
    """Write a file with this content."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_are_numbered_around_malformed_ones(tmp_path: Path) -> None:
    """Rows count from 1 after the header, including malformed lines."""
    path = write(tmp_path / "a.csv", "id,n\na,1\nb\nc,3\nd,4,4\ne,5\n")
    rows, malformed = read(path)
    assert rows == {1: ("a", "1"), 3: ("c", "3"), 5: ("e", "5")}
    assert malformed == {2: "b", 4: "d,4,4"}


def test_blanks_around_the_names_of_columns_are_no_part_of_them(tmp_path: Path) -> None:
    """A definition names `n` where the header has ` n`; the header again is recognised as it is written."""
    path = write(tmp_path / "a.csv", "id , n\nid , n\na,1\n")
    assert read_header(path, Csv()) == ["id", "n"]
    assert read(path) == ({2: ("a", "1")}, {1: "id,n"})


def test_row_numbers_hold_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row numbers are right even if blocks end between, before or after malformed lines."""
    monkeypatch.setattr(csv_reading, "BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_text, "_FIRST_BYTES", 64)
    random = np.random.default_rng(2)
    malformed_rows = set(random.choice(np.arange(1, 301), 60, replace=False).tolist())
    lines = [f"c{i},{i},x" if i in malformed_rows else f"c{i},{i}" for i in range(1, 301)]
    rows, malformed = read(write(tmp_path / "a.csv", "id,n\n" + "\n".join(lines) + "\n"))
    assert rows == {i: (f"c{i}", str(i)) for i in range(1, 301) if i not in malformed_rows}
    assert set(malformed) == malformed_rows


def test_malformed_lines_at_the_ends(tmp_path: Path) -> None:
    """Malformed first and last lines are reported, and so is a file of only malformed lines."""
    assert set(read(write(tmp_path / "a.csv", "id,n\nx\na,1\ny\n"))[1]) == {1, 3}
    rows, malformed = read(write(tmp_path / "b.csv", "id,n\nx\ny\n"))
    assert (rows, set(malformed)) == ({}, {1, 2})


def test_quoted_fields_may_contain_newlines_and_delimiters(tmp_path: Path) -> None:
    """A quoted newline or delimiter belongs to its value."""
    rows, malformed = read(write(tmp_path / "a.csv", 'id,n\n"a,\nb",1\n"say ""x""",2\nc,3\n'))
    assert rows == {1: ("a,\nb", "1"), 2: ('say "x"', "2"), 3: ("c", "3")}
    assert malformed == {}


def test_columns_are_read_by_name(tmp_path: Path) -> None:
    """The order of columns, extra columns and a byte order mark do not matter."""
    rows, _ = read(write(tmp_path / "a.csv", "\ufeffextra,n,id\nx,1,007\n"))
    assert rows == {1: ("007", "1")}


def test_text_stays_text(tmp_path: Path) -> None:
    """NA, null and empty fields are texts."""
    assert read(write(tmp_path / "a.csv", "id,n\nNA,null\n,1.0\n"))[0] == {1: ("NA", "null"), 2: ("", "1.0")}


def test_declared_delimiter_and_encoding(tmp_path: Path) -> None:
    """A declared delimiter and encoding are used."""
    path = write(tmp_path / "a.csv", "id;n\nJosé;1\n".encode("latin-1"))
    assert read(path, delimiter=";", encoding="latin-1")[0] == {1: ("José", "1")}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'id,"n\na,1\nb,2\n', "stray-quote"),
        (b"id,n\nJos\xe9,1\n", "encoding"),
        (b"", "no-rows"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    """An unclosed quote in a header, another encoding and an empty file are refused without values."""
    with pytest.raises(Refused) as refusal:
        read(write(tmp_path / "a.csv", content))
    assert refusal.value.code == code
    assert "Jos" not in refusal.value.message


def test_header_only_gives_no_rows(tmp_path: Path) -> None:
    """A header without rows gives no rows and no error."""
    assert read(write(tmp_path / "a.csv", "id,n\n")) == ({}, {})


def test_columns_to_read_has_the_id_first_and_once() -> None:
    """The id comes first, even if the contract lists it. Without an id there are only the columns."""
    columns = {"n": {"type": "int"}, "id": {"type": "text"}}
    assert columns_to_read(Rows.model_validate({"id": "id", "columns": columns})) == ["id", "n"]
    assert columns_to_read(Rows.model_validate({"id": None, "columns": columns})) == ["n", "id"]


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        (["id"], "missing-column", "lacks n"),
        ([], "missing-column", "lacks id, n"),
        (["ID ", "n"], "missing-column", "is it 'ID '"),
        (["id", "n", "n"], "duplicate-column", "names n more than once"),
        (["id;n"], "missing-column", "separated by ';'"),
        ([f"c{i}" for i in range(2001)], "too-many-columns", "2001 columns"),
    ],
)
def test_headers_that_break_the_contract_are_refused(header: list[str], code: str, message: str) -> None:
    """One message names all faults of a header and suggests a name or delimiter."""
    with pytest.raises(Refused) as refusal:
        check_header("a.csv", header, ["id", "n"], ",")
    assert refusal.value.code == code
    assert message in refusal.value.message


def test_extra_columns_are_a_warning() -> None:
    """Columns that the contract does not name give one warning."""
    assert check_header("a.csv", ["n", "x", "id", "y"], ["id", "n"], ",") == [
        "2 columns not in the contract were ignored: x, y"
    ]
    assert check_header("a.csv", ["n", "id"], ["id", "n"], ",") == []


def test_header_of_a_file(tmp_path: Path) -> None:
    """The header is read from CSV, quoted or not, and from Parquet. An endless first line is refused."""
    assert read_header(write(tmp_path / "a.csv", '"i,d",n\n'), Csv()) == ["i,d", "n"]
    pq.write_table(pa.table({"id": ["a"], "n": [1]}), tmp_path / "a.parquet")
    assert read_header(tmp_path / "a.parquet", Csv()) == ["id", "n"]
    with pytest.raises(Refused, match="long-line"):
        read_header(write(tmp_path / "b.csv", "x" * (2 << 20)), Csv())


def test_parquet_rows_are_numbered_over_groups(tmp_path: Path) -> None:
    """Rows of a Parquet file count from 1 across row groups."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"n": list(range(10)), "id": [str(i) for i in range(10)]}), path, row_group_size=3
    )
    assert read(path)[0] == {i + 1: (str(i), i) for i in range(10)}


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    """A truncated Parquet file is refused."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a"], "n": [1]}), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Refused, match="damaged-parquet"):
        read(path)

"""One table in every text format and compression, and what JSON lines may hold."""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading import json_lines
from segmentation.rows.reading.file_batches import read_batches
from segmentation.rows.reading.headers import check_header, columns_to_read, read_header

ROWS = Rows.model_validate({"id": "id", "columns": {"n": {"type": "float"}, "note": {"type": "text"}}})
TABLE = [
    {"id": "007", "n": "1.10", "note": 'say "x"'},
    {"id": "12345678901234567890", "n": "1e3", "note": "a,\tb"},
    {"id": "ü", "n": "-0", "note": ""},
]


def zstd(content: bytes) -> bytes:
    """The content as a .zst file has it."""
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def delimited(delimiter: str) -> bytes:
    """The table with all texts quoted."""
    lines = [["id", "n", "note"], *([text.replace('"', '""') for text in row.values()] for row in TABLE)]
    return "".join(delimiter.join(f'"{text}"' for text in line) + "\n" for line in lines).encode()


def objects() -> bytes:
    """The table as JSON lines, with numbers as numbers where JSON has them."""
    rows = [json.dumps(row, ensure_ascii=False) for row in TABLE]
    return ("\n".join(rows) + "\n").replace('"1.10"', "1.10").replace('"1e3"', "1e3").encode()


CONTENTS = {".csv": delimited(","), ".tsv": delimited("\t"), ".jsonl": objects(), ".ndjson": objects()}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstd,
}  # fmt: skip


def read(path: Path, **csv: Any) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The rows of a file, and the reasons of malformed lines by row."""
    rows: list[dict[str, Any]] = []
    malformed: dict[int, str] = {}
    for batch in read_batches(path, ROWS, Csv(**csv)):
        rows += batch.table.to_pylist()
        malformed |= {line.row: line.reason for line in batch.malformed}
    return rows, malformed


@pytest.mark.parametrize("suffix", CONTENTS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_table_is_the_same_in_every_format(tmp_path: Path, suffix: str, compression: str) -> None:
    """The texts are the same in CSV, TSV and JSON lines, compressed or not."""
    path = tmp_path / f"day{suffix}{compression}"
    path.write_bytes(COMPRESSIONS[compression](CONTENTS[suffix]))
    assert read_header(path, Csv()) == ["id", "n", "note"]
    assert read(path) == (TABLE, {})


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".zst"])
def test_damaged_compression_is_refused(tmp_path: Path, compression: str) -> None:
    """A file that is cut off, or not compressed at all, is refused and gives no rows silently."""
    content = COMPRESSIONS[compression](b"id,n,note\n" + b"a,1,x\n" * 100_000)
    for damaged in (content[:-9], content[: len(content) // 2], delimited(",")):
        path = tmp_path / f"day.csv{compression}"
        path.write_bytes(damaged)
        with pytest.raises(Refused, match="damaged-compression"):
            read(path)


def test_a_tsv_file_has_the_delimiter_that_is_declared(tmp_path: Path) -> None:
    """Tabs are only the default of .tsv files."""
    path = tmp_path / "day.tsv"
    path.write_bytes(delimited(";"))
    assert read(path, delimiter=";") == (TABLE, {})
    with pytest.raises(Refused, match="seem to be separated by ';', not by"):
        read_header(path, Csv())


def test_json_lines_keep_numbers_as_they_are_written(tmp_path: Path) -> None:
    """Numbers keep their digits; null and missing keys are null; truth values and nested values are text."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": 12345678901234567890, "n": 1.10, "note": null}\n\n'
        '{"id": "a", "extra": 1, "note": true}\r\n'
        '{"id": "b", "n": 1e400, "note": {"x": [1.50, "ü"]}}\n'
        '{"id": "c", "n": NaN, "note": "\\u00fc"}'
    )
    assert read(path)[0] == [
        {"id": "12345678901234567890", "n": "1.10", "note": None},
        {"id": "a", "n": None, "note": "true"},
        {"id": "b", "n": "1e400", "note": '{"x":[1.5,"ü"]}'},
        {"id": "c", "n": "NaN", "note": "ü"},
    ]


def test_malformed_json_lines_are_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are no object, or name a key twice, are malformed; the others are rows."""
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    lines = ['{"id": "a"}', '{"id": "b", "id": "c"}', "[1]", "7", '{"id": "d"', '{"id": "\\ud800"}', "[" * 90]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{line}\n" for line in [*lines, *lines]))
    rows, malformed = read(path)
    assert [row["id"] for row in rows] == ["a", "a"]
    no_object, twice = "not a JSON object", "duplicate key"
    expected = [None, twice, no_object, no_object, no_object, no_object, no_object] * 2
    assert malformed == {number: reason for number, reason in enumerate(expected, 1) if reason}


def test_a_column_that_no_json_line_has_is_missing(tmp_path: Path) -> None:
    """Keys may be missing from lines, also from the first; a key that no line has is a missing column."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1}\n' * 3 + '{"id": 1, "note": "x"}\n')
    assert read_header(path, Csv(), ["id", "note"]) == ["id", "note"]
    with pytest.raises(Refused, match="lacks n;"):
        check_header("a.jsonl", read_header(path, Csv()), columns_to_read(ROWS), ",")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b'[\n{"id": 1}\n]\n', "wrong-content"), (b'{"id": "\xff"}\n', "encoding"), (b"x" * 200, "long-line")],
)
def test_unreadable_json_is_refused(
    tmp_path: Path, content: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An array over many lines, another encoding and an endless line are refused."""
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 64)
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(Refused, match=code):
        read(path)

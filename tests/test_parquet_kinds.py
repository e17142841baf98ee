"""Parquet files and JSON lines of kinds that once ended in tracebacks: read, or refused in one message."""

import base64
import functools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from config.columns import Column, Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.casting.text_columns import Dialect, cast_column, cast_id
from segmentation.rows.reading.column_places import adapt_header, locate_columns
from segmentation.rows.reading.headers import check_header, read_header
from segmentation.rows.reading.json_lines import read_json_lines
from segmentation.rows.reading.parquet_reading import open_source_file, read_parquet
from segmentation.sources.content import check_content

N = 40
DIALECT = Dialect(Csv())


class Kms(pe.KmsClient):  # type: ignore[misc]
    """Keys that are not secret."""

    def __init__(self, configuration: pe.KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, master_key: str) -> bytes:
        """The key as text."""
        return base64.b64encode(key)

    def unwrap_key(self, wrapped: bytes, master_key: str) -> bytes:
        """The key again."""
        return base64.b64decode(wrapped)


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_files_are_refused(tmp_path: Path, plaintext_footer: bool) -> None:
    """Also where the footer can be read, in which case Arrow would end the process."""
    table, path = pa.table({"id": ["a"] * N, "n": range(N)}), tmp_path / "a.parquet"
    configuration = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"c": ["n"]}, plaintext_footer=plaintext_footer
    )
    factory = pe.CryptoFactory(Kms)
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    with pytest.raises(Refused, match="without encryption"):
        check_content(path, Csv())
        open_source_file(path)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_texts_that_are_not_utf_8_are_unreadable(tmp_path: Path, kind: pa.DataType) -> None:
    """A file may call bytes text: those that are not UTF-8 are unreadable values, the others are read."""
    octets = pa.array([b"a", b"\xff\xfe", None, b"\xc3\xa9"])
    wide = octets.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())
    texts = pa.Array.from_buffers(kind, 4, wide.buffers(), 1)
    pq.write_table(pa.table({"id": texts}), tmp_path / "a.parquet")
    (batch,) = read_parquet(tmp_path / "a.parquet", ["id"])
    column = batch.table["id"]
    for cast in (cast_id("id", column, DIALECT), cast_column("id", column, Column(type="text"), DIALECT)):
        assert cast.values.to_pylist() == ["a", None, None, "é"]
        assert cast.unreadable is not None
        assert cast.unreadable.tolist() == [False, True, False, False]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_ends_of_time_have_a_local_time(zone: str) -> None:
    """The years 1 and 9999, which exports write for "never", are read in every zone."""
    texts = pa.chunked_array([["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]])
    stamps = texts.cast(pa.timestamp("us", "UTC"))
    for column in (texts, stamps):
        cast = cast_column("t", column, Column(type="timestamp"), Dialect(Csv(), zone))
        assert cast.unreadable is None
        assert [value.year for value in cast.values.to_pylist()] == [1, 9999]


def test_nested_json_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is parsed twice at most, however many of its values are objects."""
    names = [f"k{i}" for i in range(1000)]
    (tmp_path / "a.jsonl").write_text(json.dumps({name: {"x": [1, 2.5]} for name in names}) + "\n")
    parsed, decode = [], json.JSONDecoder.decode

    def count(decoder: json.JSONDecoder, line: str) -> object:
        parsed.append(line)
        return decode(decoder, line)

    monkeypatch.setattr(json.JSONDecoder, "decode", count)
    batch, *_ = read_json_lines(tmp_path / "a.jsonl", names, Csv())
    assert 1 <= len(parsed) <= 2
    assert {column[0].as_py() for column in batch.table.columns} == {'{"x":[1,2.5]}'}


@pytest.mark.parametrize("value", [f"[{'9' * 5000}]", "[" * 900 + "]" * 900])
def test_odd_json_values_are_malformed_or_read(tmp_path: Path, value: str) -> None:
    """A number of 5,000 digits in an array, or an array 900 deep, does not end the run."""
    (tmp_path / "a.jsonl").write_text(f'{{"id": {value}}}\n{{"id": "b"}}\n')
    batch, *_ = read_json_lines(tmp_path / "a.jsonl", ["id"], Csv())
    assert batch.table.num_rows + len(batch.malformed) == 2


def test_a_hundred_thousand_keys_are_refused(tmp_path: Path) -> None:
    """A line with 100,000 keys, or lines with as many in all, is refused for its number of columns."""
    rows = Rows(id="id", columns={f"c{i}": Column(type="int", was=(f"w{i}",)) for i in range(1000)})
    names = [f"x{i}" for i in range(100_000)]
    (tmp_path / "a.jsonl").write_text(json.dumps(dict.fromkeys(names, 1)) + "\n")
    (tmp_path / "b.jsonl").write_text("".join(f'{{"{name}": 1}}\n' for name in names))
    for name in ("a.jsonl", "b.jsonl"):
        header = adapt_header(name, read_header(tmp_path / name, Csv(), ["id"]), rows)
        locate_columns(list(rows.columns), header, rows)
        with pytest.raises(Refused, match="too-many-columns"):
            check_header(name, header, list(rows.columns), ",", rows.is_ignored)


def test_deep_types_are_read_or_refused(tmp_path: Path) -> None:
    """A column of lists within lists is refused or left alone, at any depth."""
    for depth in (3, 60):
        deep = functools.reduce(lambda kind, _: pa.list_(kind), range(depth), pa.int64())
        path = tmp_path / f"{depth}.parquet"
        pq.write_table(pa.table({"id": ["a"], "deep": pa.nulls(1, deep)}), path)
        try:
            (batch,) = read_parquet(path, ["id"])
        except Refused as refusal:
            assert refusal.code == "damaged-parquet"
        else:
            assert batch.table["id"].to_pylist() == ["a"]

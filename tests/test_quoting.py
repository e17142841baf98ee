"""Quotes in CSV: which lines are rows, checked with a parser that reads character by character."""

import codecs
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading import csv_reading, csv_text
from segmentation.rows.reading.file_batches import read_batches
from segmentation.rows.reading.headers import read_header

COLUMNS = ("a", "b", "c")
ROWS = Rows.model_validate({"id": None, "columns": {name: {"type": "text"} for name in COLUMNS}})


class Parsed(NamedTuple):
    """Rows and malformed lines by their number in the file."""

    rows: dict[int, list[str]]
    malformed: dict[int, tuple[str, str]]

    @property
    def reasons(self) -> dict[int, str]:
        """The reasons of malformed lines."""
        return {number: reason for number, (reason, _) in self.malformed.items()}


def read(path: Path, text: str | bytes, **csv: Any) -> Parsed:
    """Write and read a file."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    parsed = Parsed({}, {})
    for batch in read_batches(path, ROWS, Csv(**csv)):
        for number, row in zip(batch.rows.tolist(), batch.table.to_pylist(), strict=True):
            parsed.rows[number] = list(row.values())
        for line in batch.malformed:
            parsed.malformed[line.row] = (line.reason, line.text)
    return parsed


def parse_record(text: str, place: int) -> tuple[list[str], int] | None:
    """The fields of the record at a place and where it ends; None if a quote is misplaced."""
    fields: list[str] = []
    while True:
        field = ""
        if text[place : place + 1] == '"':
            place += 1
            while text[place : place + 1] != '"' or text[place : place + 2] == '""':
                if place >= len(text):
                    return None
                field += text[place]
                place += 2 if text[place] == '"' else 1
            place += 1
            if text[place : place + 1] not in ("", ",", "\n"):
                return None
        while text[place : place + 1] not in ("", ",", "\n"):
            if text[place] == '"':
                return None
            field, place = field + text[place], place + 1
        fields.append(field)
        place += 1
        if text[place - 1 : place] != ",":
            return fields, place


def parse(text: str) -> Parsed:
    """Rows and malformed lines after the header, by the rules in docs/csv.md."""
    parsed, number, place = Parsed({}, {}), 0, text.index("\n") + 1
    while place < len(text):
        line_end = text.find("\n", place) + 1 or len(text) + 1
        record = parse_record(text, place)
        if record == ([""], place + 1):
            place += 1
            continue
        number += 1
        lines = text[place : record[1]].splitlines() if record else []
        if record is None or (len(lines) > 2 and all(line.count(",") == 2 for line in lines)):
            reason = "quoted field looks like rows" if record else "stray quote"
            parsed.malformed[number] = (reason, text[place : line_end - 1])
            place = line_end
            continue
        if len(record[0]) == len(COLUMNS):
            parsed.rows[number] = record[0]
        else:
            reason = "too few fields" if len(record[0]) < len(COLUMNS) else "too many fields"
            parsed.malformed[number] = (reason, text[place : record[1]].rstrip("\n"))
        place = record[1]
    return parsed


@pytest.mark.parametrize("seed", range(8))
def test_every_text_is_read_as_by_a_parser(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random texts full of quotes give the rows and malformed lines of a parser, in blocks of any size."""
    random = np.random.default_rng(seed)
    block = int(random.choice([1, 3, 7, 64, 1000]))
    monkeypatch.setattr(csv_reading, "BLOCK_BYTES", block)
    monkeypatch.setattr(csv_text, "_FIRST_BYTES", block)
    tokens = ["x", ",", '"', "\n", "d,e,f\n", '"d","e","f"\n', ',"', '",', '""', '"\n', "é"]
    for _ in range(60):
        body = "".join(random.choice(tokens, random.integers(1, 40)))
        text = "a,b,c\n" + body + "\n" * int(random.integers(0, 2))
        expected, parsed = parse(text), read(tmp_path / "a.csv", text)
        assert parsed.rows == expected.rows, (text, block)
        assert parsed.reasons == expected.reasons, (text, block)
        shown = {n: line for n, (reason, line) in parsed.malformed.items() if "fields" not in reason}
        assert shown.items() <= {n: line for n, (_, line) in expected.malformed.items()}.items()


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        ('1,12" pipe,x\n2,b,c\n', {1: "stray quote"}),
        ('1,"Best" product,x\n2,b,c\n', {1: "stray quote"}),
        ('1,"never closed,x\n2,b,c\n', {1: "stray quote"}),
        ('1,"a ""quoted"" word",x\n2,b,c\n', {}),
        ('1,"two\nlines",x\n2,b,c\n', {}),
        ('1,"' + "line\n" * 20 + '",x\n2,b,c\n', {}),
        ('1,"never closed,x\n' + "2,b,c\n" * 40 + '3,b,"c"\n', {1: "quoted field of many lines"}),
        ('1,b,"c\n2,b,c\n3,b,c"\n4,b,c\n', {1: "quoted field looks like rows", 3: "stray quote"}),
        ('1,b,""c\r\n2,b,c\r\n', {1: "stray quote"}),
        ('1,b,""\r2,b,c\r', {}),
    ],
)
def test_only_lines_with_misplaced_quotes_are_refused(
    tmp_path: Path, lines: str, reasons: dict[int, str]
) -> None:
    """A misplaced quote refuses its line and no other: reading goes on with the next line."""
    parsed = read(tmp_path / "a.csv", "a,b,c\n" + lines)
    assert parsed.reasons == reasons
    last = max([*parsed.rows, *reasons])
    assert parsed.rows.keys() | reasons.keys() == set(range(1, last + 1))
    assert all(row[1:] == ["b", "c"] for row in parsed.rows.values() if row[0] != "1")


def test_a_quoted_field_of_many_lines_is_reported(tmp_path: Path) -> None:
    """A field that runs over more than 20 lines is refused at its first line, and the others are judged."""
    text = "a,b,c\n" + '1,"text' + "\n2,b,c" * 30 + '\n3,b,"c"\n4,"' + "more\n" * 25 + '",c\n5,b,c\n'
    parsed = read(tmp_path / "a.csv", text)
    assert parsed.malformed[1] == ("quoted field of many lines", '1,"text')
    assert parsed.malformed[33][0] == "quoted field of many lines"
    assert parsed.rows[2] == ["2", "b", "c"]
    assert list(parsed.rows.values())[-1] == ["5", "b", "c"]
    assert len(parsed.rows) == 32


def test_declared_quotes_and_escapes(tmp_path: Path) -> None:
    """quote: null makes quotes text, another quote is used, and escapes act before marks only."""
    path = tmp_path / "a.csv"
    assert read(path, 'a,b,c\n"x,12",""\n', quote=None).rows == {1: ['"x', '12"', '""']}
    assert read(path, "a,b,c\n'x,y',\"'','it''s'\n", quote="'").malformed[1][0] == "stray quote"
    assert read(path, "a,b,c\n'x,y',\"z\",'it''s'\n", quote="'").rows == {1: ["x,y", '"z"', "it's"]}
    escaped = 'a,b,c\n"8\\\'9\\" rod",\\N,C:\\\\x\n"a\\\\","b\\\r\nc",d\\,e\nbad"\\",y,z\n1,2,3\n'
    assert read(path, escaped, escape="\\").rows == {
        1: ["8\\'9\" rod", "\\N", "C:\\x"],
        2: ["a\\", "b\r\nc", "d,e"],
        4: ["1", "2", "3"],
    }
    assert read(path, "a,b,c\nx\\\ny,1,2\n", quote=None, escape="\\").rows == {1: ["x\ny", "1", "2"]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp932", "gbk", "latin-1", "cp037"])
def test_quotes_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    """Quotes and delimiters are found in the text, not in its bytes: cp932's 表 ends like a backslash."""
    word = "Zoë" if encoding in ("latin-1", "cp037") else "表"
    text = f'a,b,c\n1,"{word}, {word}","x"\n2,{word}"{word},y\n3,{word},z\n'
    parsed = read(tmp_path / "a.csv", text.encode(encoding), encoding=encoding)
    assert parsed.rows == {1: ["1", f"{word}, {word}", "x"], 3: ["3", word, "z"]}
    assert parsed.malformed == {2: ("stray quote", f'2,{word}"{word},y')}


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16", "ascii", "hex", "no-such-encoding"])
def test_text_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    """Bytes that are not text of the declared encoding are refused, in rows, malformed lines and headers."""
    content = b"a,b,c\n1,2,3\n\xff\xfd\xe9\n"
    with pytest.raises(Refused, match="encoding"):
        read(tmp_path / "a.csv", content, encoding=encoding)
    with pytest.raises(Refused, match="encoding"):
        read(tmp_path / "a.csv", b"\xff\xfd\xe9," + content, encoding=encoding)


def test_headers(tmp_path: Path) -> None:
    """Excel's sep= line is skipped if it agrees; names may be quoted and have line breaks."""
    path = tmp_path / "a.csv"
    assert read(path, "sep=;\r\na;b;c\r\n1;2;3\r\n", delimiter=";").rows == {1: ["1", "2", "3"]}
    with pytest.raises(Refused, match="says that fields are separated by ';'"):
        read(path, "sep=;\na;b;c\n1;2;3\n")
    assert read(path, codecs.BOM_UTF8 + b'\n"a","b",c,"d\nd"\n1,2,3,4\n').rows == {1: ["1", "2", "3"]}
    assert read_header(path, Csv()) == ["a", "b", "c", "d\nd"]
    for header in ('a,b,"c\n', 'a,b,c"\n', 'a,"b"c,d\n'):
        with pytest.raises(Refused, match="stray-quote"):
            read(path, header + "1,2,3\n")


def test_second_tables_are_refused(tmp_path: Path) -> None:
    """A repeated header with rows before and after, or other lines up to the end, are a second table."""
    path, row = tmp_path / "a.csv", "1,2,3\n"
    assert read(path, "a,b,c\na,b,c\n" + row).reasons == {1: "repeated header"}
    assert read(path, "a,b,c\n" + row + "a,b,c\n").reasons == {2: "repeated header"}
    with pytest.raises(Refused, match="row 2 repeats the header"):
        read(path, "a,b,c\n" + row + "a,b,c\n" + row)
    with pytest.raises(Refused, match="from row 6 to the end, lines have 2 fields"):
        read(path, "a,b,c\n" + row * 5 + "x,y\n" + "1,2\n" * 12)
    assert len(read(path, "a,b,c\n" + row * 5 + "1,2\n" * 12 + row * 5).malformed) == 12
    assert len(read(path, "a,b,c\n" + row * 5 + "total\n" * 5).malformed) == 5

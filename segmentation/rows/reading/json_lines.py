"""Reading JSON lines, one object per line, as text: numbers keep their digits until they are cast.

Bytes become text in csv_text.py. Casting belongs in segmentation/rows/casting/text_columns.py.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading.csv_text import read_text, undecodable
from segmentation.rows.reading.raw_batch import Malformed, RawBatch, number_rows, shorten
from segmentation.rows.reading.record_blocks import BLOCK_BYTES

NOT_AN_OBJECT = "not a JSON object"
DUPLICATE_KEY = "duplicate key"
_LITERALS = {True: "true", False: "false"}


class _DuplicateKeyError(ValueError):
    """An object that names a key twice: which value counts is unknown."""


def _to_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _DuplicateKeyError
    return fields


# Numbers as they are written: 1.10 and 12345678901234567890 would lose digits as floats.
_DECODER = json.JSONDecoder(object_pairs_hook=_to_object, parse_int=str, parse_float=str, parse_constant=str)


def read_keys(
    path: Path, csv: Csv, wanted: Collection[str] | None = None, limit: int | None = None
) -> list[str]:
    """Every key that an object of the file has, or those up to the line where all `wanted` ones are found.

    Reading ends at the line where there are more than `limit`: each line may have other keys.
    """
    keys: dict[str, None] = {}
    for lines in _read_lines(path, csv):
        for line in lines:
            fields = _parse(line)
            if isinstance(fields, dict):
                keys |= dict.fromkeys(fields)
            if limit is not None and len(keys) > limit:
                return list(keys)
        if wanted is not None and keys.keys() >= set(wanted):
            break
    return list(keys)


def read_json_lines(path: Path, columns: Sequence[str], csv: Csv) -> Iterator[RawBatch]:
    """These columns of a file of JSON lines, in batches. Lines without a key have null in its column."""
    before = 0
    for lines in _read_lines(path, csv):
        malformed: list[Malformed] = []
        values: list[list[str | None]] = [[] for _ in columns]
        for row, line in enumerate(lines, before + 1):
            fields = _parse_texts(line, columns)
            if isinstance(fields, str):
                detail = "the line names a key twice" if fields == DUPLICATE_KEY else "expected {…}"
                malformed.append(Malformed(row, fields, detail, shorten(line.strip())))
                continue
            for texts, text in zip(values, fields, strict=True):
                texts.append(text)
        numbers = number_rows(before, len(lines) - len(malformed), [line.row - before for line in malformed])
        before += len(lines)
        arrays = [pa.array(texts, pa.string()) for texts in values]
        yield RawBatch(pa.table(dict(zip(columns, arrays, strict=True))), numbers, malformed)


def _read_lines(path: Path, csv: Csv) -> Iterator[list[str]]:
    """The lines of the file that are not blank, some at a time."""
    rest, is_first = b"", True
    try:
        for block in read_text(path, csv, BLOCK_BYTES):
            text = rest + block
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if is_first and text.lstrip()[:1] == b"[":
                raise Refused("wrong-content", f"{path.name} is one JSON array; expected one object per line")
            if len(rest) > BLOCK_BYTES:
                raise Refused("long-line", f"{path.name}: a line is longer than {BLOCK_BYTES >> 20} MiB")
            is_first = False
            yield [line for line in text[:end].decode().split("\n") if line and not line.isspace()]
        yield [line for line in [rest.decode()] if line and not line.isspace()]
    except UnicodeDecodeError as error:
        raise undecodable(path, csv) from error


def _parse(line: str) -> dict[str, object] | str:
    """The fields of a line, or why it has none."""
    try:
        fields = _DECODER.decode(line)
        # A text may be half of a surrogate pair, which is not a character.
        if "\\u" in line:
            json.dumps(fields, ensure_ascii=False).encode()
    except _DuplicateKeyError:
        return DUPLICATE_KEY
    except (ValueError, RecursionError):
        return NOT_AN_OBJECT
    return fields if isinstance(fields, dict) else NOT_AN_OBJECT


def _parse_texts(line: str, columns: Sequence[str]) -> list[str | None] | str:
    """The values of these columns as text, or why the line has none."""
    fields = _parse(line)
    if isinstance(fields, str):
        return fields
    values = [fields.get(column) for column in columns]
    try:
        # Numbers in objects and arrays are parsed once more, as numbers.
        nested = json.loads(line) if any(isinstance(value, (dict, list)) for value in values) else fields
        return [_to_text(value, nested.get(column)) for column, value in zip(columns, values, strict=True)]
    except (ValueError, RecursionError):
        return NOT_AN_OBJECT


def _to_text(value: object, nested: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return _LITERALS[value]
    # Objects and arrays: the text of the JSON, which only text columns accept.
    return json.dumps(nested, ensure_ascii=False, separators=(",", ":"))

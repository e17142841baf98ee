"""Random inputs for tests/test_fuzz.py: text and Parquet files, damaged or odd, and definitions for them.

`python -m tests.fuzzing SEED COUNT` tries them in a process of its own, because a damaged file could end it,
and prints one JSON line with what came of them.
"""

import faulthandler
import gzip
import io
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from bench.sides import peak_mb
from config.definition import Definition
from schemas.night import Night
from segmentation.errors import ResegmentError
from tasks.ingest import ingest
from tasks.summarise import summarise
from tests.odd_values import ARROW_TYPES, ENCODINGS, FORMATS, TYPES, odd_text, odd_value

LONGEST_S = 120
AS_OF = date(2024, 6, 16)


class Attempt(NamedTuple):
    """One file and the definition that reads it."""

    name: str
    content: bytes
    definition: dict[str, Any]


def make_attempt(seed: int) -> Attempt:
    """A file of any format with a definition that nearly fits. The same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - not a secret
    kind = source.choice(["csv", "csv", "csv", "tsv", "jsonl", "parquet", "parquet", "parquet"])
    definition = make_definition(source)
    rows, csv = definition["rows"], definition["source"]["csv"]
    names = ["id", *rows["columns"]]
    content = make_parquet(source, names) if kind == "parquet" else make_text(source, names, kind, csv)
    if source.random() < 0.3:
        content = damage(source, content)
    if kind != "parquet" and source.random() < 0.15:
        kind, content = f"{kind}.gz", gzip.compress(content)
        content = damage(source, content) if source.random() < 0.5 else content
    if source.random() < 0.1:
        place = source.choice([definition, rows, csv, *rows["columns"].values()])
        place[source.choice([*place, "odd"])] = source.choice(
            [None, -1, 1e999, "", "\0", [], {}, True, "int"]
        )
    return Attempt(f"customers.{kind}", content, definition)


def make_definition(source: random.Random) -> dict[str, Any]:
    """A definition with odd columns, sometimes with an odd dialect."""
    columns = {f"c{i}": make_column(source) for i in range(source.randint(1, 5))}
    columns["n"] = {"type": source.choice(["int", "float"]), "nullable": True, "fill": {"by": "median"}}
    features = ["n", *(name for name, column in columns.items() if "fill" in column and name != "n")]
    csv: dict[str, Any] = {"final_newline": False}
    for key, values in CSV_KEYS.items():
        if source.random() < 0.06:
            csv[key] = source.choice(values)
    rows = {"id": source.choice(["id", "id", "id", None]), "columns": columns}
    return {"name": "fuzz", "source": {"path": "customers", "csv": csv}, "rows": rows, "features": features}


CSV_KEYS: dict[str, list[Any]] = {
    "delimiter": [",", ";", "\t", "|", " ", "x", "'"],
    "quote": [None, "'", '"', "|"],
    "escape": ["\\", "^", '"'],
    "encoding": ENCODINGS,
    "decimal": [",", "."],
    "thousands": [",", ".", " ", "'"],
    "currency_marks": [["$"], ["EUR", "%"]],
    "negative": [["trailing"], ["parentheses", "minus"]],
    "null_values": [[], ["", "NULL", "\\N"], ["0"]],
}


def make_column(source: random.Random) -> dict[str, Any]:
    """The contract of one column."""
    kind = source.choice(TYPES)
    column: dict[str, Any] = {"type": kind, "nullable": source.random() < 0.7}
    odd = {key: values for key, (types, values) in COLUMN_KEYS.items() if kind in types}
    for key, values in odd.items():
        if source.random() < 0.1:
            column[key] = source.choice(values)
    if not column["nullable"]:
        return {key: value for key, value in column.items() if key not in ("absent", "fill")}
    return column


_NUMBERS = ("int", "float")
COLUMN_KEYS: dict[str, tuple[Sequence[str], list[Any]]] = {
    "ge": (_NUMBERS, [0, -1e308, 2**63]),
    "isin": (TYPES, [["a", 1, True], ["1"]]),
    "absent": (TYPES, ["null"]),
    "was": (TYPES, [["old"]]),
    "format": (("timestamp",), FORMATS),
    "fill": (_NUMBERS, [{"by": "median"}, {"by": "constant", "value": 0}]),
    "order": (("category",), [["a", "b"]]),
    "pattern": (("text",), ["[a-z]+", "(a|b)*$"]),
    "unique": (TYPES, [True]),
}


def make_text(source: random.Random, names: list[str], kind: str, csv: dict[str, Any]) -> bytes:
    """Lines of CSV, TSV or JSON lines in the declared encoding, where that can be."""
    if kind == "jsonl":
        rows = [{name: odd_value(source) for name in names} for _ in range(source.randint(0, 30))]
        text = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    else:
        delimiter = "\t" if kind == "tsv" else csv.get("delimiter", ",")
        lines = [names, *([odd_text(source) for _ in names] for _ in range(source.randint(0, 30)))]
        text = "".join(delimiter.join(line) + source.choice(["\n", "\n", "\r\n"]) for line in lines)
    try:
        return text.encode(csv.get("encoding", "utf-8"))
    except (UnicodeError, LookupError):
        return text.encode("utf-8", "surrogatepass")


def make_parquet(source: random.Random, names: list[str]) -> bytes:
    """A Parquet file whose columns have any of Arrow's types."""
    rows, columns = source.randint(0, 30), {}
    for name in names:
        plain = pa.string() if name == "id" else pa.int64()
        kind = plain if source.random() < 0.7 else source.choice(ARROW_TYPES)
        values = [odd_value(source) for _ in range(rows)]
        columns[name] = cast_each(values, kind)
    buffer = io.BytesIO()
    table = pa.table(columns)
    try:
        pq.write_table(
            table, buffer, row_group_size=source.choice([1, 7, 100]), store_schema=source.random() < 0.8,
            compression=source.choice(["snappy", "zstd", "gzip", "none"]),
        )  # fmt: skip
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return make_parquet(source, names)
    return buffer.getvalue()


def cast_each(values: list[Any], kind: pa.DataType) -> pa.Array:
    """The values that the type has, null for the others."""
    arrays = []
    for value in values:
        try:
            arrays.append(pa.array([value], kind))
        except (pa.ArrowException, ValueError, TypeError, OverflowError, AttributeError):
            arrays.append(pa.nulls(1, kind))
    return pa.concat_arrays(arrays) if arrays else pa.nulls(0, kind)


def damage(source: random.Random, content: bytes) -> bytes:
    """The content with bytes flipped, cut, repeated or inserted."""
    octets = bytearray(content)
    for _ in range(source.choice([1, 1, 2, 5, 30])):
        place = source.randrange(len(octets) + 1)
        match source.randrange(5):
            case 0 if octets:
                octets[place % len(octets)] ^= 1 << source.randrange(8)
            case 1:
                octets[place:place] = source.choice([b'"', b"\0", b"\r", b"\n", b'""', b",", b"\xff", b"\\"])
            case 2:
                del octets[place : place + source.choice([1, 4, 100])]
            case 3:
                octets[place:place] = octets[place : place + source.choice([1, 10, 200])]
            case 4:
                octets[place : place + 4] = source.randbytes(4)
    return bytes(octets)


def attempt(seed: int, folder: Path) -> str:
    """Read the file of a seed as a night does. Returns how it ended, a traceback's text if that was wrong."""
    name, content, definition = make_attempt(seed)
    path = folder / name
    path.write_bytes(content)
    try:
        valid = Definition.model_validate(definition)
    except ValidationError:
        return "invalid definition"
    try:
        night = Night(
            definition=valid, as_of=AS_OF, source=str(path), store=folder / f"store-{seed}", force=False,
            run_id="fuzz",
        )  # fmt: skip
        summarise(night, ingest(night))
    except ResegmentError as error:
        return f"refused: {getattr(error, 'code', type(error).__name__)}"
    except Exception:
        return traceback.format_exc()
    return "read"


def main(first: int, count: int) -> None:
    """Try seeds and print how they ended, the slowest, and the peak of memory."""
    outcomes, wrong, slowest = Counter[str](), {}, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            # Also ends a process that hangs outside Python.
            faulthandler.dump_traceback_later(LONGEST_S, exit=True)
            start = time.monotonic()
            outcome = attempt(seed, Path(folder))
            slowest = max(slowest, time.monotonic() - start)
            faulthandler.cancel_dump_traceback_later()
            if "Traceback" in outcome:
                wrong[seed] = outcome
            else:
                outcomes[outcome] += 1
    report = {"outcomes": outcomes, "wrong": wrong, "slowest_s": slowest, "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

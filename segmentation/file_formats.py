"""Which files are tables: their formats and compression, by the end of the file's name.

Decompressing belongs in segmentation/rows/compression.py, reading rows in segmentation/rows/reading.py.
"""

from typing import Literal, NamedTuple

Kind = Literal["csv", "tsv", "jsonl", "parquet"]
Compression = Literal["gzip", "bz2", "zstd"]

_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


class FileFormat(NamedTuple):
    """A readable file's kind, its compression, and the end of its name, such as `.csv.gz`."""

    kind: Kind
    compression: Compression | None
    suffix: str


def get_format(name: str) -> FileFormat | None:
    """The format of a file of this name; None if it is not a table that can be read.

    >>> get_format("2024-06-12.CSV.gz")
    FileFormat(kind='csv', compression='gzip', suffix='.CSV.gz')
    >>> get_format("2024-06-12.xlsx")
    """
    stem, compression = name, None
    for suffix, method in _COMPRESSIONS.items():
        if name.lower().endswith(suffix):
            stem, compression = name[: -len(suffix)], method
    for suffix, kind in _KINDS.items():
        # Parquet compresses its own pages, and reading it needs random access.
        if stem.lower().endswith(suffix) and not (kind == "parquet" and compression):
            return FileFormat(kind, compression, name[len(stem) - len(suffix) :])
    return None


def describe_formats() -> str:
    """`.csv, .tsv, .jsonl or .parquet`, with the compressed forms, for messages."""
    return ".csv, .tsv, .jsonl, .ndjson (also .gz, .bz2 or .zst) or .parquet"

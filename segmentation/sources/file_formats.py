"""Which files are tables: their formats and compression, by the end of the file's name.

Decompressing belongs in segmentation/sources/compression.py, reading rows in
segmentation/rows/reading/file_batches.py.
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
# For messages.
FORMATS = ".csv, .tsv, .jsonl, .ndjson (each also .gz, .bz2 or .zst) or .parquet"


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


def get_stem(name: str) -> str:
    """The name without the end that says its format; the whole name if it is not a table's.

    >>> get_stem("eu/2024-06-12.csv.gz")
    'eu/2024-06-12'
    """
    file_format = get_format(name)
    return name if file_format is None else name[: -len(file_format.suffix)]

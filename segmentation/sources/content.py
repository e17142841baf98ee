"""Checking source files: refusing a file that is not a table, and fingerprints that reveal a change.

Listing a source's files is in segmentation/sources/listing.py, reading their rows in
segmentation/rows/reading/file_batches.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from config.sources import Csv
from schemas.rows import Input
from segmentation.errors import Refused, SourceChanged
from segmentation.parts import hash_file
from segmentation.sources.compression import open_text
from segmentation.sources.file_formats import get_format

_HEAD = 1 << 16
_CHUNK = 1 << 20
_TAIL = 4


class _Magic(NamedTuple):
    """First bytes of a file that is not a CSV table, whatever its name says."""

    prefix: bytes
    code: str
    description: str


_IMPOSTORS = (
    _Magic(b"version https://git-lfs", "pointer-file", "a Git LFS pointer, not the data; run 'git lfs pull'"),
    _Magic(b"PK\x03\x04", "wrong-content", "a zip or spreadsheet file; export it as CSV"),
    _Magic(b"\x1f\x8b", "wrong-content", "gzip-compressed; let its name end in .csv.gz"),
    _Magic(b"\x28\xb5\x2f\xfd", "wrong-content", "zstd-compressed; let its name end in .csv.zst"),
    *(
        _Magic(b"BZh%d1AY&SY" % level, "wrong-content", "bzip2-compressed; let its name end in .csv.bz2")
        for level in range(1, 10)
    ),
    _Magic(b"7z\xbc\xaf\x27\x1c", "wrong-content", "a 7z archive; unpack it first"),
    _Magic(b"\xd0\xcf\x11\xe0", "wrong-content", "an old spreadsheet file; export it as CSV"),
    _Magic(b"SQLite format 3\0", "wrong-content", "an SQLite database; export the table as CSV"),
    _Magic(b"Obj\x01", "wrong-content", "an Avro file; export it as Parquet"),
    _Magic(b"ARROW1\0", "wrong-content", "an Arrow file; export it as Parquet"),
    _Magic(b"%PDF-", "wrong-content", "a PDF document"),
    _Magic(b"\xff\xfe", "encoding", "UTF-16; save it as UTF-8, or declare source.csv.encoding"),
    _Magic(b"\xfe\xff", "encoding", "UTF-16; save it as UTF-8, or declare source.csv.encoding"),
)


class SourceFile(NamedTuple):
    """One file of the source, with its fingerprint from when the run first read it.

    `constants` are columns that the file lacks, with the one value that each has in all of its rows.
    """

    path: Path
    input: Input
    modified_ns: int
    constants: Mapping[str, str | None] = {}


def fingerprint(path: Path, name: str | None = None) -> SourceFile:
    """Hash a file, and record its size and modification time. Refused if it is empty or unreadable.

    `name` is the input's, if that is not the file's own name.
    """
    try:
        stat = path.stat()
        digest = hash_file(path)
    except OSError as error:
        raise Refused("unreadable-file", f"{path.name}: {error.strerror}") from error
    if stat.st_size == 0:
        raise Refused("empty-file", f"{path.name} is empty; expected a header and rows")
    is_typed = path.suffix.lower() == ".parquet"
    source = Input(name=name or path.name, size=stat.st_size, sha256=digest, numbered=is_typed)
    return SourceFile(path, source, stat.st_mtime_ns)


def check_unchanged(file: SourceFile) -> None:
    """Raise SourceChanged if the file is not the one that was fingerprinted."""
    stat = file.path.stat()
    if (stat.st_size, stat.st_mtime_ns) != (file.input.size, file.modified_ns):
        raise SourceChanged(f"{file.path.name} changed while it was being read")


def check_content(path: Path, csv: Csv) -> None:
    """Refuse a file whose content does not match its name, judging by its first and last bytes."""
    head, tail = _read_ends(path)
    is_utf_16 = csv.encoding.lower().replace("_", "-").startswith("utf-16")
    for magic in _IMPOSTORS:
        if head.startswith(magic.prefix) and not (is_utf_16 and magic.code == "encoding"):
            raise Refused(magic.code, f"{path.name} is {magic.description}")
    if path.suffix.lower() == ".parquet":
        if head[:4] == b"PARE" == tail:
            raise Refused("encrypted", f"{path.name} is encrypted; expected a file without encryption")
        if head[:4] != b"PAR1" or tail != b"PAR1":
            raise Refused("wrong-content", f"{path.name} is not a complete Parquet file; it may be cut off")
        return
    if head[:4] == b"PAR1":
        raise Refused("wrong-content", f"{path.name} is a Parquet file; let its name end in .parquet")
    if head[257:262] == b"ustar":
        raise Refused("wrong-content", f"{path.name} is a tar archive; unpack it first")
    if head.lstrip()[:1] == b"<" and re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        raise Refused("wrong-content", f"{path.name} is an HTML or XML page, perhaps an error page")
    if csv.final_newline and tail.rstrip(b"\0")[-1:] not in (b"\n", b"\r"):
        raise Refused(
            "no-final-newline",
            f"{path.name} does not end in a newline, so it may be cut off; fetch it again, or set "
            "'csv: {final_newline: false}' in the definition",
        )


def _read_ends(path: Path) -> tuple[bytes, bytes]:
    """The first and last bytes of a file, of a compressed one those of its text."""
    file_format = get_format(path.name)
    if file_format is None or file_format.compression is None:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(0, path.stat().st_size - _TAIL))
            return head, file.read()
    # The end is reached only through the whole file, which also shows that it is complete.
    with open_text(path) as file:
        head = tail = file.read(_HEAD)
        while chunk := file.read(_CHUNK):
            tail = tail[-_TAIL:] + chunk
    if not head:
        raise Refused("empty-file", f"{path.name} unpacks to nothing; expected a header and rows")
    return head, tail[-_TAIL:]

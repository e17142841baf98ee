"""Opening text files that may be compressed.

Text is decompressed as it is read, so memory does not grow with the file. What the text means belongs in
segmentation/rows/reading/.
"""

import bz2
import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from segmentation.errors import Refused
from segmentation.sources.file_formats import Compression, get_format

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A few kilobytes can unpack to terabytes. Real tables shrink to a hundredth at best.
MOST_EXPANSION, EXPANSION_FROM_BYTES = 200, 256 << 20
_BUFFER = 1 << 20


def open_text(path: Path) -> BinaryIO:
    """The bytes of a text file, decompressed by the end of its name.

    Reading raises Refused where the compressed data is damaged or cut off, or unpacks to far too much.
    """
    table_format = get_format(path.name)
    if table_format is None or table_format.compression is None:
        return path.open("rb")
    unpacked = _Unpacked(path, table_format.compression)
    return cast("BinaryIO", io.BufferedReader(unpacked, _BUFFER))


class _Unpacked(io.RawIOBase):
    """The decompressed bytes of one file, forwards only."""

    def __init__(self, path: Path, compression: Compression) -> None:
        self._path, self._compression = path, compression
        self._packed_bytes, self._bytes = path.stat().st_size, 0
        self._stream = _open_stream(path, compression)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        try:
            count = self._stream.readinto(view)
        except (OSError, EOFError, zlib.error) as error:
            raise Refused(
                "damaged-compression",
                f"{self._path.name}: its {self._compression} data is damaged, cut off or not "
                f"{self._compression}, after {self._bytes:,} bytes; fetch it again",
            ) from error
        self._bytes += count
        if self._bytes > EXPANSION_FROM_BYTES and self._bytes > MOST_EXPANSION * self._packed_bytes:
            raise Refused(
                "expansion",
                f"{self._path.name} unpacks to more than {MOST_EXPANSION} times its size; if it is a table, "
                "unpack it first",
            )
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def _open_stream(path: Path, compression: Compression) -> io.BufferedIOBase:
    if compression == "zstd":  # in the standard library from Python 3.14
        return cast("io.BufferedIOBase", pa.input_stream(str(path), compression="zstd"))
    return gzip.open(path) if compression == "gzip" else bz2.open(path)

"""A file that is hashed while it is written, so that nothing reads it again for its digest.

Digests of finished files are computed in segmentation/parts.py.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import read_settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class HashedFile(RawIOBase):
    """Writes to a path. Another thread hashes what was written, unless the settings allow one thread only."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._hash = hashlib.sha256()
        # One thread, so that it hashes in the order of the writes.
        self._pool = ThreadPoolExecutor(1, "hash") if read_settings().threads > 1 else None

    def writable(self) -> bool:
        """Yes: this is what Arrow asks."""
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write the bytes and have them hashed."""
        content = bytes(data)  # the caller may use its buffer again
        count = self._file.write(content)
        content = content[:count]
        if self._pool is None:
            self._hash.update(content)
        else:
            self._pool.submit(self._hash.update, content)
        return count

    def close(self) -> None:
        """Close the file, and wait for its hash."""
        if self._pool is not None:
            self._pool.shutdown()
        self._file.close()
        super().close()

    def hexdigest(self) -> str:
        """sha256 of a closed file, as hex."""
        return self._hash.hexdigest()

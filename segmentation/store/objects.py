"""Objects in S3 as paths: enough of pathlib's interface that the store's functions read either.

Writing is put(), whole and atomic, with a condition where one is given. Credentials and endpoint
come from the environment (AWS_…) and are in no message. How an edition is committed is commit.py's.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from segmentation.errors import Refused, StoreGone
from segmentation.store.buckets import SCHEME, Ranged, asked, open_bucket, put_if

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Store


@dataclass(frozen=True)
class ObjectPath:
    """An object, or the folder that keys below it make up. `size` is known of those that were listed."""

    bucket: str
    key: str
    size: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, part: str) -> "ObjectPath":
        return ObjectPath(self.bucket, f"{self.key}/{part}".lstrip("/"))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """The name's suffix, with its dot."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> "ObjectPath":
        """The folder that holds it."""
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    def relative_to(self, folder: "ObjectPath") -> PurePosixPath:
        """The key below a folder."""
        return PurePosixPath(self.key).relative_to(folder.key)

    def is_file(self) -> bool:
        """Is there an object of this very key?"""
        return self.size is not None or self.version() is not None

    def exists(self) -> bool:
        """Is there an object of this key, or below it?"""
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        """Are there objects below it?"""
        return next(self._below(), None) is not None

    def version(self) -> str | None:
        """The object's e_tag, which changes with its content; None if there is no object."""
        import obstore

        try:
            with asked(self):
                return obstore.head(self._bucket, self.key)["e_tag"] if self.key else None
        except FileNotFoundError:
            return None

    def iterdir(self) -> Iterator["ObjectPath"]:
        """Objects and folders directly below."""
        return self.glob("*")

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """Objects and folders below it whose parts match the pattern's, by key. `**` is not known."""
        wanted = pattern.split("/")
        seen = set()
        for found in self._below(re.split(r"[*?[]", wanted[0])[0] if len(wanted) > 1 else ""):
            parts = found.relative_to(self).parts
            whole = len(parts) == len(wanted)
            if len(parts) < len(wanted) or not all(map(fnmatchcase, parts, wanted)):
                continue
            path = found if whole else self / "/".join(parts[: len(wanted)])
            if path.key not in seen:
                seen.add(path.key)
                yield path

    def read_bytes(self) -> bytes:
        """The whole object, for small ones. FileNotFoundError if there is none."""
        import obstore

        with asked(self):
            return bytes(obstore.get(self._bucket, self.key).bytes())

    def measure(self) -> int:
        """The object's bytes. FileNotFoundError if there is none."""
        import obstore

        with asked(self):
            return int(obstore.head(self._bucket, self.key)["size"])

    def read_range(self, start: int, length: int) -> bytes:
        """Some bytes of the object."""
        import obstore

        with asked(self):
            return bytes(obstore.get_range(self._bucket, self.key, start=start, length=length))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text, for small ones."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """The object as a file to read and seek in, by range requests of a mebibyte."""
        if mode != "rb":
            raise ValueError("objects are opened to be read; put() writes them")
        return io.BufferedReader(Ranged(self), 1 << 20)

    def fetch(self, folder: Path) -> Path:
        """Download the object to a folder, in pieces; the file has its name when it is whole."""
        import obstore

        target = folder / self.name
        partial = target.with_name(f".{target.name}.part")
        with asked(self), partial.open("wb") as file:
            answer = obstore.get(self._bucket, self.key)
            for piece in answer.stream(min_chunk_size=4 << 20):
                file.write(piece)
            if file.tell() != answer.meta["size"]:
                raise StoreGone(f"{self} came in part only; a retry reads it afresh")
        return partial.replace(target)

    def put(self, content: bytes | Path, *, replaces: str | None = None, create: bool = False) -> None:
        """Write the object whole, or not at all.

        Changed if `create` and it exists, or if its version is not the one it `replaces`.
        """
        import obstore

        if create or replaces is not None:
            url = obstore.sign(self._bucket, "PUT", self.key, timedelta(minutes=15))
            condition = ("If-None-Match", "*") if create else ("If-Match", str(replaces))
            put_if(url, content, condition, self)
            return
        try:
            with asked(self):
                obstore.put(self._bucket, self.key, content, attributes=_tell_kind(self.key))
        except FileNotFoundError:
            raise Refused("no-bucket", f"there is no bucket {SCHEME}{self.bucket}") from None

    @property
    def _bucket(self) -> "S3Store":
        return open_bucket(self.bucket)

    def _below(self, prefix: str = "") -> Iterator["ObjectPath"]:
        import obstore

        start = f"{self.key}/{prefix}" if self.key else prefix
        folder = start.rpartition("/")[0]
        with asked(self):
            for some in obstore.list(self._bucket, folder or None):
                for meta in some:
                    if meta["path"].startswith(start):
                        yield ObjectPath(self.bucket, meta["path"], meta["size"])


AnyPath = Path | ObjectPath


def _tell_kind(key: str) -> "Attributes":
    """A page opens in a browser; everything else is downloaded."""
    return {"Content-Type": "text/html; charset=utf-8"} if key.endswith(".html") else {}


def is_object_url(place: str) -> bool:
    """Does this name objects rather than files?"""
    return place.startswith(SCHEME)


def as_place(place: str) -> AnyPath:
    """A folder or file: of objects if it begins with s3://. Refused if that is not a bucket and key."""
    if not is_object_url(place):
        return Path(place)
    bucket, _, key = place.removeprefix(SCHEME).partition("/")
    parts = key.strip("/").split("/") if key.strip("/") else []
    if not bucket or any(part in ("", ".", "..") for part in parts):
        raise Refused("object-url", f"{place[:80]!r} is not of the form s3://bucket/folder")
    return ObjectPath(bucket, "/".join(parts))

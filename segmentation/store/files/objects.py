"""Objects in S3 as paths: enough of pathlib's interface for the store's functions to read from both.

Writing is put(): whole, atomic and, if asked, conditional. Credentials and endpoint come from the
environment (AWS_…) and never appear in messages. Committing an edition is in publication/object_commit.py.
"""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from segmentation.errors import Refused, StoreGone
from segmentation.store.files.buckets import (
    SCHEME,
    Precondition,
    RangeReader,
    open_bucket,
    put_conditionally,
    translate_errors,
)

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Store

LONGEST_PATH, LONGEST_NAME = 4095, 255  # bytes, of Linux


@dataclass(frozen=True)
class ObjectPath:
    """An object, or the folder made up of the keys below it. `size` is known for objects from a listing."""

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
        """Is there an object with exactly this key?"""
        return self.size is not None or self.version() is not None

    def exists(self) -> bool:
        """Is there an object with this key, or below it?"""
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        """Are there objects below it?"""
        return next(self._list_below(), None) is not None

    def version(self) -> str | None:
        """The object's e_tag, which changes with its content; None if it does not exist."""
        import obstore

        try:
            with translate_errors(self):
                return obstore.head(self._bucket, self.key)["e_tag"] if self.key else None
        except FileNotFoundError:
            return None

    def iterdir(self) -> Iterator["ObjectPath"]:
        """Objects and folders directly below."""
        return self.glob("*")

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """Objects and folders below it that match the pattern, by key. `**` is not supported."""
        patterns = pattern.split("/")
        listed = set()
        # A longer prefix means fewer keys to list, at most a thousand of them per request.
        prefix = re.split(r"[*?[]", patterns[0])[0] if len(patterns) > 1 else ""
        for child in self._list_below(prefix):
            parts = child.relative_to(self).parts
            if len(parts) < len(patterns) or not all(map(fnmatchcase, parts, patterns)):
                continue
            is_object = len(parts) == len(patterns)
            path = child if is_object else self / "/".join(parts[: len(patterns)])
            if path.key not in listed:
                listed.add(path.key)
                yield path

    def list_below(self, prefix: str = "") -> Iterator["ObjectPath"]:
        """All objects below it whose keys go on with the prefix."""
        return (child for child in self._list_below(prefix) if child.key != self.key)

    def read_bytes(self) -> bytes:
        """The whole object, for small ones. FileNotFoundError if it does not exist."""
        import obstore

        with translate_errors(self):
            return bytes(obstore.get(self._bucket, self.key).bytes())

    def measure(self) -> int:
        """The object's size in bytes. FileNotFoundError if it does not exist."""
        import obstore

        with translate_errors(self):
            return int(obstore.head(self._bucket, self.key)["size"])

    def read_range(self, start: int, length: int) -> bytes:
        """`length` bytes of the object from `start`."""
        import obstore

        with translate_errors(self):
            return bytes(obstore.get_range(self._bucket, self.key, start=start, length=length))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text, for small ones."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """The object as a seekable file, read by range requests of one mebibyte."""
        if mode != "rb":
            raise ValueError("objects can only be opened for reading; put() writes them")
        return io.BufferedReader(RangeReader(self), 1 << 20)

    def fetch(self, folder: Path) -> Path:
        """Download the object to a folder. The file gets its name once it is complete."""
        import obstore

        target = folder / self.name
        partial = target.with_name(f".{target.name}.part")
        with translate_errors(self), partial.open("wb") as file:
            response = obstore.get(self._bucket, self.key)
            for chunk in response.stream(min_chunk_size=4 << 20):
                file.write(chunk)
            # A connection that ends early looks like the end of the stream.
            if file.tell() != response.meta["size"]:
                raise StoreGone(f"{self} arrived only in part; a retry reads it again")
        return partial.replace(target)

    def put(self, content: bytes | Path, *, replaces: str | None = None, create: bool = False) -> None:
        """Write the object completely or not at all.

        Raises ObjectChanged if `create` and it exists, or if its version is not the one it `replaces`.
        """
        import obstore

        if create or replaces is not None:
            # obstore's own conditional put reads the whole file into memory (decision 12).
            url = obstore.sign(self._bucket, "PUT", self.key, timedelta(minutes=15))
            condition = (
                Precondition("If-None-Match", "*") if create else Precondition("If-Match", str(replaces))
            )
            put_conditionally(url, content, condition, self)
            return
        try:
            with translate_errors(self):
                obstore.put(self._bucket, self.key, content, attributes=_content_type(self.key))
        except FileNotFoundError:
            raise Refused("no-bucket", f"bucket {SCHEME}{self.bucket} does not exist") from None

    @property
    def _bucket(self) -> "S3Store":
        return open_bucket(self.bucket)

    def _list_below(self, prefix: str = "") -> Iterator["ObjectPath"]:
        import obstore

        start = f"{self.key}/{prefix}" if self.key else prefix
        folder = start.rpartition("/")[0]
        with translate_errors(self):
            # obstore's prefix ends at a "/", so the last part of the name is compared here.
            for page in obstore.list(self._bucket, folder or None):
                for entry in page:
                    if entry["path"].startswith(start):
                        yield ObjectPath(self.bucket, entry["path"], entry["size"])


def delete_objects(paths: Sequence[ObjectPath]) -> None:
    """Delete objects of one bucket, a thousand per request. Those that do not exist are deleted already."""
    import obstore

    if not paths:
        return
    with translate_errors(paths[0]), suppress(FileNotFoundError):
        obstore.delete(open_bucket(paths[0].bucket), [path.key for path in paths])


AnyPath = Path | ObjectPath  # a file or folder on disk, or in a bucket


def _content_type(key: str) -> "Attributes":
    """A page opens in a browser, everything else is downloaded."""
    return {"Content-Type": "text/html; charset=utf-8"} if key.endswith(".html") else {}


def is_object_url(text: str) -> bool:
    """Is this the URL of an object or of a folder of objects?"""
    return text.startswith(SCHEME)


def parse_path(text: str) -> AnyPath:
    """A path from its text: of objects if it begins with s3://. Refused if that is not a bucket and key."""
    if not is_object_url(text):
        return _parse_local_path(text)
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    parts = key.strip("/").split("/") if key.strip("/") else []
    if not bucket or any(part in ("", ".", "..") for part in parts):
        raise Refused("object-url", f"{text[:80]!r} is not of the form s3://bucket/folder")
    return ObjectPath(bucket, "/".join(parts))


def _parse_local_path(text: str) -> Path:
    """A path of files. Refused if no file system could have it: the first access would fail otherwise."""
    try:
        octets = os.fsencode(text)
    except UnicodeEncodeError:
        octets = b"\0"
    longest_name = max(map(len, octets.split(b"/")))
    if b"\0" in octets or len(octets) > LONGEST_PATH or longest_name > LONGEST_NAME:
        raise Refused(
            "path",
            f"{text[:60]!r} is not a path: expected at most {LONGEST_PATH:,} bytes, {LONGEST_NAME} in each "
            "name, and no NUL",
        )
    return Path(text)

"""Buckets of an object store: opened from the environment, read by ranges, their errors in plain words.

Paths of objects, and writing them, are in segmentation/store/files/objects.py.
"""

import io
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from segmentation.errors import Refused, ResegmentError, StoreGone

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
MAX_BYTES = 5 << 30  # of one put: Amazon S3 user guide, "Uploading objects"
_STATUS = re.compile(r"status code: (\d{3})\b")  # of failures for which the client has no class


class ObjectChanged(Exception):
    """The object is not, or no longer, the version that a put expected."""


class Precondition(NamedTuple):
    """The header of a conditional put: If-None-Match or If-Match."""

    header: str
    value: str


@lru_cache(maxsize=8)
def open_bucket(bucket: str) -> "S3Store":
    """A bucket with credentials, region and endpoint from the environment (AWS_…)."""
    from obstore.store import S3Store

    return S3Store(
        bucket,
        client_options={
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(seconds=300),
            "allow_http": get_endpoint().startswith("http://"),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
    )


def get_endpoint() -> str:
    """The endpoint that the environment names; empty for Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def put_conditionally(url: str, content: bytes | Path, condition: Precondition, target: object) -> None:
    """PUT an object to a signed URL under a condition, in one request streamed from the file.

    Raises ObjectChanged if the condition does not hold. `target` names the object in messages. The client
    library has such a put too, but it reads the whole file into memory.
    """
    length = len(content) if isinstance(content, bytes) else content.stat().st_size
    if length > MAX_BYTES:
        raise Refused(
            "too-large", f"{target} would have {length:,} bytes; one put takes {MAX_BYTES:,} at most"
        )
    is_page = str(target).endswith(".html")
    content_type = "text/html; charset=utf-8" if is_page else "application/octet-stream"
    headers = {"Content-Length": str(length), "Content-Type": content_type}
    headers[condition.header] = condition.value
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as body:
        request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310 - signed by the client
        try:
            with urllib.request.urlopen(request, timeout=300):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            status: int | None = error.code
            error.close()
        except OSError:
            status = None
    # Outside the handlers, so that no traceback contains the URL with its signature.
    # 412: the condition failed. 409: S3 saw another conditional put at the same moment. 404:
    # If-Match on an object that was deleted.
    if status in (409, 412) or (status == 404 and condition.header == "If-Match"):
        raise ObjectChanged(str(target))
    raise _make_error(target, status)


class Readable(Protocol):
    """An object with a size that can be read by ranges."""

    def measure(self) -> int:
        """The size in bytes."""

    def read_range(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`."""


class RangeReader(io.RawIOBase):
    """Reads an object by range requests."""

    def __init__(self, source: Readable) -> None:
        self._source, self._position, self._end = source, 0, source.measure()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = offset + start
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes; returns how many."""
        length = min(len(buffer), max(0, self._end - self._position))
        if length:
            buffer[:length] = self._source.read_range(self._position, length)
            self._position += length
        return length


@contextmanager
def translate_errors(target: object) -> Iterator[None]:
    """The object store's errors in our words. Its own may contain the request with its signature."""
    from obstore import exceptions

    failure: Exception
    try:
        yield
    except FileNotFoundError:
        failure = FileNotFoundError(2, "no such object", str(target))
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
        failure = _make_error(target, 403)
    except exceptions.GenericError as error:
        status = _STATUS.search(str(error))
        failure = _make_error(target, int(status[1]) if status else None)
    else:
        return
    raise failure from None


def _make_error(target: object, status: int | None) -> ResegmentError:
    bucket = "/".join(str(target).split("/")[:3])
    if status in (401, 403):
        return Refused("denied", f"{bucket}: access denied; check AWS_ACCESS_KEY_ID and its permissions")
    if status == 404:
        return Refused("no-bucket", f"bucket {bucket} does not exist")
    return StoreGone(
        f"{bucket} cannot be reached or does not exist; check the name, AWS_ENDPOINT_URL and AWS_REGION"
    )

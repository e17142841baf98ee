"""Buckets of an object store: opened from the environment, read by ranges, their errors put plainly.

Paths of objects, and writing them, are segmentation/store/objects.py's.
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
from typing import TYPE_CHECKING, Protocol

from segmentation.errors import Refused, ResegmentError, StoreGone

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
MOST_BYTES = 5 << 30  # of one put: Amazon S3 user guide, "Uploading objects"
_STATUS = re.compile(r"status code: (\d{3})\b")  # of failures for which the client has no class


class Changed(Exception):
    """The object is not, or no longer, the version that a put expected."""


@lru_cache(maxsize=8)
def open_bucket(bucket: str) -> "S3Store":
    """A bucket with credentials, region and endpoint from the environment (AWS_…)."""
    from obstore.store import S3Store

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return S3Store(
        bucket,
        client_options={
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(seconds=300),
            "allow_http": endpoint.startswith("http://"),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
    )


def put_if(url: str, content: bytes | Path, condition: tuple[str, str], what: object) -> None:
    """PUT an object to a signed URL under a condition, in one request that is streamed from the file.

    condition: If-None-Match or If-Match, and its value. Changed if it does not hold. The client
    library has such a put too, but reads the whole file into memory for it.
    """
    length = len(content) if isinstance(content, bytes) else content.stat().st_size
    if length > MOST_BYTES:
        raise Refused(
            "too-large", f"{what} would have {length:,} bytes; one put takes {MOST_BYTES:,} at most"
        )
    kind = "text/html; charset=utf-8" if str(what).endswith(".html") else "application/octet-stream"
    headers = {"Content-Length": str(length), "Content-Type": kind}
    headers[condition[0]] = condition[1]
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
    # Outside the handlers, so that no traceback holds the URL with its signature.
    if status in (409, 412) or (status == 404 and condition[0] == "If-Match"):
        raise Changed(str(what))
    raise _fail(what, status)


class Readable(Protocol):
    """What can be measured and read by ranges."""

    def measure(self) -> int:
        """Bytes in all."""

    def read_range(self, start: int, length: int) -> bytes:
        """Some of them."""


class Ranged(io.RawIOBase):
    """Reads an object piece by piece."""

    def __init__(self, path: Readable) -> None:
        self._path, self._at, self._end = path, 0, path.measure()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; where that is."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes; how many there were."""
        length = min(len(buffer), max(0, self._end - self._at))
        if length:
            buffer[:length] = self._path.read_range(self._at, length)
            self._at += length
        return length


@contextmanager
def asked(what: object) -> Iterator[None]:
    """The object store's errors in our words: its own may hold the request with its signature."""
    from obstore import exceptions

    failure: Exception
    try:
        yield
    except FileNotFoundError:
        failure = FileNotFoundError(2, "no such object", str(what))
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
        failure = _fail(what, 403)
    except exceptions.GenericError as error:
        status = _STATUS.search(str(error))
        failure = _fail(what, int(status[1]) if status else None)
    else:
        return
    raise failure from None


def _fail(what: object, status: int | None) -> ResegmentError:
    bucket = "/".join(str(what).split("/")[:3])
    if status in (401, 403):
        return Refused("denied", f"{bucket}: access denied; check AWS_ACCESS_KEY_ID and what it may do")
    if status == 404:
        return Refused("no-bucket", f"there is no bucket {bucket}")
    return StoreGone(
        f"{bucket} cannot be reached, or there is no such bucket; check the name, AWS_ENDPOINT_URL "
        "and AWS_REGION"
    )

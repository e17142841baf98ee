"""Buckets of an object store: opened from the environment, read by ranges, their errors put plainly.

Paths of objects, and writing them, are segmentation/objects.py's.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from segmentation.errors import Refused, StoreGone

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"


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

    bucket = "/".join(str(what).split("/")[:3])
    failure: Exception
    try:
        yield
    except FileNotFoundError:
        failure = FileNotFoundError(2, "no such object", str(what))
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
        failure = Refused("denied", f"{bucket}: access denied; check AWS_ACCESS_KEY_ID and what it may do")
    except exceptions.GenericError:
        failure = StoreGone(
            f"{bucket} cannot be reached, or there is no such bucket; check the name, AWS_ENDPOINT_URL and "
            "AWS_REGION"
        )
    else:
        return
    raise failure from None

"""Reading the small files of a store: only one that does not exist counts as missing.

One that cannot be read, or holds something else, is refused: taken for missing, a cut live.json would put a
withdrawn edition live again. What a file means belongs to its own module, repairing to repair/repairing.py.
"""

import errno
import json
import stat
from collections.abc import Callable
from typing import Any, TypeVar

from segmentation.errors import DamagedFile, Refused
from segmentation.store.files.objects import AnyPath, ObjectPath

MOST_BYTES = 64 << 20  # the largest, a ledger row, names thousands of input files in a few MB
_NOT_PARSED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    Refused,
)
Content = TypeVar("Content")


def read_small_file(
    path: AnyPath, parse: Callable[[bytes], Content], expected: str, advice: str
) -> Content | None:
    """What `parse` makes of the file's content; None if the file does not exist.

    Refused, with what was found and the advice, if it cannot be read or `parse` does not understand it.
    expected: the file's content in words, for the message.
    """
    try:
        content = _read(path)
    except FileNotFoundError:
        # A link to a file that is gone, such as one on a volume that is not mounted, is not a missing file.
        if not isinstance(path, ObjectPath) and path.is_symlink():
            raise damaged(path, "is a link to a missing file", expected, advice) from None
        return None
    except PermissionError:
        raise damaged(
            path, "may not be read by this user", expected, "check its owner and its permissions"
        ) from None
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})", expected, advice) from None
    if len(content) > MOST_BYTES:
        raise damaged(path, f"has more than {MOST_BYTES:,} bytes", expected, advice)
    try:
        return parse(content)
    except _NOT_PARSED as error:
        raise damaged(path, _describe(content, error), expected, advice) from None


def parse_json(content: bytes) -> dict[str, Any]:
    """A JSON object. ValueError or RecursionError for anything else, and for a key that appears twice."""
    document = json.loads(content.decode("utf-8"), object_pairs_hook=_make_dict)
    if not isinstance(document, dict):
        raise TypeError("not an object")
    if b"\\u" in content:
        # Half of a surrogate pair is legal JSON, but no terminal or page can show it.
        json.dumps(document, ensure_ascii=False).encode()
    return document


def damaged(path: AnyPath, problem: str, expected: str, advice: str) -> DamagedFile:
    """The refusal of a damaged file of the store."""
    return DamagedFile("damaged-store", f"{path} {problem}; expected {expected}; {advice}")


def advise_repair(home: AnyPath) -> str:
    """What to do about a file that can be rebuilt."""
    return f"run 'resegment repair {home.name}'"


def advise_audit(home: AnyPath) -> str:
    """What to do about a file that needs a closer look."""
    return f"'resegment audit {home.name}' says what to do"


def _read(path: AnyPath) -> bytes:
    if isinstance(path, ObjectPath):
        return path.read_bytes()
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")  # reading a pipe would never end
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _make_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key appears twice")
    return content


def _describe(content: bytes, error: Exception) -> str:
    """What is wrong with the content, without quoting any of it."""
    if not content:
        return "is empty"
    if b"\0" in content:
        return "is full of zero bytes" if not content.strip(b"\0") else "has zero bytes in it"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON or is cut (line {error.lineno}, column {error.colno})"
    return "is nested too deeply" if isinstance(error, RecursionError) else "holds something else"

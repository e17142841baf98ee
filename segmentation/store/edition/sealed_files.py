"""Single files of an edition, compared with the digests it was sealed with: only those that somebody needs.

All files at once are compared in repair/audit.py, the two copies of the table in repair/restoring.py.
"""

import re
from collections.abc import Iterable

from segmentation.parts import hash_file, open_file
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SUMS

_LINE = re.compile(rb"([0-9a-f]{64})  ([\w.-]+)")


def read_sums(folder: AnyPath) -> dict[str, str]:
    """sha256 by file name, from an edition's SHA256SUMS. OSError or ValueError if it cannot be read."""
    content = _read(folder)
    lines = content.splitlines()
    digests = _parse_lines(lines)
    # Each line is whole, the last one too.
    if len(digests) < len(lines) or not content.endswith(b"\n"):
        raise ValueError("not what sha256sum reads")
    return digests


def read_sealed_digests(folder: AnyPath) -> dict[str, str]:
    """sha256 by file name from an edition's SHA256SUMS; lines that are damaged are left out.

    OSError if the file cannot be read.
    """
    # Damage to the digest of a file that nobody needs must not matter.
    return _parse_lines(_read(folder).split(b"\n"))


def _read(folder: AnyPath) -> bytes:
    with open_file(folder / SUMS) as file:
        return file.read()


def _parse_lines(lines: Iterable[bytes]) -> dict[str, str]:
    matches = map(_LINE.fullmatch, lines)
    return {match[2].decode(): match[1].decode() for match in matches if match}


def describe_problem(folder: AnyPath, name: str, digests: dict[str, str]) -> str | None:
    """How a file differs from what was sealed, in words; None if it is the same."""
    if name not in digests:
        return f"{SUMS} has no digest of {name}"
    return describe_damage(folder / name, digests[name])


def describe_damage(path: AnyPath, digest: str) -> str | None:
    """How a file differs from the one with this sha256, in words; None if it is that file."""
    try:
        is_same = hash_file(path) == digest
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return None if is_same else f"{path.name} is damaged: its sha256 is not the sealed one"

"""The footer of a segments.parquet: it names the edition, and the sha256 of the edition's manifest.

What is published for a date is in catalogue/published.py.
"""

import re

import pyarrow as pa

from segmentation.errors import DamagedFile
from segmentation.parts import open_parquet
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import damaged
from segmentation.store.layout import EDITION_KEY, MANIFEST_KEY

_EDITION = re.compile(r"[\w-]+")


def read_footer(table: AnyPath) -> tuple[str, str] | None:
    """The edition and the manifest's sha256 that a table's footer names; None if it does not name them."""
    try:
        return parse_footer(table)
    except DamagedFile:
        return None


def parse_footer(table: AnyPath) -> tuple[str, str] | None:
    """The edition and the manifest's sha256 that a table's footer names; None if the table does not exist.

    Refused if it cannot be read, or names no edition.
    """
    try:
        with open_parquet(table) as file:
            metadata = file.metadata.metadata or {}
        edition, digest = metadata[EDITION_KEY].decode(), metadata[MANIFEST_KEY].decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = f"cannot be read ({error.strerror or 'not a Parquet file'})"
    except pa.ArrowException:
        problem = "is cut or not a Parquet file"
    except (KeyError, ValueError):
        problem = "names no edition in its footer"
    else:
        if _EDITION.fullmatch(edition):
            return edition, digest
        problem = "names no edition in its footer"
    expected, advice = "a table that names its edition", "'resegment audit' says what to do"
    raise damaged(table, problem, expected, advice)

"""The store's layout: the path of each thing in it.

What is published is read in catalogue/published.py. Committing is in publication/, the ledger in ledger.py.
"""

import re
from datetime import date
from functools import reduce
from importlib.metadata import version as installed_version
from operator import truediv
from typing import TypeVar

from config.definition import NAME_PATTERN
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath, parse_path

VERSION = installed_version("resegment")
SEGMENTS = "segments.parquet"
SUMS = "SHA256SUMS"
QUARANTINE = "quarantine.parquet"
ATTRIBUTE_QUARANTINE = "quarantine-attributes.parquet"
PRIVATE = frozenset({QUARANTINE, ATTRIBUTE_QUARANTINE})  # files of an edition that only the owner may read
KNOWN_CUSTOMERS = "known.parquet"
EVIDENCE = "evidence.json"
EDITION_KEY = b"resegment.edition"
MANIFEST_KEY = b"resegment.manifest_sha256"


Home = TypeVar("Home", bound=AnyPath)  # a Path gives Paths, an ObjectPath gives ObjectPaths


def get_home(night: Night) -> AnyPath:
    """The segmentation's folder in the store, of files or of objects."""
    return night.home if night.objects is None else parse_path(night.objects) / night.definition.name


def look_up_home(name: str, store: str) -> AnyPath:
    """The folder of the segmentation `name` in a store. Refused if the store has no such folder."""
    root = parse_path(store)
    if not _is_name(name) or not (root / name).is_dir():
        raise Refused("store", f"{root} has no segmentation {name[:60]!r}; see --store")
    return root / name


def parse_name(name: str) -> str:
    """The name of a segmentation, as it is. Refused if it cannot be one, such as `../etc`."""
    if not _is_name(name):
        raise Refused(
            "name", f"{name[:60]!r} is not the name of a segmentation: lower-case letters, digits and '-'"
        )
    return name


def _is_name(name: str) -> bool:
    # fullmatch, because $ also matches before a final line break.
    return re.fullmatch(NAME_PATTERN, name) is not None


def published_path(home: Home, as_of: date) -> Home:
    """The published table of a date."""
    return join_path(home, "published", f"as_of={as_of}", SEGMENTS)


def edition_folder(home: Home, as_of: date, edition: str) -> Home:
    """The immutable folder of an edition."""
    return join_path(home, "editions", str(as_of), edition)


def join_path(home: Home, *parts: str) -> Home:
    """A path below the home, of the home's own type."""
    return reduce(truediv, parts, home)

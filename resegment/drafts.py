"""Running a definition's file into a store that is removed afterwards, to look at its segments.

A draft starts cold: it continues no edition. Comparing it is in compare_editions.py.
"""

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from config.settings import read_settings
from resegment.arguments import check_source_files, load_definition, parse_run_date
from resegment.run import run_nightly_flow
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from segmentation.store.catalogue.editions import Edition


class DraftRequest(NamedTuple):
    """What to run: a definition's file, for which date and on which rows.

    as_of: None for today in the definition's time zone. erased: a segmentation whose erased customers are
    left out; None for that of the same name.
    """

    path: str
    as_of: date | None
    source: str | None
    erased: AnyPath | None = None


class DraftEdition(NamedTuple):
    """The edition that a draft made, and the home that it is in."""

    home: Path
    edition: "Edition"


def is_draft(word: str) -> bool:
    """Is this the path of a definition, and not the name of a segmentation?"""
    return Path(word.partition("@")[0]).suffix in (".yaml", ".yml")


def run_draft(draft: DraftRequest, store: Path, console: Console) -> DraftEdition:
    """Run a draft into an empty store."""
    from segmentation.store.catalogue.editions import resolve_edition
    from segmentation.store.files.objects import parse_path
    from segmentation.store.tombstones import copy_tombstones

    definition, settings = load_definition(draft.path)
    day = parse_run_date(None if draft.as_of is None else str(draft.as_of), definition)
    check_source_files(definition, draft.source, day)
    home = store / definition.name
    home.mkdir(parents=True)
    # Whoever was erased must not come back by a draft.
    copy_tombstones(draft.erased or parse_path(settings.store) / definition.name, home)
    allow_folder(store)
    parameters = {"as_of": day, "source": draft.source, "store": str(store)}
    record = run_nightly_flow(definition, parameters, read_settings(), console)
    from schemas.night import Unpublished

    if isinstance(record, Unpublished):
        raise Refused("no-rows", f"{draft.path} has no data as of {day}: {record.message}")
    return DraftEdition(home, resolve_edition(home, day, record.edition))


def allow_folder(folder: Path) -> None:
    """Let flows of this process read and write in a folder, if the settings name the folders for that."""
    if roots := os.environ.get("RESEGMENT_ROOTS"):
        os.environ["RESEGMENT_ROOTS"] = f"{roots},{folder}"
    read_settings.cache_clear()

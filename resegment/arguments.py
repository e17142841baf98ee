"""What a command's arguments mean: definitions, dates, stores and editions, checked before a run starts.

The annotations are in options.py. The flow checks its own parameters again, in tasks/runtime/parameters.py.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.dates import parse_iso_date
from config.definition import Definition
from config.definition_files import DefinitionError, read_definition, resolve_definition
from config.settings import Settings, read_settings
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from segmentation.store.catalogue.editions import Edition


def load_definition(name_or_path: str) -> tuple[Definition, Settings]:
    """The definition, and settings that let a flow find it by its name."""
    path = Path(name_or_path)
    try:
        if path.suffix in (".yaml", ".yml"):
            if not path.is_file():
                raise DefinitionError(f"definition file {name_or_path} does not exist")
            # The flow gets the definition's name only, and looks it up in the folder of the settings.
            os.environ["RESEGMENT_DEFINITIONS"] = str(path.resolve().parent)
            # Settings may have been read with the old folder.
            read_settings.cache_clear()
        else:
            path = resolve_definition(name_or_path, read_settings().definitions)
        return read_definition(path), read_settings()
    except DefinitionError as error:
        raise Refused("definition", str(error)) from None


def parse_run_date(text: str | None, definition: Definition) -> date:
    """The date of --as-of; today in the definition's time zone by default. Future dates are refused."""
    today = definition.today(datetime.now(UTC))
    as_of = parse_date(today if text is None else text, example=today)
    if str(as_of) > today:
        raise Refused("future-date", f"as_of {as_of} is in the future; today is {today}")
    return as_of


def parse_date(text: str, option: str = "as-of", example: str = "2026-01-31") -> date:
    """The date YYYY-MM-DD given for an option. Anything else is refused."""
    try:
        return parse_iso_date(text)
    except ValueError:
        message = f"{text[:40]!r} is not a date; expected YYYY-MM-DD, such as {example}"
        raise Refused(option, message) from None


def check_source_files(definition: Definition, source: str | None, as_of: date) -> None:
    """Refuse a date whose source files are missing, before a server is started for it."""
    if source is None and definition.source.path is None:
        return  # a database or a sample: only the run can tell
    from segmentation.sources.listing import list_source, look_up_delta

    if look_up_delta(definition.source, source) is None:
        list_source(definition.source, source, as_of, definition.window(as_of))


def resolve_home(name: str, store: str | None) -> AnyPath:
    """The segmentation's folder in the store of --store, or of the settings."""
    from segmentation.store.layout import look_up_home

    return look_up_home(name, store or read_settings().store)


def locate_edition(home: AnyPath, as_of: str | None, edition: str | None) -> tuple[date, AnyPath]:
    """Date and folder of an edition: the live one, or a date's published edition, else its held one."""
    from segmentation.store.catalogue.editions import resolve_date_or_id, resolve_edition
    from segmentation.store.layout import edition_folder
    from segmentation.store.pointer import read_live

    if as_of is None:
        if edition is not None:
            raise Refused("edition", "--edition needs the edition's date too: add --as-of")
        live = read_live(home)
        if live is None:
            raise Refused("live", f"{home} has no live edition; run a date, or choose one with --as-of")
        return live[0], edition_folder(home, *live)
    day = parse_date(as_of)
    match: Edition = resolve_edition(home, day, edition) if edition else resolve_date_or_id(home, str(day))
    return day, edition_folder(home, day, match.edition)

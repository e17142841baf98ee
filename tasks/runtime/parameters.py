"""A run's parameters, checked where it begins: they may come from a form, so nothing in them is trusted.

Opening a night with them is night.py's, what the command checks before resegment/arguments.py's.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from prefect import runtime
from pydantic import BeforeValidator

from config.dates import read_date
from config.definitions import DefinitionError, find_definition, read_definition
from config.parameters import Segmentation
from config.settings import read_settings
from segmentation.errors import Refused
from segmentation.store.objects import ObjectPath, as_place, is_object_url


def parse_as_of(value: object) -> date | None:
    """A date, or its text YYYY-MM-DD; numbers and instants are refused, though pydantic takes them."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str):
        return read_date(value)
    raise ValueError("expected a date as YYYY-MM-DD")


def parse_day(value: object) -> date:
    """A date as parse_as_of takes it, and not left empty."""
    day = parse_as_of(value)
    if day is None:
        raise ValueError("expected a date as YYYY-MM-DD")
    return day


AsOf = Annotated[date | None, BeforeValidator(parse_as_of)]
Day = Annotated[date, BeforeValidator(parse_day)]


def settle_as_of(asked: date | None, zone: str, scheduled: datetime | None, now: datetime) -> date:
    """The date the run speaks for: the one asked for, else the scheduled day in the zone.

    scheduled and now are instants with zone. Refused if it lies in the future there.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    as_of = asked or (scheduled or now).astimezone(ZoneInfo(zone)).date()
    if as_of > today:
        raise Refused("future-date", f"as_of {as_of} lies in the future: today is {today} in {zone}")
    if as_of < today - timedelta(days=366 * 50):
        raise Refused("old-date", f"as_of {as_of} lies more than 50 years back")
    return as_of


def name_day(definition: str, asked: object, scheduled: datetime | None) -> str:
    """The date in a run's name: the one asked for, else the scheduled one. Nothing in it is trusted yet."""
    if asked is not None:
        return str(asked)[:10]
    try:
        zone = read_definition(find_definition(definition, read_settings().definitions)).timezone
    except DefinitionError:
        return "today"  # the run will say what is wrong
    return str((scheduled or datetime.now(ZoneInfo("UTC"))).astimezone(ZoneInfo(zone)).date())


def check_place(path: str, what: str, roots: tuple[str, ...]) -> None:
    """Refuse a source or store outside the folders that the settings allow, if they name any."""
    if "\0" in path or len(path) > 4096:
        raise Refused(what, f"{what} is not a path")
    place, allowed = as_place(path), [as_place(root) for root in roots]
    if isinstance(place, ObjectPath):
        inside = any(f"{place}/".startswith(f"{root}".rstrip("/") + "/") for root in allowed)
    else:
        folders = [root.resolve() for root in allowed if isinstance(root, Path)]
        inside = any(place.resolve().is_relative_to(root) for root in folders)
    if roots and not inside:
        raise Refused(what, f"{what} must lie below one of RESEGMENT_ROOTS")


def check_rooted(place: str, what: str, advice: str) -> None:
    """Refuse a relative path in a run that a worker started.

    Its working folder is a temporary one that Prefect removes with the run, and the store would go with it.
    """
    if runtime.deployment.id is not None and not is_object_url(place) and not Path(place).is_absolute():
        raise Refused(what, f"{what} is a relative path; a worker's run needs an absolute one{advice}")


def check_store(store: str | None) -> str:
    """The store asked for, else the configured one, checked."""
    settings = read_settings()
    if not store:
        check_rooted(settings.store, "store", ": set RESEGMENT_STORE where the worker starts")
        return settings.store
    check_place(store, "store", settings.roots)
    check_rooted(store, "store", " or s3://…")
    return store


def check_parameters(definition: str, places: tuple[str | None, str | None]) -> tuple[Segmentation, str]:
    """The definition of this name, and where its store is; source and store asked for are checked."""
    settings = read_settings()
    try:
        segmentation = read_definition(find_definition(definition, settings.definitions))
    except DefinitionError as error:
        raise Refused("definition", str(error)) from None
    source, store = places
    if source is not None:
        check_place(source, "source", settings.roots)
        check_rooted(source, "source", " or s3://…")
    return segmentation, str(as_place(check_store(store)))

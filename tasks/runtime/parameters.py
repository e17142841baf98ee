"""A run's parameters, checked where the run starts: they may come from a form, so nothing in them is trusted.

session.py opens a night with them. The command checks its arguments earlier, in resegment/arguments.py.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from prefect import runtime
from pydantic import BeforeValidator, WithJsonSchema

from config.dates import parse_iso_date
from config.definition import Definition
from config.definition_files import DefinitionError, read_definition, resolve_definition
from config.settings import read_settings
from segmentation.errors import Refused
from segmentation.store.files.objects import ObjectPath, is_object_url, parse_path


def parse_as_of(value: object) -> date | None:
    """A date, or its text YYYY-MM-DD; numbers and datetimes are refused, which pydantic would accept."""
    # datetime is a subclass of date.
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str):
        return parse_iso_date(value)
    raise ValueError("expected a date as YYYY-MM-DD")


def parse_day(value: object) -> date:
    """A date as parse_as_of accepts it, and not empty."""
    day = parse_as_of(value)
    if day is None:
        raise ValueError("expected a date as YYYY-MM-DD")
    return day


AsOf = Annotated[date | None, BeforeValidator(parse_as_of)]
# With a plain date's schema the form shows a date picker at once; for `date | None` it first asks which.
RangeDate = Annotated[
    date | None, BeforeValidator(parse_as_of), WithJsonSchema({"type": "string", "format": "date"})
]
Day = Annotated[date, BeforeValidator(parse_day)]


def resolve_as_of(as_of: date | None, zone: str, scheduled: datetime | None, current: datetime) -> date:
    """The date the run speaks for: `as_of` if there is one, else the scheduled day in the time zone.

    scheduled and current have a time zone. Refused if the date is in the future in `zone`.
    """
    today = current.astimezone(ZoneInfo(zone)).date()
    # Prefect's scheduled time is UTC: 02:30 in New York may be another day there.
    day = as_of or (scheduled or current).astimezone(ZoneInfo(zone)).date()
    if day > today:
        raise Refused("future-date", f"as_of {day} is in the future: today is {today} in {zone}")
    if day < today - timedelta(days=366 * 50):
        raise Refused("old-date", f"as_of {day} is more than 50 years ago")
    return day


def format_day(definition: str, as_of: object, scheduled: datetime | None) -> str:
    """The date in a run's name: the parameter, else the scheduled day. Neither has been checked yet."""
    if as_of is not None:
        return str(as_of)[:10]
    try:
        zone = read_definition(resolve_definition(definition, read_settings().definitions)).timezone
    except DefinitionError:
        return "today"  # the run itself reports what is wrong
    return str((scheduled or datetime.now(UTC)).astimezone(ZoneInfo(zone)).date())


def check_place(path: str, parameter: str, roots: tuple[str, ...]) -> None:
    """Refuse a source or store outside the folders that the settings allow, if they name any."""
    if "\0" in path or len(path) > 4096:
        raise Refused(parameter, f"{parameter} is not a path")
    place, allowed = parse_path(path), [parse_path(root) for root in roots]
    if isinstance(place, ObjectPath):
        # With the slash, or s3://bucket/a would allow s3://bucket/ab.
        inside = any(f"{place}/".startswith(f"{root}".rstrip("/") + "/") for root in allowed)
    else:
        folders = [root.resolve() for root in allowed if isinstance(root, Path)]
        # resolve() first: ".." and symbolic links must not lead out.
        inside = any(place.resolve().is_relative_to(root) for root in folders)
    if roots and not inside:
        raise Refused(parameter, f"{parameter} must be below one of RESEGMENT_ROOTS")


def check_absolute(place: str, parameter: str, advice: str) -> None:
    """Refuse a relative path in a run that a worker started.

    Prefect removes the worker's working folder after the run, and the store would go with it.
    """
    if runtime.deployment.id is not None and not is_object_url(place) and not Path(place).is_absolute():
        raise Refused(
            parameter, f"{parameter} is a relative path; a worker's run needs an absolute one{advice}"
        )


def resolve_store(store: str | None) -> str:
    """The store's folder or URL: the parameter, else the configured one, checked."""
    settings = read_settings()
    if not store:
        check_absolute(settings.store, "store", ": set RESEGMENT_STORE where the worker starts")
        return settings.store
    check_place(store, "store", settings.roots)
    check_absolute(store, "store", " or s3://…")
    return store


class CheckedParameters(NamedTuple):
    """What a run needs to start: the definition, and the folder or URL of its store."""

    definition: Definition
    store: str


def check_parameters(definition: str, *, source: str | None, store: str | None) -> CheckedParameters:
    """Read the definition of this name, and check source and store. Refused with what is wrong."""
    settings = read_settings()
    try:
        content = read_definition(resolve_definition(definition, settings.definitions))
    except DefinitionError as error:
        raise Refused("definition", str(error)) from None
    if source is not None:
        check_place(source, "source", settings.roots)
        check_absolute(source, "source", " or s3://…")
    return CheckedParameters(content, str(parse_path(resolve_store(store))))

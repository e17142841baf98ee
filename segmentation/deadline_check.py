"""Was the night published by its deadline? Only the store is read: it records publication, not Prefect.

What cannot be read is never taken for a published night. Notifying people is in flows/deadline.py, in the
automations of deployments/notices.py, and up to cron or systemd for the command `resegment deadline`.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.definition_files import DefinitionError, read_definition, resolve_definition
from config.settings import read_settings
from schemas.deadlines import Deadline
from schemas.wording import format_count
from segmentation.errors import Refused, ResegmentError
from segmentation.store.catalogue.published import published_edition
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.ledger import read_ledger, read_nights
from segmentation.store.pointer import read_live, read_pointer

_CAUSES = {
    "held": "it was built but is held: {reasons}. Look at its report, then promote it or correct the input",
    "refused": "its run was refused: {reasons}. Correct that and press Retry",
    "conflict": "another run published first: {reasons}",
    "failed": "its run failed: {reasons}. Press Retry",
    "begun": "its run began at {began} on {host} and has not ended: it is still running, or its process died",
    "published": "it was published, and its table is gone since. Run 'resegment audit {name}'",
    "promoted": "it was promoted, and its table is gone since. Run 'resegment audit {name}'",
}
_NOT_BEGUN = "no run of it has begun. Check that the worker is up and the schedule on"
_NO_REASON = "no reason is recorded"


class DeadlineMissed(ResegmentError):
    """The date's edition has not been published by its deadline. The message says why."""


def check_deadline(home: AnyPath, as_of: date) -> Deadline:
    """Whether the date is published in the store and, if not, the cause."""
    try:
        return _check(home, as_of)
    # Whatever a disk, a bucket or a damaged file does, a watcher gets an answer that is not "published".
    except Exception as error:
        return _report_unknown(home, as_of, error)


def check_latest_deadline(home: AnyPath, zone: str | None, current: datetime) -> Deadline:
    """The same for the day it is now in the segmentation's time zone, as the deployments count days.

    zone: a name such as Europe/Berlin; None asks the manifest of the live edition and, before the first,
    the definition on this machine; UTC without either.
    """
    try:
        day = current.astimezone(parse_timezone(zone or _look_up_timezone(home))).date()
    except Exception as error:
        return _report_unknown(home, None, error)
    return check_deadline(home, day)


def parse_timezone(name: str) -> ZoneInfo:
    """The time zone of this name. Refused if it does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{name[:60]!r} is not a time zone; expected a name such as Europe/Berlin or UTC"
        raise Refused("timezone", message) from None


def _report_unknown(home: AnyPath, as_of: date | None, error: Exception) -> Deadline:
    night = f"{home.name} as of {as_of or 'today'}"
    message = f"Cannot tell whether {night} is published: {_describe(error)}"
    return Deadline(name=home.name, as_of=as_of, status="unknown", message=message)


def _check(home: AnyPath, as_of: date) -> Deadline:
    if not home.is_dir():
        raise Refused(
            "store",
            f"{home.parent} has nothing of it. Is it the store, is it mounted here, has a run ever begun?",
        )
    edition = published_edition(home, as_of)
    is_superseded = edition is not None and edition in read_pointer(home).superseded
    if edition is not None and not is_superseded:
        message = f"{home.name} as of {as_of} is published, edition {edition}"
        return Deadline(name=home.name, as_of=as_of, status="published", edition=edition, message=message)
    nights = [row for row in read_nights(home) if row.get("as_of") == str(as_of)]
    last_run = nights[-1] if nights else {}
    if edition is None and last_run.get("outcome") == "no-data":
        message = f"{home.name} as of {as_of} had no data: {_format_reasons(last_run)}"
        return Deadline(name=home.name, as_of=as_of, status="no-data", message=message)
    cause = f"a promotion superseded edition {edition}" if is_superseded else _describe_cause(home, last_run)
    return Deadline(
        name=home.name,
        as_of=as_of,
        status="missing",
        message=f"{home.name} as of {as_of} has not been published by its deadline: {cause}. "
        f"{_describe_live(home)}",
    )


def _describe_cause(home: AnyPath, last_run: dict[str, Any]) -> str:
    if not last_run:
        unreadable = read_ledger(home).unreadable
        note = f"; {format_count(len(unreadable), 'row')} of the ledger cannot be read" if unreadable else ""
        return _NOT_BEGUN + note
    template = _CAUSES.get(str(last_run.get("outcome")), "its last run ended in an unknown way")
    return template.format(
        name=home.name,
        reasons=_format_reasons(last_run),
        began=last_run.get("began"),
        host=last_run.get("host", "an unnamed host"),
    )


def _format_reasons(row: dict[str, Any]) -> str:
    return "; ".join(map(str, row.get("reasons") or ())) or _NO_REASON


def _describe_live(home: AnyPath) -> str:
    try:
        live = read_live(home)
    except ResegmentError as error:
        return f"What is live is unknown: {_describe(error)}"
    return f"Live is {live.as_of}, edition {live.edition}" if live else "Nothing is live"


def _describe(error: Exception) -> str:
    """The failure in one line. An exception's own text may quote data; an operating system's does not."""
    if isinstance(error, Refused):
        return error.message
    if isinstance(error, ResegmentError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return type(error).__name__


def list_published_homes(store: AnyPath) -> list[AnyPath]:
    """The folders of the segmentations that have published in a store, by name. Refused if it has none."""
    if not store.is_dir():
        raise Refused("store", f"store {store} does not exist here. Is it mounted? See --store")
    paths = [path for pattern in ("*/live.json", "*/published") for path in store.glob(pattern)]
    if not paths:
        raise Refused("store", f"no segmentation has published in {store}. Is it the store, is it mounted?")
    return [store / name for name in sorted({path.parent.name for path in paths})]


def check_every_deadline(store: AnyPath, check: Callable[[AnyPath], Deadline]) -> list[Deadline]:
    """The check of every segmentation that has published in a store; of the store itself if it has none."""
    try:
        homes = list_published_homes(store)
    except Exception as error:
        message = f"Cannot tell whether anything is published: {_describe(error)}"
        return [Deadline(name="", as_of=None, status="unknown", message=message)]
    return [check(home) for home in homes]


def _look_up_timezone(home: AnyPath) -> str:
    live = read_live(home)
    if live is not None:
        return str(read_manifest(edition_folder(home, *live)).definition.get("timezone", "UTC"))
    try:
        return read_definition(resolve_definition(home.name, read_settings().definitions)).timezone
    except DefinitionError:
        return "UTC"

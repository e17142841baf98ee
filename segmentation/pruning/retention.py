"""Which dates of a segmentation are kept, and why: the retention of its definition, and what is still needed.

Arithmetic on dates alone. Removing the other dates is in pruning.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from config.clauses import Retention
from schemas.manifest import EditionRef
from segmentation.store.pointer import Pointer

# The next night builds on one of them, and a night that is run again on the one before.
NEWEST = 2


def choose_kept(refs: Sequence[EditionRef], pointer: Pointer, retention: Retention) -> Mapping[date, str]:
    """The published dates to keep, each with the first reason. refs: published dates, ascending.

    Counted from the newest published date, so no clock decides what is removed.
    """
    if not refs:
        return {}
    reasons: dict[date, str] = {}

    def keep(days: Iterable[date], reason: str) -> None:
        for day in days:
            reasons.setdefault(day, reason)

    continued = [ref.as_of for ref in refs if ref.edition not in pointer.superseded]
    live = pointer.live
    keep([live.as_of] if live else [], "live")
    # A promotion of an earlier date superseded them, and another one may take that back.
    keep([ref.as_of for ref in refs if live and ref.as_of > live.as_of], "newer than the live one")
    keep([*continued[-NEWEST:], *(ref.as_of for ref in refs[-NEWEST:])], "the next night needs it")
    newest = refs[-1].as_of
    first = newest - timedelta(days=retention.all_days - 1)
    keep([ref.as_of for ref in refs if ref.as_of >= first], f"of the last {retention.all_days} days")
    keep(list_month_ends(refs, pointer, retention.month_ends), "the last one of its month")
    return reasons


def list_month_ends(refs: Sequence[EditionRef], pointer: Pointer, months: int | None) -> list[date]:
    """The last published date of each month, superseded ones only where a month has no other.

    months: how many months back from the newest date's, which is the first; None for all.
    """
    last: dict[int, date] = {}
    # Superseded dates first, so that another date of the month takes their place.
    for ref in sorted(refs, key=lambda ref: (ref.edition not in pointer.superseded, ref.as_of)):
        last[_count_months(ref.as_of)] = ref.as_of
    newest = _count_months(refs[-1].as_of) if refs else 0
    return sorted(day for month, day in last.items() if months is None or newest - month < months)


def _count_months(day: date) -> int:
    return 12 * day.year + day.month

"""Which dates a retention keeps, by an independent reading of it."""

import random
from datetime import date, timedelta

import pytest

from config.clauses import Retention
from config.definition import Definition
from schemas.manifest import EditionRef
from segmentation.pruning.retention import choose_kept
from segmentation.store.pointer import Pointer
from tests.nights import PLAN


def list_kept_days(days: list[date], retention: Retention) -> set[date]:
    """Which dates stay, date by date, with the last of them live and nothing superseded."""

    def count_months(day: date) -> int:
        return (days[-1].year - day.year) * 12 + days[-1].month - day.month

    def is_last_of_month(day: date) -> bool:
        return not any(later > day and later.strftime("%Y%m") == day.strftime("%Y%m") for later in days)

    months = 10**6 if retention.month_ends is None else retention.month_ends
    return {
        day
        for day in days
        if (days[-1] - day).days < retention.all_days
        or (is_last_of_month(day) and count_months(day) < months)
        or day in days[-2:]
    }


@pytest.mark.parametrize("seed", range(20))
def test_which_dates_are_kept(seed: int) -> None:
    """Of random dates those stay that an independent reading of the retention keeps."""
    source = random.Random(seed)  # noqa: S311 - not a secret
    numbers = sorted(source.sample(range(1200), source.choice([1, 2, 30, 400])))
    days = [date(2023, 11, 28) + timedelta(days=number) for number in numbers]
    retention = Retention(
        all_days=source.choice([1, 7, 90, 5000]), month_ends=source.choice([None, 0, 1, 14])
    )
    refs = [EditionRef(day, f"{number:016x}") for number, day in enumerate(days)]
    reasons = choose_kept(refs, Pointer(refs[-1]), retention)
    assert reasons.keys() == list_kept_days(days, retention)


def test_month_ends_are_not_superseded_ones() -> None:
    """The last date of a month counts that is not superseded, if there is one."""
    refs = [EditionRef(date(2026, month, day), f"{month}{day}") for month in (1, 2, 4) for day in (1, 20)]
    pointer = Pointer(refs[-1], frozenset({"120", "21", "220"}))
    reasons = choose_kept(refs, pointer, Retention(all_days=1))
    assert {as_of for as_of, reason in reasons.items() if "month" in reason} == {
        date(2026, 1, 1),
        date(2026, 2, 20),
    }


def test_the_retention_is_no_part_of_the_name() -> None:
    """Changing how long editions are kept makes no other edition."""
    content = Definition.model_validate(PLAN).decisive_content()
    assert content == Definition.model_validate({**PLAN, "retention": {"all_days": 9}}).decisive_content()
    assert "retention" not in content

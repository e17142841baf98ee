"""Checks against earlier nights: volumes and refused shares against the last night and the last 28.

Each edition copies the sizes of earlier ones forward, so a rebuild judges alike (schemas/volumes.py).
"""

from collections.abc import Callable, Sequence
from datetime import date
from statistics import median

from schemas.verdicts import Check
from schemas.volumes import HISTORY_NIGHTS, NightVolume

WEEK = 7


def compute_typical(
    history: Sequence[NightVolume], day: date, figure: Callable[[NightVolume], float], tonight: float
) -> float:
    """What is typical for a night: the median of earlier nights, or of those on the same weekday.

    Of the two the one nearer to tonight's figure, so that a weekly rhythm alarms nobody.
    """
    typical = median(figure(night) for night in history)
    same_weekday = [figure(night) for night in history if night.as_of.weekday() == day.weekday()]
    if len(same_weekday) < 2:  # one earlier Sunday does not make a rhythm
        return typical
    return min((typical, median(same_weekday)), key=lambda value: abs(value - tonight))


def is_similar(count: float, reference: float, limit: float) -> bool:
    """Is neither below the other by the share `limit` or more?"""
    # Symmetric: at a limit of one half, half as many and twice as many both fail.
    return (1 - limit) * reference < count and (1 - limit) * count < reference


def check_volume(unit: str, tonight: NightVolume, history: Sequence[NightVolume], limit: float) -> Check:
    """Rows, or customers, are about as many as last night and in the last 28: not half, not twice."""

    def figure(night: NightVolume) -> int:
        return night.customers if unit == "customers" else night.rows

    name, count = f"{unit}-volume", figure(tonight)
    counted = [night for night in history if figure(night)]
    if not counted or not figure(history[-1]):
        return Check(name=name, required=True, passed=True, finding=f"{count} {unit}, none before")
    previous, typical = figure(history[-1]), compute_typical(counted, tonight.as_of, figure, count)
    changed = [
        words
        for words, reference in (("the edition before", previous), ("the median", typical))
        if not is_similar(count, reference, limit)
    ]
    nights = f", {typical:.0f} in the median of {len(counted)} nights" if len(counted) > 1 else ""
    from_which = f", too far from {' and from '.join(changed)}" if changed and nights else ""
    finding = (
        f"{count} {unit}, {previous} before{nights}{from_which}; a change of {limit:.0%} or more "
        "is not allowed"
    )
    return Check(name=name, required=True, passed=not changed, finding=finding)


def check_volume_trend(tonight: NightVolume, history: Sequence[NightVolume], limit: float) -> Check:
    """Rows and customers do not slide slowly: a few percent a night, week by week."""
    nights = [*history, tonight][-HISTORY_NIGHTS:]
    # Medians of whole weeks: a weekly rhythm is in both.
    first, last = nights[:WEEK], nights[-WEEK:]
    if len(nights) < 2 * WEEK:
        return Check(name="volume-trend", required=False, passed=True, finding="fewer than 14 nights")
    findings = []
    for unit in ("rows", "customers"):
        earlier, latest = (median(getattr(night, unit) for night in week) for week in (first, last))
        if earlier and not is_similar(latest, earlier, limit / 2):
            findings.append(f"{unit} {latest / earlier - 1:+.0%}, from {earlier:.0f} to {latest:.0f}")
    period = f"over {len(nights)} nights"
    finding = f"{'; '.join(findings)} {period}" if findings else f"no slide of {limit / 2:.0%} {period}"
    return Check(name="volume-trend", required=False, passed=not findings, finding=finding)


def check_quarantined_trend(tonight: NightVolume, history: Sequence[NightVolume], limit: float) -> Check:
    """The refused share is not far above that of earlier nights, although still below its limit."""
    name, share = "quarantined-trend", tonight.quarantined_share
    if not history:
        return Check(name=name, required=False, passed=True, finding=f"{share:.2%}, none before")
    typical = compute_typical(history, tonight.as_of, lambda night: night.quarantined_share, share)
    # A share of next to nothing may triple by a handful of rows.
    highest = max(3 * typical, typical + limit / 4)
    finding = (
        f"{share:.2%} of rows refused, {typical:.2%} in the median of {len(history)} nights; "
        f"above {highest:.2%} is unusual"
    )
    return Check(name=name, required=False, passed=share <= highest, finding=finding)

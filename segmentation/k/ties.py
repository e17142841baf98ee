"""Breaking ties between numbers of segments that hold, by what earlier segments said about the outcome.

Judging an earlier edition is in segmentation/outcomes/. Here its scores choose among tonight's divisions.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from config.clauses import KOptions
from schemas.evidence import Measures
from schemas.validation import GroupingSkill, Validation
from segmentation.k.judging import HOLDS, LEAST_SHARE
from segmentation.k.votes import Vote


class OutcomeScores(NamedTuple):
    """What the divisions of an edition of `as_of` say about a measure, by k; empty if its segments do not."""

    measure: str
    as_of: date
    by_k: Mapping[int, GroupingSkill]

    def describe(self, k: int) -> str:
        """`R² 0.113 held out`."""
        return f"{self.by_k[k].score_label} held out"


class TieBreak(NamedTuple):
    """The k with the best score, and the score that is one standard error less."""

    best: int
    limit: float


def read_scores(validation: Validation) -> OutcomeScores:
    """The scores for the first measure of a validation."""
    measure = validation.measures[0]
    # Segments that differ as random groups do say nothing, and so would the best of their scores.
    skills = measure.divisions if measure.says_something else []
    return OutcomeScores(measure.measure, validation.as_of, {skill.groups: skill for skill in skills})


def explain_unbroken(scores: OutcomeScores | None) -> str | None:
    """Why the outcome cannot break ties; None if it can."""
    if scores is None:
        return "outcome.breaks_ties: no earlier edition with a complete outcome, so the ordinary rule decides"
    if not scores.by_k:
        return (
            f"outcome.breaks_ties: the segments of {scores.as_of} say nothing about {scores.measure}, so the "
            "ordinary rule decides"
        )
    return None


def list_divisions(allowed: Sequence[Measures]) -> list[Measures]:
    """The divisions without slivers; if each has one, those of which at most half are; else all."""
    divisions = [point for point in allowed if point.k > 1]
    return (
        [point for point in divisions if point.smallest_share >= LEAST_SHARE]
        or [point for point in divisions if 2 * point.slivers <= point.k]
        or divisions
    )


def list_tied(options: KOptions, allowed: Sequence[Measures]) -> list[Measures]:
    """The divisions into as many segments as k.aim says that hold when customers are drawn again."""
    aim_min, aim_max = options.division_range
    divisions = (point for point in list_divisions(allowed) if point.stability >= HOLDS)
    return [point for point in divisions if aim_min <= point.k <= aim_max]


def compare_scores(scores: OutcomeScores, tied: Sequence[Measures]) -> TieBreak | None:
    """The best of the tied k. None unless two of them have a score: then nothing is to be broken."""
    skills = [scores.by_k[point.k] for point in tied if point.k in scores.by_k]
    if len(skills) < 2:
        return None
    # max takes the first of equals, which is the coarsest.
    best = max(skills, key=_get_score)
    return TieBreak(best.groups, _get_score(best) - (best.error or 0.0))


def choose_tied(scores: OutcomeScores, tied: Sequence[Measures]) -> Vote | None:
    """The coarsest k within one standard error of the best, and why. None if scores break no tie.

    Breiman, Friedman, Olshen, Stone 1984, section 3.4.3: a difference of up to one standard error
    from the best may be chance, and fewer segments are easier to act on.
    """
    tie_break = compare_scores(scores, tied)
    if tie_break is None:
        return None
    k = next(
        point.k
        for point in tied
        if point.k in scores.by_k and _get_score(scores.by_k[point.k]) >= tie_break.limit
    )
    by = f"by {scores.measure} of the customers of {scores.as_of}, {scores.describe(k)}"
    if k == tie_break.best:
        return Vote(k, f"the best {by}")
    return Vote(
        k,
        f"the coarsest within one standard error of the best {by}, "
        f"and {scores.describe(tie_break.best)} for k = {tie_break.best}",
    )


def falls_short(scores: OutcomeScores, tied: Sequence[Measures], k: int) -> bool:
    """Does k say less about the outcome than the best of the tied ones, by more than a standard error?"""
    tie_break = compare_scores(scores, tied)
    return tie_break is not None and k in scores.by_k and _get_score(scores.by_k[k]) < tie_break.limit


def _get_score(skill: GroupingSkill) -> float:
    return skill.score or 0.0

"""The rules for k: pure functions of the curve and the measures. RULES has them by the definition's names.

A rule named like a measure takes the k with that measure's best value and needs no entry. What each measure
would choose is in segmentation/k/votes.py, how strong the evidence is in segmentation/k/judging.py.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from config.clauses import KOptions
from schemas.evidence import SWEEP_COLUMNS, Choice, Curve, Evidence, Measures
from segmentation.k.borders import NO_BORDER, plateau
from segmentation.k.judging import (
    CLEAR_BORDER,
    HOLDS,
    compare_measures,
    judge_strength,
    list_degenerate,
    suggest_finer,
)
from segmentation.k.ties import OutcomeScores, choose_tied, list_divisions, list_tied
from segmentation.k.votes import Vote, best_k_by, choose_elbow, choose_gap


class RuleInput(NamedTuple):
    """What a rule chooses from. allowed: the k whose segments are large enough, see list_allowed.

    scores: of an earlier edition's outcome, where it breaks ties.
    """

    options: KOptions
    curve: Curve
    evidence: Evidence
    allowed: Sequence[Measures]
    scores: OutcomeScores | None = None


def list_allowed(options: KOptions, measures: Sequence[Measures]) -> list[Measures]:
    """The k in the definition's range whose smallest segment is not a sliver; all k, if each has one."""
    allowed = [point for point in measures if point.smallest_share >= options.smallest_share]
    return allowed or list(measures)


def choose_division(
    options: KOptions, allowed: Sequence[Measures], scores: OutcomeScores | None = None
) -> Vote:
    """The finest division that holds when customers are drawn again, of as many segments as k.aim says.

    If none of these holds: the finest coarser one that does, the coarsest finer one, the most stable. With
    scores, these choose among several that hold.
    """
    divisions = list_divisions(allowed)
    if not divisions:
        return Vote(allowed[0].k, "no more than one segment is allowed")
    aim_min, aim_max = options.division_range
    key = "k.aim" if (aim_min, aim_max) == options.aim else "k.aim, k.min, k.max"
    aim = f"{aim_min} to {aim_max} segments ({key})"
    holding = [point for point in divisions if point.stability >= HOLDS]
    within = list_tied(options, allowed)
    coarser = [point for point in holding if point.k < aim_min]
    if within and scores is not None and (tied := choose_tied(scores, within)):
        ks = ", ".join(str(point.k) for point in within)
        return tied._replace(reason=f"of {aim}, {ks} hold, and this is {tied.reason}")
    if within:
        division, reason = within[-1], f"the finest of {aim} that holds"
    elif coarser:
        division, reason = coarser[-1], f"no division into {aim} holds, so the finest coarser one that does"
    elif holding:
        division, reason = holding[0], f"no division into {aim} holds, so the coarsest finer one that does"
    else:
        # max takes the first of equals, which is the coarsest.
        division, reason = max(divisions, key=lambda point: point.stability), "none holds, so the most stable"
    jaccard = f"bootstrap Jaccard {division.stability:.2f} of its least stable segment"
    return Vote(division.k, f"{reason} when customers are drawn again, {jaccard}")


def choose_auto(source: RuleInput) -> Vote:
    """By the borders between segments: as many as are natural, if these hold; else the best division."""
    allowed, target = source.allowed, plateau(source.evidence.natural)
    division = choose_division(source.options, allowed, source.scores)
    if target <= 1:
        crowd = "no natural borders between customers; this is a division, not a discovery"
        return division._replace(reason=f"{crowd}: {division.reason}")
    by_k = {point.k: point for point in allowed}
    bordered = f"{target} segments with borders between them"
    if target < min(by_k):
        return division._replace(reason=f"{bordered}, fewer than k.min: {division.reason}")
    vote = choose_natural(target, allowed)
    point = by_k[vote.k]
    if is_reliable(point) or by_k[division.k].stability < HOLDS:
        return vote
    unstable = f"k = {vote.k} does not hold when customers are drawn again (bootstrap Jaccard"
    return division._replace(reason=f"{bordered}, but {unstable} {point.stability:.2f}): {division.reason}")


def choose_natural(target: int, allowed: Sequence[Measures]) -> Vote:
    """The natural number of segments, or what comes nearest among the allowed k."""
    ks = [point.k for point in allowed]
    bordered = f"{target} segments with borders between them"
    if target in ks:
        faintest = allowed[ks.index(target)].faintest_border
        if faintest is not None and faintest >= NO_BORDER:
            # As where k-means cuts a wide group in two before it separates two narrow ones.
            return Vote(target, f"larger k show {target} groups with borders between them, hence that number")
        return Vote(target, f"{bordered}; the next larger k only cut these in two")
    if target > ks[-1]:
        # Twelve segments of fifteen groups join some of them, other ones each time customers are drawn.
        holding = [point for point in allowed if point.k > 1 and point.stability >= HOLDS]
        which = "that holds when customers are drawn again" if holding else "within the range"
        reason = (
            f"{target} or more groups with borders, beyond k = {ks[-1]}: the best silhouette {which} "
            "was taken; raise k.max"
        )
        return Vote(best_k_by(holding or allowed, "silhouette") or ks[-1], reason)
    nearest = max(k for k in ks if k < target)
    return Vote(nearest, f"{bordered}, but k.smallest_share does not allow that number")


def is_reliable(point: Measures) -> bool:
    """Does the division hold when customers are drawn again, or is every border clear all the same?"""
    faintest = NO_BORDER if point.faintest_border is None else point.faintest_border
    return point.stability >= HOLDS or faintest < CLEAR_BORDER


def choose_best(measure: str, allowed: Sequence[Measures]) -> Vote:
    """The best value of a measure."""
    column = SWEEP_COLUMNS[measure]
    return Vote(best_k_by(allowed, measure) or allowed[0].k, f"{column.prefers} {column.label}")


def choose_silhouette(allowed: Sequence[Measures]) -> Vote:
    """The largest average silhouette."""
    return Vote(best_k_by(allowed, "silhouette") or allowed[0].k, "largest average silhouette")


def choose_by_gap(allowed: Sequence[Measures]) -> Vote:
    """The gap statistic against the box of the features."""
    reason = "smallest k whose gap is within one standard error of the next (Tibshirani)"
    return Vote(choose_gap(allowed) or allowed[0].k, reason)


def take_fixed(options: KOptions, measures: Sequence[Measures]) -> Vote:
    """The k that the definition fixes."""
    return Vote(options.fixed or measures[0].k, "fixed by the definition")


RULES: dict[str, Callable[[RuleInput], Vote]] = {
    "auto": choose_auto,
    # The elbow sees the whole curve, slivers included: without a k, the chord would have another end.
    "elbow": lambda source: choose_elbow(source.curve.points),
    "silhouette": lambda source: choose_silhouette(source.allowed),
    "gap": lambda source: choose_by_gap(source.allowed),
    "fixed": lambda source: take_fixed(source.options, source.allowed),
}


def choose_k(
    options: KOptions, curve: Curve, evidence: Evidence, scores: OutcomeScores | None = None
) -> Choice:
    """Apply the definition's rule, and judge what it chose. scores: of an outcome that breaks ties."""
    allowed = list_allowed(options, evidence.measures)
    rule = RULES.get(options.rule)
    if rule is None:
        # The definition has checked the name, so a rule without an entry is the name of a measure.
        vote = choose_best(options.rule, allowed)
    else:
        vote = rule(RuleInput(options, curve, evidence, allowed, scores))
    return judge_choice(options, vote, curve, evidence)


def judge_choice(options: KOptions, vote: Vote, curve: Curve, evidence: Evidence) -> Choice:
    """The chosen k with how strong the evidence for it is, and what speaks against it."""
    degenerate = list_degenerate(options, evidence)
    judgement = judge_strength(options, vote.k, evidence, degenerate)
    return Choice(
        k=vote.k,
        rule=options.rule,
        reasons=(vote.reason, judgement.reason, *suggest_finer(options, vote.k, evidence)),
        strength=judgement.strength,
        doubts=(*degenerate, *compare_measures(vote.k, curve, evidence)),
        curve=curve.points,
        measures=evidence.measures,
    )

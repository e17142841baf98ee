"""How strong the evidence for a chosen k is, and what speaks against it. Pure functions of the evidence.

Choosing k is in segmentation/k/rules.py; docs/choosing-k.md has the levels.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.clauses import KOptions
from schemas.evidence import Curve, Evidence, Strength
from segmentation.k.borders import NO_BORDER, plateau
from segmentation.k.votes import best_k_by, list_votes

STABLE, HOLDS = 0.85, 0.75  # bootstrap Jaccard, Hennig (2007)
CLEAR_BORDER = 0.5  # half as many customers on the border as inside, errors included
# The article's 24,000 rows have 24 distinct feature rows. The silhouette is best with a segment each.
FEW_DISTINCT = 4  # distinct rows per segment tried, below which shape measures degenerate
LEAST_SHARE = 0.01  # of customers: people do not act on a segment with fewer, a sliver
FEW_ROWS = 50  # customers in a segment: with fewer, a gap between them may be chance


class Judgement(NamedTuple):
    """How strong the evidence is, and the reason in words."""

    strength: Strength
    reason: str


def judge_strength(options: KOptions, k: int, evidence: Evidence, degenerate: Sequence[str]) -> Judgement:
    """How strong the evidence for k is."""
    natural = plateau(evidence.natural)
    measures = next((point for point in evidence.measures if point.k == k), None)
    if natural <= 1:
        slivers = 0 if measures is None else measures.slivers
        caveat = f"; {slivers} of {k} segments below {LEAST_SHARE:.0%} of customers" if slivers else ""
        return Judgement("none", f"no evidence for segments: customers form one crowd{caveat}")
    if measures is None:
        return Judgement("weak", f"the evidence is weak: the borders speak for {natural} segments")
    stability = f"bootstrap Jaccard {measures.stability:.2f} of the least stable segment"
    if k != natural:
        if is_set_by_hand(options, k, natural):
            return Judgement("set", f"{describe_wish(options, natural)}; {stability}")
        return Judgement("weak", f"the evidence is weak: the borders speak for {natural} segments")
    if degenerate:
        return Judgement("weak", f"the evidence is weak: {degenerate[0]}")
    faintest = NO_BORDER if measures.faintest_border is None else measures.faintest_border
    if faintest >= NO_BORDER:
        reason = f"the evidence is weak: the division into {k} has no border between two of its segments"
        return Judgement("weak", reason)
    if measures.stability < HOLDS:
        return Judgement("weak", f"the evidence is weak: {stability}")
    border = f"on the faintest border {faintest:.0%} of the customers inside"
    if measures.stability < STABLE or faintest >= CLEAR_BORDER:
        return Judgement("fair", f"the evidence is fair: {stability}, {border}")
    smallest = round(measures.smallest_share * evidence.rows)
    if smallest < FEW_ROWS:
        caveat = f"only {smallest} customers are in the smallest segment of the sample"
        return Judgement("fair", f"the evidence is fair: every border is clear, {stability}, but {caveat}")
    return Judgement("strong", f"the evidence is strong: every border is clear, {stability}")


def is_set_by_hand(options: KOptions, k: int, natural: int) -> bool:
    """Did a person ask for k, or for a range that leaves out the natural number of segments?"""
    # `resegment init` writes the usual k.max, which nobody asked for.
    is_usual = options.max == KOptions.model_fields["max"].default
    return (
        options.rule == "fixed" or natural < options.min <= k or (k <= options.max < natural and not is_usual)
    )


def describe_wish(options: KOptions, natural: int) -> str:
    """What the definition asks for, and how to have the natural segments instead."""
    borders = f"the borders between customers speak for {natural}"
    if options.rule == "fixed":
        return (
            f"the definition asks for {options.fixed} segments (k.fixed), and {borders}; "
            "to have these, remove k.fixed and set k.rule to auto"
        )
    key = "min" if natural < options.min else "max"
    wish = f"the definition asks for {options.min} to {options.max} segments (k.min, k.max)"
    return f"{wish}, and {borders}; to have these, set k.{key} to {natural}"


def suggest_finer(options: KOptions, k: int, evidence: Evidence) -> list[str]:
    """That a finer division holds as well, where natural segments are fewer than k.aim; else nothing."""
    aim_min, aim_max = options.division_range
    if options.rule != "auto" or not 1 < k < aim_min or plateau(evidence.natural) != k:
        return []
    holding = [
        point
        for point in evidence.measures
        if aim_min <= point.k <= aim_max and point.stability >= HOLDS and point.smallest_share >= LEAST_SHARE
    ]
    if not holding:
        return []
    finest = holding[-1]
    return [
        f"if {k} segments are too few, a division into {finest.k} holds as well (bootstrap Jaccard "
        f"{finest.stability:.2f}): k.min: {aim_min} asks for it"
    ]


def list_degenerate(options: KOptions, evidence: Evidence) -> list[str]:
    """Evidence that says more about the table than about its customers."""
    findings = []
    top = evidence.measures[-1].k
    best = best_k_by(evidence.measures, "silhouette")
    if evidence.distinct < FEW_DISTINCT * top:
        findings.append(
            f"only {evidence.distinct} distinct rows for up to {top} segments: the silhouette optimum is "
            f"degenerate, 1 at k = {evidence.distinct}, where every segment is one row"
        )
    # Up to k = 2 the silhouette has a single candidate, so its optimum is always at the end.
    elif best == top and top > 2:
        findings.append(f"the silhouette optimum is degenerate: it is at the end of the range, k = {top}")
    silhouettes = sorted(point.silhouette for point in evidence.measures if point.silhouette is not None)
    if len(silhouettes) > 1 and silhouettes[-1] - silhouettes[-2] < 1e-9:
        findings.append("two k have the same silhouette")
    slivers = [point.k for point in evidence.measures if point.smallest_share < options.smallest_share]
    if slivers:
        ks = ", ".join(map(str, slivers))
        findings.append(f"a segment below {options.smallest_share:.1%} of customers at k = {ks}")
    return findings


def compare_measures(k: int, curve: Curve, evidence: Evidence) -> list[str]:
    """Which measures agree with k, and what the others would choose: `k = 2 by silhouette; k = 9 by gap`."""
    voters: dict[int, list[str]] = {}
    for name, vote in list_votes(curve, evidence).items():
        if vote is not None:
            voters.setdefault(vote, []).append(name)
    agreeing = voters.pop(k, [])
    dissent = [f"k = {vote} by {', '.join(names)}" for vote, names in sorted(voters.items())]
    sentences = [f"k = {k} also by {', '.join(agreeing)}"] if agreeing else []
    return [*sentences, f"other measures would choose {'; '.join(dissent)}"] if dissent else sentences

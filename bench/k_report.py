"""The figures of bench/k_accuracy.py as Markdown tables."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.tables import format_head, format_row

STRENGTHS = ("strong", "fair", "weak", "set", "none")
LARGEST_K = 12  # labelled sets with more segments are outside the sweep


class TableOutcome(NamedTuple):
    """What the rules chose for one table."""

    family: str
    seed: int
    draw: int | None  # None: the whole table
    name: str
    rows: int
    k: int
    is_solvable: bool
    chosen: dict[str, int]
    agreement: dict[int, float]  # with the true segments, by k; under 0 that of the k of `auto`
    strength: str
    seconds: float

    def is_exact(self, rule: str) -> bool:
        """Whether a rule chose the true k."""
        return self.chosen[rule] == self.k

    def get_agreement(self, rule: str) -> float:
        """Adjusted Rand index of the segments at the rule's k."""
        return self.agreement.get(0 if rule == "auto" else self.chosen[rule], 0.0)


class Groups(NamedTuple):
    """Outcomes by what they can show."""

    simulated: list[TableOutcome]
    solvable: list[TableOutcome]
    crowds: list[TableOutcome]
    labelled: list[TableOutcome]
    resampled: list[TableOutcome]


def group_outcomes(outcomes: Sequence[TableOutcome]) -> Groups:
    """Separate simulated tables, crowds without segments, labelled sets and resampled tables."""
    whole = [outcome for outcome in outcomes if outcome.draw is None]
    simulated = [outcome for outcome in whole if outcome.family not in ("crowd", "labelled")]
    labelled = [outcome for outcome in whole if outcome.family == "labelled"]
    return Groups(
        simulated=simulated,
        solvable=[outcome for outcome in simulated if outcome.is_solvable],
        crowds=[outcome for outcome in whole if outcome.family == "crowd"],
        labelled=[outcome for outcome in labelled if outcome.is_solvable and outcome.k <= LARGEST_K],
        resampled=[outcome for outcome in outcomes if outcome.draw is not None and outcome.family != "crowd"],
    )


def compute_wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927).

    >>> [round(x, 3) for x in compute_wilson(9, 10)]
    [0.596, 0.982]
    """
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return centre - half, centre + half


def format_rate(hits: Sequence[bool]) -> str:
    """A rate with its interval."""
    if not hits:
        return ""
    low, high = compute_wilson(sum(hits), len(hits))
    return f"{np.mean(hits):.3f} ({low:.3f} to {high:.3f})"


def compute_constancy(resampled: Sequence[TableOutcome], rule: str) -> float:
    """How often a rule chooses its most frequent k when four fifths of a table's rows are drawn again."""
    by_table = defaultdict(list)
    for outcome in resampled:
        by_table[outcome.family, outcome.seed].append(outcome.chosen[rule])
    shares = [max(map(ks.count, ks)) / len(ks) for ks in by_table.values()]
    return float(np.mean(shares)) if shares else float("nan")


def format_accuracy(outcomes: Sequence[TableOutcome]) -> str:
    """All tables: rates by rule and by family, and how strong the evidence is said to be."""
    groups = group_outcomes(outcomes)
    rules = list(outcomes[0].chosen)
    seconds = np.mean([outcome.seconds for outcome in outcomes if outcome.draw is None])
    lines = [
        f"{len(groups.solvable)} of {len(groups.simulated)} simulated tables are solvable: k-means at the "
        f"true k agrees with the truth, ARI 0.8 or more. {len(groups.crowds)} tables have no segments, "
        f"{len(groups.labelled)} labelled sets are solvable.",
        "",
        *format_rules(groups, rules),
        "",
        *format_families(groups.solvable, rules),
        "",
        *format_strengths(groups),
        "",
        f"The evidence took {seconds:.2f} CPU s per table.",
    ]
    for outcome in groups.labelled:
        ks = ", ".join(f"{rule} {k}" for rule, k in outcome.chosen.items())
        lines.append(f"- {outcome.name}: true k {outcome.k}, {ks}")
    return "\n".join(lines)


def format_rules(groups: Groups, rules: Sequence[str]) -> Iterator[str]:
    """A line for each rule."""
    yield format_head(
        "rule",
        "exact k",
        "mean error",
        "invents segments",
        "labelled, exact k",
        "ARI, customers",
        "same k when drawn again",
    )
    customers = [outcome for outcome in groups.simulated if outcome.family == "customer"]
    for rule in rules:
        error = np.mean([abs(outcome.chosen[rule] - outcome.k) for outcome in groups.solvable])
        agreement = np.mean([outcome.get_agreement(rule) for outcome in customers])
        yield format_row(
            rule,
            format_rate([outcome.is_exact(rule) for outcome in groups.solvable]),
            f"{error:.2f}",
            format_rate([outcome.chosen[rule] > 1 for outcome in groups.crowds]),
            format_rate([outcome.is_exact(rule) for outcome in groups.labelled]),
            f"{agreement:.3f}",
            f"{compute_constancy(groups.resampled, rule):.0%}",
        )


def format_families(solvable: Sequence[TableOutcome], rules: Sequence[str]) -> Iterator[str]:
    """A line for each family, with the rate of every rule."""
    yield format_head("exact k by family", "tables", *rules)
    for family in dict.fromkeys(outcome.family for outcome in solvable):
        members = [outcome for outcome in solvable if outcome.family == family]
        rates = [np.mean([outcome.is_exact(rule) for outcome in members]) for rule in rules]
        yield format_row(family, len(members), *(f"{rate:.2f}" for rate in rates))


def format_strengths(groups: Groups) -> Iterator[str]:
    """How strong the evidence is said to be where `auto` is right or wrong, and without segments."""
    yield format_head("the evidence is said to be", *STRENGTHS)
    for title, outcomes in (
        ("k exact", [outcome for outcome in groups.solvable if outcome.is_exact("auto")]),
        ("k not exact", [outcome for outcome in groups.solvable if not outcome.is_exact("auto")]),
        ("no segments", groups.crowds),
    ):
        counts = [sum(outcome.strength == strength for outcome in outcomes) for strength in STRENGTHS]
        yield format_row(title, *counts)

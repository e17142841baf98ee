"""The figures of bench/k_accuracy.py as Markdown."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np

Found = Sequence[dict[str, Any]]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927).

    >>> [round(x, 3) for x in wilson(9, 10)]
    [0.596, 0.982]
    """
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return centre - half, centre + half


def tell_rate(values: Sequence[bool]) -> str:
    """A rate with its interval."""
    if not values:
        return ""
    low, high = wilson(sum(values), len(values))
    return f"{np.mean(values):.3f} ({low:.3f} to {high:.3f})"


def tell_constancy(resampled: Found, rule: str) -> float:
    """How often a rule takes its commonest k when four fifths of a table's rows are drawn again."""
    by_table: dict[tuple[str, int], list[int]] = {}
    for one in resampled:
        by_table.setdefault((one["family"], one["seed"]), []).append(one["chosen"][rule])
    same = [max(map(found.count, found)) / len(found) for found in by_table.values()]
    return float(np.mean(same)) if same else float("nan")


def tell_accuracy(found: Found) -> str:
    """All tables: rates by rule, by family, and what became of the segments."""
    resampled = [one for one in found if one["draw"] is not None and one["family"] != "crowd"]
    found = [one for one in found if one["draw"] is None]
    simulated = [one for one in found if one["family"] not in ("crowd", "labelled")]
    solvable = [one for one in simulated if one["solvable"]]
    crowds = [one for one in found if one["family"] == "crowd"]
    labelled = [one for one in found if one["family"] == "labelled" and one["solvable"] and one["k"] <= 12]
    rules = list(found[0]["chosen"])
    lines = [
        f"{len(solvable)} of {len(simulated)} simulated tables are solvable: k-means at the true k agrees "
        f"with the truth, ARI 0.8 or more. {len(crowds)} tables have no segments, {len(labelled)} labelled "
        "sets are solvable.",
        "",
        "| rule | exact k | mean error | invents segments | labelled, exact k | ARI, customers "
        "| same k when drawn again |",
        "| --- | --- | ---: | --- | --- | ---: | ---: |",
    ]
    customers = [one for one in simulated if one["family"] == "customer"]
    for rule in rules:
        k_of: Callable[[dict[str, Any]], int] = lambda one, rule=rule: one["chosen"][rule]  # type: ignore[misc] # noqa: E731
        error = np.mean([abs(k_of(one) - one["k"]) for one in solvable])
        agreement = np.mean(
            [
                one["agreement_auto"] if rule == "auto" else one["agreement"].get(k_of(one), 0.0)
                for one in customers
            ]
        )
        lines.append(
            f"| {rule} | {tell_rate([k_of(one) == one['k'] for one in solvable])} | {error:.2f} "
            f"| {tell_rate([k_of(one) > 1 for one in crowds])} "
            f"| {tell_rate([k_of(one) == one['k'] for one in labelled])} | {agreement:.3f} "
            f"| {tell_constancy(resampled, rule):.0%} |"
        )
    lines += [
        "",
        "| exact k by family | tables | " + " | ".join(rules) + " |",
        "| --- | ---: |" + " ---: |" * len(rules),
    ]
    for family in dict.fromkeys(one["family"] for one in solvable):
        own = [one for one in solvable if one["family"] == family]
        rates = [f"{np.mean([one['chosen'][rule] == one['k'] for one in own]):.2f}" for rule in rules]
        lines.append(f"| {family} | {len(own)} | " + " | ".join(rates) + " |")
    strengths = ("strong", "fair", "weak", "none")
    lines += ["", "| the evidence is said to be | " + " | ".join(strengths) + " |", "| --- |" + " ---: |" * 4]
    for name, some in (
        ("k exact", [o for o in solvable if o["chosen"]["auto"] == o["k"]]),
        ("k not exact", [o for o in solvable if o["chosen"]["auto"] != o["k"]]),
        ("no segments", crowds),
    ):
        lines.append(
            f"| {name} | " + " | ".join(str(sum(o["strength"] == s for o in some)) for s in strengths) + " |"
        )
    lines += ["", f"Evidence took {np.mean([one['seconds'] for one in found]):.2f} CPU s per table."]
    for one in labelled:
        lines.append(
            f"- {one['name']}: true k {one['k']}, " + ", ".join(f"{r} {one['chosen'][r]}" for r in rules)
        )
    return "\n".join(lines)

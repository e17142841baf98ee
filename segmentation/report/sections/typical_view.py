"""How pages show a feature of a segment: its typical figure next to everyone's, and which way it differs.

The figure is the mean or the median, as typical_figures.py chose. Arrow and shade follow from the contrast of
that figure, and the first features are those of the name, so that a page contradicts itself nowhere.
"""

from typing import NamedTuple

import numpy as np

from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_amount, format_lift, format_share
from segmentation.report.words.factual_names import NOTABLE

MOST_TRAITS = 3
_MOST_DECIMALS = 12


class TraitRow(NamedTuple):
    """A feature of a segment next to everyone's. statistic: median, mean or share. mark: ▲, ▼ or none."""

    feature: str
    statistic: str
    mark: str
    segment_figure: str
    overall_figure: str


class RuleView(NamedTuple):
    """A segment's rule, with the share of the segment that it covers and of its matches that are in it."""

    rule: str
    recall: str
    precision: str
    sql: str


def list_traits(context: ReportContext, position: int) -> list[str]:
    """At most three features: those of the segment's name, then those farthest from everyone's."""
    contrasts = context.statistics["contrast"].iloc[position].abs()
    names = [part.feature for part in context.words.segments[position].name]
    # Stable: of equal contrasts the first feature, so the page has the same bytes on every machine.
    order = np.argsort(-contrasts.to_numpy(), kind="stable")
    names += [str(contrasts.index[j]) for j in order if contrasts.iloc[j] >= NOTABLE]
    return list(dict.fromkeys(names))[:MOST_TRAITS]


def build_trait_row(context: ReportContext, position: int, feature: str) -> TraitRow:
    """A feature's figure in a segment, next to that of all customers."""
    return TraitRow(
        feature=context.traits[feature].label,
        statistic=name_statistic(context, feature),
        mark=choose_mark(float(context.statistics["contrast"][feature].iloc[position])),
        segment_figure=format_typical(context, feature, position),
        overall_figure=format_overall(context, feature),
    )


def choose_mark(contrast: float) -> str:
    """▲ above everyone's figure, ▼ below it, nothing near it.

    >>> choose_mark(0.7), choose_mark(-3.0), choose_mark(0.1)
    ('▲', '▼', '')
    """
    return "" if abs(contrast) < NOTABLE else "▲" if contrast > 0 else "▼"


def name_statistic(context: ReportContext, feature: str) -> str:
    """What the figure is: median, mean, or share for an indicator."""
    if context.traits[feature].is_indicator:
        return "share"
    return next(figure.statistic for figure in context.words.figures if figure.feature == feature)


def format_typical(context: ReportContext, feature: str, position: int, with_unit: bool = True) -> str:
    """A segment's figure, with the decimals that all figures of the feature have."""
    figure = float(context.statistics["typical"][feature].iloc[position])
    return _format_like(context, feature, figure, choose_size(context, feature), with_unit)


def format_overall(context: ReportContext, feature: str) -> str:
    """The figure of all customers, without its unit."""
    figure = float(context.statistics["typical_overall"][feature].iloc[0])
    return _format_like(context, feature, figure, choose_size(context, feature), with_unit=False)


def choose_size(context: ReportContext, feature: str) -> float:
    """The size of number whose decimals separate every notable figure from everyone's.

    Usually that of the largest figure. Years need more: 2,011.2 and 2,011.4 would both be 2,011.
    """
    table = context.statistics
    figures, overall = table["typical"][feature].to_numpy(), float(table["typical_overall"][feature].iloc[0])
    notable = figures[table["contrast"][feature].abs().to_numpy() >= NOTABLE]
    size = max(float(np.abs(figures).max()), abs(overall))
    for _ in range(_MOST_DECIMALS):
        texts = {format_amount(float(figure), "", size) for figure in notable}
        if format_amount(overall, "", size) not in texts:
            break
        size /= 10
    return size


def _format_like(context: ReportContext, feature: str, figure: float, size: float, with_unit: bool) -> str:
    trait = context.traits[feature]
    if trait.is_indicator or trait.levels:
        return context.format_value(feature, figure, with_unit)
    return format_amount(figure, context.units[feature] if with_unit else "", size)


def describe_figure(context: ReportContext, feature: str, position: int) -> str:
    """How far a segment's figure is from everyone's, then its mean, or its median, and the lift."""
    contrast, lift, mean, median = (
        float(context.statistics[name][feature].iloc[position])
        for name in ("contrast", "lift", "mean", "median")
    )
    details = [f"{contrast:+.1f} spreads from all customers"]
    if context.traits[feature].is_indicator:
        return details[0]
    if name_statistic(context, feature) == "median":
        details.append(f"mean {context.format_value(feature, mean)}")
    else:
        details.append(f"median {context.format_value(feature, median)}")
    if np.isfinite(lift) and lift > 0:
        details.append(f"mean {format_lift(lift)}")
    return "; ".join(details)


def build_rule(context: ReportContext, position: int) -> RuleView | None:
    """A segment's rule with its recall and precision; None where no simple rule describes it."""
    description = context.descriptions.iloc[position].to_dict()
    if not isinstance(description["rule"], str):
        return None
    recall, precision = (format_share(float(description[key])) for key in ("rule_recall", "rule_precision"))
    return RuleView(description["rule"], recall, precision, str(description["rule_sql"]))

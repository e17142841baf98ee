"""What a campaign did: the outcome of customers on its list, next to that of those held out.

Who is on a list is decided in segmentation/exporting/, as for `resegment export`. Customers are held out by a
hash of their ids, so the two groups differ by chance and by the campaign only.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from config.definition import Definition
from schemas.campaign import Campaign, GroupMean, MeasuredEffect
from schemas.wording import format_count
from segmentation.errors import Refused
from segmentation.exporting.hashing import make_holdout
from segmentation.exporting.selection import (
    OF_GROUPS,
    OF_SEGMENTS,
    Members,
    Selection,
    check_margin,
)
from segmentation.features.moments import Moments, compute_moments, merge_moments
from segmentation.identity.join import join_tables
from segmentation.outcomes.intervals import (
    SampleMoments,
    estimate_mean_difference,
    estimate_rate,
    estimate_rate_difference,
    estimate_sample_mean,
)
from segmentation.outcomes.outcome_night import get_unit_of
from segmentation.outcomes.outcome_sample import OutcomeTable
from segmentation.outcomes.verdicts import describe_outcome, format_mean_of
from segmentation.report.formatting import format_amount

LEAST_CUSTOMERS = 10  # in each group


class Outcomes(NamedTuple):
    """Moments of the measures by group, which measures are rates (m,), and customers without an outcome."""

    on_list: Moments | None
    held_out: Moments | None
    is_rate: np.ndarray
    unknown: int


def make_selection(campaign: Campaign) -> Selection:
    """The customers of the campaign's segments or groups, as an export selects them."""
    table = OF_GROUPS if campaign.is_of_groups else OF_SEGMENTS
    check_margin(table, campaign.min_margin)
    return Selection(table, campaign.segment_ids, campaign.since, campaign.min_margin)


def collect_outcomes(members: Iterator[Members], table: OutcomeTable, campaign: Campaign) -> Outcomes:
    """The outcomes of both groups, in one pass over customers and outcomes, both sorted by id."""
    holdout = make_holdout(campaign.holdout, campaign.salt)
    groups: list[Moments | None] = [None, None]
    is_rate, unknown = np.ones(len(table.measures), bool), 0
    batches = (batch.table for batch in members if batch.table.num_rows)
    for customers, joined in join_tables(batches, table.read()):
        values = table.to_numbers(joined.earlier, joined.place)
        is_held_out = holdout.detect(customers["customer_id"].to_pylist())
        is_known = np.isfinite(values).all(axis=1)
        unknown += int((~is_known).sum())
        is_rate &= np.isin(values[is_known], (0.0, 1.0)).all(axis=0)
        for group, is_inside in enumerate((~is_held_out, is_held_out)):
            inside = values[is_inside & is_known]
            if len(inside):
                moments, earlier = compute_moments(inside.T), groups[group]
                groups[group] = moments if earlier is None else merge_moments(earlier, moments)
    return Outcomes(groups[0], groups[1], is_rate, unknown)


def measure_effects(
    outcomes: Outcomes, measures: Sequence[str], definition: Definition
) -> tuple[MeasuredEffect, ...]:
    """The difference between the groups in every measure. Refused if one has too few customers."""
    on_list, held_out = outcomes.on_list, outcomes.held_out
    counts = [0 if group is None else group.n for group in (on_list, held_out)]
    if on_list is None or held_out is None or min(counts) < LEAST_CUSTOMERS:
        raise Refused(
            "few-customers",
            f"{format_count(counts[0], 'customer')} on the list and {counts[1]:,} held out have an "
            f"outcome; expected at least {LEAST_CUSTOMERS} of each. Name more segments, or hold out a larger "
            "share next time",
        )
    effects = []
    for i, name in enumerate(measures):
        samples = (_get_sample(on_list, i), _get_sample(held_out, i))
        effects.append(_measure_effect(name, samples, bool(outcomes.is_rate[i]), definition))
    return tuple(effects)


def _get_sample(moments: Moments, i: int) -> SampleMoments:
    variance = np.ldexp(moments.m2[i], 2 * int(moments.exponent[i])) / (moments.n - 1)
    return SampleMoments(moments.n, float(moments.mean[i]), float(variance))


def _measure_effect(
    name: str, samples: tuple[SampleMoments, SampleMoments], is_rate: bool, definition: Definition
) -> MeasuredEffect:
    on_list, held_out = (_describe_group(sample, is_rate) for sample in samples)
    estimate = estimate_rate_difference if is_rate else estimate_mean_difference
    effect = MeasuredEffect(
        measure=name,
        unit=get_unit_of(definition, name),
        is_rate=is_rate,
        on_list=on_list,
        held_out=held_out,
        difference=on_list.mean - held_out.mean,
        interval=estimate(*samples),
        sentence="",
    )
    sentence = describe_effect(effect, describe_outcome(name, definition.outcome))
    return effect.model_copy(update={"sentence": sentence})


def _describe_group(sample: SampleMoments, is_rate: bool) -> GroupMean:
    positives = round(sample.mean * sample.n)
    interval = estimate_rate(positives, sample.n) if is_rate else estimate_sample_mean(sample)
    return GroupMean(customers=sample.n, mean=sample.mean, interval=interval)


def describe_effect(effect: MeasuredEffect, subject: str) -> str:
    """`The campaign raised revenue in the next 28 days by 12.4 GBP per customer (95 % interval …).`"""
    interval = format_range(effect)
    on_list, held_out = (format_mean_of(effect, group.mean) for group in (effect.on_list, effect.held_out))
    groups = f"{on_list} on the list, {held_out} held out"
    if not effect.is_shown:
        interval = f"95 % interval of the difference {interval}"
        return f"No difference in {subject} can be shown: {groups} ({interval})."
    verb = "raised" if effect.difference > 0 else "lowered"
    size = format_difference(effect, abs(effect.difference))
    per = "" if effect.is_rate else " per customer"
    return f"The campaign {verb} {subject} by {size}{per} (95 % interval {interval}): {groups}."


def format_range(effect: MeasuredEffect) -> str:
    """`−18.9 to 5.5 percentage points`."""
    low, high = effect.interval.low, effect.interval.high
    if effect.is_rate:
        return f"{format_amount(round(low * 100, 1))} to {format_difference(effect, high)}"
    return f"{format_amount(low, like=high)} to {format_amount(high, effect.unit)}"


def format_difference(effect: MeasuredEffect, value: float) -> str:
    """Rates differ by percentage points."""
    if effect.is_rate:
        return f"{format_amount(round(value * 100, 1))} percentage points"
    return format_amount(value, effect.unit)

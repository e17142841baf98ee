"""A campaign's effect: customers on the list and those held out, compared with pandas and scipy."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from flows.campaign import measure_effect
from resegment.campaign import CampaignOptions, list_cells
from schemas.campaign import Campaign, CampaignEffect
from segmentation.errors import Refused
from segmentation.exporting.hashing import Holdout
from segmentation.outcomes.intervals import SampleMoments, estimate_mean_difference, estimate_rate_difference
from segmentation.store.dates import published_dates
from tasks.runtime.session import night_session
from tests.event_inputs import AS_OF
from tests.outcome_shop import DAYS, Shop, compute_outcomes, open_shop

SHARE = 0.3
SPRING = Holdout(SHARE, "spring")


def draw_orders() -> Iterator[str]:
    """Heavy and light customers in January. In February heavy ones who were not held out order more."""
    rng = np.random.default_rng(11)
    for name, size, orders in (("heavy", 400, 8), ("light", 300, 1)):
        ids = [f"{name}{i:03d}" for i in range(size)]
        for customer, is_held_out in zip(ids, SPRING.detect(ids), strict=True):
            for order in range(orders):
                day = date(2026, 1, 2) + timedelta(int(rng.integers(0, 29)))
                price = 90 if name == "heavy" else 5
                yield f"{customer},j{customer}-{order},{day} 10:00:00,1,{price + rng.random():.2f}"
            is_treated = name == "heavy" and not is_held_out
            if rng.random() < (0.5 if is_treated else 0.3):
                day = AS_OF + timedelta(int(rng.integers(0, DAYS)))
                yield f"{customer},f{customer},{day} 10:00:00,1,{20 + 10 * rng.random():.2f}"
    yield f"new,z,{AS_OF + timedelta(DAYS)} 10:00:00,1,5"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after the campaign's horizon."""
    return open_shop(
        tmp_path_factory.mktemp("shop"), draw_orders(), k={"rule": "fixed", "fixed": 2, "max": 2}
    )


def measure(shop: Shop, salt: str, *segment_ids: str, **changes: float) -> CampaignEffect:
    """The effect of a campaign to these segments."""
    edition = next((shop.home / "editions" / str(AS_OF)).iterdir()).name
    campaign = Campaign(segment_ids=segment_ids, holdout=SHARE, salt=salt).model_copy(update=changes)
    night = shop.make_night(run_id="campaign").model_copy(update={"force": True})
    with night_session(night):
        return measure_effect(night, edition, campaign)


def get_heavy(outcomes: pd.DataFrame) -> str:
    """The segment of heavy customers."""
    return str(outcomes.loc["heavy000", "segment_id"])


def test_a_planted_effect_is_found(shop: Shop) -> None:
    """Sizes, rates, means and intervals are those of pandas and scipy."""
    outcomes = compute_outcomes(shop)
    heavy = outcomes[outcomes["segment_id"] == get_heavy(outcomes)]
    is_held_out = SPRING.detect(list(heavy.index))
    effect = measure(shop, "spring", get_heavy(outcomes))
    measures = {measured.measure: measured for measured in effect.measures}
    for name in ("revenue", "bought_again"):
        groups = [heavy.loc[~is_held_out, name], heavy.loc[is_held_out, name]]
        measured = measures[name]
        for group, values in zip((measured.on_list, measured.held_out), groups, strict=True):
            assert group.customers == len(values) and group.mean == pytest.approx(values.mean())
        assert measured.difference == pytest.approx(groups[0].mean() - groups[1].mean())
        assert measured.is_shown and measured.interval.low > 0
    groups = [heavy.loc[~is_held_out, "revenue"], heavy.loc[is_held_out, "revenue"]]
    expected = stats.ttest_ind(*groups, equal_var=False).confidence_interval(0.95)
    assert (measures["revenue"].interval.low, measures["revenue"].interval.high) == pytest.approx(expected)
    assert measures["revenue"].sentence.startswith("The campaign raised revenue in the next 28 days by ")
    assert "percentage points (95 % interval" in measures["bought_again"].sentence
    assert not effect.unknown and [len(list_cells(measured)) for measured in effect.measures] == [7] * 3


def test_without_an_effect_no_difference_can_be_shown(shop: Shop) -> None:
    """Another salt's groups, and a segment that the campaign left alone, differ by chance only."""
    outcomes = compute_outcomes(shop)
    (light,) = set(outcomes["segment_id"]) - {get_heavy(outcomes)}
    for effect in (measure(shop, "autumn", get_heavy(outcomes)), measure(shop, "spring", light)):
        for measured in effect.measures:
            assert not measured.is_shown
            assert measured.sentence.startswith("No difference in ")


def test_too_few_customers_are_refused(shop: Shop) -> None:
    """Of ten thousandths of the customers nothing can be said."""
    with pytest.raises(Refused, match="customers on the list and 0 held out have an outcome"):
        measure(shop, "spring", holdout=1e-6)


def test_nothing_is_stored(shop: Shop) -> None:
    """Neither a validation nor an edition."""
    measure(shop, "spring")
    assert not (shop.home / "validations").exists() and published_dates(shop.home) == [AS_OF]


def test_options_of_a_list_need_its_holdout_and_date() -> None:
    """Without any of them, segments are judged."""
    nothing = CampaignOptions((), None, None, None, None)
    assert not nothing.check(None, None)
    with pytest.raises(Refused, match="who was held out"):
        nothing._replace(segments=("S01",)).check("2026-01-31", None)
    with pytest.raises(Refused, match="--as-of DATE"):
        nothing._replace(holdout="10%").check(None, None)
    assert nothing._replace(holdout="10%").check("2026-01-31", None)


@pytest.mark.parametrize(("first", "second"), [((900, 100), (0.04, 0.1)), ((30, 20), (0.0, 1.0))])
def test_rates_have_newcombes_interval(first: tuple[int, int], second: tuple[float, float]) -> None:
    """From scipy's Wilson intervals."""
    samples = [SampleMoments(n, round(rate * n) / n, 0.0) for n, rate in zip(first, second, strict=True)]
    ends = [stats.binomtest(round(s.mean * s.n), s.n).proportion_ci(method="wilson") for s in samples]
    (p1, p2), (one, two) = [s.mean for s in samples], ends
    interval = estimate_rate_difference(*samples)
    assert interval.low == pytest.approx(p1 - p2 - np.hypot(p1 - one.low, two.high - p2))
    assert interval.high == pytest.approx(p1 - p2 + np.hypot(one.high - p1, p2 - two.low))


def test_equal_values_have_an_interval_without_width() -> None:
    """Nobody bought anything."""
    interval = estimate_mean_difference(SampleMoments(50, 0.0, 0.0), SampleMoments(20, 0.0, 0.0))
    assert (interval.low, interval.high) == (0.0, 0.0)

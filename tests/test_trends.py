"""Nights are compared with the last one and with the last 28, which each edition carries forward."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from schemas.manifest import Manifest, ManifestRows
from schemas.verdicts import Check
from schemas.volumes import HISTORY_NIGHTS, NightVolume
from segmentation.checks.trends import check_quarantined_trend, check_volume, check_volume_trend

FIRST = date(2026, 1, 5)  # a Monday
LIMIT = 0.5


def publish(nights: int, rows: Callable[[int], float], refused: Callable[[int], float]) -> list[Manifest]:
    """The manifests of nights in a row, each of which takes its history from the one before."""
    manifests: list[Manifest] = []
    for i in range(nights):
        read = round(rows(i))
        quarantined = round(read * refused(i))
        used = read - quarantined
        balance = ManifestRows(read=read, used=used, quarantined=quarantined, customers=used // 4)
        previous = manifests[-1] if manifests else None
        manifests.append(
            Manifest(
                name="demo",
                as_of=FIRST + timedelta(i),
                edition=f"{i}",
                history=previous.volumes if previous else (),
                rows=balance,
                k=1,
                how="scored",
                inertia=0.0,
                sizes={},
            )
        )
    return manifests


def judge(manifest: Manifest) -> dict[str, Check]:
    """The checks of a night against its history."""
    tonight, history = manifest.volumes[-1], manifest.history
    checks = (
        check_volume("rows", tonight, history, LIMIT),
        check_volume("customers", tonight, history, LIMIT),
        check_volume_trend(tonight, history, LIMIT),
        check_quarantined_trend(tonight, history, 0.05),
    )
    return {check.name: check for check in checks}


def list_failed(manifests: list[Manifest]) -> set[str]:
    """The checks that fail on any night."""
    return {name for manifest in manifests for name, check in judge(manifest).items() if not check.passed}


def weekly(i: int) -> float:
    """Rows of a shop that sells little on Saturdays and less on Sundays."""
    return 10_000 * (0.7, 1, 1.1, 1, 1, 0.8, 0.6)[i % 7]


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        (1.0, set()),
        (0.995, set()),
        (0.97, {"volume-trend"}),
        (1.03, {"volume-trend"}),
        (0.95, {"volume-trend", "rows-volume", "customers-volume"}),
    ],
)
def test_a_slow_slide_is_noticed_within_28_nights(change: float, failed: set[str]) -> None:
    """No night differs much from the last one; a weekly rhythm on top hides nothing and alarms nobody."""
    manifests = publish(28, lambda i: weekly(i) * change**i, lambda i: 0.001)
    assert list_failed(manifests) == failed
    flat = publish(28, lambda i: 10_000 * change**i, lambda i: 0.001)
    assert list_failed(flat) == failed


@pytest.mark.parametrize("lowest", [0.1, 0.45])
def test_a_weekday_that_is_always_small_is_compared_with_itself(lowest: float) -> None:
    """Sundays far below the median pass as soon as two Sundays before were."""
    history = tuple(
        NightVolume(as_of=FIRST + timedelta(i), rows=n, quarantined=0, customers=n)
        for i, n in enumerate([1000] * 6 + [round(1000 * lowest)])
    )
    nights = [night.model_copy(update={"as_of": night.as_of + timedelta(7 * week)})
              for week in range(3) for night in history]  # fmt: skip
    check = check_volume("rows", nights[-1], nights[:-1], LIMIT)
    # Against Saturday, as ever.
    assert "too far from the edition before; a change of 50% or more is not allowed" in check.finding
    rising = check_volume("rows", nights[-1], [*nights[:-2], nights[-1]], LIMIT)
    assert rising.passed


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([1000] * 9 + [400, 400], "too far from the median;"),
        ([1000] * 10 + [400], "too far from the edition before and from the median;"),
        ([1000] * 9 + [400, 1000], "too far from the edition before;"),
    ],
)
def test_the_finding_says_which_comparison_failed(rows: list[int], words: str) -> None:
    """Against the last night, the median of earlier ones, or both."""
    check = judge(publish(len(rows), lambda i: rows[i], lambda i: 0)[-1])["rows-volume"]
    assert check.required and not check.passed
    assert words in check.finding


def test_a_first_night_has_nothing_to_compare_with() -> None:
    """A cold start passes all of them."""
    assert list_failed(publish(1, lambda i: 10, lambda i: 0.04)) == set()


@pytest.mark.parametrize(
    ("shares", "passed"),
    [
        ([0.001] * 9 + [0.012], True),
        ([0.001] * 9 + [0.014], False),
        ([0.02] * 9 + [0.045], True),
        ([0.3] * 9 + [0.4], True),
        ([0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.03] * 3, True),
        ([0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001] * 2 + [0.03], False),
    ],
)
def test_a_refused_share_far_above_the_usual_one_warns(shares: list[float], passed: bool) -> None:
    """Above three times the median and a quarter of the limit; a weekly rhythm is usual after two weeks."""
    check = judge(publish(len(shares), lambda i: 100_000, lambda i: shares[i])[-1])["quarantined-trend"]
    assert (check.required, check.passed) == (False, passed)


def test_a_manifest_carries_28_nights_and_reads_like_an_earlier_one_without() -> None:
    """The oldest nights fall off, oldest first; without earlier nights the manifest has no key for them."""
    manifests = publish(40, lambda i: 100 + i, lambda i: 0)
    assert len(manifests[-1].history) == HISTORY_NIGHTS
    assert [night.rows for night in manifests[-1].history] == list(range(111, 139))
    assert "history" not in manifests[0].model_dump() and "history" in manifests[1].model_dump()
    assert Manifest.model_validate_json(manifests[-1].model_dump_json()) == manifests[-1]

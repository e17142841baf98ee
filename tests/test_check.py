"""Each check with a night that passes it and one that fails it, and the verdict over all checks."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.clauses import CheckLimits
from schemas.clustering import Fitted, Segment
from schemas.evidence import Choice
from schemas.part import Part
from schemas.rows import Customers, RowBalance
from schemas.verdicts import Check, Verdict
from segmentation.checks.refusals import check_quarantined_share, check_rows_balance
from segmentation.errors import Refused
from tasks.check import (
    adjust,
    check_convergence,
    check_no_empty_segment,
    check_sizes,
    check_smallest_share,
    check_warnings,
)
from tests.conftest import TRAINING
from tests.stage_records import make_customers


def fitted(*sizes: int, converged: bool = True) -> Fitted:
    """A fit with segments of these sizes."""
    segments = tuple(
        Segment(segment_id=f"S{i:02d}", size=size, share=size / sum(sizes), centre=(0.0,))
        for i, size in enumerate(sizes, 1)
    )
    return Fitted(
        segments=segments,
        inertia=1.0,
        passes=3,
        converged=converged,
        method="cold",
        reasons=(),
        training=TRAINING,
        parts=(),
    )


def customers(
    rows_read: int, used: int, merged: int, quarantined: int, in_files: int | None = None
) -> Customers:
    """Customers with this balance of rows."""
    part = Part(path=Path("customers.parquet"), rows=used, size=1)
    balance = RowBalance(
        read=rows_read, used=used, merged=merged, quarantined=quarantined, reasons={"missing": quarantined}
    )
    return make_customers([part], balance, quarantined if in_files is None else in_files)


@pytest.mark.parametrize(("sizes", "k", "passed"), [((5, 5), 2, True), ((5, 5), 3, False), ((5,), 1, True)])
def test_empty_segments_fail(sizes: tuple[int, ...], k: int, passed: bool) -> None:
    """Fewer segments with customers than k fail the check."""
    assert (
        check_no_empty_segment(fitted(*sizes), Choice(k=k, rule="auto", reasons=(), curve=())).passed
        is passed
    )


@pytest.mark.parametrize(
    ("sizes", "limit", "passed"), [((99, 1), 0.01, True), ((991, 9), 0.01, False), ((7,), 0.5, True)]
)
def test_small_segments_fail(sizes: tuple[int, ...], limit: float, passed: bool) -> None:
    """A segment below the smallest share fails; one exactly at it passes, and the smallest is named."""
    check = check_smallest_share(fitted(*sizes), limit)
    assert check.passed is passed
    assert f"S{len(sizes):02d} holds" in check.finding


@pytest.mark.parametrize(("refused", "passed"), [(0, True), (5, True), (6, False)])
def test_too_many_refused_rows_fail(refused: int, passed: bool) -> None:
    """More than the allowed share of rows in quarantine fails; exactly the share passes."""
    assert check_quarantined_share(customers(100, 100 - refused, 0, refused), 0.05).passed is passed


def test_no_rows_have_no_share() -> None:
    """A night without rows never gets here: dividing by zero is an error, not a pass."""
    with pytest.raises(ZeroDivisionError):
        check_quarantined_share(customers(0, 0, 0, 0), 0.05)


@pytest.mark.parametrize(
    ("balance", "passed"),
    [
        (customers(10, 7, 1, 2), True),
        (customers(10, 7, 1, 1), False),
        (customers(11, 7, 1, 2), False),
        (customers(10, 7, 1, 2, in_files=1), False),
    ],
)
def test_lost_rows_fail(balance: Customers, passed: bool) -> None:
    """Rows that are neither used, merged nor in a quarantine file fail the check."""
    assert check_rows_balance(balance).passed is passed


def test_customers_without_a_segment_fail() -> None:
    """Segments with more or fewer customers than the night has fail the check."""
    assert check_sizes(customers(10, 10, 0, 0), fitted(6, 4)).passed
    assert not check_sizes(customers(10, 10, 0, 0), fitted(6, 3)).passed


def test_advisory_checks_do_not_hold_a_night() -> None:
    """Centres that still move, and warnings, are shown but do not hold the night."""
    checks = (check_convergence(fitted(1, converged=False)), check_warnings(("odd",)))
    assert [check.passed for check in checks] == [False, False]
    verdict = Verdict(checks=checks)
    assert verdict.may_publish
    assert verdict.reasons == ()
    assert verdict.warnings == ("converged: still moving after 3 passes", "input: odd")
    assert check_convergence(fitted(1)).passed
    assert check_warnings(()).passed


def test_one_required_check_holds_the_night() -> None:
    """One failed required check holds the night; without failures it may go live."""
    good = Check(name="a", required=True, passed=True, finding="")
    bad = Check(name="b", required=True, passed=False, finding="3 of 2")
    assert Verdict(checks=(good,)).may_publish
    assert not Verdict(checks=(good, bad)).may_publish
    assert Verdict(checks=(good, bad)).reasons == ("b: 3 of 2",)


CHECKS = (
    Check(name="churn", required=True, passed=False, finding="a"),
    Check(name="volume-trend", required=False, passed=False, finding="b"),
    Check(name="file-days", required=False, passed=True, finding="c"),
)


@pytest.mark.parametrize(
    ("limits", "reasons"),
    [
        ({}, ("churn: a",)),
        ({"advisory": ["churn"]}, ()),
        ({"required": ["volume-trend"]}, ("churn: a", "volume-trend: b")),
        ({"required": ["file-days", "churn"]}, ("churn: a",)),
        ({"advisory": ["churn"], "required": ["volume-trend"]}, ("volume-trend: b",)),
    ],
)
def test_a_definition_decides_which_checks_hold(
    limits: dict[str, list[str]], reasons: tuple[str, ...]
) -> None:
    """checks.advisory and checks.required change what a failed check does."""
    adjusted = adjust(CHECKS, CheckLimits.model_validate(limits))
    assert Verdict(checks=adjusted).reasons == reasons
    assert [check.name for check in adjusted] == [check.name for check in CHECKS]


@pytest.mark.parametrize("key", ["advisory", "required"])
def test_an_unknown_check_is_refused(key: str) -> None:
    """The message has the misspelt name and all names there are."""
    message = f"checks.{key} names chrun; the checks are: churn, volume-trend, file-days"
    with pytest.raises(Refused, match=message):
        adjust(CHECKS, CheckLimits.model_validate({key: ["chrun"]}))


def test_a_check_is_not_both_advisory_and_required() -> None:
    """The definition is refused before a run."""
    with pytest.raises(ValidationError, match="both name churn"):
        CheckLimits.model_validate({"advisory": ["churn"], "required": ["churn"]})

"""Stage check: required and advisory checks as values; one verdict decides between publishing and holding.

Bad input is refused by the stage that reads it. Here the night's result is judged: its segments, and with
segmentation/checks/ its refused rows and its size.
"""

from datetime import date

from config.clauses import CheckLimits
from schemas.clustering import Fitted
from schemas.draft import EditionDraft
from schemas.evidence import Choice
from schemas.identity import Churn, PreviousEdition
from schemas.night import Night
from schemas.rows import Customers
from schemas.verdicts import Check, Verdict
from schemas.volumes import NightVolume
from schemas.wording import format_count
from segmentation.checks.attributes import check_attributes
from segmentation.checks.id_share import check_id_share
from segmentation.checks.late_files import NAME as LATE_FILES
from segmentation.checks.late_files import check_late_files
from segmentation.checks.refusals import (
    check_file_days,
    check_quarantined_share,
    check_refused_days,
    check_refused_value,
    check_rows_balance,
)
from segmentation.checks.trends import check_quarantined_trend, check_volume, check_volume_trend
from segmentation.errors import Refused
from segmentation.rows.summarising.freshness import infer_newest_day
from tasks.runtime.stage import stage


def check_no_empty_segment(fitted: Fitted, choice: Choice) -> Check:
    """Every one of the k segments has customers; empty clusters are not segments."""
    finding = f"{len(fitted.segments)} segments with customers, k = {choice.k}"
    return Check(
        name="no-empty-segment", required=True, passed=len(fitted.segments) == choice.k, finding=finding
    )


def check_smallest_share(fitted: Fitted, limit: float) -> Check:
    """No segment is smaller than k.smallest_share."""
    smallest = min(fitted.segments, key=lambda segment: segment.size)
    finding = (
        f"{smallest.segment_id} holds {smallest.share:.2%} of customers; at least {limit:.2%} is required"
    )
    return Check(name="smallest-share", required=True, passed=smallest.share >= limit, finding=finding)


def check_sizes(customers: Customers, fitted: Fitted) -> Check:
    """The segments hold every customer once."""
    held = sum(segment.size for segment in fitted.segments)
    finding = f"{held} customers in segments, {customers.count} in all"
    return Check(name="customers-in-segments", required=True, passed=held == customers.count, finding=finding)


def check_convergence(fitted: Fitted) -> Check:
    """Lloyd's passes converged."""
    state = "converged" if fitted.converged else "still moving"
    finding = f"{state} after {format_count(fitted.passes, 'pass')}"
    return Check(name="converged", required=False, passed=fitted.converged, finding=finding)


def check_warnings(warnings: tuple[str, ...]) -> Check:
    """The input was not unusual."""
    return Check(name="input", required=False, passed=not warnings, finding="; ".join(warnings) or "none")


def check_left(churn: Churn | None, limit: float) -> Check:
    """Not too many customers left at once."""
    if churn is None:
        return Check(name="left", required=True, passed=True, finding="no edition before")
    # Everyone of the previous edition; those who joined were not in it.
    previous_count = churn.stayed + churn.behaviour + churn.model + churn.left
    finding = (
        f"{churn.left} of {previous_count} customers left; a share of {limit:.0%} or more is not allowed"
    )
    return Check(
        name="left",
        required=True,
        passed=churn.left < limit * previous_count or not previous_count,
        finding=finding,
    )


def check_churn(churn: Churn | None, limit: float) -> Check:
    """Not too many staying customers change segment."""
    if churn is None:
        return Check(name="churn", required=True, passed=True, finding="no edition before")
    finding = (
        f"{churn.moved_share:.2%} of staying customers change segment ({churn.behaviour} by behaviour, "
        f"{churn.model} by the model); at most {limit:.2%} is allowed"
    )
    return Check(name="churn", required=True, passed=churn.moved_share <= limit, finding=finding)


def check_drift(previous: PreviousEdition, limit: float) -> Check:
    """No feature differs completely from the model's training data."""
    if not previous.drift:
        return Check(name="drift", required=True, passed=True, finding="no model before")
    worst = max(previous.drift, key=lambda name: previous.drift[name])
    psi = previous.drift[worst]
    finding = f"PSI of {worst} is {psi:.3f} against the training data; at most {limit:g} is allowed"
    return Check(name="drift", required=True, passed=psi <= limit, finding=finding)


def check_constant(previous: PreviousEdition) -> Check:
    """No feature that varied when the model was trained has become constant."""
    finding = (
        f"constant: {', '.join(previous.constant_features)}"
        if previous.constant_features
        else "all features vary"
    )
    return Check(name="features-vary", required=True, passed=not previous.constant_features, finding=finding)


def check_freshness(newest: date | None, as_of: date, limit: int) -> Check:
    """The data is recent enough."""
    if newest is None:
        return Check(name="freshness", required=True, passed=True, finding="the data has no dates")
    age = (as_of - newest).days
    finding = (
        f"the newest data is from {newest}, {format_count(age, 'day')} before {as_of}; "
        f"the limit is {format_count(limit, 'day')}"
    )
    return Check(name="freshness", required=True, passed=age <= limit, finding=finding)


def adjust(checks: tuple[Check, ...], limits: CheckLimits) -> tuple[Check, ...]:
    """The checks, with those named advisory no longer required, and those named required always so.

    Refused if a name is unknown.
    """
    names = [check.name for check in checks]
    for key, chosen in (("advisory", limits.advisory), ("required", limits.required)):
        # A misspelt name must not silently leave a check as it is.
        if unknown := sorted(set(chosen) - set(names)):
            message = f"checks.{key} names {', '.join(unknown)}; the checks are: {', '.join(names)}"
            raise Refused("definition", message)
    return tuple(
        check.model_copy(
            update={
                "required": check.name in limits.required
                or (check.required and check.name not in limits.advisory)
            }
        )
        for check in checks
    )


def measure_volume(night: Night, customers: Customers) -> NightVolume:
    """Tonight's size, as later nights will compare with it."""
    balance = customers.balance
    return NightVolume(
        as_of=night.as_of, rows=balance.read, quarantined=balance.quarantined, customers=customers.count
    )


@stage("check {night.as_of}")
def check(night: Night, draft: EditionDraft) -> Verdict:
    """Run all checks of the night."""
    definition, customers, previous = night.definition, draft.customers, draft.previous
    limits, fitted, churn = definition.checks, draft.aligned.fitted, draft.aligned.churn
    newest = infer_newest_day(definition, draft.ingested, night.as_of)
    breakdown, history, tonight = draft.ingested.breakdown, previous.history, measure_volume(night, customers)
    checks = (
        check_rows_balance(customers),
        check_sizes(customers, fitted),
        check_no_empty_segment(fitted, draft.choice),
        check_smallest_share(fitted, definition.k.smallest_share),
        check_quarantined_share(customers, limits.max_quarantined),
        check_refused_days(breakdown, limits.max_quarantined_day),
        check_refused_value(breakdown, customers.balance, limits.max_quarantined),
        check_quarantined_trend(tonight, history, limits.max_quarantined),
        check_file_days(breakdown),
        check_id_share(customers),
        *check_attributes(customers.attributes, limits.max_quarantined),
        check_volume("rows", tonight, history, limits.max_row_change),
        check_volume("customers", tonight, history, limits.max_row_change),
        check_volume_trend(tonight, history, limits.max_row_change),
        check_left(churn, limits.max_row_change),
        check_churn(churn, limits.max_churn),
        check_drift(previous, limits.max_drift),
        check_constant(previous),
        check_freshness(newest, night.as_of, limits.max_staleness_days),
        check_late_files(draft.ingested.late, LATE_FILES in limits.required),
        check_convergence(fitted),
        check_warnings((*customers.warnings, *previous.warnings, *draft.scaled.warnings)),
    )
    return Verdict(checks=adjust(checks, limits))

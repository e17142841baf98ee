"""Stage 7, check: required and advisory checks as values; one object decides publish or hold.

Refusals of input belong in the stage that meets them; here a night that was built is judged.
"""

from schemas.evidence import Choice
from schemas.records import Customers, Fitted, Ingested, Night, Scaled
from schemas.verdicts import Check, Verdict
from tasks.options import stage


def check_no_empty_segment(fitted: Fitted, choice: Choice) -> Check:
    """Every one of the k segments has customers; clusters without any are no segments."""
    found = f"{len(fitted.segments)} segments with customers, k = {choice.k}"
    return Check(name="no-empty-segment", required=True, passed=len(fitted.segments) == choice.k, found=found)


def check_smallest_share(fitted: Fitted, limit: float) -> Check:
    """No segment is smaller than k.smallest_share."""
    smallest = min(fitted.segments, key=lambda segment: segment.size)
    found = f"{smallest.segment_id} holds {smallest.share:.2%} of customers; at least {limit:.2%} is asked"
    return Check(name="smallest-share", required=True, passed=smallest.share >= limit, found=found)


def check_quarantined_share(customers: Customers, limit: float) -> Check:
    """Not too many rows were refused."""
    share = customers.quarantined / customers.read
    found = f"{customers.quarantined} of {customers.read} rows ({share:.2%}); at most {limit:.2%} is allowed"
    return Check(name="quarantined-share", required=True, passed=share <= limit, found=found)


def check_rows_balance(rows: Ingested, customers: Customers) -> Check:
    """Every row read is used, merged or quarantined, and each refused row stands in a file."""
    in_files = sum(part.rows for part in customers.quarantine)
    balanced = (
        rows.counts.read == customers.used + customers.merged + customers.quarantined
        and in_files == customers.quarantined == sum(customers.reasons.values())
    )
    found = (
        f"{rows.counts.read} read = {customers.used} used + {customers.merged} merged "
        f"+ {customers.quarantined} quarantined"
    )
    return Check(name="rows-accounted-for", required=True, passed=balanced, found=found)


def check_sizes(customers: Customers, fitted: Fitted) -> Check:
    """The segments hold every customer once."""
    held = sum(segment.size for segment in fitted.segments)
    found = f"{held} customers in segments, {customers.customers} customers"
    return Check(name="customers-in-segments", required=True, passed=held == customers.customers, found=found)


def check_convergence(fitted: Fitted) -> Check:
    """Lloyd's passes came to rest."""
    found = f"{'at rest' if fitted.converged else 'still moving'} after {fitted.passes} passes"
    return Check(name="converged", required=False, passed=fitted.converged, found=found)


def check_warnings(warnings: tuple[str, ...]) -> Check:
    """Nothing unusual was met on the way."""
    return Check(name="input", required=False, passed=not warnings, found="; ".join(warnings) or "none")


@stage("check {night.as_of}")
def check(
    night: Night, rows: Ingested, customers: Customers, scaled: Scaled, choice: Choice, fitted: Fitted
) -> Verdict:
    """All checks of the night."""
    checks = (
        check_rows_balance(rows, customers),
        check_sizes(customers, fitted),
        check_no_empty_segment(fitted, choice),
        check_smallest_share(fitted, night.segmentation.k.smallest_share),
        check_quarantined_share(customers, night.segmentation.checks.max_quarantined),
        check_convergence(fitted),
        check_warnings((*customers.warnings, *scaled.warnings)),
    )
    return Verdict(checks=checks)

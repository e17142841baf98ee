"""Stage check: required and advisory checks as values; one object decides publish or hold.

Refusals of input belong in the stage that meets them; here a night that was built is judged.
"""

from datetime import date

from schemas.evidence import Choice
from schemas.identity import Aligned, Churn, Memory
from schemas.records import Customers, Fitted, Ingested, Night, Scaled
from schemas.verdicts import Check, Verdict
from segmentation.errors import Refused
from segmentation.rows.freshness import find_newest
from tasks.runtime.stage import stage


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


def check_volume(what: str, now: int, before: int, limit: float) -> Check:
    """Rows, or customers, are about as many as in the edition before: neither halved nor doubled."""
    if not before:
        return Check(name=f"{what}-volume", required=True, passed=True, found=f"{now} {what}, none before")
    passed = (1 - limit) * before < now and (1 - limit) * now < before
    found = f"{now} {what}, {before} before; neither may be smaller than the other by {limit:.0%} or more"
    return Check(name=f"{what}-volume", required=True, passed=passed, found=found)


def check_left(churn: Churn | None, limit: float) -> Check:
    """Not too many customers left at once."""
    if churn is None:
        return Check(name="left", required=True, passed=True, found="no edition before")
    before = churn.stayed + churn.behaviour + churn.model + churn.left
    found = f"{churn.left} of {before} customers left; a share of {limit:.0%} or more is not allowed"
    return Check(name="left", required=True, passed=churn.left < limit * before or not before, found=found)


def check_churn(churn: Churn | None, limit: float) -> Check:
    """Not too many of those who stay change their segment."""
    if churn is None:
        return Check(name="churn", required=True, passed=True, found="no edition before")
    found = (
        f"{churn.moved_share:.2%} of staying customers change their segment ({churn.behaviour} by behaviour, "
        f"{churn.model} by the model); at most {limit:.2%} may"
    )
    return Check(name="churn", required=True, passed=churn.moved_share <= limit, found=found)


def check_drift(memory: Memory, limit: float) -> Check:
    """No feature looks altogether different from what the model was trained on."""
    if not memory.drift:
        return Check(name="drift", required=True, passed=True, found="no model before")
    worst = max(memory.drift, key=lambda name: memory.drift[name])
    found = f"PSI of {worst} is {memory.drift[worst]:.3f} against its training; at most {limit:g} is allowed"
    return Check(name="drift", required=True, passed=memory.drift[worst] <= limit, found=found)


def check_constant(memory: Memory) -> Check:
    """No feature that varied when the model was trained has become constant."""
    found = f"one value only: {', '.join(memory.constant)}" if memory.constant else "all features vary"
    return Check(name="features-vary", required=True, passed=not memory.constant, found=found)


def check_freshness(newest: date | None, as_of: date, limit: int) -> Check:
    """The data reaches up to the night."""
    if newest is None:
        return Check(name="freshness", required=True, passed=True, found="the data has no date")
    age = (as_of - newest).days
    found = f"the newest data is of {newest}, {age} days before {as_of}; at most {limit} are allowed"
    return Check(name="freshness", required=True, passed=age <= limit, found=found)


def demote(checks: tuple[Check, ...], advisory: tuple[str, ...]) -> tuple[Check, ...]:
    """The checks, those that the definition names warning only. Refused if it names one that is not there."""
    if unknown := sorted(set(advisory) - {one.name for one in checks}):
        names = ", ".join(one.name for one in checks)
        raise Refused("definition", f"checks.advisory names {', '.join(unknown)}; there are: {names}")
    return tuple(
        one.model_copy(update={"required": one.required and one.name not in advisory}) for one in checks
    )


@stage("check {night.as_of}")
def check(
    night: Night,
    rows: Ingested,
    customers: Customers,
    scaled: Scaled,
    choice: Choice,
    aligned: Aligned,
    memory: Memory,
) -> Verdict:
    """All checks of the night."""
    limits, fitted = night.segmentation.checks, aligned.fitted
    checks = (
        check_rows_balance(rows, customers),
        check_sizes(customers, fitted),
        check_no_empty_segment(fitted, choice),
        check_smallest_share(fitted, night.segmentation.k.smallest_share),
        check_quarantined_share(customers, limits.max_quarantined),
        check_volume("rows", customers.read, memory.read, limits.max_row_change),
        check_volume("customers", customers.customers, memory.customers, limits.max_row_change),
        check_left(aligned.churn, limits.max_row_change),
        check_churn(aligned.churn, limits.max_churn),
        check_drift(memory, limits.max_drift),
        check_constant(memory),
        check_freshness(find_newest(night.segmentation, rows), night.as_of, limits.max_staleness_days),
        check_convergence(fitted),
        check_warnings((*customers.warnings, *memory.warnings, *scaled.warnings)),
    )
    return Verdict(checks=demote(checks, limits.advisory))

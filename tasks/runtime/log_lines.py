"""What each stage logs when it ends: counts, never a customer's value.

What people look at longer is artifacts.py's.
"""

from functools import singledispatch

from schemas.evidence import Choice, Curve, Evidence
from schemas.identity import Aligned, Memory
from schemas.records import Candidate, Customers, Fitted, Ingested, Published, Reported, Scaled
from schemas.verdicts import Verdict


@singledispatch
def tell_counts(_: object) -> str:
    """One line about what a stage has made; nothing for what is not known here."""
    return ""


@tell_counts.register
def _(rows: Ingested) -> str:
    if rows.published:
        return f"edition {rows.key.edition} is published already"
    counts = rows.counts
    said = f"{counts.read:,} rows of {len(rows.inputs)} inputs: {counts.good:,} good, "
    return f"{said}{counts.quarantined:,} quarantined, {counts.outside:,} outside the window"


@tell_counts.register
def _(made: Customers) -> str:
    return f"{made.customers:,} customers of {made.used:,} rows; {made.merged:,} merged"


@tell_counts.register
def _(memory: Memory) -> str:
    if memory.is_cold:
        return "no edition before"
    return f"edition before: {memory.as_of}, {memory.customers:,} customers in {memory.k} segments"


@tell_counts.register
def _(scaled: Scaled) -> str:
    rows = sum(part.rows for part in scaled.parts)
    sample = f"a sample of {scaled.sample.part.rows:,} rows"
    return f"{rows:,} customers by {len(scaled.columns)} columns; {sample}"


@tell_counts.register
def _(found: Candidate) -> str:
    return f"k = {found.k}: {found.passes} passes"


@tell_counts.register
def _(curve: Curve) -> str:
    return f"{len(curve.points)} values of k scored over all customers"


@tell_counts.register
def _(evidence: Evidence) -> str:
    return f"{len(evidence.measures)} values of k weighed on {evidence.rows:,} customers"


@tell_counts.register
def _(choice: Choice) -> str:
    return f"k = {choice.k} of {len(choice.curve)} values, evidence {choice.strength}"


@tell_counts.register
def _(fitted: Fitted) -> str:
    sizes = ", ".join(f"{one.size:,}" for one in fitted.segments)
    return f"{len(fitted.segments)} segments ({fitted.how}, {fitted.passes} passes) of {sizes} customers"


@tell_counts.register
def _(aligned: Aligned) -> str:
    churn = aligned.churn
    if churn is None:
        return "first edition: no segment before"
    moved = f"{churn.behaviour:,} moved by behaviour, {churn.model:,} by the model"
    return f"{churn.stayed:,} customers stayed, {moved}, {churn.joined:,} joined, {churn.left:,} left"


@tell_counts.register
def _(verdict: Verdict) -> str:
    failed = [check for check in verdict.checks if not check.passed]
    required = sum(check.required for check in failed)
    return f"{len(verdict.checks)} checks, {len(failed)} failed, {required} of them required"


@tell_counts.register
def _(reported: Reported) -> str:
    return f"report of {reported.html.size:,} bytes, {reported.profiles.rows:,} profile rows"


@tell_counts.register
def _(published: Published) -> str:
    said = f"{published.outcome}: {published.customers:,} customers in {published.k} segments"
    return f"{said}, edition {published.edition}"

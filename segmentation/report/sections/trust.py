"""May a reader rely on tonight's segments? One answer, with its reasons: evidence, checks, data.

What the checks decide is in tasks/check.py, how strong the evidence is in segmentation/k/judging.py.
"""

from typing import Literal, NamedTuple

from schemas.evidence import STILL_HOLDS, Choice
from schemas.verdicts import Verdict
from schemas.wording import choose_verb
from segmentation.k.judging import HOLDS
from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_share, join_words

MAX_REFUSED = 0.02  # share of refused rows up to which nobody needs to look
Level = Literal["good", "care", "bad"]
ANSWERS: dict[Level, str] = {"good": "Yes", "care": "With care", "bad": "Not yet"}


class Reason(NamedTuple):
    """One side of the answer. clause: in a sentence. details: in one or two sentences."""

    topic: str
    level: Level
    clause: str
    details: str


class TrustView(NamedTuple):
    """What templates/trust.html.j2 shows. because: the reasons that decide, in one sentence."""

    level: Level
    answer: str
    because: str
    reasons: tuple[Reason, ...]


def view_trust(context: ReportContext) -> TrustView:
    """The answer is as good as the worst of its reasons."""
    reasons = (
        judge_evidence(context.draft.choice),
        judge_checks(context.verdict),
        judge_data(context),
    )
    ranks = list(ANSWERS)
    level = max((reason.level for reason in reasons), key=ranks.index)
    because = join_words([reason.clause for reason in reasons if reason.level == level])
    return TrustView(level, ANSWERS[level], f"{because[:1].upper()}{because[1:]}.", reasons)


def judge_evidence(choice: Choice) -> Reason:
    """How well the evidence supports this number of segments, and whether they hold."""
    if choice.k == 1:
        return Reason("Evidence", "good", "nothing suggests more than one segment", "One segment holds all.")
    measures = next((point for point in choice.measures if point.k == choice.k), None)
    stability = measures.stability if measures is not None else None
    is_close = choice.is_kept and stability is not None and stability >= STILL_HOLDS
    if stability is None:
        stability_text = "How stable they are was not measured."
    elif stability >= HOLDS:
        stability_text = (
            f"The segments come back when customers are drawn again: stability {stability:.2f} of 1."
        )
    elif is_close:
        stability_text = (
            f"Nearly all customers come back to their segments when customers are drawn again: stability "
            f"{stability:.2f} of 1, and {STILL_HOLDS} is enough to keep last night's segments."
        )
    else:
        stability_text = (
            f"The segments do not all come back when customers are drawn again: stability {stability:.2f}, "
            f"and {HOLDS} is needed."
        )
        if choice.is_kept:
            stability_text += (
                " They stay while last night's model fits. When it is refitted, their number may change."
            )
    holds = is_close or (stability is not None and stability >= HOLDS)
    if choice.strength in ("strong", "fair"):
        clause = f"the evidence for {choice.k} segments is {choice.strength}"
        return Reason("Evidence", "good", clause, f"Customers form natural groups. {stability_text}")
    if choice.strength == "weak":
        clause = f"the evidence for {choice.k} segments is weak"
        return Reason("Evidence", "care", clause, f"Another number may fit as well. {stability_text}")
    beginning = (
        "Customers form one crowd, so the borders are a practical choice."
        if choice.is_division
        else "The definition sets how many segments there may be."
    )
    if holds:
        return Reason("Evidence", "good", "the segments are stable", f"{beginning} {stability_text}")
    clause = "the segments are not stable" if stability is not None else "their stability was not measured"
    return Reason("Evidence", "care", clause, f"{beginning} {stability_text}")


def judge_checks(verdict: Verdict) -> Reason:
    """What the checks say; their findings are listed elsewhere."""
    count = len(verdict.checks)
    failed = [check for check in verdict.checks if not check.passed]
    if not failed:
        return Reason("Checks", "good", "all checks passed", f"All {count} passed.")
    names = ", ".join(check.name for check in failed)
    details = f"{count - len(failed)} of {count} passed; failed: {names}."
    required = sum(check.required for check in failed)
    if required:
        clause = "a required check failed" if required == 1 else f"{required} required checks failed"
        return Reason("Checks", "bad", clause, details)
    clause = "a check found something" if len(failed) == 1 else f"{len(failed)} checks found something"
    return Reason("Checks", "care", clause, details)


def judge_data(context: ReportContext) -> Reason:
    """How many rows of the source could not be used."""
    balance = context.draft.customers.balance
    share = balance.quarantined / max(1, balance.read)
    if not balance.quarantined:
        return Reason("Data", "good", "no row was refused", f"All {balance.read:,} rows could be used.")
    refused = f"{format_share(share)} of rows were refused"
    verb = choose_verb(balance.quarantined, "was", "were")
    details = f"{balance.quarantined:,} of {balance.read:,} rows {verb} refused ({format_share(share)})."
    return Reason("Data", "good" if share <= MAX_REFUSED else "care", refused, details)

"""Stage choose: which k, by the definition's rule, why, and how strong the evidence is.

The rules are in segmentation/k/rules.py; limits on segments are checked in tasks/check.py.
"""

from schemas.evidence import Choice, Curve, Evidence
from schemas.identity import PreviousEdition
from schemas.night import Night
from segmentation.identity.refitting import decide_k
from segmentation.k.rules import choose_k, judge_choice
from segmentation.k.votes import Vote
from tasks.runtime.stage import stage


@stage("choose {night.as_of}")
def choose(night: Night, curve: Curve, evidence: Evidence, previous: PreviousEdition) -> Choice:
    """Choose k from the curve and the evidence; last night's k is kept until another has earned its place."""
    options = night.definition.k
    choice = choose_k(options, curve, evidence)
    # Without hysteresis, common rules change k on 14 to 29 % of nights with nothing changing.
    decision = decide_k(options, night.definition.refit.nights, choice, previous)
    if decision.k == choice.k:
        reasons = (*choice.reasons, decision.reason) if decision.reason else choice.reasons
        return choice.model_copy(update={"reasons": reasons})
    kept = judge_choice(options, Vote(decision.k, decision.reason), curve, evidence)
    reasons = (*kept.reasons, f"tonight alone would choose k = {choice.k}: {choice.reasons[0]}")
    wanted = {"wanted_k": decision.wanted_k, "wanted_nights": decision.wanted_nights}
    return kept.model_copy(update={"reasons": reasons, **wanted})

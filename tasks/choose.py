"""Stage choose: which k, by the definition's rule, why, and how strong the evidence is.

The rules are in segmentation/k/rules.py; limits on segments are checked in tasks/check.py.
"""

from schemas.evidence import Choice
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.night import Night
from schemas.validation import Validation
from segmentation.identity.refitting import decide_k
from segmentation.k.rules import choose_k, judge_choice, list_allowed
from segmentation.k.ties import explain_unbroken, falls_short, list_tied, read_scores
from segmentation.k.votes import Vote
from tasks.runtime.stage import stage


@stage("choose {night.as_of}")
def choose(
    night: Night,
    look: Look,
    previous: PreviousEdition,
    validation: Validation | None = None,
) -> Choice:
    """Choose k from a look at each; last night's k is kept until another has earned its place.

    validation: of an earlier edition, by which ties are broken if the definition says so.
    """
    options, outcome = night.definition.k, night.definition.outcome
    breaks_ties = outcome is not None and outcome.breaks_ties
    scores = read_scores(validation) if breaks_ties and validation is not None else None
    choice = choose_k(options, look.curve, look.evidence, scores)
    if breaks_ties and choice.is_division and (note := explain_unbroken(scores)):
        choice = choice.model_copy(update={"reasons": (*choice.reasons, note)})
    # Without hysteresis, common rules change k on 14 to 29 % of nights with nothing changing.
    nights = night.definition.refit.nights
    if look.as_of != night.as_of:
        # The evidence of an earlier night can ask for another k. The next night looks, and may change it.
        nights = max(2, nights)
    decision = decide_k(
        options,
        nights,
        choice,
        previous,
        falls_short=scores is not None
        and falls_short(scores, list_tied(options, list_allowed(options, choice.measures)), previous.k),
    )
    if decision.k == choice.k:
        reasons = (*choice.reasons, decision.reason) if decision.reason else choice.reasons
        return choice.model_copy(update={"reasons": reasons, "measured_on": look.as_of})
    final_choice = judge_choice(options, Vote(decision.k, decision.reason), look.curve, look.evidence)
    alone = "tonight" if look.as_of == night.as_of else f"the evidence of {look.as_of}"
    reasons = (*final_choice.reasons, f"{alone} alone would choose k = {choice.k}: {choice.reasons[0]}")
    return final_choice.model_copy(
        update={
            "reasons": reasons,
            "wanted_k": decision.wanted_k,
            "wanted_nights": decision.wanted_nights,
            "is_kept": decision.wanted_k is None,
            "measured_on": look.as_of,
        }
    )

"""Stage choose: which k, by the definition's rule, why, and how strong the evidence is.

The rules are in segmentation/k/rules.py; limits on segments are checked in tasks/check.py.
"""

from schemas.evidence import Choice, Curve, Evidence
from schemas.identity import PreviousEdition
from schemas.night import Night
from segmentation.identity.refitting import apply_hysteresis
from segmentation.k.rules import choose_k
from tasks.runtime.stage import stage


@stage("choose {night.as_of}")
def choose(night: Night, curve: Curve, evidence: Evidence, previous: PreviousEdition) -> Choice:
    """Choose k from the curve and the evidence; last night's k is kept until another has earned its place."""
    definition = night.definition
    choice = choose_k(definition.k, curve, evidence)
    # Without hysteresis, common rules change k on 14 to 29 % of nights with nothing changing.
    return apply_hysteresis(definition.k, definition.refit.nights, choice, previous)

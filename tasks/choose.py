"""Stage choose: which k, by the definition's rule, why, and how sure that is.

The rules are segmentation/k/choosing.py's; limits on segments are checked in tasks/check.py.
"""

from schemas.evidence import Choice, Curve, Evidence
from schemas.identity import Memory
from schemas.records import Night
from segmentation.identity.refitting import settle_k
from segmentation.k.choosing import choose_k
from tasks.runtime.artifacts import show_sweep
from tasks.runtime.stage import stage


@stage("choose {night.as_of}")
def choose(night: Night, curve: Curve, evidence: Evidence, memory: Memory) -> Choice:
    """Choose k from the curve and the evidence, unless last night's stands."""
    segmentation = night.segmentation
    choice = choose_k(segmentation.k, curve, evidence)
    choice = settle_k(segmentation.k, segmentation.refit.nights, choice, memory)
    show_sweep(night, choice)
    return choice

"""Stage 6, choose: which k, by the definition's rule, why, and how sure that is.

The rules are segmentation/choosing.py's; limits on segments are checked in tasks/check.py.
"""

from schemas.evidence import Choice, Curve, Evidence
from schemas.records import Night
from segmentation.choosing import choose_k
from tasks.artifacts import show_sweep
from tasks.options import stage


@stage("choose {night.as_of}")
def choose(night: Night, curve: Curve, evidence: Evidence) -> Choice:
    """Choose k from the curve and the evidence."""
    choice = choose_k(night.segmentation.k, curve, evidence)
    show_sweep(night, choice)
    return choice

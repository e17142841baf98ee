"""The clause `k` of a proposed definition, and the range of segments of `resegment init --segments`.

How k is chosen within it is in segmentation/k/rules.py.
"""

import re
from typing import NamedTuple

from config.clauses import KOptions
from segmentation.errors import Refused


class SegmentRange(NamedTuple):
    """The fewest and the most segments that a person wants."""

    min: int
    max: int


def parse_segments(text: str) -> SegmentRange:
    """`4..8`, `4-8` or `5` as a range. Refused if it is not a range.

    >>> parse_segments("4..8"), parse_segments("5")
    (SegmentRange(min=4, max=8), SegmentRange(min=5, max=5))
    """
    match = re.fullmatch(r"\s*(\d{1,3})\s*(?:(?:\.\.|-)\s*(\d{1,3}))?\s*", text)
    if match:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high <= 100:
            return SegmentRange(low, high)
    raise Refused("segments", f"--segments {text[:20]!r} is not a range such as 4..8, or a number, in 1..100")


def write_k(segments: SegmentRange | None) -> list[str]:
    """The lines of the clause. A range leaves out every other k; one number fixes k."""
    default = KOptions()
    aim_min, aim_max = default.aim
    lines = ["k:", f"  min: {default.min}", f"  max: {default.max}"]
    if segments:
        lines = [
            "k:  # as --segments asks: no other number, even if the borders between customers speak for one",
            f"  min: {segments.min}",
            f"  max: {segments.max}",
        ]
    aim = f"  aim: [{aim_min}, {aim_max}]  # without natural segments, as many of these as hold"
    if segments and segments.min == segments.max:
        lines += ["  rule: fixed", f"  fixed: {segments.min}"]
    else:
        lines += ["  rule: auto"] if segments else [aim, "  rule: auto"]
    return [*lines, "  smallest_share: 0  # 0.01 would hold a night with a segment below 1 % of customers"]

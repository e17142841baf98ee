"""Recognising categories that have an order, such as Low, Medium and High, and putting them in it.

Which categories become features is decided in segmentation/proposing/roles.py.
"""

import re
from collections.abc import Iterable, Sequence

# Each scale from low to high; words between bars are the same step.
_SCALES = (
    "none < very low|lowest|minimal < low|lower < medium low|medium-low < medium|moderate|mid|middle|average|"
    "normal < medium high|medium-high < high|upper|higher < very high|highest|extreme",
    "xxs < xs|extra small|very small < s|small|sm < m|medium|med|mid|regular < l|large|lg|big < "
    "xl|extra large|very large|x-large < xxl|2xl < xxxl|3xl",
    "terrible|awful|very poor|very bad < poor|bad|weak < below average < fair|ok|okay|average|acceptable|"
    "medium < above average < good < very good|great < excellent|outstanding",
    "never < rarely|seldom|hardly ever < occasionally < sometimes < often|frequently|regularly < usually < "
    "very often < always|constantly",
    "strongly disagree|fully disagree < disagree < somewhat disagree|slightly disagree < neutral|undecided < "
    "somewhat agree|slightly agree < agree < strongly agree|fully agree",
    "very dissatisfied|very unsatisfied < dissatisfied|unsatisfied < neutral < satisfied < very satisfied",
    "very unlikely < unlikely < neutral < likely < very likely",
    "none|no education|no formal education|uneducated < primary|primary school|elementary|basic|"
    "elementary school < secondary|middle school|lower secondary < high school|highschool|upper secondary < "
    "some college|college|associate|associate degree|2n cycle < undergraduate|bachelor|bachelors|bachelor's|"
    "bachelor degree|bachelors degree|graduate|graduation|university < "
    "post-graduate|postgraduate|master|masters|master's|master degree|masters degree < "
    "phd|doctorate|doctoral|doctor|ph.d.",
    "free|trial|starter < bronze|basic|lite < silver|standard|regular|classic < gold|plus|premium|pro < "
    "platinum|business|professional < diamond|enterprise|ultimate|vip",
    "blue < silver < gold < platinum < diamond|black",
    "beginner|novice|entry|entry level < junior|elementary < intermediate|mid-level|mid < advanced|senior < "
    "expert|lead < principal|master",
    "daily < weekly|every week < fortnightly|bi-weekly|every 2 weeks < monthly|every month < quarterly|"
    "every 3 months < annually|yearly|every year",
    "month-to-month|month to month|monthly < quarterly < one year|1 year|annual|yearly < two year|two years|"
    "2 years",
    "cold < lukewarm|warm|medium < hot",
    "minor|low < moderate|medium|major < serious|severe|high < critical|urgent",
    "infant|baby < child|kid < teen|teenager|adolescent < young|young adult|youth < adult < middle-aged|"
    "middle aged < senior|old|elderly",
    "sehr niedrig < niedrig|gering < mittel < hoch < sehr hoch",
    "très faible < faible|bas < moyen|moyenne < élevé|élevée|haut < très élevé|très élevée",
    "muy bajo < bajo|baja < medio|media < alto|alta < muy alto",
)
_RANGE = re.compile(
    r"(?P<below>less than|under|below|up to|<=?)?\s*[^\w\s<>+.-]?\s*(?P<low>\d[\d,.]*)\s*(?P<unit>k|m)?\s*"
    r"(?P<rest>.*)",
    re.IGNORECASE,
)
_ABOVE = re.compile(r"^(over|above|more than|>=?)\s*", re.IGNORECASE)
_RANGE_END = re.compile(
    r"(-|–|to|and|\+|plus|or more|and over|years?|yrs?|stars?|[^\w\s]|\d|k|m|[.,]|\s)*", re.IGNORECASE
)
# Levels that say that the level is not known.
UNKNOWN = frozenset(["unknown", "n/a", "na", "missing", "not available", "not specified", "other", "?", "-"])


def order_levels(levels: Iterable[str]) -> tuple[str, ...] | None:
    """All levels from low to high. None if they are no scale that is known.

    >>> order_levels(["High", "Low", "Medium"])
    ('Low', 'Medium', 'High')
    >>> order_levels(["65+", "18-24", "25-64"])
    ('18-24', '25-64', '65+')
    >>> order_levels(["red", "green"])
    """
    texts = sorted(set(levels))
    if len(texts) < 2:
        return None
    ranks = _rank_on_scale(texts) or _rank_as_ranges(texts)
    if ranks is None or len(set(ranks)) < len(ranks):
        return None
    return tuple(text for _, text in sorted(zip(ranks, texts, strict=True)))


def _rank_on_scale(texts: Sequence[str]) -> list[float] | None:
    """The steps of the levels on the first scale that has all of them."""
    words = [" ".join(re.sub(r"[_\s]+", " ", text).split()).casefold() for text in texts]
    for steps in _STEPS:
        if all(word in steps for word in words):
            return [float(steps[word]) for word in words]
    return None


def _list_steps(scale: str) -> dict[str, int]:
    return {word: step for step, words in enumerate(scale.split(" < ")) for word in words.split("|")}


_STEPS = tuple(map(_list_steps, _SCALES))


def _rank_as_ranges(texts: Sequence[str]) -> list[float] | None:
    """The lower ends of ranges of numbers: `18-24`, `Less than $40K`, `65+`, `4 stars`."""
    ranks = []
    for text in texts:
        match = _RANGE.fullmatch(_ABOVE.sub("", text.strip()))
        if match is None or not _RANGE_END.fullmatch(match["rest"]):
            return None
        low = float(match["low"].replace(",", "").rstrip(".") or 0)
        factor = {"k": 1e3, "m": 1e6}.get((match["unit"] or "").casefold(), 1.0)
        # "Less than 40" comes before "40 to 60".
        ranks.append(low * factor - (0.5 if match["below"] else -0.25 * bool(_ABOVE.match(text.strip()))))
    return ranks

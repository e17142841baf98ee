"""All that the report tells of one night, gathered once. Its words are in the modules of its sections.

Nothing here reads a file or decides anything.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.records import Customers, Ingested, Night, Scaled
from schemas.verdicts import Verdict
from segmentation.report.factual_names import Trait
from segmentation.report.points import Points
from segmentation.report.quantities import amount, share

MONTHS = (  # not the locale's
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Story(NamedTuple):
    """The records of the stages, and the tables made of them."""

    night: Night
    rows: Ingested
    customers: Customers
    scaled: Scaled
    choice: Choice
    aligned: Aligned
    memory: Memory
    verdict: Verdict
    wide: dict[str, pd.DataFrame]
    descriptions: pd.DataFrame
    traits: dict[str, Trait]
    history: pd.DataFrame
    value: str | None
    points: Points

    @property
    def ids(self) -> list[str]:
        """The segments, in order."""
        return [one.segment_id for one in self.aligned.fitted.segments]

    @property
    def sizes(self) -> list[int]:
        """Their customers."""
        return [one.size for one in self.aligned.fitted.segments]

    @property
    def total(self) -> int:
        """All customers in segments."""
        return sum(self.sizes)

    @property
    def names(self) -> dict[str, str]:
        """Factual names by segment."""
        told = self.descriptions
        return {str(key): str(name) for key, name in zip(told["segment_id"], told["name"], strict=True)}

    @property
    def units(self) -> dict[str, str]:
        """Units by feature."""
        return {one.name: one.unit for one in self.scaled.encodings}

    @property
    def features(self) -> list[str]:
        """Features, as numbers, that vary: what segments can differ in."""
        return [one.feature for one in self.scaled.columns if not one.aside]

    def matrix(self, column: str) -> pd.DataFrame:
        """A column of the profiles by segment and feature, both in order."""
        return self.wide[column]

    def say_mean(self, feature: str, value: float, with_unit: bool = True) -> str:
        """A mean of a feature for people, as fine as the means of all segments need."""
        trait = self.traits[feature]
        if trait.is_yes or trait.levels:
            return self.say(feature, value, with_unit)
        most = float(self.matrix("mean")[feature].abs().max())
        return amount(value, self.units[feature] if with_unit else "", most)

    def say(self, feature: str, value: float, with_unit: bool = True) -> str:
        """A feature's value for people: a share of a yes or no, a level's name, a number with its unit."""
        trait = self.traits[feature]
        if trait.is_yes:
            return share(value)
        if trait.levels and np.isfinite(value):
            place = min(max(round(value), 0), len(trait.levels) - 1)
            return f"{amount(value)} ({trait.levels[place]})"
        return amount(value, self.units[feature] if with_unit else "")


def widen(profiles: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each number of the profiles as a table of segments down and features across, in their order."""
    ids, features = profiles["segment_id"].unique(), profiles["feature"].unique()
    columns = ("centre", "mean", "median", "lift", "difference")
    return {
        one: profiles.pivot(index="segment_id", columns="feature", values=one).reindex(ids, columns=features)
        for one in columns
    }


def spell_date(day: date) -> str:
    """A date in words.

    >>> spell_date(date(2011, 10, 1))
    '1 October 2011'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def join_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> join_words(["a", "b", "c"]), join_words(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)

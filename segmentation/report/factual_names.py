"""A factual name for each segment, from what sets it apart: `high revenue, recent`.

Names that people give are in segmentation/identity/given_names.py. Nothing here reads data.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.parameters import Segmentation
from schemas.numbers import Encoding

PLAIN, STRONG = 0.25, 1.5  # standardised differences from which a feature is worth a word, and a strong one
_WORDS = {"days_since_last": ("recent", "not recent"), "days_since_first": ("new", "long-standing")}
_NAMED = {"recency": "days_since_last", "tenure": "days_since_first"}  # what such columns hold in other data


class Trait(NamedTuple):
    """A number in words. is_yes: it is 1 or 0, and its name says what 1 means (`city = Bonn`).

    levels: what 0, 1, 2 … stand for, in the order that the definition gives them; empty for a number.
    """

    name: str
    low: str
    high: str
    is_yes: bool
    levels: tuple[str, ...] = ()

    def say(self, difference: float) -> str:
        """`high revenue`, `very low orders`, `recent`, `not city = Bonn`."""
        word = self.high if difference > 0 else self.low
        is_graded = not self.is_yes and word.endswith(self.name.replace("_", " "))
        return f"very {word}" if is_graded and abs(difference) >= STRONG else word


def make_traits(segmentation: Segmentation, encodings: Sequence[Encoding]) -> dict[str, Trait]:
    """How each number is put in words, by its name."""
    summary = segmentation.summary.features if segmentation.summary else {}
    traits = {}
    for one in encodings:
        plain = one.name.replace("_", " ")
        op = (
            summary[one.column].op
            if one.column in summary
            else _NAMED.get(one.name.split("_")[0].lower(), "")
        )
        is_yes = one.kind in ("level", "other", "missing")
        low, high = (f"not {one.name}", one.name) if is_yes else (f"low {plain}", f"high {plain}")
        levels = one.levels if one.kind == "rank" else ()
        traits[one.name] = Trait(one.name, *_WORDS.get(op, (low, high)), is_yes, levels)
    return traits


def name_segments(differences: np.ndarray, traits: Sequence[Trait]) -> tuple[str, ...]:
    """One name for each segment, no two alike where the features tell them apart.

    differences: standardised mean differences (k, d). A name has the two features that differ most, and
    more only where another segment has the same two; last, in brackets, where in their order it stands.
    """
    if len(differences) == 1:
        return ("all customers",)
    words = [_rank_words(row, traits) for row in differences]
    names = [", ".join(own[:2]) or "near the average" for own in words]
    for most in range(3, len(traits) + 1):
        names = [
            ", ".join(own[:most]) if names.count(name) > 1 and len(own) >= most else name
            for own, name in zip(words, names, strict=True)
        ]
    return tuple(_tell_apart(names, differences, traits))


def _tell_apart(names: Sequence[str], differences: np.ndarray, traits: Sequence[Trait]) -> list[str]:
    """Same names get the feature in which they differ most, and their place in its order."""
    told = list(names)
    for name in {one for one in names if names.count(one) > 1}:
        same = np.array([i for i, one in enumerate(names) if one == name])
        feature = int(np.argmax(np.ptp(differences[same], axis=0)))
        for place, i in enumerate(same[np.argsort(differences[same, feature], kind="stable")]):
            told[i] = f"{name} ({_place(place, len(same), traits[feature].name.replace('_', ' '))})"
    return told


def _place(place: int, of: int, feature: str) -> str:
    if of == 2:
        return f"the {('lower', 'higher')[place]} {feature} of the two"
    return {0: f"the lowest {feature} of {of}", of - 1: f"the highest {feature} of {of}"}.get(
        place, f"{place + 1} of {of} by {feature}"
    )


def _rank_words(differences: np.ndarray, traits: Sequence[Trait]) -> list[str]:
    """A segment's features in words, the one that differs most first."""
    order = np.argsort(-np.abs(differences), kind="stable")
    return [traits[i].say(float(differences[i])) for i in order if abs(differences[i]) >= PLAIN]
